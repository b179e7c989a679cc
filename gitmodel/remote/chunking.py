"""Cuts a blob into chunks where its content says so, so that equal parts give equal chunks.

FastCDC: Xia et al., "The Design of Fast Content Defined Chunking for Data Deduplication Based
Storage Systems", IEEE TPDS 2020; implemented by pyfastcdc.  Where the file tells where its
tensors are, a cut is made there too, so that a tensor that did not change is found again whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from pyfastcdc import FastCDC

from gitmodel.root import Chunking
from gitmodel.safetensors import header_size, tensor_spans
from gitmodel.stream import Memory

_WINDOW = 8 << 20
_BATCH = 4 << 20
_LARGE_TENSOR = 64 << 10

Read = Callable[[memoryview], int]
"""Fills a buffer and returns how many bytes it put there, 0 at the end."""


class Batch(NamedTuple):
    """Chunks that follow each other, and the memory that no later batch lies in.

    Who has done with this one, and with those before, may give that back.
    """

    chunks: list[memoryview]
    spent: list[memoryview]


def windows(chunking: Chunking) -> Memory:
    """Return the memory that `cut` reads into: pieces of some of the longest chunks."""
    return Memory(max(_WINDOW, 16 * chunking.average))


def cut(
    read: Read, chunking: Chunking, memory: Memory, breaks: Sequence[int] = ()
) -> Iterator[Batch]:
    """Yield the chunks of a stream, a few megabytes of them at a time.

    `breaks` are offsets at which a chunk has to end, in order.
    """
    cutter = _Cutter(chunking, memory)
    ends = itertools.pairwise((0, *breaks))
    parts = (_bounded(read, end - start) for start, end in ends)
    chunks: list[memoryview] = []
    size = 0
    for part in itertools.chain(parts, (read,)):
        for chunk in cutter.cut(part):
            chunks.append(chunk)
            size += len(chunk)
            if size >= _BATCH:
                yield Batch(chunks, cutter.spent())
                chunks, size = [], 0
    yield Batch(chunks, cutter.end())


def tensor_breaks(start: bytes, read: Callable[[int], bytes], size: int) -> list[int]:
    """Return where to cut a file of `size` bytes for the sake of its tensors.

    `start` are its first bytes, `read` returns as many of them as it is asked for.  Small tensors
    stay together: a cut costs an entry in an index.
    """
    length = header_size(start, size)
    spans = tensor_spans(read(length), size) if length else []
    large = (span for span in spans if span[1] - span[0] >= _LARGE_TENSOR)
    return sorted({offset for span in large for offset in span if 0 < offset < size})


class _Cutter:
    """Cuts one stream after another; a chunk is the part of the memory that it was read into."""

    def __init__(self, chunking: Chunking, memory: Memory) -> None:
        longest = chunking.average * 4
        self._cutter = FastCDC(chunking.average, min_size=chunking.average // 4, max_size=longest)
        self._memory = memory
        self._window = self._room = memory.take()
        self._spent: list[memoryview] = []

    def cut(self, read: Read) -> Iterator[memoryview]:
        """Yield the chunks of a stream."""
        filled, ended = 0, False
        while True:
            room = self._room
            while filled < len(room) and not ended:
                count = read(room[filled:])
                filled += count
                ended = not count
            start = 0
            for chunk in self._cutter.cut_buf(room[:filled]):
                # Only an end that the content asked for is one; the last chunk may yet go on.
                if not ended and chunk.offset + chunk.length == filled:
                    break
                start = chunk.offset + chunk.length
                yield room[chunk.offset : start]
            if ended:
                self._room = room[filled:]
                return
            self._spent.append(self._window)
            self._window = self._room = self._memory.take()
            self._room[: filled - start] = room[start:filled]
            filled -= start

    def spent(self) -> list[memoryview]:
        """Return the memory that holds nothing more that is yet to come, once."""
        spent, self._spent = self._spent, []
        return spent

    def end(self) -> list[memoryview]:
        """Return the memory that is left, when all is cut."""
        return [*self.spent(), self._window]


def _bounded(read: Read, length: int) -> Read:
    """Return a `read` that ends after `length` bytes."""
    left = length

    def read_part(view: memoryview) -> int:
        nonlocal left
        count = read(view[:left]) if left else 0
        left -= count
        return count

    return read_part
