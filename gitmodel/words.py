"""How lists, counts and sizes are put into words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_UNITS = ("B", "kB", "MB", "GB", "TB")


def some(names: Sequence[str], show: Callable[[str], str] = repr, most: int = 5) -> str:
    """Return the first names as they are shown, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(show, names[:most])) + more


def human(count: float) -> str:
    """Return a number of bytes in words."""
    for unit in _UNITS:
        if count < 999.5 or unit == _UNITS[-1]:
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" or count >= 99.5 else f"{count:.1f} {unit}"


def plural(count: int, noun: str) -> str:
    """Return a count and its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
