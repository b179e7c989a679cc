"""Durable writes: a file appears whole or not at all, and what was reported stays after a crash.

Temporary files live in a scratch folder that belongs to one process and is held by a lock; what
a killed process left behind is removed by the next one.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from gitmodel.signals import waiting

_FICLONE = 0x40049409


class Scratch:
    """A folder for the temporary files of this process, gone when the process is done."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._path: Path | None = None
        self._lock = -1

    @property
    def path(self) -> Path:
        """The folder; made on first use, when what dead processes left is removed too."""
        if self._path is None:
            self._parent.mkdir(parents=True, exist_ok=True)
            sweep(self._parent)
            while self._path is None:
                # Between making it and knowing of it, a signal would leave it behind.
                with waiting():
                    self._claim(self._parent / f"{os.getpid()}-{secrets.token_hex(8)}")
        return self._path

    def _claim(self, path: Path) -> None:
        """Make and lock a folder, unless someone sweeps it away in between."""
        path.mkdir()
        self._lock = _lock_folder(path)
        if self._lock >= 0:
            if _is_at(path, self._lock):
                self._path = path
            else:
                os.close(self._lock)

    def new_path(self) -> Path:
        """Return a path in the folder that nothing uses yet."""
        return self.path / secrets.token_hex(12)

    def new_file(self, mode: int = 0o666) -> tuple[int, Path]:
        """Create a file for writing, its mode less the umask; return its descriptor and path."""
        path = self.new_path()
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), path

    def close(self) -> None:
        """Remove the folder and what is in it."""
        with waiting():
            if self._path is not None:
                shutil.rmtree(self._path, ignore_errors=True)
                os.close(self._lock)
                self._path = None

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sweep(parent: Path) -> list[Path]:
    """Remove the scratch folders in `parent` whose process is gone; return them."""
    removed = []
    for folder in parent.iterdir() if parent.is_dir() else ():
        lock = _lock_folder(folder)
        if lock >= 0:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
            removed.append(folder)
    return removed


def _lock_folder(folder: Path) -> int:
    """Return a descriptor that holds the folder's lock, or -1 if another process does."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return -1
    if not lock(fd):
        os.close(fd)
        return -1
    return fd


def lock(fd: int) -> bool:
    """Lock an open file or folder until it is closed; return False if another holds the lock."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_at(path: Path, fd: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except FileNotFoundError:
        return False


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, waiting for whoever holds it now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def write_file(path: Path, data: bytes, scratch: Scratch) -> None:
    """Write `path` durably; it is exactly the old file or exactly the new one at any moment."""
    write_files({path: data}, scratch)


def write_files(files: Mapping[Path, bytes], scratch: Scratch) -> None:
    """Write several files durably; all are on the disk before the first has its name."""
    written = {}
    for path, data in files.items():
        fd, written[path] = scratch.new_file()
        _fill(fd, data)
    for path, temporary in written.items():
        move(temporary, path)
    for folder in {path.parent for path in files}:
        fsync_folder(folder)


def write_program(path: Path, data: bytes, scratch: Scratch) -> None:
    """Write an executable file as `write_file` does; one that was there keeps its mode."""
    fd, temporary = scratch.new_file(0o777)
    with suppress(FileNotFoundError):
        os.fchmod(fd, stat.S_IMODE(path.stat().st_mode))
    _fill(fd, data)
    move(temporary, path)
    fsync_folder(path.parent)


def _fill(fd: int, data: bytes) -> None:
    try:
        write_all(fd, data)
        fsync(fd)
    finally:
        os.close(fd)


def move(temporary: Path, path: Path) -> None:
    """Rename over `path`, by way of a copy in its folder if that is on another file system."""
    try:
        os.rename(temporary, path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = path.with_name(f".{secrets.token_hex(8)}.gitmodel-tmp")
        try:
            shutil.copy2(temporary, beside)
            with beside.open("rb") as file:
                os.fsync(file.fileno())
            os.rename(beside, path)
        finally:
            beside.unlink(missing_ok=True)
        os.unlink(temporary)


def publish(temporary: Path, path: Path) -> bool:
    """Give a finished file its name unless the name is taken; return whether it was free.

    The file must have been synced.  What exists already is kept.
    """
    try:
        os.link(temporary, path)
    except FileExistsError:
        os.unlink(temporary)
        return False
    except FileNotFoundError:
        if path.parent.is_dir():
            raise
        make_folder(path.parent)
        return publish(temporary, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS):
            raise
        if path.exists():
            os.unlink(temporary)
            return False
        os.rename(temporary, path)
    else:
        os.unlink(temporary)
    fsync_folder(path.parent)
    return True


def make_folder(path: Path) -> None:
    """Make a folder and its parents, durably."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        with suppress(FileExistsError):
            folder.mkdir()
        fsync_folder(folder.parent)


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
