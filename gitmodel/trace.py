"""Tells what takes the time: programs that are started, requests that are made.  Off at first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[str], None]
"""Is given a line for each step when it ends; any thread may call it."""

_tell: list[Tell] = []


def start(tell: Tell) -> None:
    """Tell of each step from now on."""
    _tell[:] = [tell]


def stop() -> None:
    """Tell of nothing any more."""
    _tell.clear()


def is_on() -> bool:
    """Return whether anybody is told."""
    return bool(_tell)


@contextmanager
def step(words: Callable[[], str]) -> Iterator[None]:
    """Tell what was done, and how long it took, when the block ends, even by an error."""
    if not _tell:
        yield
        return
    begun = time.perf_counter()
    try:
        yield
    finally:
        _tell[0](f"{(time.perf_counter() - begun) * 1000:7.0f} ms  {words()}")
