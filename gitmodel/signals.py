"""Signals that have to wait until something is whole, and none of which may get lost."""

from __future__ import annotations

import functools
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_WAITING = (signal.SIGINT, signal.SIGTERM)
_SOON = 0.01


def insist() -> None:
    """See to it that Ctrl-C and SIGTERM are obeyed wherever they find this process.

    Their exception cannot get out of `__del__`, nor out of a callback of a weak reference, such as
    the import system has for each module: Python prints it and goes on.  So the signal comes again.
    """
    sys.unraisablehook = functools.partial(_again_if_signal, sys.unraisablehook)


def _again_if_signal(
    otherwise: Callable[[UnraisableHookArgs], object], lost: UnraisableHookArgs
) -> None:
    number = _signal_of(lost.exc_value)
    if number is None:
        otherwise(lost)
        return
    # At once, it would find the same callback.
    signal.signal(signal.SIGALRM, lambda _number, _frame: signal.raise_signal(number))
    signal.setitimer(signal.ITIMER_REAL, _SOON)


def _signal_of(error: BaseException | None) -> signal.Signals | None:
    if isinstance(error, KeyboardInterrupt):
        return signal.SIGINT
    if isinstance(error, SystemExit) and error.code == 128 + signal.SIGTERM:
        return signal.SIGTERM
    return None


def signal_behind(error: BaseException) -> signal.Signals | None:
    """Return the signal that an error came of, if one did.

    Python wraps what is raised while it makes a class; and what a signal interrupts may fail to
    clean up after itself.
    """
    seen: list[BaseException | None] = []
    rest: list[BaseException | None] = [error]
    while rest:
        each = rest.pop()
        if each is None or each in seen:
            continue
        if (number := _signal_of(each)) is not None:
            return number
        seen.append(each)
        rest += each.__cause__, each.__context__
    return None


def terminate(number: int, frame: FrameType | None) -> NoReturn:
    """Leave by an exception, so that everything is cleaned up on the way."""
    sys.exit(128 + number)


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
