"""Keeps a process of the tests small, which makes and drops large things thousands of times.

Python looks for cycles when there are many new objects beside the old ones: a hundred megabytes are
three objects, and thousands of tests many old ones.  And where C's allocator puts large pieces
among small ones, little of it ever goes back.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from pathlib import Path

_MORE = 32 << 20
_LARGE = 256 << 10
_MMAP_THRESHOLD = -3
"""Of `mallopt`: what is larger has pages of its own, which go back when it is freed."""
_ARENA_MAX = -8
"""Of `mallopt`: with an arena for each thread, each keeps what no other can use."""
_OFTEN = 10_000
"""New objects, less those that went, after which Python looks for cycles; it is 700 else."""


class Keeper:
    """Looks after the memory of this process."""

    def __init__(self) -> None:
        self._before = 0
        # Other libraries of C are not as this one.
        self._c = ctypes.CDLL(None) if sys.platform == "linux" else None
        if tell := getattr(self._c, "mallopt", None):
            tell(_MMAP_THRESHOLD, _LARGE)
            tell(_ARENA_MAX, 1)

    def set_aside(self) -> None:
        """Look no more for garbage among what is here now."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(_OFTEN, 10, 10)
        self._trim()

    def give_back(self) -> None:
        """Free what is garbage, if this process has grown."""
        if self._c and _resident() > self._before + _MORE:
            gc.collect()
            self._trim()
            self._before = _resident()

    def _trim(self) -> None:
        if trim := getattr(self._c, "malloc_trim", None):
            trim(0)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
