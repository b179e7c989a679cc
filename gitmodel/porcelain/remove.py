"""Stop tracking artifacts."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

from gitmodel.errors import ConflictError, UsageError
from gitmodel.git import revisions, staging, worktree
from gitmodel.git.command import Git
from gitmodel.hints import command, then
from gitmodel.locks import locked
from gitmodel.paths import POINTER_SUFFIX, parents
from gitmodel.pointer import Pointer, format_pointer
from gitmodel.porcelain.belongings import find_sidecars, rename_in_config
from gitmodel.porcelain.checkout import restore
from gitmodel.porcelain.status import find_left
from gitmodel.progress import Work
from gitmodel.project import Project
from gitmodel.snapshot import check_settled, pointer_path, read_worktree
from gitmodel.worktree.files import not_in_git
from gitmodel.worktree.opening import look, open_folder
from gitmodel.worktree.replaced import Kept
from gitmodel.worktree.track import untrack


@dataclass(frozen=True, slots=True)
class Removal:
    """What is to be removed beside the pointers.

    `files`: those that are tracked, if they are saved; `sidecars`: what lies beside; `force`: also
    what is saved nowhere, which is kept for a day.
    """

    files: bool = True
    sidecars: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed, and what was left although it belongs to it.

    `replaced` tells where that is which had to go and is saved nowhere.
    """

    artifacts: tuple[str, ...]
    files: int
    kept: tuple[str, ...]
    sidecars: tuple[str, ...]
    kept_sidecars: tuple[str, ...]
    replaced: tuple[Kept, ...] = ()


def remove(project: Project, paths: Sequence[str], removal: Removal, work: Work) -> Removed:
    """Take artifacts out of Git, their files, pointers, rules and names.

    Raises `ConflictError` if work that is saved nowhere would go.
    """
    with locked(project.lock):
        snapshot = read_worktree(project.git)
        check_settled(paths, snapshot)
        known = {*find_staged(project.git), *find_left(project, snapshot)}
        artifacts = [find_tracked(path, known) for path in dict.fromkeys(paths)]
        pointers = {artifact: snapshot.pointers.get(artifact) for artifact in artifacts}
        # Artifacts with one stem share theirs until the last of them goes.
        staying = snapshot.pointers.keys() - pointers.keys()
        found = (find_sidecars(project, artifact, staying).values() for artifact in artifacts)
        sidecars = [*dict.fromkeys(chain.from_iterable(found))]
        wanted = sidecars if removal.sidecars else []
        _check(project, pointers, wanted, removal)
        kept, count, replaced = _remove_files(project, pointers, removal, work)
        rename_in_config(project, dict.fromkeys(artifacts))
        if removal.force:
            # The cache has the bytes of a new artifact, which nobody would find without a pointer.
            gone = map(pointer_path, artifacts if removal.files else ())
            replaced += _keep(project, [*wanted, *gone])
        staging.remove(project.git, wanted, force=removal.force)
        untrack(project.git, artifacts, project.beside)
    left = tuple(path for path in sidecars if look(project.root, path))
    removed = tuple(path for path in sidecars if path not in left)
    return Removed(tuple(artifacts), count, kept, removed, left, replaced)


def find_staged(git: Git) -> set[str]:
    """Return the artifacts that Git's index knows, also those whose pointers left the disk."""
    return {path.removesuffix(POINTER_SUFFIX) for path in staging.pointers(git)}


def find_tracked(path: str, pointers: Collection[str]) -> str:
    """Return the artifact that a path, or its pointer's, is exactly; else raise `UsageError`."""
    artifact = path.removesuffix(POINTER_SUFFIX)
    if artifact in pointers:
        return artifact
    if owner := next((each for each in parents(artifact) if each in pointers), None):
        raise UsageError(
            f"{path!r} is inside the artifact {owner!r}",
            hint=then("move or remove it as any file", command("gitmodel add {}", owner)),
        )
    raise UsageError(f"{path!r} is not a tracked artifact", hint="gitmodel status")


def _check(
    project: Project,
    pointers: Mapping[str, Pointer | None],
    sidecars: Sequence[str],
    removal: Removal,
) -> None:
    if removal.force:
        return
    if removal.files:
        for artifact, pointer in pointers.items():
            path = pointer_path(artifact)
            committed = revisions.read_file(project.git, "HEAD", path)
            if pointer and committed != format_pointer(pointer):
                raise ConflictError(
                    f"{artifact!r} is not committed in this form",
                    hint="git commit, or --force to remove it anyway, or --cached to keep the file",
                )
    if unsaved := _uncommitted(project.git, staging.tracked(project.git, sidecars)):
        raise ConflictError(
            f"{unsaved[0]!r} has changes that are not committed",
            hint="git commit, or --force to remove it anyway",
        )


def _keep(project: Project, paths: Sequence[str]) -> tuple[Kept, ...]:
    """Set aside those of the files that no commit has as they are: soon nothing names them."""
    there = [path for path in paths if look(project.root, path)]
    return tuple(map(project.places.set_aside, _uncommitted(project.git, there)))


def _uncommitted(git: Git, paths: Sequence[str]) -> list[str]:
    """Return the files that no commit has as they are, including those marked as unchanged."""
    return [*dict.fromkeys([*not_in_git(git, paths), *worktree.unsaved(git, paths)])]


def _remove_files(
    project: Project, pointers: Mapping[str, Pointer | None], removal: Removal, work: Work
) -> tuple[tuple[str, ...], int, tuple[Kept, ...]]:
    """Remove what is saved; with --cached only forget that gitmodel knew it."""
    root = str(project.root)
    kept: tuple[str, ...] = ()
    replaced: tuple[Kept, ...] = ()
    count = 0
    if removal.files:
        done = restore(project, {}, pointers, work, force=removal.force)
        kept, count, replaced = done.kept, done.removed, done.replaced
        for artifact in pointers:
            _prune(project, artifact)
    for artifact in pointers:
        project.index.record(root, [artifact], [], project.index.seen(root, artifact))
    return kept, count, replaced


def _prune(project: Project, artifact: str) -> None:
    """Remove a folder in which nothing is left, which an earlier run may have emptied."""
    folder, _, name = artifact.rpartition("/")
    with suppress(OSError), open_folder(project.root, folder) as fd:
        os.rmdir(name, dir_fd=fd)
