"""Files and folders of a disk: made, shared with a group, written whole and made durable."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from gitmodel.errors import IntegrityError
from gitmodel.hints import command

OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a folder is opened that must be one itself, no symlink to one."""
OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""How a file is opened that may have become something else: no symlink, and no wait for a FIFO."""
MAKE_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a file is opened that is made by that."""

_FICLONE = 0x40049409


def exists_in(name: str, folder: int) -> bool:
    """Return whether something has a name in an open folder, a symlink to nothing too."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def open_real(path: Path) -> int:
    """Open a folder; raise `IntegrityError` if it is a symlink or something else."""
    try:
        return os.open(path, OPEN_FOLDER)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        raise IntegrityError(
            f"{str(path)!r} is {kind_of(path)}, where a folder of gitmodel's should be",
            hint=command("ls -ld {}", str(path)),
        ) from error


def kind_of(path: Path, at: int | None = None) -> str:
    """Return what that is, in words, which should have been a folder."""
    mode = os.stat(path, dir_fd=at, follow_symlinks=False).st_mode
    return "a symlink" if stat.S_ISLNK(mode) else "not a folder"


def check_folders(home: Path, names: Iterable[str]) -> None:
    """Raise `IntegrityError` if something in `home` is a symlink: it came from elsewhere."""
    for name in names:
        with suppress(FileNotFoundError, NotADirectoryError):
            if stat.S_ISLNK(os.lstat(home / name).st_mode):
                raise IntegrityError(
                    f"{str(home / name)!r} is a symlink, which gitmodel never makes",
                    hint=command("ls -ld {}", str(home / name)),
                )


def make_folder(path: Path) -> None:
    """Make a folder and its parents, durably; in a folder that a group shares, for that group."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        with suppress(FileExistsError):
            folder.mkdir()
            share(folder.parent.stat().st_mode, folder)
        fsync_folder(folder.parent)


def make_file(path: Path) -> None:
    """Make an empty file unless there is one; in a folder that a group shares, for that group."""
    with suppress(FileExistsError):
        fd = os.open(path, MAKE_FILE, 0o666)
        try:
            share(path.parent.stat().st_mode, fd)
        finally:
            os.close(fd)


def share(mode: int, path: Path | int) -> None:
    """Give a new file or folder the group's rights of the folder it will lie in, of this `mode`.

    Only if that is set-group-id, as Git makes what is shared (`core.sharedRepository`).
    """
    if mode & stat.S_ISGID:
        give(mode & stat.S_IRWXG, path)


def give(rights: int, path: Path | int) -> None:
    """Give the group rights to a file, or with set-group-id to a folder, whatever the umask."""
    old = stat.S_IMODE(os.stat(path).st_mode)
    if stat.S_ISDIR(os.stat(path).st_mode):
        new = old | rights | stat.S_ISGID
    else:
        # A file that its owner may not write to, or run, stays so.
        new = old | (rights & (old >> 3))
    if new != old:
        os.chmod(path, new)


def fsync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_folder(fd)
    finally:
        os.close(fd)


def sync_folder(fd: int) -> None:
    """Make the names in an open folder durable."""
    try:
        os.fsync(fd)
    except OSError as error:
        # Some network file systems have no fsync for folders; their renames are synchronous.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write all of `data`; a plain write may stop short."""
    view = memoryview(data)
    while view:
        view = view[write_some(fd, view) :]


def write_some(fd: int, data: memoryview) -> int:
    """Write what goes at once; return how many bytes.  What goes wrong names the file."""
    try:
        return os.write(fd, data)
    except OSError as error:
        _name(error, fd)
        raise


def fsync(fd: int) -> None:
    """Make an open file durable; what goes wrong names the file."""
    try:
        os.fsync(fd)
    except OSError as error:
        _name(error, fd)
        raise


def seal(fd: int) -> None:
    """Make a finished file durable, and take away everybody's right to write to it."""
    os.fchmod(fd, stat.S_IMODE(os.fstat(fd).st_mode) & 0o444)
    fsync(fd)


def _name(error: OSError, fd: int) -> None:
    """Put the path of an open file into an error of it, which knows none."""
    if error.filename is None:
        with suppress(OSError):
            error.filename = os.readlink(f"/proc/self/fd/{fd}")


def clone(source: int, target: int) -> bool:
    """Make `target` share the blocks of `source`; return False where the disk cannot."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True
