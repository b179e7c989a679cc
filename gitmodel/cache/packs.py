"""Local packs: many small blobs in one file, and the thread that writes them."""

from __future__ import annotations

import mmap
import os
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from gitmodel.atomic import Scratch
from gitmodel.digest import Digests
from gitmodel.encoding import RAW
from gitmodel.errors import IntegrityError, MissingError
from gitmodel.pack import (
    CHUNK,
    TRAILER_SIZE,
    Placed,
    Stored,
    format_table,
    parse_table,
    table_span,
)
from gitmodel.stream import SECTOR, BlockFile

PACK_SIZE = 64 << 20
"""Bytes of blobs after which a pack is closed."""

_BUFFER = 4 << 20
_BUFFERS = 4
_OPEN_PACKS = 32
_AHEAD = 4 << 20
_GAP = 256 << 10
_READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Finished(NamedTuple):
    """A pack that is written and synced, and only lacks its name."""

    path: Path
    name: str
    entries: Sequence[Stored]


class _Batch(NamedTuple):
    """Bytes that come next in a pack, and the entries that they bring; `last` closes the pack."""

    buffer: memoryview
    length: int
    entries: Sequence[Stored]
    last: bool


class PackWriter:
    """Writes small blobs to packs.

    They are read straight into buffers, which a thread of its own writes as they are.  A disk
    takes only whole sectors, from the start of a page: what is left of a buffer behind the last
    one starts the next.  `known` returns which blobs need not be written.
    """

    def __init__(self, scratch: Scratch, known: Callable[[Sequence[str]], set[str]]) -> None:
        self._known = known
        self._thread = _WriterThread(scratch)
        self._buffer = memoryview(b"")
        self._filled = 0
        self._before = 0
        self._entries: list[Stored] = []
        self._empty = True

    def room(self, size: int) -> memoryview:
        """Return `size` bytes to read a blob into, for `keep` to take or to be reused."""
        if self._filled + size > len(self._buffer):
            self._flush()
        if not self._buffer:
            self._buffer = self._thread.buffer()
        return self._buffer[self._filled : self._filled + size]

    def keep(self, digests: Digests) -> None:
        """Add the blob at the start of what `room` returned."""
        oid, fingerprint, size = digests
        offset = self._before + self._filled
        self._entries.append(Stored(oid, fingerprint, CHUNK, RAW, size, offset, size))
        self._filled += size

    def close(self) -> list[Finished]:
        """Return the packs, each finished and synced, when all of them are."""
        try:
            self._flush(last=True)
        except BaseException:
            self.abandon()
            raise
        return self._thread.close()

    def abandon(self) -> None:
        """Drop everything."""
        self._thread.abandon()

    def _flush(self, *, last: bool = False) -> None:
        known = self._known([entry.oid for entry in self._entries])
        if known:
            self._drop(known)
        self._empty = self._empty and not self._entries
        if self._empty:
            return
        last = last or self._before + self._filled >= PACK_SIZE
        length = self._filled if last else self._filled - self._filled % SECTOR
        rest = bytes(self._buffer[length : self._filled])
        self._thread.put(_Batch(self._buffer, length, self._entries, last))
        self._before = 0 if last else self._before + length
        self._buffer, self._filled, self._entries, self._empty = memoryview(b""), 0, [], last
        if rest:
            self._buffer = self._thread.buffer()
            self._buffer[: len(rest)] = rest
            self._filled = len(rest)

    def _drop(self, known: set[str]) -> None:
        """Take blobs out of the buffer; those behind them move up."""
        entries, self._entries = self._entries, []
        self._filled = entries[0].offset - self._before
        for entry in entries:
            if entry.oid not in known:
                start = entry.offset - self._before
                room = self._buffer[self._filled : self._filled + entry.length]
                if start != self._filled:
                    room[:] = self._buffer[start : start + entry.length]
                self.keep(Digests(entry.oid, entry.fingerprint, entry.length))


class _WriterThread:
    """Writes batches to packs, and lends the buffers that they lie in."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._finished: list[Finished] = []
        self._lent = 0
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._failed: list[BaseException] = []
        self._abandoned = False

    def buffer(self) -> memoryview:
        """Return a buffer for a batch, when one is free; it starts a page."""
        if self._lent < _BUFFERS:
            self._lent += 1
            return memoryview(mmap.mmap(-1, _BUFFER))
        return self._free.get()

    def put(self, batch: _Batch) -> None:
        """Take a buffer back, to be written; raises an earlier failure."""
        if self._failed:
            raise self._failed[0]
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="packer")
            self._thread.start()
        self._full.put(batch)

    def close(self) -> list[Finished]:
        """Wait until everything is written."""
        self._stop()
        if self._failed:
            raise self._failed[0]
        return self._finished

    def abandon(self) -> None:
        """Drop everything."""
        self._abandoned = True
        self._stop()

    def _stop(self) -> None:
        if self._thread is not None:
            self._full.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        pack: _PackFile | None = None
        while (batch := self._full.get()) is not None:
            try:
                if not self._failed and not self._abandoned:
                    pack = pack or _PackFile(self._scratch)
                    pack.append(batch)
                    if batch.last:
                        # Whatever becomes of it, it is closed then.
                        done, pack = pack, None
                        self._finished.append(done.seal())
            except BaseException as error:  # noqa: BLE001 - raised again on the caller's thread
                self._failed.append(error)
            if len(batch.buffer):
                self._free.put(batch.buffer)
        if pack is not None:
            pack.abandon()


class _PackFile:
    """A pack that is being written to the scratch folder."""

    def __init__(self, scratch: Scratch) -> None:
        self._fd, self._path = scratch.new_file()
        self._file = BlockFile(self._fd, durable=True)
        self._hash = blake3()
        self._entries: list[Stored] = []

    def append(self, batch: _Batch) -> None:
        """Write what comes next."""
        data = batch.buffer[: batch.length]
        whole = batch.length - batch.length % SECTOR
        self._hash.update(data)
        self._file.write_block(data[:whole])
        self._file.write(data[whole:])
        self._entries += batch.entries

    def seal(self) -> Finished:
        """Write the table and sync."""
        try:
            table = format_table(self._entries)
            self._hash.update(table)
            self._file.write(table)
            self._file.finish()
            os.fchmod(self._fd, 0o444)
            os.fsync(self._fd)
        finally:
            os.close(self._fd)
        return Finished(self._path, self._hash.hexdigest(), self._entries)

    def abandon(self) -> None:
        """Remove what was written."""
        os.close(self._fd)
        self._path.unlink(missing_ok=True)


class OpenPacks:
    """The packs that are open for reading, the most recently used ones.

    Who reads one payload after the other, or nearly so, is given them from a window that is read
    ahead: twenty thousand small reads of a disk take ten times as long as a few large ones.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: OrderedDict[str, int] = OrderedDict()
        self._window = memoryview(b"")
        self._pack, self._start, self._next = "", 0, 0

    def read(self, placed: Placed) -> bytes:
        """Return a payload; raise `IntegrityError` if the pack ends before it does."""
        entry = placed.entry
        data = self._read(placed.pack, entry.offset, entry.stored)
        if len(data) != entry.length or entry.encoding != RAW:
            raise IntegrityError(
                f"pack {placed.pack} in the cache is cut short", hint="gitmodel verify"
            )
        return data

    def _read(self, pack: str, offset: int, length: int) -> bytes:
        if pack != self._pack:
            self._pack, self._window, self._next = pack, memoryview(b""), 0
        at = offset - self._start
        if not 0 <= at <= at + length <= len(self._window):
            follows = 0 <= offset - self._next <= _GAP
            ahead = max(length, _AHEAD) if follows else length
            self._window = memoryview(os.pread(self._descriptor(pack), ahead, offset))
            self._start, at = offset, 0
        self._next = offset + length
        return bytes(self._window[at : at + length])

    def close(self) -> None:
        """Close all packs; they are opened again when they are needed."""
        self._pack = ""
        while self._open:
            os.close(self._open.popitem()[1])

    def _descriptor(self, name: str) -> int:
        if name in self._open:
            self._open.move_to_end(name)
            return self._open[name]
        try:
            fd = os.open(self._folder / f"{name}.pack", _READ_FLAGS)
        except FileNotFoundError as error:
            raise MissingError(
                f"pack {name} has gone from the cache", hint="gitmodel fetch"
            ) from error
        self._open[name] = fd
        if len(self._open) > _OPEN_PACKS:
            os.close(self._open.popitem(last=False)[1])
        return fd


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
