"""Durable writes: a file appears whole or not at all, and what was reported stays after a crash."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gitmodel.disk import (
    exists_in,
    fsync,
    fsync_folder,
    make_folder,
    open_real,
    share,
    sync_folder,
    write_all,
)
from gitmodel.scratch import BESIDE, Scratch


def write_file(path: Path, data: bytes, scratch: Scratch) -> None:
    """Write `path` durably; it is exactly the old file or exactly the new one at any moment."""
    write_files({path: data}, scratch)


def write_files(files: Mapping[Path, bytes], scratch: Scratch) -> None:
    """Write several files durably; all are on the disk before the first has its name."""
    written = {}
    for path, data in files.items():
        fd, written[path] = scratch.new_file()
        share(path.parent.stat().st_mode, fd)
        fill(fd, data)
    for path, temporary in written.items():
        move(temporary, path)
    for folder in {path.parent for path in files}:
        fsync_folder(folder)


def write_program(path: Path, data: bytes, scratch: Scratch) -> None:
    """Write an executable file as `write_file` does; one that was there keeps its mode."""
    fd, temporary = scratch.new_file(0o777)
    with suppress(FileNotFoundError):
        os.fchmod(fd, stat.S_IMODE(path.stat().st_mode))
    share(path.parent.stat().st_mode, fd)
    fill(fd, data)
    move(temporary, path)
    fsync_folder(path.parent)


def fill(fd: int, data: bytes) -> None:
    """Write a file that was just made, durably, and close it."""
    try:
        write_all(fd, data)
        fsync(fd)
    finally:
        os.close(fd)


def move(temporary: Path, path: Path) -> None:
    """Rename over `path`, by way of a copy in its folder if that is on another file system."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        move_in(temporary, folder, path.name)
    finally:
        os.close(folder)


def move_in(temporary: Path, folder: int, name: str) -> None:
    """Do as `move` in an open folder."""
    try:
        os.rename(temporary, name, dst_dir_fd=folder)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with Scratch(Path(), BESIDE, folder) as beside, temporary.open("rb") as source:
            fd, copy = beside.new_file(stat.S_IMODE(os.fstat(source.fileno()).st_mode))
            with open(fd, "wb") as target:
                shutil.copyfileobj(source, target)
                target.flush()
                os.fchmod(fd, stat.S_IMODE(os.fstat(source.fileno()).st_mode))
                fsync(fd)
            os.rename(copy.name, name, src_dir_fd=beside.fd, dst_dir_fd=folder)
        temporary.unlink()


def publish(temporary: Path, path: Path) -> bool:
    """Give a finished file its name unless the name is taken; return whether it was free.

    The file must have been synced.  What exists already is kept.
    """
    try:
        folder = open_real(path.parent)
    except FileNotFoundError:
        make_folder(path.parent)
        folder = open_real(path.parent)
    try:
        share(os.fstat(folder).st_mode, temporary)
        return publish_in(folder, path.name, temporary)
    finally:
        os.close(folder)


def publish_in(folder: int, name: str, temporary: Path, at: int | None = None) -> bool:
    """Do as `publish` in an open folder; `at` is a descriptor that `temporary` is relative to."""
    try:
        os.link(temporary, name, src_dir_fd=at, dst_dir_fd=folder)
    except FileExistsError:
        _drop(temporary, at)
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS):
            raise
        if exists_in(name, folder):
            _drop(temporary, at)
            return False
        os.rename(temporary, name, src_dir_fd=at, dst_dir_fd=folder)
    else:
        _drop(temporary, at)
    sync_folder(folder)
    return True


def _drop(temporary: Path, at: int | None) -> None:
    # Another process may have taken it for what a dead one left.
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=at)
