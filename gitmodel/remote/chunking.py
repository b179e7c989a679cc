"""Cuts a blob into chunks where its content says so, so that equal parts give equal chunks.

FastCDC: Xia et al., "The Design of Fast Content Defined Chunking for Data Deduplication Based
Storage Systems", IEEE TPDS 2020; implemented by pyfastcdc.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pyfastcdc import FastCDC

from gitmodel.root import Chunking

_WINDOW = 8 << 20


def cut(read: Callable[[memoryview], int], chunking: Chunking) -> Iterator[list[bytes]]:
    """Yield the chunks of a stream, a few megabytes of them at a time.

    `read` fills a buffer and returns how many bytes it put there, 0 at the end.
    """
    longest = chunking.average * 4
    cutter = FastCDC(chunking.average, min_size=chunking.average // 4, max_size=longest)
    buffer = bytearray(max(_WINDOW, 4 * longest))
    view = memoryview(buffer)
    filled, ended = 0, False
    while not ended:
        while filled < len(buffer) and not ended:
            count = read(view[filled:])
            filled += count
            ended = not count
        chunks, start = [], 0
        for chunk in cutter.cut_buf(view[:filled]):
            # Where a chunk ends depends on at most `longest` bytes from its start.
            if not ended and chunk.offset + longest > filled:
                break
            start = chunk.offset + chunk.length
            chunks.append(bytes(view[chunk.offset : start]))
        view[: filled - start] = bytes(view[start:filled])
        filled -= start
        if chunks:
            yield chunks
