"""Files and folders as they are opened, never through a symlink, and what `stat` says of them.

Processes that only read load this and little else.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gitmodel.disk import OPEN_FILE, OPEN_FOLDER
from gitmodel.errors import ConflictError, IntegrityError
from gitmodel.hints import command
from gitmodel.paths import LARGEST

if TYPE_CHECKING:
    from gitmodel.index import Seen

_STAT = struct.Struct("<QQqqq")
STAT_SIZE = _STAT.size
_CTIME = struct.calcsize("<QQqq")
"""Where the ctime begins in it, which comes last."""
_CHANGED = struct.Struct(f"<{_CTIME}xq")


@contextmanager
def open_folder(root: Path, path: str, *, create: bool = False) -> Iterator[int]:
    """Open the folder `path` below `root`, step by step, never through a symlink."""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        steps = path.split("/") if path else []
        for depth in range(len(steps)):
            inner = _open_step(fd, steps, depth, create=create)
            os.close(fd)
            fd = inner
        yield fd
    finally:
        os.close(fd)


def _open_step(fd: int, steps: Sequence[str], depth: int, *, create: bool) -> int:
    name = steps[depth]
    try:
        if create:
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=fd)
        return os.open(name, OPEN_FOLDER, dir_fd=fd)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            error.filename = "/".join(steps[: depth + 1])
            raise
        path = "/".join(steps)
        link = stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
        what = "a symlink" if link else "not a folder"
        raise IntegrityError(
            f"{name!r}, in the path {path!r}, is {what}", hint=command("ls -ld {}", path)
        ) from error


def look(root: Path, path: str) -> os.stat_result | None:
    """Return what `lstat` says of a path below `root`, or None if there is nothing."""
    folder, _, name = path.rpartition("/")
    try:
        with open_folder(root, folder) as fd:
            return os.stat(name, dir_fd=fd, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None


def open_file(name: str, folder: int, path: str) -> int:
    """Open a file that was found; raise `ConflictError` if it is one no longer."""
    try:
        return os.open(name, OPEN_FILE, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOENT, errno.ENXIO):
            raise changed(path) from error
        error.filename = path
        raise


def read_small(folder: int, name: str, path: str, limit: int = LARGEST) -> bytes:
    """Return the content of a regular file of at most `limit` bytes, empty if there is none.

    Raises `IntegrityError` for a longer one, a symlink or anything else; `path` is for the message.
    """
    try:
        fd = os.open(name, OPEN_FILE, dir_fd=folder)
    except FileNotFoundError:
        return b""
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise IntegrityError(f"{path!r} is a symlink", hint=command("ls -l {}", path)) from error
    try:
        # Python opens no folder as a file, and does not say which one it was.
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise IntegrityError(f"{path!r} is not a regular file", hint=command("ls -ld {}", path))
        with open(fd, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    finally:
        os.close(fd)
    if len(data) > limit:
        raise IntegrityError(
            f"{path!r} is longer than {limit} bytes", hint=command("ls -l {}", path)
        )
    return data


def check_unchanged(fd: int, stat: bytes, path: str) -> None:
    """Raise `ConflictError` if an open file is not as `stat` packed says any more."""
    if pack_stat(os.fstat(fd)) != stat:
        raise changed(path)


def changed(path: str) -> ConflictError:
    """Return the error that a file changed while it was read."""
    return ConflictError(
        f"{path!r} changed while it was read",
        hint="wait until its writer is done, then try again",
    )


def device_in(packed: bytes) -> int:
    """Return the number of the device that `pack_stat` was given."""
    device: int = _STAT.unpack(packed)[0]
    return device


def pack_stat(status: os.stat_result) -> bytes:
    """Return what tells whether a file was touched: device, inode, size, mtime, ctime."""
    return _STAT.pack(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )


def size_in(packed: bytes) -> int:
    """Return the size in bytes that `pack_stat` was given."""
    size: int = _STAT.unpack(packed)[2]
    return size


def ctime_in(packed: bytes) -> int:
    """Return the ctime in nanoseconds that `pack_stat` was given."""
    return int(_CHANGED.unpack(packed)[0])


def is_untouched(row: Seen, packed: bytes) -> bool:
    """Return whether nothing touched a file since it was hashed, by what `stat` says of it now."""
    return row.stat == packed and row.stamp > _CHANGED.unpack(packed)[0]


def is_older(packed: bytes, stamp: int) -> bool:
    """Return whether a file was last touched before a time: a change after it shows in its stat."""
    _, _, _, mtime, ctime = _STAT.unpack(packed)
    return bool(max(mtime, ctime) < stamp)


def only_renamed(before: bytes, after: bytes) -> bool:
    """Return whether at most the ctime differs between two results of `pack_stat`.

    A rename changes that of what is renamed, not of what lies below it.
    """
    return before[:_CTIME] == after[:_CTIME]
