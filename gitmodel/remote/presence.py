"""Whether files are on a remote, asked for in as few requests as that takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from gitmodel.errors import MissingError
from gitmodel.remote.store import Store

PAGE = 1000
"""Names that a bucket lists by one request."""
_FEW = 32
"""Files that are asked for by name, at most, after a listing that lacks them."""


class Presence:
    """What was seen of the files of one kind: their names and sizes.

    `listed` lists all of them, `key` is where one lies, and `wait` lets a moment pass, or returns
    False when that is of no use any more.
    """

    def __init__(
        self,
        store: Store,
        listed: Callable[[], Mapping[str, int]],
        key: Callable[[str], str],
        wait: Callable[[], bool],
    ) -> None:
        self._store, self._listed, self._key, self._wait = store, listed, key, wait
        self._seen: dict[str, int] = {}

    def find_lacking(self, wanted: Mapping[str, int], count: int) -> set[str]:
        """Return those of the files that are not there with their sizes.

        `count` is how many files there are, about: what takes more pages than files are wanted is
        not listed.  What a listing lacks is asked for by name, for it may lag.
        """
        lacking = self._lacking(wanted)
        if len(lacking) > 1 + count // PAGE:
            self._seen = dict(self._listed())
            lacking = self._lacking(wanted)
        return self.await_named({name: wanted[name] for name in lacking})

    def await_named(self, wanted: Mapping[str, int]) -> set[str]:
        """Return those of the files that are not there, asking for each by name, and patiently."""
        lacking = self._lacking(wanted)
        while lacking:
            self._ask(sorted(lacking)[:_FEW])
            lacking = self._lacking(wanted)
            if not lacking or not self._wait():
                break
        return lacking

    def _lacking(self, wanted: Mapping[str, int]) -> set[str]:
        return {name for name, size in wanted.items() if self._seen.get(name) != size}

    def _ask(self, names: list[str]) -> None:
        with ThreadPoolExecutor(self._store.lanes) as pool:
            for found in pool.map(lambda name: [*self._sizes(name)], names):
                self._seen.update(found)

    def _sizes(self, name: str) -> Iterator[tuple[str, int]]:
        with suppress(MissingError):
            yield name, self._store.size(self._key(name))
