"""An object store, or any other file system of fsspec, as a store.

This is the only place that knows fsspec, and where its errors become ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import fsspec

from gitmodel.errors import MissingError, RemoteError, UsageError
from gitmodel.progress import Far, unheard
from gitmodel.remote.store import Access

_EXTRAS = {"gs": "gs", "gcs": "gs", "abfs": "azure", "abfss": "azure", "az": "azure", "ssh": "sftp"}


def open_at(url: str, access: Access) -> ObjectStore:
    """Open the store at a URL with a scheme."""
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
    return ObjectStore(url, fs, root)


class ObjectStore:
    """A store on a file system of fsspec; see `Store`.

    One request writes an object whole or not at all, so nothing is ever half written.
    """

    lanes = lanes_now = 4

    def __init__(self, url: str, fs: Any, root: str) -> None:
        self.url = url
        self._fs = fs
        self._root = root.rstrip("/")

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Return a part of an object, or all."""
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

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Write an object."""
        with _translated(self.url, key):
            self._fs.pipe_file(self._path(key), bytes(data))

    def put_new(self, key: str, *parts: bytes | memoryview, far: Far = unheard) -> bool:
        """Write an object unless it exists; how far that is, is not told."""
        try:
            with _translated(self.url, key):
                self._fs.pipe_file(self._path(key), b"".join(parts), mode="create")
        except FileExistsError:
            return False
        return True

    def list(self, prefix: str) -> dict[str, int]:
        """Return name and size of each object below a prefix."""
        try:
            with _translated(self.url, prefix):
                found = self._fs.find(self._path(prefix), detail=True)
        except MissingError:
            return {}
        start = len(self._path(prefix)) + 1
        return {path[start:]: int(entry["size"]) for path, entry in found.items()}

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        try:
            with _translated(self.url, key):
                self._fs.rm_file(self._path(key))
        except MissingError:
            return

    def sweep(self) -> None:
        """Nothing is ever half written."""

    def abort(self) -> None:
        """These drivers give nothing up."""

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"


@contextmanager
def _translated(url: str, key: str) -> Iterator[None]:
    """Turn what drivers raise into our errors; `FileExistsError` is an answer, not an error."""
    try:
        yield
    except FileExistsError:
        raise
    except FileNotFoundError as error:
        raise MissingError(f"{url}: {key!r} is not there", hint="gitmodel remote check") from error
    except NotImplementedError as error:
        raise RemoteError(
            f"{url}: what such a URL leads to can only be read", hint="gitmodel remote list"
        ) from error
    except OSError as error:
        raise RemoteError(
            f"{url}: {key!r}: {error.strerror or error}", hint="gitmodel remote check"
        ) from error
