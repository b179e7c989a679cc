"""Who else may write to a file: what is written through a mapping need not show in its times."""

from __future__ import annotations

import fcntl
import os
import signal

_TELLS = hasattr(fcntl, "F_SETLEASE")
_IGNORED = int(signal.SIGURG)


def is_written(fd: int, *, hold: bool = False) -> bool:
    """Return whether another process has a file open, or mapped, that it may write to.

    Whoever begins to write later waits until `fd` is closed if `hold` is true, and does not if it
    is false.  Only Linux can tell, of files on its own disks that are this user's; False
    elsewhere.
    """
    if not _TELLS:
        return False
    try:
        # Whoever opens the file later would have the kernel send us a signal, which must not end
        # this process.
        fcntl.fcntl(fd, fcntl.F_SETSIG, _IGNORED)
        # A lease for reading is given only on a file that nobody has open for writing.
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        if not hold:
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def can_tell(folder: int, name: str) -> bool:
    """Return whether the file system tells who writes: of a file that nobody has open, no.

    The file `name` is made in an open folder, where nothing is called so, and removed.
    """
    os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder))
    fd = os.open(name, os.O_RDONLY, dir_fd=folder)
    try:
        return not is_written(fd)
    finally:
        os.close(fd)
        os.unlink(name, dir_fd=folder)
