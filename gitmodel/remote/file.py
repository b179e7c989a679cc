"""What every store says of its files, and refuses alike."""

from __future__ import annotations

from typing import NamedTuple

from gitmodel.errors import IntegrityError

LARGEST = 1 << 30
"""Bytes of a file that is read whole, at most: more than a pack or an index file ever has."""


class File(NamedTuple):
    """A file of a store: its size in bytes, and a text that changes when it is written anew.

    The text is empty where the place tells nothing of that kind.
    """

    size: int
    tag: str


def check_size(url: str, key: str, size: int, limit: int) -> None:
    """Raise `IntegrityError` if a file is longer than what may be read of its kind."""
    if size > limit:
        raise IntegrityError(
            f"{url}: {key!r} has {size:,} bytes, where {limit:,} are the most that it may have",
            hint="gitmodel remote check",
        )
