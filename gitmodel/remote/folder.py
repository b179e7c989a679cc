"""A folder as a store: the default remote, which needs no driver and no server."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from gitmodel.atomic import Scratch, fsync, fsync_folder, make_folder, publish, sweep
from gitmodel.errors import MissingError, RemoteError
from gitmodel.progress import Far, unheard
from gitmodel.remote.file import LARGEST, File, check_size
from gitmodel.stream import write_whole

_SCRATCH = "tmp"
_READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


class FolderStore:
    """A store in a folder, of this machine or of a network file system; see `Store`."""

    lanes = lanes_now = 2

    def __init__(self, url: str, root: Path) -> None:
        self.url = url
        self._root = root

    def read(
        self, key: str, start: int = 0, length: int | None = None, *, limit: int = LARGEST
    ) -> bytes:
        """Return a part of a file, or all."""
        with self._translated(key):
            fd = os.open(self._root / key, _READ_FLAGS)
            try:
                status = os.fstat(fd)
                if stat.S_ISDIR(status.st_mode):
                    raise FileNotFoundError(key)
                wanted = status.st_size - start if length is None else length
                if length is None:
                    check_size(self.url, key, status.st_size, limit)
                data = _read(fd, start, wanted)
            finally:
                os.close(fd)
        if len(data) != wanted:
            raise RemoteError(
                f"{self.url}: {key!r} gave {len(data)} bytes instead of {wanted}",
                hint="gitmodel remote check",
            )
        return data

    def size(self, key: str) -> int:
        """Return the size in bytes."""
        with self._translated(key):
            status = os.stat(self._root / key)
            if stat.S_ISDIR(status.st_mode):
                raise FileNotFoundError(key)
            return status.st_size

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Write a file durably."""
        with self._translated(key):
            self._write(self._root / key, [data], new=False)

    def put_new(self, key: str, *parts: bytes | memoryview, far: Far = unheard) -> bool:
        """Write a file unless it exists; how far that is, is not told."""
        with self._translated(key):
            return self._write(self._root / key, parts, new=True)

    def list(self, prefix: str) -> dict[str, int]:
        """Return name and size of each file below a folder."""
        files = self.files(prefix).items()
        return {name: file.size for name, file in files if not name.endswith("/")}

    def files(self, prefix: str) -> dict[str, File]:
        """Return name, size and tag of each file below a folder, and its empty folders."""
        found: dict[str, File] = {}
        with self._translated(prefix):
            _list(str(self._root / prefix), "", found)
        return found

    def move(self, key: str, new: str) -> bool:
        """Rename a file, unless the other name is taken."""
        source, target = self._root / key, self._root / new
        self.size(key)
        with self._translated(key):
            make_folder(target.parent)
            if os.path.lexists(target):
                return False
            os.rename(source, target)
            fsync_folder(target.parent)
            fsync_folder(source.parent)
        return True

    def delete(self, key: str) -> None:
        """Remove a file, if it is there."""
        with self._translated(key), suppress(FileNotFoundError):
            os.unlink(self._root / key)

    def sweep(self) -> None:
        """Remove what writers that died left half written."""
        sweep(self._root / _SCRATCH)

    def abort(self) -> None:
        """A disk answers soon, one way or the other."""

    def _write(self, target: Path, parts: Sequence[bytes | memoryview], *, new: bool) -> bool:
        make_folder(target.parent)
        with Scratch(self._root / _SCRATCH) as scratch:
            fd, temporary = scratch.new_file()
            try:
                write_whole(fd, *parts)
                fsync(fd)
            finally:
                os.close(fd)
            # A folder of this name is no file; if it holds something, what follows fails.
            with suppress(OSError):
                os.rmdir(target)
            if new and not target.is_dir():
                return publish(temporary, target)
            os.rename(temporary, target)
            fsync_folder(target.parent)
            return True

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise MissingError(
                f"{self.url}: {key!r} is not there", hint="gitmodel remote check"
            ) from error
        except OSError as error:
            raise RemoteError(
                f"{self.url}: {key!r}: {error.strerror or error}", hint="gitmodel remote check"
            ) from error


def _read(fd: int, start: int, length: int) -> bytes:
    """One read gives at most 2 GiB, and less where a signal comes."""
    data = os.pread(fd, length, start)
    if len(data) == length:
        return data
    parts = [data]
    while part := os.pread(fd, length - sum(map(len, parts)), start + sum(map(len, parts))):
        parts.append(part)
    return b"".join(parts)


def _list(folder: str, prefix: str, found: dict[str, File]) -> None:
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    empty = True
    with entries:
        for entry in entries:
            empty = False
            if entry.is_dir(follow_symlinks=False):
                _list(entry.path, f"{prefix}{entry.name}/", found)
            else:
                # What goes meanwhile was not there.
                with suppress(FileNotFoundError):
                    status = entry.stat()
                    tag = f"{status.st_ino}-{status.st_mtime_ns}-{status.st_ctime_ns}"
                    found[prefix + entry.name] = File(status.st_size, tag)
    if empty and prefix:
        found[prefix] = File(0, "")
