"""How lists are put into words."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def some(names: Sequence[str], show: Callable[[str], str] = repr, most: int = 5) -> str:
    """Return the first names as they are shown, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(show, names[:most])) + more
