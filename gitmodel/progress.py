"""How long work is done: who hears how far it is, and with how many threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Protocol


class Progress(Protocol):
    """Hears how far the work is; called often, and by one thread at a time."""

    def __call__(self, phase: str, done: int, total: int, note: str) -> None:
        """`done` of `total` bytes of `phase` are finished; a total of 0 is not known yet.

        `note` says in words what else is worth knowing.
        """


def silent(phase: str, done: int, total: int, note: str) -> None:
    """Ignore the progress."""


Far = Callable[[int], None]
"""Hears how many bytes of a file are moved; fewer than before if that has to begin again."""


def unheard(count: int) -> None:
    """Ignore how far it is."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a long task is given.

    Whom to tell of progress, how many threads to use, and how many bytes a second to move to or
    from a remote at most (0: as many as it can).
    """

    progress: Progress = silent
    jobs: int = 2
    rate: int = 0


class Meter:
    """Counts the bytes of one phase of the work, and tells."""

    def __init__(self, progress: Progress = silent, phase: str = "", total: int = 0) -> None:
        self._progress = progress
        self._phase = phase
        self._total = total
        self._done = 0
        self._lock = Lock()
        self.note = ""

    def add(self, count: int) -> None:
        """`count` more bytes are done; any thread may say so."""
        with self._lock:
            self._done += count
            self._progress(self._phase, self._done, self._total, self.note)
