"""What every store says of its files, and refuses alike."""

from __future__ import annotations

from typing import NamedTuple

from gitmodel.errors import IntegrityError, RemoteError
from gitmodel.words import plural

LARGEST = 1 << 30
"""Bytes of a file that is read whole, at most: more than a pack or an index file ever has."""

MOST = 4_000_000
"""Files of one listing: more than that is a server that does not come to an end."""
DEEPEST = 8
"""Folders in one another, of which no store has more than three."""


class File(NamedTuple):
    """A file of a store: its size in bytes, and a text that changes when it is written anew.

    The text is empty where the place tells nothing of that kind.
    """

    size: int
    tag: str


def endless(url: str, key: str, count: int) -> RemoteError:
    """Return the error that a listing does not come to an end."""
    return RemoteError(
        f"{url}: the list of {key!r} has no end: the server says that more follows after"
        f" {plural(count, 'object')}",
        hint="gitmodel remote list",
    )


def check_length(url: str, key: str, data: bytes, wanted: int) -> bytes:
    """Return `data`; raise `RemoteError` if it is not `wanted` bytes long."""
    if len(data) != wanted:
        raise RemoteError(
            f"{url}: {key!r} gave {len(data)} bytes instead of {wanted}",
            hint="gitmodel remote check",
        )
    return data


def check_size(url: str, key: str, size: int, limit: int) -> None:
    """Raise `IntegrityError` if a file is longer than what may be read of its kind."""
    if size > limit:
        raise IntegrityError(
            f"{url}: {key!r} has {size:,} bytes, where {limit:,} are the most that it may have",
            hint="gitmodel remote check",
        )
