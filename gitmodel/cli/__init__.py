"""The command line: the only place that prints, asks, and reads the environment."""

import functools
import sys
from collections.abc import Callable
from types import TracebackType

from gitmodel import signals

_Hook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


def _tell(
    otherwise: _Hook, kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Tell of what nothing caught: Ctrl-C comes also before there is a command that hears of it."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("interrupted; nothing is half written\n")
    else:
        otherwise(kind, error, trace)


# This is imported first of all, and a signal may come while the rest is.
signals.insist()
sys.excepthook = functools.partial(_tell, sys.excepthook)
