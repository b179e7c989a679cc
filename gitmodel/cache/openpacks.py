"""Reads local packs."""

from __future__ import annotations

import os
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from gitmodel.disk import OPEN_FILE
from gitmodel.encoding import RAW
from gitmodel.errors import CacheError, IntegrityError, MissingError
from gitmodel.pack import CHUNK, TRAILER_SIZE, Placed, Stored, parse_table, table_span
from gitmodel.stream import SECTOR, DirectReader, Memory, new_memory, will_read

_OPEN_PACKS = 32
_AHEAD = 4 << 20
_GAP = 256 << 10
_SPANS_AHEAD = 2


class Span(NamedTuple):
    """Blobs that lie near each other in a pack, and the memory that they were read into.

    With the oid of each; nobody checked them yet.  `run` is all of the blobs at once, if nothing
    lies between.
    """

    blobs: list[tuple[str, memoryview]]
    memory: memoryview
    run: memoryview | None


class OpenPacks:
    """The packs that are open for reading, the most recently used ones.

    Who reads one payload after the other, or nearly so, is given them from a window that is read
    ahead: twenty thousand small reads of a disk take ten times as long as a few large ones.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: OrderedDict[str, int] = OrderedDict()
        self._memory = self._window = memoryview(b"")
        self._pack, self._start, self._next = "", 0, 0

    def read(self, placed: Placed) -> bytes:
        """Return a payload; raise `IntegrityError` if the pack ends before it does."""
        entry = placed.entry
        data = self._read(placed.pack, entry.offset, entry.stored)
        if len(data) != entry.length or entry.encoding != RAW:
            raise _cut_short(placed.pack)
        return data

    def _read(self, pack: str, offset: int, length: int) -> bytes:
        if not length:
            return b""
        if pack != self._pack:
            self._pack, self._window, self._next = pack, memoryview(b""), 0
        at = offset - self._start
        if not 0 <= at <= at + length <= len(self._window):
            follows = 0 <= offset - self._next <= _GAP
            ahead = max(length, _AHEAD) if follows else length
            self._fill(self._descriptor(pack), offset, ahead)
            at = 0
        self._next = offset + length
        return bytes(self._window[at : at + length])

    def _fill(self, fd: int, offset: int, length: int) -> None:
        """Read the window anew; what it lies in stays, for new memory is expensive."""
        if length > len(self._memory):
            self._memory = new_memory(max(length, _AHEAD))
        if length >= _AHEAD:
            will_read(fd, offset + length, 2 * _AHEAD)
        count = os.preadv(fd, [self._memory[:length]], offset)
        self._start, self._window = offset, self._memory[:count]

    def spans(self, places: Iterable[Placed], memory: Memory) -> Iterator[Span]:
        """Yield payloads from front to back, many at a time, none of them longer than a megabyte.

        They are read a little ahead, by another thread.  Raises `IntegrityError` if a pack ends
        before they do.
        """
        ahead: deque[Future[Span]] = deque()
        with closing(_Reader(self._folder, memory)) as reader, ThreadPoolExecutor(1) as thread:
            for group in _near(places, memory.size - 2 * SECTOR):
                ahead.append(thread.submit(reader.read, group))
                if len(ahead) > _SPANS_AHEAD:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def close(self) -> None:
        """Close all packs; they are opened again when they are needed."""
        self._pack = ""
        while self._open:
            os.close(self._open.popitem()[1])

    def _descriptor(self, name: str) -> int:
        if name in self._open:
            self._open.move_to_end(name)
            return self._open[name]
        fd = self._open[name] = open_pack(self._folder, name)
        if len(self._open) > _OPEN_PACKS:
            os.close(self._open.popitem(last=False)[1])
        return fd


class _Reader:
    """Reads groups of payloads past the page cache: most were written so, and are read once."""

    def __init__(self, folder: Path, memory: Memory) -> None:
        self._folder, self._memory = folder, memory
        self._pack, self._fd = "", -1

    def read(self, group: Sequence[Placed]) -> Span:
        """Read one group, all of a pack."""
        pack = group[0].pack
        if pack != self._pack:
            self.close()
            self._fd, self._pack = open_pack(self._folder, pack), pack
            self._file = DirectReader(self._fd)
        start, end = _extent(group)
        start -= start % SECTOR
        piece = self._memory.take()
        if self._file.read(piece[: end - start + -(end - start) % SECTOR], start) < end - start:
            raise _cut_short(pack)
        blobs, size = [], 0
        for _, entry in group:
            at = entry.offset - start
            blobs.append((entry.oid, piece[at : at + entry.length]))
            size += entry.length
        first = group[0].entry.offset - start
        run = piece[first : end - start] if size == end - start - first else None
        return Span(blobs, piece, run)

    def close(self) -> None:
        """Close the pack that is open."""
        fd, self._pack, self._fd = self._fd, "", -1
        if fd >= 0:
            os.close(fd)


def read_table(path: Path) -> tuple[Stored, ...]:
    """Return the entries of a local pack; raise `IntegrityError` if it is not one."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(size - TRAILER_SIZE, 0))
        trailer = file.read()
        offset, length = table_span(trailer, size)
        file.seek(offset)
        entries = parse_table(file.read(length), trailer)
    if any(entry.encoding != RAW or entry.kind != CHUNK for entry in entries):
        raise IntegrityError("a pack of the cache holds something else than plain blobs")
    return entries


def _near(places: Iterable[Placed], most: int) -> Iterator[list[Placed]]:
    """Yield the payloads of packs in groups that one read of at most `most` bytes brings."""
    group: list[Placed] = []
    for placed in sorted(places, key=place_order):
        entry = placed.entry
        if group:
            first, last = group[0], group[-1]
            follows = entry.offset - last.entry.offset - last.entry.stored <= _GAP
            fits = entry.offset + entry.stored - first.entry.offset <= most
            if not (placed.pack == first.pack and follows and fits):
                yield group
                group = []
        group.append(placed)
    if group:
        yield group


def place_order(placed: Placed) -> tuple[str, int, int]:
    """Order payloads as they lie; an empty one comes before what begins where it does."""
    return placed.pack, placed.entry.offset, placed.entry.stored


def _extent(group: Sequence[Placed]) -> tuple[int, int]:
    """Return where a group begins in its pack, and where it ends."""
    last = group[-1].entry
    return group[0].entry.offset, last.offset + last.stored


def open_pack(folder: Path, name: str) -> int:
    """Return a descriptor of a pack; raise `MissingError` if it is gone."""
    try:
        return os.open(folder / f"{name}.pack", OPEN_FILE)
    except FileNotFoundError as error:
        raise MissingError(f"pack {name} has gone from the cache", hint="gitmodel fetch") from error


def _cut_short(pack: str) -> CacheError:
    return CacheError(f"pack {pack} in the cache is cut short", hint="gitmodel verify")
