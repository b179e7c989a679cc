"""Where a remote's files lie: a folder, or anything else that fsspec can open.

This is the only place that knows fsspec, and where its errors become ours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import fsspec
from fsspec.implementations.local import LocalFileSystem

from gitmodel.atomic import Scratch, fsync_folder, make_folder, publish, sweep
from gitmodel.errors import MissingError, RemoteError, UsageError
from gitmodel.stream import BlockFile

_SCRATCH = "tmp"
_EXTRAS = {"gs": "gs", "gcs": "gs", "abfs": "azure", "abfss": "azure", "az": "azure"}


class Store(Protocol):
    """A flat set of files by key; keys are relative and use `/`."""

    url: str

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Return `length` bytes from `start` on, or all; never fewer.

        Raises `MissingError` if there is no such file, `RemoteError` for anything else.
        """

    def size(self, key: str) -> int:
        """Return the size in bytes; raise `MissingError` if there is no such file."""

    def put(self, key: str, data: bytes) -> None:
        """Write a file; when this returns, it is durable."""

    def put_new(self, key: str, data: bytes) -> bool:
        """Write a file unless it exists; return whether it was written."""

    def list(self, prefix: str) -> dict[str, int]:
        """Return name, relative to the folder `prefix`, and size of each file below it."""

    def delete(self, key: str) -> None:
        """Remove a file, if it is there."""

    def sweep(self) -> None:
        """Remove what writers that died left half written."""


class _Write(Protocol):
    """Writes a file whole and durably; if `new`, only where there is none, else returns False."""

    def __call__(self, path: str, data: bytes, *, new: bool) -> bool: ...


class FsspecStore:
    """A store on a file system of fsspec."""

    def __init__(self, url: str, fs: Any, root: str, write: _Write) -> None:
        self.url = url
        self._fs = fs
        self._root = root.rstrip("/")
        self._write = write

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Return a part of a file, or all; see `Store`."""
        with _translated(self.url, key):
            end = None if length is None else start + length
            data: bytes = self._fs.cat_file(self._path(key), start=start or None, end=end)
        if length is not None and len(data) != length:
            raise RemoteError(
                f"{self.url}: {key!r} gave {len(data)} bytes instead of {length}",
                hint="gitmodel remote check",
            )
        return data

    def size(self, key: str) -> int:
        """Return the size in bytes."""
        with _translated(self.url, key):
            return int(self._fs.size(self._path(key)))

    def put(self, key: str, data: bytes) -> None:
        """Write a file durably."""
        with _translated(self.url, key):
            self._write(self._path(key), data, new=False)

    def put_new(self, key: str, data: bytes) -> bool:
        """Write a file unless it exists."""
        with _translated(self.url, key):
            return self._write(self._path(key), data, new=True)

    def list(self, prefix: str) -> dict[str, int]:
        """Return name and size of each file below a folder."""
        try:
            with _translated(self.url, prefix):
                found = self._fs.find(self._path(prefix), detail=True)
        except MissingError:
            return {}
        start = len(self._path(prefix)) + 1
        return {path[start:]: int(entry["size"]) for path, entry in found.items()}

    def delete(self, key: str) -> None:
        """Remove a file, if it is there."""
        try:
            with _translated(self.url, key):
                self._fs.rm_file(self._path(key))
        except MissingError:
            return

    def sweep(self) -> None:
        """Remove what writers that died left half written; objects are never half written."""
        if isinstance(self._fs, LocalFileSystem):
            sweep(Path(self._root) / _SCRATCH)

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"


def open_store(url: str, base: Path) -> Store:
    """Open the store at a URL; a plain path is relative to `base`."""
    if "://" not in url or url.startswith("file://"):
        return _open_folder(url, base / url.removeprefix("file://"))
    protocol = urlsplit(url).scheme
    try:
        # A listing from a cache would hide what others pushed meanwhile.
        fs, root = fsspec.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        extra = _EXTRAS.get(protocol, protocol)
        raise RemoteError(
            f"{url!r} needs a driver: {error}", hint=f"pip install 'gitmodel[{extra}]'"
        ) from error
    except ValueError as error:
        raise UsageError(f"{url!r} is not a URL of a known kind: {error}") from error
    return FsspecStore(url, fs, root, _object_writer(fs))


def _open_folder(url: str, path: Path) -> Store:
    folder = Path(os.path.normpath(path))
    return FsspecStore(url, LocalFileSystem(), str(folder), _folder_writer(folder))


def _folder_writer(root: Path) -> _Write:
    """fsspec neither syncs nor writes beside and renames; a remote must do both."""

    def write(path: str, data: bytes, *, new: bool) -> bool:
        target = Path(path)
        make_folder(target.parent)
        with Scratch(root / _SCRATCH) as scratch:
            fd, temporary = scratch.new_file()
            try:
                file = BlockFile(fd, durable=True)
                file.write(data)
                file.finish()
                os.fsync(fd)
            finally:
                os.close(fd)
            if new:
                return publish(temporary, target)
            os.rename(temporary, target)
            fsync_folder(target.parent)
            return True

    return write


def _object_writer(fs: Any) -> _Write:
    """One request writes an object whole or not at all."""

    def write(path: str, data: bytes, *, new: bool) -> bool:
        if not new:
            fs.pipe_file(path, data)
            return True
        try:
            fs.pipe_file(path, data, mode="create")
        except FileExistsError:
            return False
        return True

    return write


@contextmanager
def _translated(url: str, key: str) -> Iterator[None]:
    """Turn what drivers raise into our errors."""
    try:
        yield
    except FileNotFoundError as error:
        raise MissingError(f"{url}: {key!r} is not there", hint="gitmodel remote check") from error
    except OSError as error:
        raise RemoteError(
            f"{url}: {key!r}: {error.strerror or error}", hint="gitmodel remote check"
        ) from error
