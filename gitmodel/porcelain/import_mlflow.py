"""Take over an artifact of MLflow's, with what its run says of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace

from gitmodel.curves import curves_path, format_curves, parse_curves
from gitmodel.digest import oid_of
from gitmodel.document import format_document
from gitmodel.errors import ConflictError, GitmodelError, IntegrityError, UsageError
from gitmodel.git.worktree import literal, uncommitted
from gitmodel.lineage import Environment, Named, format_lineage, lineage_path, parse_lineage
from gitmodel.locks import locked
from gitmodel.mlflow.place import Place
from gitmodel.mlflow.source import Source, find_source, open_store
from gitmodel.mlflow.translate import Translated, translate
from gitmodel.paths import parents
from gitmodel.pointer import Pointer
from gitmodel.porcelain.add import check_alone, check_apart, check_new_name, take_in
from gitmodel.porcelain.checkout import restore
from gitmodel.porcelain.keep import differing, sidecar_at, write_beside
from gitmodel.progress import Work
from gitmodel.project import Project
from gitmodel.sidecar import Kind, format_metrics, parse_metrics, parse_params
from gitmodel.snapshot import check_settled, entries_of, name_of, read_worktree
from gitmodel.strict_yaml import parse_yaml
from gitmodel.version import parse_version
from gitmodel.worktree.opening import look
from gitmodel.worktree.replaced import Kept
from gitmodel.worktree.scan import scan
from gitmodel.worktree.track import track

_ENVIRONMENT = "python_env.yaml"
_REQUIREMENTS = "requirements.txt"
_LARGEST = 1 << 16
_KINDS: tuple[Kind, ...] = ("metrics", "params")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be taken over from where, and what it becomes.

    `target` is a path from the top of the working tree; if it is empty, the artifact gets the name
    that it has there, in `folder`.
    """

    place: Place
    reference: str
    target: str
    folder: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What was taken over; `label` is what it was called, `files` are the sidecars.

    `left` says in words what was not taken, `others` how to name what else the run has; `tag` is
    the version that it should become, empty if its number is not known; `replaced` tells where
    edits of files are that were written anew.
    """

    label: str
    artifact: str
    name: str
    pointer: Pointer
    said: Translated
    files: tuple[str, ...]
    others: tuple[str, ...]
    tag: str
    replaced: tuple[Kept, ...]


def import_mlflow(project: Project, wish: Wish, work: Work, *, force: bool) -> Imported:
    """Make an artifact of MLflow's one of this repository's; stage its pointer and sidecars.

    Everything is read and checked before anything is written.  Raises `ConflictError` if work that
    is saved nowhere would be overwritten, unless `force`.
    """
    with closing(open_store(wish.place)) as store:
        source = find_source(store, wish.place, wish.reference)
    artifact = wish.target or f"{wish.folder}/{source.name}".lstrip("/")
    said = translate(source, project.config.goals, str(project.root))
    with locked(project.lock):
        before = read_worktree(project.git)
        check_settled([artifact], before)
        _check_target(project, artifact, before.pointers)
        pointer = take_in(project, source.spot.root, source.spot.path, artifact, work.progress)
        files = _sidecars(project, artifact, pointer, said)
        old = before.pointers.get(artifact)
        if not force:
            _check_saved(project, files)
        if not force and old is None:
            _check_alone(project, artifact, pointer)
        done = restore(project, {artifact: pointer}, {artifact: old}, work, force=force)
        replaced = (*done.replaced, *write_beside(project, files))
        track(project.git, {artifact: pointer}, before.pointers, project.beside)
    name = name_of(artifact, project.config.artifacts)
    tag = _tag(name, source)
    return Imported(
        source.label, artifact, name, pointer, said, (*files,), source.others, tag, replaced
    )


def _check_target(project: Project, artifact: str, pointers: Mapping[str, Pointer]) -> None:
    try:
        check_new_name(artifact)
    except GitmodelError as error:
        raise UsageError(error.message, hint="--to PATH names it otherwise") from error
    check_apart(artifact, pointers)
    check_alone(project, [artifact], pointers)
    if owner := next((each for each in parents(artifact) if each in pointers), None):
        raise UsageError(
            f"{artifact!r} is inside the artifact {owner!r}", hint="--to PATH puts it elsewhere"
        )


def _sidecars(
    project: Project, artifact: str, pointer: Pointer, said: Translated
) -> dict[str, bytes]:
    """Return the files that go beside an artifact.

    What was there of an earlier version is replaced even by nothing: it is not about these bytes.
    What cannot be read again, because it is too long, is refused.
    """
    metrics, params = (sidecar_at(project, artifact, kind) for kind in _KINDS)
    curves, lineage = curves_path(artifact), lineage_path(artifact)
    files: dict[str, bytes] = {}
    if said.metrics or look(project.root, metrics):
        files[metrics] = format_metrics(said.metrics, metrics)
        parse_metrics(files[metrics], metrics, {})
    if said.params or look(project.root, params):
        files[params] = format_document(said.params, params)
        parse_params(files[params], params)
    if said.curves.names or look(project.root, curves):
        files[curves] = format_curves(said.curves)
        parse_curves(files[curves], curves)
    algorithm = project.config.algorithm
    named = Named(params, oid_of(files[params], algorithm)) if params in files else None
    files[lineage] = format_lineage(
        replace(
            said.lineage,
            outputs=(Named(artifact, pointer.oid),),
            params=named,
            environment=_environment(project, artifact, pointer),
        )
    )
    parse_lineage(files[lineage], lineage)
    return files


def _environment(project: Project, artifact: str, pointer: Pointer) -> Environment:
    """Return what a model of MLflow's says of the Python and the packages that it needs."""
    entries = entries_of(pointer, project.cache)
    lock = entries.get(_REQUIREMENTS)
    named = Named(f"{artifact}/{_REQUIREMENTS}", lock.oid) if lock else None
    python: object = ""
    if entry := entries.get(_ENVIRONMENT):
        with suppress(IntegrityError):
            data = project.cache.read(entry.oid, limit=_LARGEST)
            value = parse_yaml(data, _ENVIRONMENT)
            python = value.get("python") if isinstance(value, dict) else ""
    return Environment(python if isinstance(python, str) else "", "", named)


def _check_saved(project: Project, files: Mapping[str, bytes]) -> None:
    """Raise `ConflictError` if a sidecar would be overwritten that is in no commit."""
    changed = differing(project, files)
    if not changed:
        return
    if lost := uncommitted(project.git, literal(changed), ignored=True):
        raise ConflictError(
            f"{lost[0]!r} would be overwritten, and what is in there is in no commit",
            hint="git commit, or --force to replace it",
        )


def _check_alone(project: Project, artifact: str, pointer: Pointer) -> None:
    """Raise `ConflictError` if something else lies in a folder that is to become an artifact."""
    entries = entries_of(pointer, project.cache)
    others = (found.full for found in scan(project.root, artifact, {}) if found.path not in entries)
    if other := next(others, None):
        raise ConflictError(
            f"{other!r} is there already, and nothing that belongs to it",
            hint="--to PATH puts it elsewhere, or --force to replace what is there",
        )


def _tag(name: str, source: Source) -> str:
    """Return the version that has the number of MLflow's."""
    if source.version is None:
        return ""
    tag = f"{name}-v{source.version.number}.0"
    return tag if parse_version(tag) else ""
