"""How an artifact becomes what a manifest says, wholly or not at all.

Every new file is written and checked in a scratch folder first; only then is anything moved.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from gitmodel.cache import SMALL, Cache
from gitmodel.digest import fingerprint_of, fingerprint_to_bytes, oid_to_bytes
from gitmodel.disk import write_all
from gitmodel.errors import DiskError, IntegrityError
from gitmodel.hints import command
from gitmodel.index import Seen
from gitmodel.manifest import EXECUTABLE, FOLDER, LINK, Entry
from gitmodel.pack import Placed
from gitmodel.paths import MAX_PATH, POINTER_SUFFIX
from gitmodel.progress import Meter, Progress
from gitmodel.scratch import Scratch
from gitmodel.words import human
from gitmodel.worktree.content import check_link
from gitmodel.worktree.opening import ctime_in, look, only_renamed, pack_stat
from gitmodel.worktree.places import Places
from gitmodel.worktree.scan import now

_TICK, _TICKS = 0.001, 50
_LONG = 2000
"""Bytes of a path from which no folder is staged as a whole: its path would get too long."""


class Write(NamedTuple):
    """An entry of the artifact at `artifact` that is to be written."""

    artifact: str
    entry: Entry

    @property
    def path(self) -> str:
        """The path relative to the working tree."""
        return f"{self.artifact}/{self.entry.path}".rstrip("/")


class Compared(NamedTuple):
    """Something that was compared, and may go: its packed stat and its digest.

    `sure`: whoever changes it later changes its stat too.  What is not `saved` elsewhere goes only
    by force, and is kept.
    """

    stat: bytes
    oid: str
    sure: bool
    saved: bool = True


@dataclass(slots=True)
class Change:
    """What is to be done: entries to write, and paths to remove, files and empty folders.

    `compared` is what is there now, by path; folders are not in it.
    """

    writes: list[Write] = field(default_factory=list)
    removals: list[str] = field(default_factory=list)
    compared: dict[str, Compared] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """How much is to be written."""
        return sum(write.entry.size for write in self.writes)


@dataclass(slots=True)
class Staged:
    """Something finished that only needs its name: a file, or a folder with all below it."""

    temporary: str
    path: str
    writes: list[tuple[Write, bytes]] = field(default_factory=list)


def check_room(root: Path, change: Change, places: Places) -> None:
    """Raise `DiskError` if what is to be written does not fit on the disks it goes to."""
    needed: dict[Path, int] = {}
    first: dict[Path, Path] = {}
    for write in change.writes:
        disk = places.at(write.path).scratch.path
        needed[disk] = needed.get(disk, 0) + write.entry.size
        first.setdefault(disk, (root / write.path).parent)
    for disk, size in needed.items():
        free = shutil.disk_usage(disk).free
        if size > free:
            raise DiskError(
                f"{human(size)} are needed in {str(first[disk])!r}, {human(free)} are free",
                hint="make room, then try again",
            )


def stage(
    root: Path, change: Change, cache: Cache, places: Places, progress: Progress
) -> list[Staged]:
    """Write everything to scratch folders, checked; change nothing in the working tree.

    Raises `IntegrityError` or `MissingError` if a blob is damaged or not in the cache.
    """
    packed = cache.places(w.entry.oid for w in change.writes if w.entry.size < SMALL)
    gone = _Missing(root, set(change.removals))
    staged: dict[str, Staged] = {}
    made: set[str] = set()
    meter = Meter(progress, "checkout", change.bytes)
    for write in sorted(change.writes, key=lambda write: _place_order(write, packed)):
        top = gone.top(write)
        unit = staged.get(top)
        if unit is None:
            unit = staged[top] = Staged(str(places.at(top).scratch.new_path()), top)
        target = unit.temporary + write.path[len(top) :]
        folder = target.rpartition("/")[0]
        if target != unit.temporary and folder not in made:
            os.makedirs(folder, exist_ok=True)
            made.add(folder)
        placed = packed.get(write.entry.oid)
        if placed:
            meter.add(write.entry.size)
        unit.writes.append((write, _write(write, target, placed, cache, meter)))
    # A folder comes before what goes into it.
    return sorted(staged.values(), key=lambda unit: unit.path)


def rows(root: Path, staged: Iterable[Staged], places: Places) -> list[Seen]:
    """Return what the index should remember of files that were just put in place."""
    found: list[tuple[Write, bytes]] = []
    newest = 0
    for unit in staged:
        for write, before in unit.writes:
            if write.entry.type in (LINK, FOLDER):
                continue
            status = look(root, write.path) if write.path == unit.path else None
            packed = pack_stat(status) if status else before
            if only_renamed(before, packed):
                found.append((write, packed))
                newest = max(newest, ctime_in(packed))
    stamp = stamp_after(newest, places.at("").scratch) if found else 0
    return [
        Seen(
            write.path,
            packed,
            stamp,
            oid_to_bytes(write.entry.oid),
            fingerprint_to_bytes(write.entry.fingerprint),
        )
        for write, packed in found
    ]


def _place_order(write: Write, packed: Mapping[str, Placed]) -> tuple[str, int, str]:
    """Read packs from front to back."""
    placed = packed.get(write.entry.oid)
    return (placed.pack, placed.entry.offset, "") if placed else ("", 0, write.path)


class _Missing:
    """Knows from which folder on a path's folders are not there yet."""

    def __init__(self, root: Path, removals: set[str]) -> None:
        self._root = root
        self._removals = removals
        self._tops: dict[str, str | None] = {"": None}

    def top(self, write: Write) -> str:
        """Return the topmost folder of an artifact's file that is missing, or the file's path.

        Never one above the artifact: Git may make those meanwhile, for the pointer.
        """
        path = write.path
        if len(os.fsencode(path)) > _LONG:
            return path
        return max(self._top(path.rpartition("/")[0]) or path, write.artifact, key=len)

    def _top(self, folder: str) -> str | None:
        if folder not in self._tops:
            above = self._top(folder.rpartition("/")[0])
            self._tops[folder] = above or (None if self._is_folder(folder) else folder)
        return self._tops[folder]

    def _is_folder(self, folder: str) -> bool:
        status = look(self._root, folder)
        if status is None or folder in self._removals:
            return False
        if not stat.S_ISDIR(status.st_mode):
            what = "a symlink" if stat.S_ISLNK(status.st_mode) else "a file"
            raise IntegrityError(
                f"{folder!r} is {what} where a folder should be",
                hint=command("mv {} ANOTHER_NAME", folder),
            )
        return True


def _write(write: Write, target: str, placed: Placed | None, cache: Cache, meter: Meter) -> bytes:
    """Write one entry; return its packed stat, or nothing for what has no content of its own."""
    entry = write.entry
    if entry.type == FOLDER:
        os.makedirs(target, exist_ok=True)
        return b""
    if entry.type == LINK:
        data = cache.read_packed(placed) if placed else cache.read(entry.oid, limit=MAX_PATH)
        if (len(data), fingerprint_of(data)) != (entry.size, entry.fingerprint):
            raise _untrue(write)
        check_link(entry.path, data, write.artifact)
        _link(data, target, write.path)
        return b""
    mode = 0o777 if entry.type == EXECUTABLE else 0o666
    fd = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        if placed:
            data = cache.read_packed(placed)
            write_all(fd, data)
            found = fingerprint_of(data)
        else:
            found = cache.copy_loose(entry.oid, fd, meter).fingerprint
        status = os.fstat(fd)
    finally:
        os.close(fd)
    if (status.st_size, found) != (entry.size, entry.fingerprint):
        raise _untrue(write)
    return pack_stat(status)


def _link(data: bytes, target: str, path: str) -> None:
    try:
        os.symlink(data, os.fsencode(target))
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOSYS, errno.ENOTSUP):
            raise
        raise DiskError(
            f"{path!r} is a symlink, and the disk that it goes to has none",
            hint="use a version without it, or another disk",
        ) from error


def _untrue(write: Write) -> IntegrityError:
    pointer = f"{write.artifact}{POINTER_SUFFIX}"
    return IntegrityError(
        f"{pointer!r} is not true: size or fingerprint of {write.path!r} are not those of its blob",
        hint=command("git log -p -- {}", pointer),
    )


def stamp_after(newest: int, scratch: Scratch) -> int:
    """Wait until the file system's clock has moved on, one tick at most; return its time."""
    stamp = now(scratch)
    for _ in range(_TICKS):
        if stamp > newest:
            break
        time.sleep(_TICK)
        stamp = now(scratch)
    return stamp
