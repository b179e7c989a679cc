"""What is in the cache, for readers outside of any working tree: opened, or as files to read."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gitmodel.cache import Cache
from gitmodel.digest import (
    algorithm_of,
    digest_file,
    fingerprint_to_bytes,
    hex_of,
    oid_to_bytes,
)
from gitmodel.disk import make_folder
from gitmodel.errors import IntegrityError
from gitmodel.hints import command, then
from gitmodel.index import Index, Seen
from gitmodel.locks import locked
from gitmodel.manifest import EXECUTABLE, FILE, Entry
from gitmodel.mounts import is_shared, kind_of
from gitmodel.pointer import Pointer
from gitmodel.progress import silent
from gitmodel.snapshot import Selection
from gitmodel.worktree.opening import is_untouched, pack_stat
from gitmodel.worktree.places import Places
from gitmodel.worktree.plan import Plan, Planner
from gitmodel.worktree.scan import now_if_writable
from gitmodel.worktree.swap import Swap
from gitmodel.worktree.write import Staged, stage
from gitmodel.worktree.writers import is_written


@dataclass(frozen=True, slots=True)
class Item:
    """An artifact or, if `inside` is not empty, what is at that path inside it.

    `entries` are those of the whole artifact, by path.
    """

    artifact: str
    inside: str
    pointer: Pointer
    entries: Mapping[str, Entry]


def open_cached(entry: Entry, cache: Cache, index: Index) -> io.BufferedReader:
    """Open a blob of the cache that was checked against its oid, now or since it last changed.

    Raises `IntegrityError` if it is damaged.
    """
    if cache.packed([entry.oid]):
        return io.BufferedReader(io.BytesIO(cache.read(entry.oid, limit=entry.size)))
    fd = cache.open_loose(entry.oid)
    try:
        _prove(fd, entry, cache, index)
        return open(fd, "rb")
    except BaseException:
        os.close(fd)
        raise


def copy_of(item: Item, cache: Cache, index: Index, *, link: bool) -> Path:
    """Return the path of a read-only copy in the cache, where the blobs must be already.

    What an earlier copy has that is not as it should be is made anew.  With `link` a blob that is a
    file of its own is not copied: it gets a second name.
    """
    whole = item.entries.get("")
    kind = f"-{whole.type}" if whole else ""
    root = cache.root / "copies" / f"{hex_of(item.pointer.oid)[:32]}{kind}"
    path = root / PurePosixPath(item.artifact).name
    make_folder(root)
    with locked(cache.root / "copies" / "lock"):
        file = whole if link and whole and whole.type == FILE else None
        if not file or not _link(file, path, cache, index):
            _unlink(path)
            _materialise(root, item, cache, index)
    return path / item.inside


def _unlink(path: Path) -> None:
    """Take a second name away from a blob: who writes to it would change the cache."""
    with suppress(FileNotFoundError):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
            path.unlink()


def _materialise(root: Path, item: Item, cache: Cache, index: Index) -> None:
    """Write what is not there as it should be, protect it, and have it checked."""
    plan = _compare(root, item, cache, index)
    if plan.change.writes or plan.change.removals:
        with Places(root, cache.scratch, cache.root) as places:
            staged = stage(root, plan.change, cache, places, silent)
            _protect(staged)
            Swap(root, cache, places, force=True).apply(plan.change, staged)
        plan = _compare(root, item, cache, index)
    if plan.change.writes:
        raise IntegrityError(
            f"the copy in {str(root)!r} is not what was written", hint="gitmodel doctor"
        )
    if plan.fresh:
        index.record(str(root), plan.artifacts, plan.fresh)


def _compare(root: Path, item: Item, cache: Cache, index: Index) -> Plan:
    name = PurePosixPath(item.artifact).name
    planner = Planner(root, cache, index, silent)
    selection = Selection(name, (item.inside,) if item.inside else ())
    planner.compare(selection, item.entries, {}, algorithm_of(item.pointer.oid))
    return planner.plan


def _protect(staged: Iterable[Staged]) -> None:
    """Take away the right to write to files."""
    for unit in staged:
        for write, _ in unit.writes:
            if write.entry.type in (FILE, EXECUTABLE):
                target = unit.temporary + write.path[len(unit.path) :]
                os.chmod(target, os.stat(target).st_mode & 0o555)


def _prove(fd: int, entry: Entry, cache: Cache, index: Index) -> None:
    """Check a blob against its oid, unless the index knows that it did not change since."""
    place, key = str(cache.root), oid_to_bytes(entry.oid)
    stamp, packed = now_if_writable(cache.scratch), pack_stat(os.fstat(fd))
    row = index.seen(place, entry.oid).get(entry.oid)
    if row and row.oid == key and is_untouched(row, packed):
        return
    written = is_written(fd) and not is_shared(kind_of(cache.root))
    digests = digest_file(fd, algorithm_of(entry.oid))
    os.lseek(fd, 0, os.SEEK_SET)
    if digests.oid != entry.oid or digests.size != entry.size:
        raise IntegrityError(
            f"blob {entry.oid} in the cache is damaged: its bytes are not those its name says",
            hint=then(command("rm -f {}", str(cache.loose_path(entry.oid))), "try again"),
        )
    if stamp and not written:
        fingerprint = fingerprint_to_bytes(digests.fingerprint)
        index.record(place, [], [Seen(entry.oid, packed, stamp, key, fingerprint)])


def _link(entry: Entry, path: Path, cache: Cache, index: Index) -> bool:
    """Give a blob that is a file of its own a second name; return False where that cannot be."""
    if cache.packed([entry.oid]):
        return False
    fd = cache.open_loose(entry.oid)
    try:
        if not path.exists() or not os.path.samestat(path.stat(), os.fstat(fd)):
            path.unlink(missing_ok=True)
            os.link(cache.loose_path(entry.oid), path)
        _prove(fd, entry, cache, index)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True
