"""What durable writes need of the system that Python does not offer.

Apart from `atomic`, for it takes longer to load.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import sys
from pathlib import Path

from gitmodel.disk import exists_in

HERE = -2 if sys.platform == "darwin" else -100
"""The descriptor that stands for the folder of this process, `AT_FDCWD`."""
_EXCHANGE = 2
"""`RENAME_EXCHANGE` of Linux and `RENAME_SWAP` of macOS."""
_NEW = 4 if sys.platform == "darwin" else 1
"""`RENAME_EXCL` of macOS, `RENAME_NOREPLACE` of Linux."""
_UNABLE = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
"""An old kernel, or a file system that knows only the plain rename."""


def exchange_at(one: str, one_fd: int, other: str, other_fd: int) -> bool:
    """Let two names in open folders change places at once; return False where that cannot be.

    Raises `FileNotFoundError` if one of them is not there.
    """
    return _renamed(one, one_fd, other, other_fd, _EXCHANGE)


def rename_new(source: str, source_fd: int, target: str, target_fd: int) -> None:
    """Rename, in open folders, to a name that is free; raises `FileExistsError` if it is not."""
    if _renamed(source, source_fd, target, target_fd, _NEW):
        return
    given = None if source_fd == HERE else source_fd
    try:
        os.link(source, target, src_dir_fd=given, dst_dir_fd=target_fd, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        # A folder, or a file system without links: what comes in between now would be lost.
        if exists_in(target, target_fd):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from None
        os.rename(source, target, src_dir_fd=given, dst_dir_fd=target_fd)
    else:
        os.unlink(source, dir_fd=given)


def _renamed(one: str, one_fd: int, other: str, other_fd: int, how: int) -> bool:
    """Rename by the call that knows how; return False where there is none such."""
    call = _call()
    if call is None:
        return False
    if not call(one_fd, os.fsencode(one), other_fd, os.fsencode(other), how):
        return True
    number = ctypes.get_errno()
    if number in _UNABLE:
        return False
    raise OSError(number, os.strerror(number), other)


@functools.cache
def _call() -> ctypes._NamedFuncPointer | None:
    libc = ctypes.CDLL(None, use_errno=True)
    for name in ("renameat2", "renameatx_np"):
        if hasattr(libc, name):
            found: ctypes._NamedFuncPointer = getattr(libc, name)
            found.argtypes = (
                *(ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p),
                ctypes.c_uint,
            )
            return found
    return None


def sync(path: Path) -> None:
    """Make a file durable, or a folder with all that is in it."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        libc = ctypes.CDLL(None)
        if not path.is_dir():
            os.fsync(fd)
        elif not hasattr(libc, "syncfs") or libc.syncfs(fd):
            # One call for all files, where there is none for those of one file system.
            os.sync()
    finally:
        os.close(fd)
