"""A store that moves no more than so many bytes a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Protocol

from gitmodel.progress import Far, unheard
from gitmodel.remote.file import LARGEST, File
from gitmodel.remote.store import Store


class Clock(Protocol):
    """Tells the time in seconds, and lets it pass, as the module `time` does."""

    def monotonic(self) -> float:
        """Return the time since some moment."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


class LimitedStore:
    """Lets the requests of another store begin only as fast as a rate allows; see `Store`.

    The rate holds on average over the packs and ranges that are moved; within one of them it holds
    where the other store sees to that.
    """

    def __init__(self, store: Store, rate: int, clock: Clock = time) -> None:
        """`rate` is in bytes a second."""
        self.url = store.url
        # More at once would only make each of them slower.
        self.lanes = self.lanes_now = 1
        self._store = store
        self._rate = rate
        self._lock = threading.Lock()
        self._clock = clock
        self._free = clock.monotonic()

    def read(
        self, key: str, start: int = 0, length: int | None = None, *, limit: int = LARGEST
    ) -> bytes:
        """Return a part of a file, or all."""
        self._wait()
        data = self._store.read(key, start, length, limit=limit)
        self._take(len(data))
        return data

    def size(self, key: str) -> int:
        """Return the size in bytes."""
        return self._store.size(key)

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Write a file."""
        self._wait()
        self._take(len(data))
        self._store.put(key, data)

    def put_new(self, key: str, *parts: bytes | memoryview, far: Far = unheard) -> bool:
        """Write a file unless it exists."""
        self._wait()
        self._take(sum(map(len, parts)))
        return self._store.put_new(key, *parts, far=far)

    def files(self, prefix: str) -> dict[str, File]:
        """Return name, size and tag of each file below a folder."""
        return self._store.files(prefix)

    def move(self, key: str, new: str) -> bool:
        """Give a file another key."""
        return self._store.move(key, new)

    def delete(self, key: str) -> None:
        """Remove a file, if it is there."""
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

    def _wait(self) -> None:
        """Wait until what was moved before would have been moved at the rate."""
        with self._lock:
            pause = self._free - self._clock.monotonic()
        if pause > 0:
            self._clock.sleep(pause)

    def _take(self, count: int) -> None:
        with self._lock:
            self._free = max(self._free, self._clock.monotonic()) + count / self._rate
