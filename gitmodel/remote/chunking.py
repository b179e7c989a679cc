"""Cuts a blob into chunks where its content says so, so that equal parts give equal chunks.

FastCDC: Xia et al., "The Design of Fast Content Defined Chunking for Data Deduplication Based
Storage Systems", IEEE TPDS 2020; implemented by pyfastcdc.  Where the file tells where its
tensors are, a cut is made there too, so that a tensor that did not change is found again whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

from pyfastcdc import FastCDC

from gitmodel.root import Chunking
from gitmodel.safetensors import header_size, tensor_spans

_WINDOW = 8 << 20
_BATCH = 4 << 20
_LARGE_TENSOR = 64 << 10

Read = Callable[[memoryview], int]
"""Fills a buffer and returns how many bytes it put there, 0 at the end."""


def cut(read: Read, chunking: Chunking, breaks: Sequence[int] = ()) -> Iterator[list[bytes]]:
    """Yield the chunks of a stream, a few megabytes of them at a time.

    `breaks` are offsets at which a chunk has to end, in order.
    """
    cutter = _Cutter(chunking)
    ends = itertools.pairwise((0, *breaks))
    parts = (_bounded(read, end - start) for start, end in ends)
    batch: list[bytes] = []
    size = 0
    for part in itertools.chain(parts, (read,)):
        for chunk in cutter.cut(part):
            batch.append(chunk)
            size += len(chunk)
            if size >= _BATCH:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


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
    """Cuts one stream after another, with one buffer for all."""

    def __init__(self, chunking: Chunking) -> None:
        longest = chunking.average * 4
        self._cutter = FastCDC(chunking.average, min_size=chunking.average // 4, max_size=longest)
        self._view = memoryview(bytearray(max(_WINDOW, 4 * longest)))

    def cut(self, read: Read) -> Iterator[bytes]:
        """Yield the chunks of a stream."""
        view = self._view
        filled, ended = 0, False
        while not ended:
            while filled < len(view) and not ended:
                count = read(view[filled:])
                filled += count
                ended = not count
            start = 0
            for chunk in self._cutter.cut_buf(view[:filled]):
                # Only an end that the content asked for is one; the last chunk may yet go on.
                if not ended and chunk.offset + chunk.length == filled:
                    break
                start = chunk.offset + chunk.length
                yield bytes(view[chunk.offset : start])
            view[: filled - start] = bytes(view[start:filled])
            filled -= start


def _bounded(read: Read, length: int) -> Read:
    """Return a `read` that ends after `length` bytes."""
    left = length

    def read_part(view: memoryview) -> int:
        nonlocal left
        count = read(view[:left]) if left else 0
        left -= count
        return count

    return read_part
