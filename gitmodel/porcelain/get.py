"""Deliver one artifact of a repository without a clone of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitmodel.errors import CacheError, ConflictError, UsageError
from gitmodel.hints import command, either, then
from gitmodel.manifest import Entry
from gitmodel.paths import is_dot_git
from gitmodel.porcelain.mirror import Mirrors, find_revision, find_source, open_mirror, project_of
from gitmodel.porcelain.supply import bring_blobs, bring_entries
from gitmodel.progress import Work
from gitmodel.project import Project
from gitmodel.snapshot import find_artifact, part_of
from gitmodel.worktree.deliver import Stats, deliver, is_there, stats_of, tidy
from gitmodel.worktree.repositories import repositories_in


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be delivered: a path or name of an artifact, and of which version.

    An empty version means the newest; an empty remote, the default one.
    """

    repository: str
    artifact: str
    version: str = ""
    remote: str = ""


@dataclass(frozen=True, slots=True)
class Got:
    """What was delivered; `revision` is the tag or branch, `written` says whether it was new."""

    artifact: str
    revision: str
    commit: str
    oid: str
    files: int
    size: int
    written: bool


def get(wish: Wish, target: Path, mirrors: Mirrors, work: Work, *, force: bool) -> Got:
    """Put an artifact at `target`; what is fetched on the way stays in the mirror.

    Nothing happens if exactly this is there already.  Raises `ConflictError` if something else
    is, unless `force`.
    """
    target = check_target(target)
    with open_mirror(find_source(wish.repository), mirrors) as mirror:
        found = find_revision(mirror, wish.artifact, wish.version)
        artifact, inside = find_artifact(found.snapshot, found.config.artifacts, wish.artifact)
        pointer = found.snapshot.pointers[artifact]
        project = project_of(mirror, found.config, wish.remote)
        entries = part_of(bring_entries(project, pointer, wish.remote, work), inside)
        old = stats_of(target) if force else None
        there = is_there(target, entries)
        if there:
            tidy(target)
        else:
            _check_free(target, entries, force=force)
            bring_blobs(project, entries.values(), wish.remote, work)
            _deliver(target, entries, project, work, old)
        size = sum(entry.size for entry in entries.values())
        oid = entries[""].oid if "" in entries else pointer.oid
    path = f"{artifact}/{inside}".rstrip("/")
    return Got(path, found.name, found.snapshot.commit, oid, len(entries), size, not there)


def check_not_of_git(target: Path) -> None:
    """Raise `UsageError` if a path that is to be written to is in a `.git`, or is one."""
    if any(map(is_dot_git, Path(os.path.abspath(target)).parts)):
        raise UsageError(f"{str(target)!r} belongs to Git itself", hint="give another path")


def check_target(target: Path) -> Path:
    """Return the place in its plain spelling; refuse those that nobody wants to lose."""
    plain = Path(os.path.normpath(target))
    check_not_of_git(plain)
    folder, name = os.path.split(os.path.abspath(plain))
    # A symlink on the way leads to the same place; one at the place itself is replaced.
    if Path.cwd().is_relative_to(os.path.join(os.path.realpath(folder), name)):
        raise UsageError(
            f"{str(target)!r} is the folder that you are in, or one above it",
            hint="say what it is to be called: -o FOLDER/NAME",
        )
    return plain


def _check_free(target: Path, entries: Mapping[str, Entry], *, force: bool) -> None:
    """Raise an error if something is there that may not be replaced."""
    if not os.path.lexists(target):
        return
    kind = stat.S_IFMT(os.lstat(target).st_mode)
    if kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise ConflictError(
            f"{str(target)!r} is a device, a pipe or a socket, which is not replaced",
            hint="use another name",
        )
    folder = kind == stat.S_IFDIR
    if folder and (repository := next(repositories_in(target, entries), None)):
        what = "is" if repository == target else f"contains, in {str(repository)!r},"
        raise ConflictError(
            f"{str(target)!r} {what} a Git repository, which is not replaced",
            hint="use another name",
        )
    if folder and "" in entries:
        raise ConflictError(
            f"{str(target)!r} is a folder, which is not replaced",
            hint=either(command("-o {}", str(target / "NAME")), "remove it first"),
        )
    if not force and not (folder and not any(target.iterdir())):
        raise ConflictError(
            f"{str(target)!r} is there already and is something else",
            hint="use another name, or --force to replace it",
        )


def _deliver(
    target: Path, entries: Mapping[str, Entry], project: Project, work: Work, old: Stats | None
) -> None:
    try:
        deliver(target, entries, project.cache, work.progress, old)
    except CacheError as error:
        # No command mends a cache that belongs to no clone; it only has to be fetched again.
        hint = then(command("rm -r {}", str(project.cache.root)), "run the same command again")
        raise CacheError(error.message, hint=hint) from error
