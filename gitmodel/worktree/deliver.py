"""Puts entries at a path of the user's choice, outside any working tree, wholly or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from gitmodel.atomic import Scratch, fsync_folder, make_folder, publish, sweep
from gitmodel.cache import Cache
from gitmodel.digest import algorithm_of
from gitmodel.errors import ConflictError, IntegrityError
from gitmodel.exchange import exchange, sync
from gitmodel.manifest import FOLDER, Entry
from gitmodel.progress import Progress
from gitmodel.worktree.content import digest_found, read_ahead
from gitmodel.worktree.places import Places
from gitmodel.worktree.scan import look, scan
from gitmodel.worktree.swap import Swap
from gitmodel.worktree.write import Change, Write, check_room, stage


def is_there(target: Path, entries: Mapping[str, Entry]) -> bool:
    """Return whether exactly these entries, by path below it, are at `target`: every byte is read.

    The entry of a file has an empty path.
    """
    rest = dict(entries)
    try:
        for found in read_ahead(scan(target.parent, target.name, {})):
            entry = rest.pop(found.path, None)
            if entry is None or found.type != entry.type:
                return False
            if found.type != FOLDER and found.size != entry.size:
                return False
            if digest_found(found, target.name, algorithm_of(entry.oid)).oid != entry.oid:
                return False
    except IntegrityError:
        # A device, or a symlink that leads out of the folder: nothing that a manifest has.
        return False
    return not rest and look(target.parent, target.name) is not None


def deliver(
    target: Path, entries: Mapping[str, Entry], cache: Cache, progress: Progress, *, force: bool
) -> None:
    """Put entries whose blobs are in the cache at `target`, each checked on the way.

    At any moment there is nothing or the old thing or the whole new one.  Raises `ConflictError`
    if something is there, unless `force`.
    """
    with prepared(target, entries, cache, progress) as new:
        sync(new)
        if force:
            _replace(new, target)
        else:
            _put(new, target)


@contextmanager
def prepared(
    target: Path, entries: Mapping[str, Entry], cache: Cache, progress: Progress
) -> Iterator[Path]:
    """Write entries beside `target`, each checked; what is left of it in the end is removed."""
    make_folder(target.parent)
    with _beside(target) as scratch:
        root = scratch.new_path()
        root.mkdir()
        change = Change([Write(target.name, entry) for entry in entries.values()])
        places = Places(root, scratch, scratch.path)
        check_room(target.parent, change, places)
        staged = stage(root, change, cache, places, progress)
        Swap(root, cache, places, force=False).apply(change, staged)
        new = root / target.name
        if not entries:
            new.mkdir()
        yield new
        fsync_folder(target.parent)


def put(new: Path, target: Path) -> None:
    """Give a prepared file or folder its name; raise `ConflictError` if the name is taken."""
    sync(new)
    _put(new, target)


def tidy(target: Path) -> None:
    """Remove what a run left beside `target` that was killed after it had delivered."""
    folder = _scratch_folder(target)
    sweep(folder)
    # Another process may deliver to the same place.
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def _beside(target: Path) -> Iterator[Scratch]:
    """A scratch folder on the file system of `target`, gone when it is closed."""
    try:
        with Scratch(_scratch_folder(target)) as scratch:
            yield scratch
    finally:
        tidy(target)


def _scratch_folder(target: Path) -> Path:
    return target.with_name(f".{target.name[:60]}.gitmodel-tmp")


def _put(new: Path, target: Path) -> None:
    """Give what is new its name, if the name is free."""
    if not (publish(new, target) if new.is_file() else _move(new, target)):
        raise ConflictError(
            f"{str(target)!r} has appeared meanwhile", hint="use --force to replace it"
        )


def _move(new: Path, target: Path) -> bool:
    try:
        # Fails for anything but nothing, or an empty folder.
        os.rename(new, target)
    except OSError:
        if os.path.lexists(target):
            return False
        raise
    return True


def _replace(new: Path, target: Path) -> None:
    """Put what is new in the place of what is there; what was there is left at `new`."""
    try:
        old = os.lstat(target)
    except FileNotFoundError:
        _put(new, target)
        return
    if new.is_dir() or stat.S_ISDIR(old.st_mode):
        exchange(new, target)
    else:
        os.rename(new, target)
