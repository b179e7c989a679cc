"""Restore artifacts after Git itself has moved, by whatever command of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from contextlib import closing, suppress
from dataclasses import dataclass, replace

from gitmodel.errors import GitmodelError, MissingError, RemoteError
from gitmodel.git import revisions, staging
from gitmodel.git.objects import Objects
from gitmodel.pointer import Pointer
from gitmodel.porcelain.checkout import CheckedOut, follow
from gitmodel.progress import Work
from gitmodel.project import Project
from gitmodel.snapshot import oids_of, pointer_path, read_commit, read_worktree


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, and why which artifacts were not."""

    done: tuple[CheckedOut, ...]
    failed: Mapping[str, GitmodelError]


def restore_moved(
    project: Project, old: str, work: Work, *, fetch: bool, touched: Set[str] = frozenset()
) -> Restored:
    """Restore the artifacts whose pointers are others than in the commit `old`, or are `touched`.

    What cannot be restored, for its bytes are missing or unsaved work is in its place, keeps
    nothing else from being restored; all other artifacts are left as they are.  Without `fetch`
    no remote is contacted.
    """
    before = _pointers_of(project, old)
    here = read_worktree(project.git).pointers
    # A pointer that a sparse checkout left out is still in Git's index.
    tracked = set(staging.pointers(project.git))
    changed = [
        path for path in here if before.get(path) != here[path] or pointer_path(path) in touched
    ]
    changed += [path for path in before.keys() - here if pointer_path(path) not in tracked]
    if not fetch:
        project = replace(project, config=replace(project.config, remotes={}))
    failed = {} if fetch else dict(_absent(project, here, changed))
    rest = [path for path in changed if path not in failed]
    done = tuple(_restore(project, rest, before, work, failed))
    return Restored(done, failed)


def _pointers_of(project: Project, commit: str) -> Mapping[str, Pointer]:
    """Return what a commit tracks; nothing if it is none, is not here, or is broken."""
    found = revisions.resolve(project.git, commit)
    if found is None:
        return {}
    with closing(Objects(project.git)) as objects, suppress(GitmodelError):
        return read_commit(objects, found).pointers
    return {}


def _absent(
    project: Project, pointers: Mapping[str, Pointer], artifacts: list[str]
) -> Iterator[tuple[str, GitmodelError]]:
    """Yield the artifacts that would have to be fetched."""
    for path in artifacts:
        if path in pointers and not _is_cached(project, pointers[path]):
            yield (
                path,
                MissingError(
                    f"{path!r} is not in the cache, and gitmodel.fetch is false",
                    hint="gitmodel pull",
                ),
            )


def _is_cached(project: Project, pointer: Pointer) -> bool:
    try:
        oids = oids_of(pointer, project.cache)
    except MissingError:
        return False
    return project.cache.present(oids) == set(oids)


def _restore(
    project: Project,
    artifacts: list[str],
    before: Mapping[str, Pointer],
    work: Work,
    failed: dict[str, GitmodelError],
) -> Iterator[CheckedOut]:
    """Restore all at once, or, where one is in the way of that, one by one."""
    if not artifacts:
        return
    try:
        yield follow(project, artifacts, before, work)
    except GitmodelError as error:
        if len(artifacts) == 1:
            failed[artifacts[0]] = error
            return
        for number, path in enumerate(artifacts):
            yield from _restore(project, [path], before, work, failed)
            if isinstance(failed.get(path), RemoteError):
                # A remote that is down is not asked again for each.
                failed.update(dict.fromkeys(artifacts[number + 1 :], failed[path]))
                return
