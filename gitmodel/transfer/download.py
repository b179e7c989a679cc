"""Brings blobs: ranges of packs, coalesced, decoded and checked, into the cache."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

from gitmodel.cache import Cache
from gitmodel.digest import Digests, Hasher, algorithm_of, digest_bytes, oid_of
from gitmodel.encoding import decode
from gitmodel.errors import GitmodelError, IntegrityError, MissingError, NewerError
from gitmodel.hints import command
from gitmodel.manifest import MAX_BYTES
from gitmodel.pack import Piece, Placed, Stored
from gitmodel.progress import Meter, Work
from gitmodel.remote.packstore import Remote
from gitmodel.stream import BlockWriter

_READ_BYTES = 8 << 20
_BATCH = 256 << 20
"""Bytes of small blobs that enter the cache together."""
_KEPT = 32 << 20
"""Bytes of chunks that a blob has several times and that are kept for that, at most."""
_TOLD = 10
_GAP = 256 << 10
"""Bytes between two payloads that are cheaper to read than to skip."""

Result = tuple[bytes | memoryview, Digests] | GitmodelError
"""A payload, decoded and checked, or what was wrong with it."""

_A = TypeVar("_A")
_B = TypeVar("_B")


class Wanted(NamedTuple):
    """A blob that is to be fetched, and the size that Git's pointer or manifest gives it.

    `path` is what it is of, if that is known, for messages.  Nothing gives the size of a manifest,
    but `most` bytes is as long as it can be.
    """

    oid: str
    size: int | None
    path: str = ""
    most: int = MAX_BYTES

    def __str__(self) -> str:
        return f"{self.path!r} ({self.oid})" if self.path else self.oid

    def may_have(self, size: int) -> bool:
        """Return whether so many bytes can be right."""
        return size == self.size if self.size is not None else size <= self.most


@dataclass(frozen=True, slots=True)
class Range:
    """Payloads of one pack that are read together."""

    pack: str
    start: int
    length: int
    places: tuple[Placed, ...]


class Step(NamedTuple):
    """A chunk that comes next: whether it is read, or was kept, and whether it is kept on."""

    placed: Placed
    read: bool
    keep: bool


def download(remote: Remote, wanted: Sequence[Wanted], cache: Cache, work: Work) -> None:
    """Bring blobs that the remote holds into the cache, each checked against its oid.

    What is sound is kept even when something else is not.  Raises `MissingError` if the remote
    lacks one, `IntegrityError` if one is damaged there.
    """
    places = remote.chunks([blob.oid for blob in wanted])
    large = [blob for blob in wanted if blob.oid not in places]
    recipes = remote.recipes([blob.oid for blob in large])
    failed: list[GitmodelError] = []
    lanes = max(work.jobs, remote.store.lanes)
    with ThreadPoolExecutor(lanes, thread_name_prefix="download") as pool:
        task = _Download(remote, cache, pool, work, sum(blob.size or 0 for blob in wanted))
        failed += task.whole([blob for blob in wanted if blob.oid in places], places)
        for blob in large:
            try:
                task.pieces(blob, recipes.get(blob.oid))
            except (IntegrityError, MissingError) as error:
                failed.append(error)
    if failed:
        raise _summary(remote, failed)


class _Download:
    """What a download works with, and how far it is."""

    def __init__(
        self, remote: Remote, cache: Cache, pool: ThreadPoolExecutor, work: Work, total: int
    ) -> None:
        self._remote, self._cache, self._pool = remote, cache, pool
        self._meter = Meter(work.progress, "fetch", total)

    def whole(self, blobs: Iterable[Wanted], places: dict[str, Placed]) -> list[GitmodelError]:
        """Bring blobs that are one chunk each; return what went wrong."""
        failed: list[GitmodelError] = []
        chosen = []
        for blob in blobs:
            if not blob.may_have(places[blob.oid].entry.length):
                failed.append(_wrong_size(self._remote, blob))
            else:
                chosen.append(places[blob.oid])
        chosen.sort(key=lambda placed: (placed.pack, placed.entry.offset))
        for batch in _batches(chosen):
            # They are there when the writer is closed, so that not all is lost when we are killed.
            with self._cache.writer() as writer:
                for result in self._read(batch):
                    if isinstance(result, GitmodelError):
                        failed.append(result)
                    else:
                        writer.add(*result)
        return failed

    def pieces(self, blob: Wanted, pieces: Sequence[Piece] | None) -> None:
        """Put a blob together from its chunks, going on where an earlier attempt ended."""
        pieces = check_pieces(self._remote, blob, pieces)
        found = find_chunks(self._remote, blob.oid, pieces)
        places = [found[piece.oid] for piece in pieces]
        hasher = Hasher(algorithm_of(blob.oid))
        fd, temporary = self._cache.open_partial(blob.oid)
        try:
            done = _resume(fd, [placed.entry for placed in places], hasher)
            self._meter.add(hasher.size)
            with BlockWriter(fd, durable=True) as writer:
                steps = plan_steps(places[done:])
                # Closed here: what it still asks for must not be given up amid the next blob.
                with closing(self._read([step.placed for step in steps if step.read])) as results:
                    for data in self._payloads(steps, results):
                        hasher.update(data)
                        writer.write(data)
            if hasher.digests().oid != blob.oid:
                name = self._remote.name
                raise IntegrityError(f"blob {blob} on remote {name!r} is not what it says")
            self._cache.publish_file(fd, temporary, blob.oid)
        except (IntegrityError, MissingError, OSError):
            # Going on would not help; after anything else, what came so far is of use.
            temporary.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)

    def _payloads(
        self, steps: Sequence[Step], results: Iterator[Result]
    ) -> Iterator[bytes | memoryview]:
        """Yield the payloads in order; raises what went wrong with the first that is not right."""
        kept: dict[str, bytes] = {}
        for placed, read, keep in steps:
            oid = placed.entry.oid
            if read:
                result = next(results)
                if isinstance(result, GitmodelError):
                    raise result
                data = result[0]
            else:
                data = kept.pop(oid)
                self._meter.add(len(data))
            if keep:
                # A view would keep the whole range that it is of.
                kept[oid] = bytes(data)
            yield data

    def _read(self, places: Sequence[Placed]) -> Generator[Result, None, None]:
        """Yield the payloads in order, or in the place of one the error that it met."""
        parts = join_ranges(places)
        ahead = 2 + self._remote.store.lanes
        try:
            for results in _in_order(self._pool, partial(read_range, self._remote), parts, ahead):
                for result in results:
                    if not isinstance(result, GitmodelError):
                        self._meter.add(len(result[0]))
                    yield result
        except BaseException:
            self._remote.store.abort()
            raise


def check_pieces(remote: Remote, blob: Wanted, pieces: Sequence[Piece] | None) -> Sequence[Piece]:
    """Return the chunks that a remote says a blob consists of, if it says so and they can be.

    Raises `MissingError` or `IntegrityError`.
    """
    if pieces is None:
        raise MissingError(
            f"blob {blob} is not on remote {remote.name!r}",
            hint="gitmodel push, in the clone that has the data",
        )
    if not blob.may_have(sum(piece.length for piece in pieces)):
        raise _wrong_size(remote, blob)
    return pieces


def find_chunks(remote: Remote, oid: str, pieces: Iterable[Piece]) -> dict[str, Placed]:
    """Return where the chunks of a blob lie, by oid; raises `MissingError` if one is nowhere."""
    pieces = set(pieces)
    places = remote.chunks([piece.oid for piece in pieces])
    for piece in pieces:
        if piece.oid not in places or places[piece.oid].entry.length != piece.length:
            raise MissingError(
                f"a chunk of blob {oid} is not on remote {remote.name!r}",
                hint=command("gitmodel remote check {}", remote.name),
            )
    return places


def plan_steps(places: Iterable[Placed]) -> list[Step]:
    """Plan to read a chunk once that occurs several times, as far as memory allows."""
    places = list(places)
    left = Counter(placed.entry.oid for placed in places)
    kept: set[str] = set()
    held = 0
    steps = []
    for placed in places:
        oid, length = placed.entry.oid, placed.entry.length
        left[oid] -= 1
        read = oid not in kept
        keep = left[oid] > 0 and (not read or held + length <= _KEPT)
        if read and keep:
            kept.add(oid)
            held += length
        elif not read and not keep:
            kept.remove(oid)
            held -= length
        steps.append(Step(placed, read, keep))
    return steps


def _batches(places: Sequence[Placed]) -> Iterator[Sequence[Placed]]:
    """Cut into runs of about `_BATCH` bytes."""
    start = size = 0
    for number, placed in enumerate(places):
        size += placed.entry.length
        if size >= _BATCH:
            yield places[start : number + 1]
            start, size = number + 1, 0
    if start < len(places):
        yield places[start:]


def _resume(fd: int, entries: Sequence[Stored], hasher: Hasher) -> int:
    """Return how many chunks an open file begins with, and put its position behind them.

    Each is checked against its digest, and added to `hasher`; what follows is cut off.
    """
    size = os.fstat(fd).st_size
    done = 0
    for entry in entries:
        if hasher.size + entry.length > size:
            break
        data = os.pread(fd, entry.length, hasher.size)
        if oid_of(data, algorithm_of(entry.oid)) != entry.oid:
            break
        hasher.update(data)
        done += 1
    os.ftruncate(fd, hasher.size)
    os.lseek(fd, hasher.size, os.SEEK_SET)
    return done


def join_ranges(places: Iterable[Placed]) -> Iterator[Range]:
    """Join payloads that follow each other closely in a pack, in the order given."""
    run: list[Placed] = []
    start = end = 0
    for placed in places:
        entry = placed.entry
        near = run and placed.pack == run[-1].pack and 0 <= entry.offset - end <= _GAP
        if not near or entry.offset + entry.stored - start > _READ_BYTES:
            if run:
                yield Range(run[0].pack, start, end - start, tuple(run))
            run, start = [], entry.offset
        run.append(placed)
        end = entry.offset + entry.stored
    if run:
        yield Range(run[0].pack, start, end - start, tuple(run))


def read_range(remote: Remote, part: Range) -> list[Result]:
    """Read, decode and check; a failure stands in the place of the payload that it hit."""
    try:
        data = remote.read_pack(part.pack, part.start, part.length)
    except MissingError as error:
        return [error for _ in part.places]
    return [_decode(remote, data, part.start, placed) for placed in part.places]


def _decode(remote: Remote, data: bytes, start: int, placed: Placed) -> Result:
    entry = placed.entry
    at = entry.offset - start
    try:
        stored = memoryview(data)[at : at + entry.stored]
        raw = decode(entry.encoding, stored, entry.length)
    except NewerError as error:
        return error
    except IntegrityError as error:
        return _damaged(remote, placed, error.message)
    digests = digest_bytes(raw, algorithm_of(entry.oid))
    if digests.oid != entry.oid:
        return _damaged(remote, placed, "its bytes are not those its name says")
    return raw, digests


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[_A], _B], items: Iterable[_A], ahead: int
) -> Iterator[_B]:
    """Like `pool.map`, but with at most `ahead` results waiting."""
    waiting: deque[Future[_B]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _damaged(remote: Remote, placed: Placed, why: str) -> IntegrityError:
    return IntegrityError(
        f"chunk {placed.entry.oid} in pack {placed.pack} on remote {remote.name!r} is damaged:"
        f" {why}"
    )


def _wrong_size(remote: Remote, blob: Wanted) -> IntegrityError:
    return IntegrityError(
        f"blob {blob} on remote {remote.name!r} has another size than its pointer",
        hint=command("gitmodel remote check {}", remote.name),
    )


def _summary(remote: Remote, failed: Sequence[GitmodelError]) -> GitmodelError:
    """What is newer comes first, and damage before absence; a few, then how many more there are."""
    ordered = sorted(failed, key=lambda e: (not isinstance(e, NewerError), -e.exit_code))
    lines = [error.message for error in ordered[:_TOLD]]
    if len(failed) > _TOLD:
        lines.append(f"and {len(failed) - _TOLD:,} more")
    damaged = isinstance(ordered[0], IntegrityError)
    verb = command("verify --remote" if damaged else "remote check")
    hint: str = command("gitmodel {} {}", verb, remote.name)
    if isinstance(ordered[0], NewerError):
        hint = ordered[0].hint
    return type(ordered[0])(lines[0], hint=hint, more=lines[1:])
