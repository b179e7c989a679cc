"""Small files of the working tree, at paths that a repository names.

Every step to one is taken by descriptor, and none through a symlink: a repository can track a
symlink that leads anywhere.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gitmodel.atomic import Scratch, fsync, sync_folder, write_all
from gitmodel.paths import longest_at
from gitmodel.worktree.scan import open_folder, read_small


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
        _fill(fd, data)
    for folder, names in written.items():
        with open_folder(root, folder, create=True) as fd:
            for name, temporary in names.items():
                _move(temporary, fd, name)
            sync_folder(fd)


def remove_file(root: Path, path: str) -> None:
    """Remove a file or a symlink, if it is there."""
    folder, _, name = path.rpartition("/")
    with suppress(FileNotFoundError), open_folder(root, folder) as fd:
        os.unlink(name, dir_fd=fd)


def _fill(fd: int, data: bytes) -> None:
    try:
        write_all(fd, data)
        fsync(fd)
    finally:
        os.close(fd)


def _move(temporary: Path, folder: int, name: str) -> None:
    """Rename into an open folder, by way of a copy in it if that is on another file system."""
    try:
        os.rename(temporary, name, dst_dir_fd=folder)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = f".{secrets.token_hex(8)}.gitmodel-tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(beside, flags, 0o666, dir_fd=folder)
        try:
            with open(fd, "wb") as target, temporary.open("rb") as source:
                shutil.copyfileobj(source, target)
                target.flush()
                fsync(fd)
            os.rename(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(beside, dir_fd=folder)
            raise
        temporary.unlink()
