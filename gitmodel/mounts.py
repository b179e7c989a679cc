"""Which folders lie on one mount: only there can a thing be renamed from one to the other.

Two mounts of one disk have the same device number, so `stat` does not tell them apart; Linux lists
all mounts in one file.  Elsewhere the device has to do.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_LIST = Path("/proc/self/mountinfo")
_ESCAPE = re.compile(rb"\\([0-7]{3})")
_POINT = 4
"""The field of a line that has the mount point."""


def mount_points() -> frozenset[str] | None:
    """Return the real paths of all mount points, or None where the system does not list them."""
    try:
        lines = _LIST.read_bytes().splitlines()
    except OSError:
        return None
    fields = (line.split(b" ") for line in lines)
    return frozenset(os.fsdecode(_plain(each[_POINT])) for each in fields if len(each) > _POINT)


def is_mount(path: str, points: frozenset[str] | None) -> bool:
    """Return whether something is mounted at a path that has no symlink in it."""
    return is_device(path) if points is None else path in points


def is_device(path: str) -> bool:
    """Return whether another device begins at a path: also a subvolume, which no list has."""
    try:
        return os.lstat(path).st_dev != os.lstat(os.path.dirname(path)).st_dev
    except OSError:
        return False


def mount_of(path: str, points: frozenset[str] | None) -> str:
    """Return the mount point that a path which has no symlink in it lies below, or is."""
    while path != os.path.dirname(path) and not (is_mount(path, points) or is_device(path)):
        path = os.path.dirname(path)
    return path


def _plain(text: bytes) -> bytes:
    """Blanks and the like are written as octal numbers."""
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), text)
