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
_POINT, _MORE = 4, 6
"""The field of a line that has the mount point; the type stands behind a dash after some more, see
proc(5)."""
_NETWORK = {
    *("nfs", "cifs", "smb", "smbfs", "afs", "ceph", "coda", "ncpfs", "9p", "virtiofs", "vboxsf"),
    *("prl_fs", "vmhgfs", "lustre", "gpfs", "beegfs", "glusterfs", "gfs", "ocfs", "orangefs"),
    *("pvfs", "acfs"),
}
"""Types of file systems, without the number of a version."""
_OWN_FUSE = tuple(f"fuse.{name}" for name in ("exfat", "ntfs", "ext2", "ext3", "ext4", "gocryptfs"))
"""How the types begin that a program serves from a disk of this machine."""


def mount_points() -> dict[str, str] | None:
    """Return the types of all mounts by their real paths, or None where none are listed.

    Of two mounts at one place the last one counts.
    """
    try:
        lines = _LIST.read_bytes().splitlines()
    except OSError:
        return None
    fields = [line.split(b" ") for line in lines]
    return {
        os.fsdecode(_plain(each[_POINT])): os.fsdecode(each[each.index(b"-", _MORE) + 1])
        for each in fields
    }


def kind_of(folder: Path) -> str:
    """Return the type of a folder's file system, such as `ext4`; empty if that is not known."""
    points = mount_points() or {}
    return points.get(mount_of(os.path.realpath(folder), points), "")


def is_shared(kind: str) -> bool:
    """Return whether other machines may have a file system of this type mounted too.

    Locks and shared memory then count on this machine only, as far as anybody knows.
    """
    if kind.startswith("fuse."):
        return not kind.startswith(_OWN_FUSE)
    return kind.rstrip("0123456789") in _NETWORK


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
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), text)
