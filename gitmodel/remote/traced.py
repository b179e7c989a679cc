"""A store that tells of each request."""

from __future__ import annotations

from collections.abc import Sequence

from gitmodel.progress import Far, unheard
from gitmodel.remote.file import LARGEST, File
from gitmodel.remote.store import Store
from gitmodel.trace import step


class TracedStore:
    """Passes requests on to another store, and tells what they are; see `Store`."""

    def __init__(self, store: Store) -> None:
        self.url = store.url
        self.lanes = store.lanes
        self._store = store

    @property
    def lanes_now(self) -> int:
        """Requests at once that the place is happy with."""
        return self._store.lanes_now

    def read(
        self, key: str, start: int = 0, length: int | None = None, *, limit: int = LARGEST
    ) -> bytes:
        """Return a part of a file, or all."""
        part = "" if length is None else f" {length} bytes at {start}"
        with step(lambda: f"read {key}{part}"):
            return self._store.read(key, start, length, limit=limit)

    def size(self, key: str) -> int:
        """Return the size in bytes."""
        with step(lambda: f"size {key}"):
            return self._store.size(key)

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Write a file."""
        with step(lambda: f"write {key} {len(data)} bytes"):
            self._store.put(key, data)

    def put_new(self, key: str, *parts: bytes | memoryview, far: Far = unheard) -> bool:
        """Write a file unless it exists."""
        with step(lambda: f"write {key} {sum(map(len, parts))} bytes, if it is not there"):
            return self._store.put_new(key, *parts, far=far)

    def files(self, prefix: str) -> dict[str, File]:
        """Return name, size and tag of each file below a folder."""
        with step(lambda: f"list {prefix}"):
            return self._store.files(prefix)

    def move(self, key: str, new: str) -> bool:
        """Give a file another key."""
        with step(lambda: f"move {key} to {new}"):
            return self._store.move(key, new)

    def delete(self, key: str) -> None:
        """Remove a file, if it is there."""
        with step(lambda: f"delete {key}"):
            self._store.delete(key)

    def sweep(self) -> None:
        """Remove what writers that died left half written."""
        self._store.sweep()

    def leftovers(self) -> Sequence[str]:
        """Return the names of temporary folders that `sweep` leaves to others."""
        return self._store.leftovers()

    def abort(self) -> None:
        """Give up the requests that are under way."""
        self._store.abort()
