"""What Git's hooks ask for, before a commit, a push and a tag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple

from gitmodel.config import REPOSITORY
from gitmodel.errors import ConflictError, GateError, IntegrityError
from gitmodel.git import gitconfig, refs, revisions, staging
from gitmodel.git.objects import Objects
from gitmodel.hints import also, command, then
from gitmodel.pointer import Pointer
from gitmodel.porcelain.connect import open_remote
from gitmodel.porcelain.push import Pushed, Target, push_targets
from gitmodel.porcelain.staged import (
    LARGE,
    LARGE_KEY,
    check_large,
    large_among,
    missing_blobs,
    secrets_in,
)
from gitmodel.porcelain.status import status
from gitmodel.porcelain.tag_checks import check_secrets
from gitmodel.progress import Progress, Work
from gitmodel.project import Project
from gitmodel.record import Reader
from gitmodel.sidecar import Kind, sidecar_names
from gitmodel.snapshot import name_of, read_commit
from gitmodel.transfer.fetch import fetch_manifests
from gitmodel.version import Version, parse_version

_KINDS: tuple[Kind, ...] = ("metrics", "params")


@dataclass(frozen=True, slots=True)
class Update:
    """A ref that Git is about to push: what it is here, and there; oids are empty for nothing."""

    here: str
    ref: str
    there: str


def parse_updates(text: str) -> list[Update]:
    """Return what Git's hook `pre-push` is told on its standard input."""
    rows = [line.split(" ") for line in text.split("\n") if line.count(" ") == 3]
    return [
        Update(here.strip("0") and here, ref, there.strip("0") and there)
        for _, here, ref, there in rows
    ]


def before_push(project: Project, updates: Sequence[Update], work: Work) -> Pushed | None:
    """Make what Git is about to publish complete on the remote, exactly that.

    Returns None if there is nothing to upload.  Raises `GateError` if a version would move or go.
    """
    for update in updates:
        _check_stays(project, update)
    targets = [target for update in updates if (target := _target(project, update))]
    return push_targets(project, targets, "", work) if targets else None


def push_along(project: Project, updates: Sequence[Update], work: Work) -> list[str]:
    """Make the versions complete on the remote that led to what is pushed, or are it.

    For where nobody says which refs are pushed with it.  Returns what could not be, in words: it
    may not be pushed at all.
    """
    commits = [commit for each in updates if (commit := revisions.resolve(project.git, each.here))]
    names = {name for commit in commits for name in refs.tags_before(project.git, commit)}
    targets = [
        Target(f"refs/tags/{tag.name}", tag.commit, moves=False)
        for tag in refs.tags(project.git)
        if tag.name in names and parse_version(tag.name, project.config.tag_formats)
    ]
    return list(_push_as_far_as_possible(project, targets, work)) if targets else []


def _push_as_far_as_possible(
    project: Project, targets: Sequence[Target], work: Work
) -> Iterator[str]:
    """Push all at once, or, where one is in the way of that, one by one."""
    try:
        done = push_targets(project, targets, "", work)
    except (ConflictError, IntegrityError) as error:
        if len(targets) == 1:
            yield error.message
            return
        for target in targets:
            yield from _push_as_far_as_possible(project, [target], work)
        return
    for ref in done.incomplete:
        yield f"data of {ref.removeprefix('refs/tags/')!r} is neither here nor on the remote"


_FORCE_HINT = "if you must: git push --no-verify"


def _check_stays(project: Project, update: Update) -> None:
    version = _version_of(project, update.ref)
    if version and update.there and update.here != update.there:
        what = "move" if update.here else "delete"
        raise GateError(
            f"this would {what} the version {version.tag!r}, which others may have",
            hint=also("give the new version another tag" if update.here else "", _FORCE_HINT),
        )


def _version_of(project: Project, ref: str) -> Version | None:
    if not ref.startswith("refs/tags/"):
        return None
    return parse_version(ref.removeprefix("refs/tags/"), project.config.tag_formats)


def _target(project: Project, update: Update) -> Target | None:
    """Return what is to be complete, if it is a commit, and has anything to do with gitmodel."""
    commit = revisions.resolve(project.git, update.here) if update.here else None
    if commit is None:
        return None
    version = _version_of(project, update.ref)
    if not version and not _pointers_of(project, commit):
        return None
    return Target(update.ref, commit, moves=version is None)


def _pointers_of(project: Project, commit: str) -> Mapping[str, Pointer]:
    with closing(Objects(project.git)) as objects:
        return read_commit(objects, commit).pointers


class Stale(NamedTuple):
    """Artifacts that changed since their pointer was written; whether Git has a commit to make."""

    paths: tuple[str, ...]
    commits: bool


def before_commit(project: Project, progress: Progress) -> Stale:
    """Return which artifacts changed since their pointer was written.

    Raises `GateError` if a large file, or a credential in a file that gitmodel reads, would enter
    Git's history.
    """
    changed = staging.staged_files(project.git)
    for problem in secrets_in(project.git, [file.path for file in changed]):
        raise GateError(problem.message, hint=problem.hint)
    limit = gitconfig.number(project.git, LARGE_KEY, LARGE)
    check_large(project.git, large_among(project.git, changed, limit))
    paths = tuple(
        each.path
        for each in status(project, (), progress)
        # What only lacks files may have been pulled in part.
        if each.added or each.modified
    )
    return Stale(paths, bool(changed))


def before_tag(project: Project, text: str, work: Work) -> None:
    """Check the version tags that Git is about to make; `text` is what its hook is told.

    Raises `GateError` if the blobs or sidecars of one are missing.
    """
    for line in filter(None, text.split("\n")):
        _, new, ref = line.split(" ", 2)
        version = _version_of(project, ref)
        commit = revisions.resolve(project.git, new) if version and new.strip("0") else None
        if version and commit:
            _check_blobs(project, version, commit, work)
            _check_sidecars(project, version, commit)


def _check_blobs(project: Project, version: Version, commit: str, work: Work) -> None:
    pointers = _pointers_of(project, commit)
    lacking = {path: each for path, each in pointers.items() if missing_blobs(project, each)}
    if lacking and project.config.remotes:
        lacking = _without_those_on_the_remote(project, lacking, work)
    if lacking:
        some = next(iter(lacking))
        raise GateError(
            f"{version.tag!r} would be a version without its data: blobs of {some!r} are"
            " neither in the cache nor on the remote",
            hint=then(command("gitmodel add {}", some), "commit", "tag again"),
        )


def _without_those_on_the_remote(
    project: Project, pointers: Mapping[str, Pointer], work: Work
) -> dict[str, Pointer]:
    remote = open_remote(project)
    remote.refresh()
    there = remote.holds([each.oid for each in pointers.values()])
    known = [each for each in pointers.values() if each.oid in there]
    fetch_manifests(known, project.cache, remote, work)
    return {
        path: each
        for path, each in pointers.items()
        if each.oid not in there
        or (lacking := missing_blobs(project, each)) - remote.holds([*lacking])
    }


def _check_sidecars(project: Project, version: Version, commit: str) -> None:
    with closing(Objects(project.git)) as objects:
        record = Reader(objects, project.config).read(commit, version.name)
        names = [version.name or REPOSITORY]
        names += [name_of(path, project.config.artifacts) for path in record.artifacts]
        wanted = set(_configured(project, names)) | set(_beside(project, record.artifacts))
        missing = sorted(path for path in wanted if objects.find(commit, path) is None)
        secrets = check_secrets(objects, record)
    if record.problems:
        raise GateError(f"{version.tag!r}: {record.problems[0]}", hint="mend it, commit, tag again")
    if secrets.problem:
        raise GateError(f"{version.tag!r}: {secrets.problem}", hint=secrets.hint)
    if missing:
        raise GateError(
            f"{version.tag!r} would be a version without {missing[0]!r}, which is not committed",
            hint=then(command("git add {}", missing[0]), "commit", "tag again"),
        )


def _configured(project: Project, names: Iterable[str]) -> Iterable[str]:
    for name in names:
        for paths in project.config.sidecars.get(name, {}).values():
            yield from paths


def _beside(project: Project, artifacts: Iterable[str]) -> Iterable[str]:
    """Yield the sidecars that lie beside artifacts in the working tree."""
    for artifact in artifacts:
        folder, slash, last = artifact.rpartition("/")
        for kind in _KINDS:
            for name in sidecar_names(PurePosixPath(last).stem, kind):
                if (project.root / folder / name).is_file():
                    yield f"{folder}{slash}{name}"
