"""Which folders lie on one mount, and of which kind that is.

Only on one mount can a thing be renamed from one folder to another.  Two mounts of one disk have
the same device number, so `stat` does not tell them apart; Linux lists all mounts in one file.
Elsewhere the device has to do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

_LIST = Path("/proc/self/mountinfo")
_ESCAPE = re.compile(rb"\\([0-7]{3})")
_LINE = re.compile(rb"(?:\S+ ){4}(\S+) .* - (\S+)")
"""The fields of a line that have the mount point and the type, see proc(5)."""
_NETWORK = re.compile(
    r"nfs\d*|cifs|smb\d*|smbfs|afs|ceph|coda|ncpfs|9p|virtiofs|vboxsf|prl_fs|vmhgfs|lustre|gpfs"
    r"|beegfs|glusterfs|gfs2|ocfs2|orangefs|pvfs2|acfs|fuse\.(?!exfat|ntfs|ext[234]|gocryptfs).*"
)


def mount_points() -> dict[str, str] | None:
    """Return the types of all mounts by their real paths, or None where none are listed.

    Of two mounts at one place the last one counts.
    """
    try:
        lines = _LIST.read_bytes().splitlines()
    except OSError:
        return None
    found = (match.groups() for line in lines if (match := _LINE.match(line)))
    return {os.fsdecode(_plain(point)): os.fsdecode(kind) for point, kind in found}


def kind_of(folder: Path) -> str:
    """Return the type of a folder's file system, such as `ext4`; empty if that is not known."""
    points = mount_points() or {}
    return points.get(mount_of(os.path.realpath(folder), points), "")


def is_shared(kind: str) -> bool:
    """Return whether other machines may have a file system of this type mounted too.

    Locks and shared memory then count on this machine only, as far as anybody knows.
    """
    return bool(_NETWORK.fullmatch(kind))


def is_mount(path: str, points: Collection[str] | None) -> bool:
    """Return whether something is mounted at a path that has no symlink in it."""
    return is_device(path) if points is None else path in points


def is_device(path: str) -> bool:
    """Return whether another device begins at a path: also a subvolume, which no list has."""
    try:
        return os.lstat(path).st_dev != os.lstat(os.path.dirname(path)).st_dev
    except OSError:
        return False


def mount_of(path: str, points: Collection[str] | None) -> str:
    """Return the mount point that a path which has no symlink in it lies below, or is."""
    while path != os.path.dirname(path) and not (is_mount(path, points) or is_device(path)):
        path = os.path.dirname(path)
    return path


def _plain(text: bytes) -> bytes:
    """Blanks and the like are written as octal numbers."""
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), text)
