"""Small files of the working tree, at paths that a repository names.

Every step to one is taken by descriptor, and none through a symlink: a repository can track a
symlink that leads anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gitmodel.atomic import fill, move_in
from gitmodel.disk import sync_folder
from gitmodel.paths import longest_at
from gitmodel.scratch import Scratch
from gitmodel.worktree.opening import open_folder, read_small


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


def remove_file(root: Path, path: str) -> None:
    """Remove a file or a symlink, if it is there."""
    folder, _, name = path.rpartition("/")
    with suppress(FileNotFoundError), open_folder(root, folder) as fd:
        os.unlink(name, dir_fd=fd)
