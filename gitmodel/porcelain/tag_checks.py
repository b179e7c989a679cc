"""What would make a broken version: each check says what is wrong and what to run next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gitmodel import card, curves, lineage
from gitmodel.config import CONFIG_NAME, Config
from gitmodel.errors import MissingError
from gitmodel.git import worktree
from gitmodel.git.objects import Objects
from gitmodel.hints import command, note, then
from gitmodel.history import History
from gitmodel.paths import POINTER_SUFFIX, stem_path
from gitmodel.pointer import Pointer
from gitmodel.porcelain.conditions import subject_of
from gitmodel.porcelain.connect import open_remote
from gitmodel.porcelain.gates import unmet
from gitmodel.porcelain.staged import secrets_of
from gitmodel.porcelain.status import is_kept, status
from gitmodel.porcelain.verify_tag import replaced_in
from gitmodel.progress import Progress, Work
from gitmodel.project import Project
from gitmodel.record import Record
from gitmodel.remote.packstore import Remote
from gitmodel.sidecar import sidecar_names
from gitmodel.snapshot import oids_of
from gitmodel.transfer.fetch import fetch_manifests
from gitmodel.version import Version

_DESCRIBING = (lineage.SUFFIX, curves.SUFFIX, card.SUFFIX)
_PATTERNS = ("*metrics.*", "*params.*", *(f"*{suffix}" for suffix in _DESCRIBING))


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was looked at: what is wrong with it, if anything, and the next command."""

    what: str
    problem: str = ""
    hint: str = field(default="", kw_only=True)


def check_committed(project: Project, artifacts: Iterable[str]) -> Check:
    """Look for pointers and sidecars that the commit does not have as they are now."""
    what = "pointers and sidecars are committed"
    given = _given(project.config)
    patterns = worktree.literal((CONFIG_NAME, *given))
    patterns += [f":(top){pattern}" for pattern in (f"*{POINTER_SUFFIX}", *_PATTERNS)]
    known = {CONFIG_NAME, *given, *_sidecars_of(artifacts)}
    found = [
        path
        for path in worktree.uncommitted(project.git, patterns)
        if path.endswith(POINTER_SUFFIX) or path in known
    ]
    if not found:
        return Check(what)
    hint = command("git add {} && git commit", found)
    return Check(what, f"{_some(found)} is not committed", hint=hint)


def check_unmodified(project: Project, progress: Progress) -> Check:
    """Look for artifacts that are not what their pointer says; one that is not there is fine."""
    what = "artifacts are what their pointers say"
    found = [each.path for each in status(project, (), progress) if each.work == "modified"]
    if not found:
        return Check(what)
    hint = command("gitmodel add {} && git commit", found)
    return Check(what, f"{_some(found)} was changed", hint=hint)


def check_blobs(project: Project, pointers: Mapping[str, Pointer]) -> Check:
    """Look for blobs that are neither in the cache nor known to be on the remote."""
    lost = [path for path, pointer in pointers.items() if not is_kept(project, pointer)]
    where = "known to be on the remote"
    hint = "add --remote, which asks it; or gitmodel push, in the clone that has the data"
    return _lost(lost, where, hint)


def check_remote(project: Project, name: str, pointers: Mapping[str, Pointer], work: Work) -> Check:
    """Look for blobs that are neither in the cache nor on the remote, and ask that."""
    remote = open_remote(project, name, rate=work.rate)
    unsure = {path: each for path, each in pointers.items() if not is_kept(project, each)}
    lost = list(unsure)
    if unsure and remote.describe():
        remote.refresh()
        lost = _lost_to(project, remote, unsure, work)
    where = f"on remote {remote.name!r}"
    return _lost(lost, where, "gitmodel push, in the clone that has the data")


def _lost_to(
    project: Project, remote: Remote, pointers: Mapping[str, Pointer], work: Work
) -> list[str]:
    """Return the artifacts that a remote and the cache do not make up together."""
    trees = {each.oid: each for each in pointers.values() if each.kind == "tree"}
    there = remote.holds(list(trees.keys() - project.cache.present(trees)))
    fetch_manifests([trees[oid] for oid in there], project.cache, remote, work)
    lost = []
    for path, pointer in pointers.items():
        try:
            oids = oids_of(pointer, project.cache)
        except MissingError:
            lost.append(path)
            continue
        lacking = set(oids) - project.cache.present(oids)
        if lacking - remote.holds(list(lacking)):
            lost.append(path)
    return lost


def check_sidecars(record: Record) -> Check:
    """Look for pointers, configuration and sidecars that cannot be read."""
    what = "pointers and sidecars can be read"
    if not record.problems:
        return Check(what)
    path = record.problems[0].split("'")[1] if "'" in record.problems[0] else CONFIG_NAME
    more = f" (and {len(record.problems) - 1} more)" if len(record.problems) > 1 else ""
    hint = then(command("edit {}", path), "git commit")
    return Check(what, record.problems[0] + more, hint=hint)


def check_secrets(objects: Objects, record: Record) -> Check:
    """Look for credentials in what says something about the artifacts."""
    what = "nothing looks like a password, key or token"
    files = objects.companions(record.commit)
    known = {CONFIG_NAME, *record.sidecars, *_sidecars_of(record.artifacts)}
    for path in sorted(known & files.keys()):
        # A curve is nothing but numbers.
        data = b"" if path.endswith(curves.SUFFIX) else objects.blob(files[path], path)
        for secret in secrets_of(path, data):
            return Check(
                what,
                f"{path!r}, line {secret.line}, holds what looks like {secret.what}",
                hint="take it out, revoke it, and commit; if it is none, end its line with"
                " # pragma: allowlist secret",
            )
    return Check(what)


def check_originals(project: Project, commit: str) -> Check:
    """Look for objects of the commit that Git shows others instead of."""
    what = "Git shows the objects that the version will name"
    if hidden := replaced_in(project.git, commit):
        return Check(
            what,
            f"Git shows another object instead of {hidden}",
            hint=command("git replace -d {}", hidden),
        )
    return Check(what)


def check_gates(history: History, record: Record, name: str, tag: str) -> Check:
    """Look for a gate of the configuration that the version does not meet."""
    conditions = history.config.gates.get("tag", ())
    problems = unmet(subject_of(history, record, name, tag), conditions)
    what = f"gates are met: {', '.join(conditions)}" if conditions else "there are no gates to meet"
    if not problems:
        return Check(what)
    hint = note("gitmodel show HEAD; the gates are in {}", CONFIG_NAME)
    return Check(what, "; ".join(problems), hint=hint)


def check_new(
    history: History, record: Record, name: str, others: Sequence[tuple[Version, str]]
) -> Check:
    """Look for a version that is of exactly the same bytes already."""
    what = "no other version is of the same bytes"
    mine = _identity(history.objects, record, name)
    for version, commit in others:
        theirs = history.reader.read(commit, name)
        if _identity(history.objects, theirs, name) == mine:
            subject = "the artifact and its sidecars are" if name else "everything is"
            return Check(
                what, f"{subject} exactly what {version.tag!r} is", hint=_show_hint(version)
            )
    return Check(what)


def _show_hint(version: Version) -> str:
    return command("git show {}", f"refs/tags/{version.tag}")


def _identity(objects: Objects, record: Record, name: str) -> dict[str, str]:
    """Return what is the same in two versions exactly if they are of the same bytes.

    A pointer has one spelling only, so equal ones are equal files in Git.
    """
    if not name:
        return {"": objects.tree(record.commit)}
    files = objects.companions(record.commit)
    paths = {f"{artifact}{POINTER_SUFFIX}" for artifact in record.artifacts}
    paths |= {f"{stem_path(path)}{suffix}" for path in record.artifacts for suffix in _DESCRIBING}
    return {path: files[path] for path in paths if path in files} | dict(record.sidecars)


def _given(config: Config) -> list[str]:
    return [path for kinds in config.sidecars.values() for each in kinds.values() for path in each]


def _sidecars_of(artifacts: Iterable[str]) -> set[str]:
    names = {*sidecar_names("", "metrics"), *sidecar_names("", "params")}
    for artifact in artifacts:
        stem = stem_path(artifact)
        names |= {*sidecar_names(stem, "metrics"), *sidecar_names(stem, "params")}
        names |= {f"{stem}{suffix}" for suffix in _DESCRIBING}
    return names


def _lost(artifacts: Sequence[str], where: str, hint: str) -> Check:
    what = "blobs are in the cache or on the remote"
    if not artifacts:
        return Check(what)
    return Check(
        what,
        f"blobs of {_some(artifacts)} are neither in the cache nor {where}",
        hint=hint,
    )


def _some(paths: Sequence[str]) -> str:
    more = f" (and {len(paths) - 1} more)" if len(paths) > 1 else ""
    return f"{paths[0]!r}{more}"
