"""Files that Git writes over without a word: what it ignores, it takes for something to be lost."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from gitmodel.errors import ConflictError
from gitmodel.git import staging, trees
from gitmodel.git.command import Git
from gitmodel.git.trees import Change
from gitmodel.hints import command
from gitmodel.paths import LARGEST, parents
from gitmodel.words import some
from gitmodel.worktree.opening import look


def check_unseen(git: Git, steps: Iterable[tuple[str, str]], artifacts: Collection[str]) -> None:
    """Raise `ConflictError` if Git would write over a file that it neither tracks nor tells of.

    `steps` are the trees that it goes from and to.  Artifacts, which it ignores too, do not count.
    """
    found: set[str] = set()
    asked: set[str] = set()
    for change in (each for step in steps for each in trees.added(git, *step)):
        there = {path for path in _in_the_way(git.worktree, change) if not _is_in(path, artifacts)}
        if there:
            found |= there
            asked.add(change.path if len(there) > 1 else min(there))
    if lost := sorted(found.difference(staging.tracked(git, sorted(asked)))):
        raise ConflictError(
            f"{some(lost)} would be overwritten: Git does not track what is there, and the"
            " version has a file in its place",
            hint=command("mv {} ANOTHER_NAME", lost[0]),
        )


def _is_in(path: str, artifacts: Collection[str]) -> bool:
    return any(each in artifacts for each in (path, *parents(path)))


def _in_the_way(root: Path, change: Change) -> Iterator[str]:
    """Yield what is there in the place of a file, in that of a folder above it, or below it."""
    for folder in reversed([*parents(change.path)]):
        status = look(root, folder)
        if status is None:
            return
        if not stat.S_ISDIR(status.st_mode):
            yield folder
            return
    status = look(root, change.path)
    if status is None:
        return
    if stat.S_ISDIR(status.st_mode):
        if not change.is_submodule:
            yield from _below(root, change.path)
    elif not _is_same(root / change.path, status, change):
        yield change.path


def _below(root: Path, path: str) -> Iterator[str]:
    for folder, folders, names in os.walk(root / path):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in (*names, *links):
            yield os.path.relpath(os.path.join(folder, name), root)


def _is_same(path: Path, status: os.stat_result, change: Change) -> bool:
    if stat.S_ISLNK(status.st_mode):
        return staging.is_blob(change.oid, os.fsencode(os.readlink(path)))
    if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
        return False
    return staging.is_blob(change.oid, path.read_bytes())
