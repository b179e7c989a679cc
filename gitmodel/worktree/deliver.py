"""Puts entries at a path of the user's choice, outside any working tree, wholly or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gitmodel.cache import Cache
from gitmodel.disk import OPEN_FILE, exists_in, make_folder, sync_folder
from gitmodel.errors import ConflictError, IntegrityError
from gitmodel.exchange import exchange_at, rename_new, sync
from gitmodel.manifest import Entry
from gitmodel.progress import Progress
from gitmodel.scratch import BESIDE, TARGET, Scratch, sweep
from gitmodel.worktree.content import matches, read_ahead
from gitmodel.worktree.opening import look, only_renamed, pack_stat
from gitmodel.worktree.places import Places
from gitmodel.worktree.scan import scan
from gitmodel.worktree.swap import Swap
from gitmodel.worktree.write import Change, Write, check_room, stage
from gitmodel.worktree.writers import is_written


def is_there(target: Path, entries: Mapping[str, Entry]) -> bool:
    """Return whether exactly these entries, by path below it, are at `target`: every byte is read.

    The entry of a file has an empty path.
    """
    rest = dict(entries)
    try:
        for found in read_ahead(scan(target.parent, target.name, {})):
            entry = rest.pop(found.path, None)
            if entry is None or not matches(found, entry):
                return False
    except IntegrityError:
        # A device, which no manifest has.
        return False
    return not rest and look(target.parent, target.name) is not None


Stats = Mapping[str, bytes]
"""What `stat` said of all files of something, by path below it."""


def deliver(
    target: Path,
    entries: Mapping[str, Entry],
    cache: Cache,
    progress: Progress,
    old: Stats | None = None,
) -> None:
    """Put entries whose blobs are in the cache at `target`, each checked on the way.

    At any moment there is nothing or the old thing or the whole new one.  Raises `ConflictError`
    if something is there, unless it is `old`.
    """
    with prepared(target, entries, cache, progress) as new:
        if old is None:
            new.put()
        else:
            new.replace(old)


def stats_of(target: Path) -> Stats:
    """Return what `stat` says of a file, or of all that is in a folder; empty for nothing."""
    with suppress(FileNotFoundError, NotADirectoryError):
        status = os.lstat(target)
        if not stat.S_ISDIR(status.st_mode):
            return {"": pack_stat(status)}
    found = {}
    for here, folders, files in os.walk(target):
        for name in (*files, *(each for each in folders if os.path.islink(f"{here}/{each}"))):
            path = os.path.join(here, name)
            found[os.path.relpath(path, target)] = pack_stat(os.lstat(path))
    return found


@dataclass(frozen=True, slots=True)
class Prepared:
    """Something finished that lies beside the place that it is for.

    Of both their folders there is a descriptor, `source` and `folder`, and `path` goes by one:
    nobody can put another thing in their place meanwhile.
    """

    path: Path
    target: Path
    source: int
    folder: int

    def put(self) -> None:
        """Give it its name; raise `ConflictError` if that is taken."""
        sync(self.path)
        self._put()

    def replace(self, old: Stats) -> None:
        """Put it in the place of `old`; raise `ConflictError` if that is not what is there."""
        sync(self.path)
        if not exists_in(self.target.name, self.folder):
            self._put()
            return
        out = self._exchange(self.path.name)
        if not _is_same(self.path.with_name(out), old):
            self._exchange(out)
            raise ConflictError(
                f"{str(self.target)!r} changed while this command was running, or is open for"
                " writing",
                hint="wait until its writer is done, then try again",
            )

    def _exchange(self, new: str) -> str:
        """Put `new` in the place of what is there; return the name of that beside it."""
        if exchange_at(new, self.source, self.target.name, self.folder):
            return new
        out = secrets.token_hex(8)
        os.rename(self.target.name, out, src_dir_fd=self.folder, dst_dir_fd=self.source)
        os.rename(new, self.target.name, src_dir_fd=self.source, dst_dir_fd=self.folder)
        return out

    def _put(self) -> None:
        try:
            rename_new(self.path.name, self.source, self.target.name, self.folder)
        except FileExistsError as taken:
            try:
                if not self.path.is_dir():
                    raise taken
                # Fails for anything but an empty folder.
                self._rename()
            except OSError as error:
                raise ConflictError(
                    f"{str(self.target)!r} has appeared meanwhile", hint="use --force to replace it"
                ) from error

    def _rename(self) -> None:
        name = self.target.name
        os.rename(self.path.name, name, src_dir_fd=self.source, dst_dir_fd=self.folder)


@contextmanager
def prepared(
    target: Path, entries: Mapping[str, Entry], cache: Cache, progress: Progress
) -> Iterator[Prepared]:
    """Write entries beside `target`, each checked; what is left of it in the end is removed.

    Raises `IntegrityError` where everybody may rename what lies beside `target`.
    """
    make_folder(target.parent)
    with ExitStack() as stack:
        folder = stack.enter_context(_opened(target.parent))
        scratch = stack.enter_context(Scratch(Path(), TARGET, folder))
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
        yield Prepared(new, target, stack.enter_context(_opened(root)), folder)
        sync_folder(folder)


def tidy(target: Path) -> None:
    """Remove what a run left beside `target` that was killed after it had delivered."""
    sweep(target.parent, BESIDE)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _is_same(path: Path, old: Stats) -> bool:
    """Return whether something is as it was, and nobody can still write to it."""
    now = stats_of(path)
    if now.keys() != old.keys() or not all(only_renamed(old[name], now[name]) for name in now):
        return False
    return not any(_is_open(path / name if name else path) for name in now)


def _is_open(path: Path) -> bool:
    try:
        fd = os.open(path, OPEN_FILE)
    except OSError:
        return False
    try:
        return stat.S_ISREG(os.fstat(fd).st_mode) and is_written(fd)
    finally:
        os.close(fd)
