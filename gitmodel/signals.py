"""Signals that have to wait until something is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_WAITING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def waiting() -> Iterator[None]:
    """Let a signal that would stop this process wait for the end of the block.

    Whoever sends a second one does not want to wait.  Only the main thread hears of signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    kept: dict[int, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        handler: Callable[[int, FrameType | None], object] | None = kept[number]
        if came and callable(handler):
            handler(number, frame)
        came.append(number)

    # One that is ignored stays so, for what is started in here as well; None is not Python's.
    for number in _WAITING:
        if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None):
            kept[number] = handler
            signal.signal(number, note)
    try:
        yield
    finally:
        for kind, handler in kept.items():
            signal.signal(kind, handler)
    if came:
        signal.raise_signal(came[0])


@contextmanager
def deaf_children() -> Iterator[None]:
    """Let the processes that are started in the block not hear the terminal's Ctrl-C."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
