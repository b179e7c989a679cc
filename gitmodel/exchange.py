"""What durable writes need of the system that Python does not offer.

Apart from `atomic`, for it takes longer to load.
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
from pathlib import Path

_AT_FDCWD = -100
_EXCHANGE = 2
"""`RENAME_EXCHANGE` of Linux and `RENAME_SWAP` of macOS."""


def exchange(one: Path, other: Path) -> None:
    """Let two files or folders of one file system change places, at once where the system can.

    Elsewhere `other` is away for a moment.
    """
    if _exchange(os.fsencode(one), os.fsencode(other)):
        return
    aside = other.with_name(f".{secrets.token_hex(8)}.gitmodel-tmp")
    os.rename(other, aside)
    os.rename(one, other)
    os.rename(aside, one)


def _exchange(one: bytes, other: bytes) -> bool:
    """Return whether it was done; an old kernel or file system cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2"):
        failed = libc.renameat2(_AT_FDCWD, one, _AT_FDCWD, other, _EXCHANGE)
    elif hasattr(libc, "renamex_np"):
        failed = libc.renamex_np(one, other, _EXCHANGE)
    else:
        return False
    number = ctypes.get_errno()
    if failed and number not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        raise OSError(number, os.strerror(number), os.fsdecode(other))
    return not failed


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
