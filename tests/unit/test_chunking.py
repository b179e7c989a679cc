import random

import pytest
from pyfastcdc import FastCDC

from gitmodel.remote.chunking import cut, windows
from gitmodel.root import Chunking

AVERAGE = 64 << 10
CHUNKING = Chunking(average=AVERAGE, smallest=AVERAGE)
SIZES = (0, 1, AVERAGE // 4, AVERAGE, (8 << 20) - 1, 8 << 20, (8 << 20) + 1, 21_234_567)


def reader(data, steps):
    """A `read` that hands out the bytes in pieces of at most the given sizes, in turn."""
    at = turn = 0

    def read(view):
        nonlocal at, turn
        count = min(len(view), steps[turn % len(steps)], len(data) - at)
        view[:count] = data[at : at + count]
        at, turn = at + count, turn + 1
        return count

    return read


def lengths(data, steps=(1 << 30,), breaks=()):
    return [len(chunk) for chunk in cut_up(data, steps, breaks)]


def cut_up(data, steps=(1 << 30,), breaks=()):
    """The chunks of some bytes; what is said to be spent is used again at once."""
    memory = windows(CHUNKING)
    chunks = []
    for batch in cut(reader(data, steps), CHUNKING, memory, breaks):
        chunks += map(bytes, batch.chunks)
        for piece in batch.spent:
            piece[:] = bytes(len(piece))
            memory.give(piece)
    assert b"".join(chunks) == data
    return chunks


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("content", ["random", "zeros", "period"])
def test_a_stream_is_cut_as_if_it_were_in_memory_as_a_whole(size, content):
    data = {
        "random": random.Random(size).randbytes(size),
        "zeros": bytes(size),
        "period": (random.Random(7).randbytes(997) * (size // 997 + 1))[:size],
    }[content]
    whole = FastCDC(AVERAGE, min_size=AVERAGE // 4, max_size=4 * AVERAGE)
    expected = [chunk.length for chunk in whole.cut_buf(data)]
    assert lengths(data) == expected
    assert lengths(data, steps=(100_003, 1, 3 << 20)) == expected


def test_a_chunk_ends_at_every_break():
    data = random.Random(1).randbytes(3_000_000)
    breaks = (1, 70_000, 2_000_000)
    ends, at = set(), 0
    for length in lengths(data, breaks=breaks):
        at += length
        ends.add(at)
    assert ends.issuperset(breaks)


def test_bytes_put_in_front_move_the_cuts_with_the_content():
    data = random.Random(2).randbytes(5_000_000)
    before = set(cut_up(data))
    moved = set(cut_up(b"x" * 1000 + data))
    assert len(before & moved) >= len(before) - 2
