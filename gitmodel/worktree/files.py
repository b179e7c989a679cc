"""Small files of the working tree, at paths that a repository names.

Every step to one is taken by descriptor, and none through a symlink: a repository can track a
symlink that leads anywhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from gitmodel.atomic import fill, move_in
from gitmodel.disk import sync_folder
from gitmodel.errors import GitmodelError
from gitmodel.git import staging
from gitmodel.git.command import Git
from gitmodel.paths import longest_at
from gitmodel.scratch import Scratch
from gitmodel.worktree.opening import open_file, open_folder, read_small
from gitmodel.worktree.writers import is_written


def read_file(root: Path, path: str) -> bytes | None:
    """Return the content of a file, or None if there is none.

    Raises `IntegrityError` for one that is too long, for a symlink, there or on the way, and for
    what is no regular file.
    """
    folder, _, name = path.rpartition("/")
    try:
        with open_folder(root, folder) as fd:
            os.stat(name, dir_fd=fd, follow_symlinks=False)
            return read_small(fd, name, path, longest_at(path))
    except FileNotFoundError:
        return None


def write_file(root: Path, path: str, data: bytes, scratch: Scratch) -> None:
    """Write a file durably, and the folders above it; see `write_files`."""
    write_files(root, {path: data}, scratch)


def write_files(root: Path, files: Mapping[str, bytes], scratch: Scratch) -> None:
    """Write several files durably; all are on the disk before the first has its name.

    Raises `IntegrityError`, and writes none, if a symlink is on the way to any.
    """
    written: dict[str, dict[str, Path]] = {}
    for path in files:
        written.setdefault(path.rpartition("/")[0], {})
    for folder in written:
        with open_folder(root, folder, create=True):
            pass
    for path, data in files.items():
        folder, _, name = path.rpartition("/")
        fd, written[folder][name] = scratch.new_file()
        fill(fd, data)
    for folder, names in written.items():
        with open_folder(root, folder, create=True) as fd:
            for name, temporary in names.items():
                move_in(temporary, fd, name)
            sync_folder(fd)


def not_in_git(git: Git, paths: Sequence[str]) -> list[str]:
    """Return which of the files have bytes that Git's index has not, or can still be written to.

    Git itself is not asked what changed: it may be told to look away from a file.
    """
    known = staging.blobs(git, paths) if paths else {}
    return [path for path in paths if not _is_in_git(git.worktree, path, known.get(path, ""))]


def _is_in_git(root: Path, path: str, blob: str) -> bool:
    folder, _, name = path.rpartition("/")
    try:
        with open_folder(root, folder) as fd, open(open_file(name, fd, path), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode) or is_written(file.fileno()):
                return False
            data = file.read(longest_at(path) + 1)
    except (OSError, GitmodelError):
        return False
    return staging.keeps(blob, data)


def remove_file(root: Path, path: str) -> None:
    """Remove a file or a symlink, if it is there."""
    folder, _, name = path.rpartition("/")
    with suppress(FileNotFoundError), open_folder(root, folder) as fd:
        os.unlink(name, dir_fd=fd)
