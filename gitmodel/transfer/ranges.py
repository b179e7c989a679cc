"""A blob on a remote as a file that is read in part: only the chunks that are needed come."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import TYPE_CHECKING

from gitmodel.digest import Hasher, algorithm_of
from gitmodel.errors import GitmodelError, IntegrityError, NewerError
from gitmodel.hints import command
from gitmodel.pack import Piece, Placed
from gitmodel.remote.packstore import Remote
from gitmodel.transfer.download import (
    Range,
    Wanted,
    check_pieces,
    find_chunks,
    join_ranges,
    read_range,
)

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BUFFER = 8192
"""Bytes of the buffer above: a read of no more than that may be for less."""
_FIRST_AHEAD = 256 << 10
_MOST_AHEAD = 16 << 20
_AT_ONCE = 64 << 20
"""Bytes that are fetched in one go, at most."""
_KEPT = 32 << 20
"""Bytes of chunks that stay in memory, about."""


def open_blob(
    remote: Remote, blob: Wanted, done: Callable[[], None] = lambda: None
) -> io.BufferedReader:
    """Open a blob that the remote holds, whose size Git says; the remote must be refreshed.

    What is read is checked against the digests of its chunks, which the remote names; and against
    the blob's own, at the last byte, if it is read from its start on without a jump.  `done` is
    called when the file is closed.  Raises `MissingError` if the remote lacks it, `IntegrityError`
    if what it says of it cannot be.
    """
    return io.BufferedReader(BlobFile(remote, blob.oid, _pieces(remote, blob), done), BUFFER)


def _pieces(remote: Remote, blob: Wanted) -> Sequence[Piece]:
    placed = remote.chunks([blob.oid]).get(blob.oid)
    whole = (Piece(blob.oid, placed.entry.length),) if placed else None
    return check_pieces(remote, blob, whole or remote.recipes([blob.oid]).get(blob.oid))


class BlobFile(io.RawIOBase):
    """A blob on a remote, to be read through a buffer of `BUFFER` bytes.

    A read that goes on where the last one ended also fetches what follows, twice as much each
    time; one that jumps fetches only the chunks that it touches.
    """

    def __init__(
        self,
        remote: Remote,
        oid: str,
        pieces: Sequence[Piece],
        done: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self._remote, self._oid, self._pieces, self._done = remote, oid, pieces, done
        self._ends = list(accumulate(piece.length for piece in pieces))
        self._chunks: OrderedDict[Piece, bytes] = OrderedDict()
        self._held = 0
        self._at = 0
        self._ahead = 0
        self._expected = -1
        """Where the last read ended: a read from there on is sequential."""
        self._hasher = Hasher(algorithm_of(oid))
        """Has seen what was read from the start on without a gap."""
        self._untrue = False

    @property
    def size(self) -> int:
        """The length of the blob in bytes."""
        return self._ends[-1]

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        self._check_open()
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a position, which may lie behind the end; return it."""
        self._check_open()
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}
        if whence not in starts:
            raise ValueError(f"whence {whence} is not known")
        if starts[whence] + offset < 0:
            raise ValueError("a position before the start")
        self._at = starts[whence] + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer, or a part of it where more would need another request."""
        self._check_open()
        with memoryview(buffer) as whole, whole.cast("B") as view:
            wanted = min(len(view), self.size - self._at)
            if wanted <= 0:
                return 0
            first = self._index(self._at)
            if self._pieces[first] not in self._chunks:
                # The buffer above asks for its own size, whatever its user needs.
                exact = wanted if len(view) > BUFFER else 1
                self._fetch(first, self._at + min(exact, _AT_ONCE))
            count = self._copy(first, view[:wanted])
            self._hash(view[:count])
        self._at += count
        self._expected = self._at
        self._drop()
        return count

    def readall(self) -> bytes:
        """Return all that is left."""
        self._check_open()
        data = bytearray(max(self.size - self._at, 0))
        with memoryview(data) as view:
            done = 0
            while done < len(view):
                done += self.readinto(view[done:])
        return bytes(data)

    def close(self) -> None:
        """Forget what was read."""
        if not self.closed:
            self._chunks.clear()
            super().close()
            self._done()

    def _index(self, position: int) -> int:
        return bisect_right(self._ends, position)

    def _start(self, number: int) -> int:
        return self._ends[number] - self._pieces[number].length

    def _fetch(self, first: int, end: int) -> None:
        """Bring the chunks from `first` up to position `end`, and what is worth having behind."""
        sequential = self._at == self._expected
        grown = min(max(2 * self._ahead, _FIRST_AHEAD), _MOST_AHEAD)
        self._ahead = grown if sequential else 0
        last = self._index(min(end + self._ahead, self.size) - 1)
        pieces = self._pieces[first : last + 1]
        lacking = [piece for piece in dict.fromkeys(pieces) if piece not in self._chunks]
        places = find_chunks(self._remote, self._oid, lacking)
        # Packs are read from front to back.
        ordered = sorted(places.values(), key=lambda placed: (placed.pack, placed.entry.offset))
        found = {oid: data for part in self._bring(ordered) for oid, data in part}
        # What comes first in the blob is forgotten first.
        for piece in lacking:
            self._chunks[piece] = found[piece.oid]
            self._held += piece.length

    def _bring(self, places: Iterable[Placed]) -> list[list[tuple[str, bytes]]]:
        parts = list(join_ranges(places))
        if len(parts) == 1:
            return [self._bring_part(parts[0])]
        with ThreadPoolExecutor(self._remote.store.lanes, "ranges") as pool:
            try:
                return list(pool.map(self._bring_part, parts))
            except BaseException:
                self._remote.store.abort()
                raise

    def _bring_part(self, part: Range) -> list[tuple[str, bytes]]:
        found = []
        for result in read_range(self._remote, part):
            if isinstance(result, GitmodelError):
                if isinstance(result, NewerError):
                    raise result
                hint = command("gitmodel remote check {}", self._remote.name)
                raise type(result)(result.message, hint=hint)
            found.append((result[1].oid, bytes(result[0])))
        return found

    def _copy(self, number: int, view: memoryview) -> int:
        """Copy from the position on what is in memory, up to the first gap; return how much."""
        done = 0
        while done < len(view) and self._pieces[number] in self._chunks:
            data = self._chunks[self._pieces[number]]
            skip = self._at + done - self._start(number)
            part = memoryview(data)[skip : skip + len(view) - done]
            view[done : done + len(part)] = part
            done += len(part)
            number += 1
        return done

    def _hash(self, data: memoryview) -> None:
        """Hash what continues that which was read from the start on; check it at the last byte."""
        if self._at != self._hasher.size:
            return
        self._hasher.update(data)
        if self._hasher.size == self.size and self._hasher.digests().oid != self._oid:
            self._untrue = True
            self._check_open()

    def _drop(self) -> None:
        """Forget the chunks that came first; those that are still ahead came last."""
        while self._held > _KEPT and len(self._chunks) > 1:
            self._held -= len(self._chunks.popitem(last=False)[1])

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on a closed file")
        if self._untrue:
            raise IntegrityError(
                f"blob {self._oid} on remote {self._remote.name!r} is not what it says",
                hint=command("gitmodel verify --remote {}", self._remote.name),
            )
