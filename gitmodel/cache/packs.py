"""Writes local packs: many small blobs in one file, on a thread of its own."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from gitmodel.digest import Digests
from gitmodel.disk import seal
from gitmodel.encoding import RAW
from gitmodel.pack import CHUNK, Stored, format_table
from gitmodel.scratch import Scratch
from gitmodel.stream import BlockFile

PACK_SIZE = 16 << 20
"""Bytes of blobs after which a pack is closed: as on a remote, which may take it as it is."""

_BATCH = 4 << 20
"""Bytes of blobs that are written at once."""
_WAITING = 4


class Finished(NamedTuple):
    """A pack that is written and synced, and only lacks its name."""

    path: Path
    name: str
    entries: Sequence[Stored]


class _Batch(NamedTuple):
    """Blobs back to back, their digests, and what to call when they are written."""

    data: bytes | memoryview
    digests: Sequence[Digests]
    free: Callable[[], None]


class PackWriter:
    """Writes small blobs to packs, on a thread of its own.

    `known` returns which blobs need not be written; nor is one written twice.
    """

    def __init__(self, scratch: Scratch, known: Callable[[Sequence[str]], set[str]]) -> None:
        self._known = known
        self._written: set[str] = set()
        self._thread = _WriterThread(scratch)
        self._parts: list[bytes] = []
        self._digests: list[Digests] = []
        self._size = 0

    def add(self, data: bytes | memoryview, digests: Digests) -> None:
        """Add one blob."""
        self._parts.append(bytes(data))
        self._digests.append(digests)
        self._size += len(data)
        if self._size >= _BATCH:
            self._flush()

    def add_all(
        self, data: memoryview, digests: Sequence[Digests], free: Callable[[], None]
    ) -> None:
        """Add blobs that lie back to back; `data` must not change until `free` is called."""
        oids = {each.oid for each in digests}
        known = self._known(list(oids)) | (oids & self._written)
        if not known and len(oids) == len(digests):
            self._written |= oids
            self._thread.put(_Batch(data, digests, free))
            return
        parts, rest = [], []
        start = 0
        for each in digests:
            if each.oid not in known:
                known.add(each.oid)
                parts.append(data[start : start + each.size])
                rest.append(each)
            start += each.size
        self._written |= known
        whole = b"".join(parts)
        free()
        if rest:
            self._thread.put(_Batch(whole, rest, _nothing))

    def close(self) -> list[Finished]:
        """Return the packs, each finished and synced, when all of them are."""
        try:
            self._flush()
        except BaseException:
            self.abandon()
            raise
        return self._thread.close()

    def abandon(self) -> None:
        """Drop everything."""
        self._thread.abandon()

    def _flush(self) -> None:
        data, digests = b"".join(self._parts), self._digests
        self._parts, self._digests, self._size = [], [], 0
        if digests:
            self.add_all(memoryview(data), digests, _nothing)


class _WriterThread:
    """Writes batches to packs."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._finished: list[Finished] = []
        self._batches: queue.Queue[_Batch | None] = queue.Queue(_WAITING)
        self._pack: _PackFile | None = None
        self._thread: threading.Thread | None = None
        self._failed: list[BaseException] = []
        self._abandoned = False

    def put(self, batch: _Batch) -> None:
        """Take a batch, to be written; raises an earlier failure."""
        if self._failed:
            raise self._failed[0]
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="packer", daemon=True)
            thread.start()
            # Only now: a signal may come in between, and what never began cannot be waited for.
            self._thread = thread
        self._batches.put(batch)

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
            self._batches.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (batch := self._batches.get()) is not None:
            self._try(self._append, batch)
            batch.free()
        self._try(self._finish)

    def _try(self, step: Callable[..., None], *batch: _Batch) -> None:
        """Take a step; what goes wrong is raised again on the caller's thread."""
        try:
            step(*batch)
        except BaseException as error:  # noqa: BLE001 - a thread has nobody else to tell
            self._failed.append(error)

    def _append(self, batch: _Batch) -> None:
        if self._failed or self._abandoned:
            return
        self._pack = self._pack or _PackFile(self._scratch)
        if self._pack.append(batch) >= PACK_SIZE:
            self._seal(self._pack)

    def _seal(self, pack: _PackFile) -> None:
        # Whatever becomes of it, it is closed then.
        self._pack = None
        self._finished.append(pack.seal())

    def _finish(self) -> None:
        if self._pack and (self._failed or self._abandoned):
            self._pack.abandon()
        elif self._pack:
            self._seal(self._pack)


class _PackFile:
    """A pack that is being written to the scratch folder."""

    def __init__(self, scratch: Scratch) -> None:
        self._fd, self._path = scratch.new_file()
        self._file = BlockFile(self._fd, durable=True)
        self._hash = blake3()
        self._entries: list[Stored] = []
        self._size = 0

    def append(self, batch: _Batch) -> int:
        """Write what comes next; return how many bytes of blobs there are now."""
        self._hash.update(batch.data)
        self._file.write(batch.data)
        for oid, fingerprint, size in batch.digests:
            self._entries.append(Stored(oid, fingerprint, CHUNK, RAW, size, self._size, size))
            self._size += size
        return self._size

    def seal(self) -> Finished:
        """Write the table and sync."""
        try:
            table = format_table(self._entries)
            self._hash.update(table)
            self._file.write(table)
            self._file.finish()
            seal(self._fd)
        finally:
            os.close(self._fd)
        return Finished(self._path, self._hash.hexdigest(), self._entries)

    def abandon(self) -> None:
        """Remove what was written."""
        os.close(self._fd)
        self._path.unlink(missing_ok=True)


def _nothing() -> None:
    pass
