"""Sends blobs: cut into chunks, without those that are there, encoded, in packs, then indexed.

One thread reads and cuts, and keeps the order; a pool digests, encodes and sends.  What waits is
bounded, so memory stays flat.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Generic, NamedTuple, TypeVar

from gitmodel.digest import (
    BLAKE3,
    Hasher,
    algorithm_of,
    digest_bytes,
)
from gitmodel.encoding import RAW, Data, encode_all, is_noise
from gitmodel.pack import TRAILER_SIZE, Listed, Piece, Stored, format_recipe
from gitmodel.progress import Meter, Work
from gitmodel.remote.chunking import Batch, Read, cut, windows
from gitmodel.remote.packing import (
    Building,
    Chunk,
    Encoded,
    Ready,
    Spent,
    damaged,
    identified,
)
from gitmodel.remote.packstore import Remote
from gitmodel.stream import Memory

_T = TypeVar("_T")

PACK_SIZE = 16 << 20
"""Bytes of payload after which a pack is sent."""

_BUFFER = PACK_SIZE + (1 << 20)
_SPAN = 4 << 20
_PACKS_PER_INDEX = 16
_BATCHES_IN_FLIGHT = 4
_BATCH_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Sent:
    """What an upload did: bytes that were new before encoding, bytes of packs sent.

    `reused` counts the chunks that were on the remote already.
    """

    blobs: int
    reused: int
    new_bytes: int
    sent_bytes: int


class _Waiting(NamedTuple, Generic[_T]):
    """What the pool will have made of a batch, and the memory that no later batch lies in.

    `run` is all of its chunks at once, if they follow each other there.
    """

    made: Future[list[_T]]
    spent: Spent
    run: memoryview | None = None


class Upload:
    """Sends blobs to a remote; all are there when the `with` block ends without an error."""

    def __init__(self, remote: Remote, total: int, work: Work) -> None:
        self._remote = remote
        self._meter = Meter(work.progress, "push", total)
        self._pool = ThreadPoolExecutor(max(work.jobs, 2), thread_name_prefix="encode")
        # Those that send mostly wait; they must not keep the others from their work.
        self._senders = ThreadPoolExecutor(remote.store.lanes, thread_name_prefix="send")
        self.memory = Memory(_SPAN)
        """What blobs may be read into that are given to `add_all`."""
        self.packs = Memory(PACK_SIZE + 2 * _SPAN)
        """What packs may be read into that are given to `add_pack`."""
        self._buffers = Memory(_BUFFER)
        self._pack = Building(self._buffers)
        self._sending: deque[tuple[Future[tuple[str, int]], Building | Ready]] = deque()
        self._listed: list[Listed] = []
        self._sizes: dict[str, int] = {}
        self._relied: set[str] = set()
        self._fresh: set[str] = set()
        self._small: list[tuple[str, Data]] = []
        self._small_bytes = 0
        self._encoding: deque[_Waiting[Encoded]] = deque()
        self._blobs = self._reused = self._new_bytes = self._sent_bytes = 0

    @cached_property
    def _windows(self) -> Memory:
        # Only now, for a remote that is being made has yet to say how it wants blobs cut.
        return windows(self._remote.chunking)

    def add_small(self, oid: str, data: bytes) -> None:
        """Send a blob as a chunk of its own; raise `IntegrityError` if it is not what it says.

        What is wrong may only show later.
        """
        self._small.append((oid, data))
        self._small_bytes += len(data)
        if self._small_bytes >= _BATCH_BYTES:
            self._flush_small()

    def add_all(
        self, blobs: Sequence[tuple[str, Data]], piece: memoryview, run: memoryview | None
    ) -> None:
        """Send small blobs that the remote lacks: the oid and the bytes of each.

        They lie in a piece of `memory`; `run` is all of them at once, if nothing lies between: it
        need not be copied.  Raises `IntegrityError` if one is not what it says; that may only show
        later.
        """
        self._blobs += len(blobs)
        spent = Spent(self.memory, [piece])
        self._encode([Chunk(oid, "", data) for oid, data in blobs], spent, identified, run=run)

    def add_pack(
        self, name: str, entries: Sequence[Stored], data: memoryview, piece: memoryview
    ) -> None:
        """Send a pack of small blobs that the remote lacks all of, as it is if it is noise.

        It lies in a piece of `packs`, and is what its name says.  Raises `IntegrityError` if a blob
        in it is not; that may only show later.
        """
        chunks = [Chunk(e.oid, "", data[e.offset : e.offset + e.stored]) for e in entries]
        spent = Spent(self.packs, [piece])
        self._blobs += len(chunks)
        oids = {chunk.oid for chunk in chunks}
        if self._fresh.isdisjoint(oids) and is_noise(chunk.data for chunk in chunks):
            size = _bytes_of(chunks)
            self._fresh |= oids
            self._new_bytes += size
            # Not a view: its memory will be another pack's when this one is listed.
            table = bytes(data[size:-TRAILER_SIZE])
            self._send(Ready(name, size, chunks, table, data, spent))
        else:
            self._encode(chunks, spent, identified)

    def add_large(self, oid: str, read: Read, breaks: Sequence[int] = ()) -> None:
        """Send a blob in chunks, cut where its content says so and at `breaks`.

        Raises `IntegrityError` if the bytes are not what `oid` says; nothing then names them.
        """
        self._blobs += 1
        hasher = Hasher(algorithm_of(oid))

        def batches() -> Iterator[Batch]:
            for batch in cut(read, self._remote.chunking, self._windows, breaks):
                for data in batch.chunks:
                    hasher.update(data)
                yield batch

        pieces: list[Piece] = []
        for chunks, spent in self._digested(batches()):
            pieces += [Piece(chunk.oid, len(chunk.data)) for chunk in chunks]
            self._encode(chunks, spent, there=self._there(chunks))
        if hasher.digests().oid != oid:
            raise damaged(oid)
        if [piece.oid for piece in pieces] != [oid]:
            self._drain(0)
            self._pack.append_recipe(oid, format_recipe(pieces))

    def finish(self) -> Sent:
        """Send what is left and publish it."""
        self._flush_small()
        self._drain(0)
        self._close_pack()
        while self._sending:
            self._collect()
        self._publish()
        self._remote.check_packs(self._relied)
        return Sent(self._blobs, self._reused, self._new_bytes, self._sent_bytes)

    def __enter__(self) -> Upload:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if error is not None:
            self._remote.store.abort()
        self._pool.shutdown(cancel_futures=True)
        self._senders.shutdown(cancel_futures=True)

    def _flush_small(self) -> None:
        small, self._small, self._small_bytes = self._small, [], 0
        self._blobs += len(small)
        chunks = [Chunk(oid, "", data) for oid, data in small]
        self._encode(chunks, Spent(self.memory, []), identified, there=self._there(chunks))

    def _there(self, chunks: Sequence[Chunk]) -> Collection[str]:
        """Return which of the chunks the remote has; their packs are relied on."""
        places = self._remote.chunks([chunk.oid for chunk in chunks])
        self._relied.update(placed.pack for placed in places.values())
        return places

    def _digested(self, batches: Iterable[Batch]) -> Iterator[tuple[list[Chunk], Spent]]:
        """Digest the chunks on the pool while the next ones are cut; give on what is spent."""
        waiting: deque[_Waiting[Chunk]] = deque()
        for chunks, pieces in batches:
            spent = Spent(self._windows, pieces)
            waiting.append(_Waiting(self._pool.submit(_digest, chunks), spent))
            if len(waiting) > 1:
                first = waiting.popleft()
                yield first.made.result(), first.spent
        for each in waiting:
            yield each.made.result(), each.spent

    def _encode(
        self,
        chunks: list[Chunk],
        spent: Spent,
        check: Callable[[list[Chunk]], list[Chunk]] | None = None,
        *,
        there: Collection[str] = (),
        run: memoryview | None = None,
    ) -> None:
        """Hand those chunks that are not `there` to the pool; `spent` is free after them.

        `check` returns them if they are what they say.
        """
        oids = {chunk.oid for chunk in chunks}
        new = chunks
        known = not (oids.isdisjoint(there) and oids.isdisjoint(self._fresh))
        if known or len(oids) < len(chunks):
            oids = {oid for oid in oids if oid not in there and oid not in self._fresh}
            new = list({chunk.oid: chunk for chunk in chunks if chunk.oid in oids}.values())
            run = None
        self._fresh |= oids
        self._reused += len(chunks) - len(new)
        self._meter.note = f"{self._reused:,} chunks reused" if self._reused else ""
        fresh = _bytes_of(new)
        self._meter.add(_bytes_of(chunks) - fresh if new is not chunks else 0)
        self._new_bytes += fresh
        self._encoding.append(_Waiting(self._pool.submit(_encode, new, check), spent, run))
        self._drain(_BATCHES_IN_FLIGHT)

    def _drain(self, most: int) -> None:
        """Put encoded chunks into packs, all that are ready, until at most `most` batches wait."""
        while len(self._encoding) > most or (self._encoding and self._encoding[0].made.done()):
            made, spent, run = self._encoding.popleft()
            encoded = made.result()
            if run and all(each.encoding == RAW for each in encoded):
                self._pack.append_run(encoded, run, spent)
                # Half a run too few is nearer than half a run too many.
                if self._pack.size >= PACK_SIZE - _SPAN // 2:
                    self._close_pack()
                continue
            for each in encoded:
                self._pack.append_chunk(each)
                if self._pack.size >= PACK_SIZE:
                    self._close_pack()
            spent.free()

    def _close_pack(self) -> None:
        if self._pack.entries:
            self._send(self._pack)
            self._pack = Building(self._buffers)

    def _send(self, pack: Building | Ready) -> None:
        self._await_lane()
        while self._sending and self._sending[0][0].done():
            self._collect()
        self._sending.append((self._senders.submit(self._put, pack), pack))

    def _await_lane(self) -> None:
        """Wait until one more pack may be sent; what only waits costs memory, and that time."""
        while True:
            busy = [future for future, _ in self._sending if not future.done()]
            if len(busy) < self._remote.store.lanes_now:
                return
            for future in wait(busy, return_when=FIRST_COMPLETED).done:
                future.result()

    def _put(self, pack: Building | Ready) -> tuple[str, int]:
        name, parts = pack.seal()
        size = sum(map(len, parts))
        told = _Told(self._meter, pack.raw, size)
        self._remote.put_pack(name, parts, told)
        told(size)
        pack.free()
        return name, size

    def _collect(self) -> None:
        """Wait for the oldest pack that is being sent."""
        future, pack = self._sending.popleft()
        name, size = future.result()
        self._sent_bytes += size
        self._sizes[name] = size
        self._listed.append(Listed(name, pack.table, tuple(pack.recipes)))
        # At once: if a later pack fails, these need not be sent again.
        if len(self._listed) >= _PACKS_PER_INDEX:
            self._publish()

    def _publish(self) -> None:
        """Publish an index over the packs that are durable, and are seen to be there.

        They are listed in the order in which they were filled, so a recipe never comes before
        its chunks.
        """
        if self._listed:
            self._remote.confirm_packs(self._sizes)
            self._remote.put_index(self._listed)
            self._listed, self._sizes = [], {}


class _Told:
    """Tells a meter how far a pack of `size` bytes is, in terms of its bytes before encoding."""

    def __init__(self, meter: Meter, raw: int, size: int) -> None:
        self._meter, self._raw, self._size = meter, raw, size
        self._done = 0

    def __call__(self, sent: int) -> None:
        done = self._raw * sent // self._size
        # What is sent again was told the first time.
        if done > self._done:
            self._meter.add(done - self._done)
            self._done = done


def _bytes_of(chunks: Iterable[Chunk]) -> int:
    return sum(len(data) for _, _, data in chunks)


def _digest(batch: list[memoryview]) -> list[Chunk]:
    digests = (digest_bytes(data, BLAKE3) for data in batch)
    return [Chunk(d.oid, d.fingerprint, data) for d, data in zip(digests, batch, strict=True)]


def _encode(
    chunks: list[Chunk], check: Callable[[list[Chunk]], list[Chunk]] | None
) -> list[Encoded]:
    checked = check(chunks) if check else chunks
    encoded = encode_all(chunk.data for chunk in checked)
    return [Encoded(chunk, *each) for chunk, each in zip(checked, encoded, strict=True)]
