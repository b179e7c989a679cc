"""Cutting, encoding and their ways back lose nothing, whatever the bytes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.encoding import ENCODINGS, decode, encode, encode_all
from gitmodel.errors import GitmodelError
from gitmodel.remote.chunking import cut, tensor_breaks, windows
from gitmodel.root import Chunking
from tests.helpers.repo import noise
from tests.property import strategies
from tests.property.strategies import examples

SMALL = Chunking(average=1 << 12, smallest=1 << 12)


@given(strategies.blobs)
def test_encoding_and_back(data: bytes) -> None:
    encoding, stored = encode(data)
    assert len(stored) <= len(data)
    assert decode(encoding, stored, len(data)) == data


@given(st.sampled_from((*ENCODINGS, 3, 255)), st.binary(max_size=300), st.integers(0, 1 << 20))
def test_decoding_any_bytes(encoding: int, stored: bytes, length: int) -> None:
    try:
        data = decode(encoding, stored, length)
    except GitmodelError:
        return
    assert len(data) == length


@given(strategies.blobs, st.data())
def test_decoding_what_was_damaged(blob: bytes, data: st.DataObject) -> None:
    encoding, stored = encode(blob)
    changed = bytearray(stored)
    if changed:
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = decode(encoding, bytes(changed), len(blob))
    except GitmodelError:
        return
    assert len(found) == len(blob)


_BLOCKS = st.one_of(
    st.binary(max_size=300),
    st.integers(0, 100_000).map(lambda size: noise(f"block {size}", size)),
    st.integers(0, 10_000).map(lambda count: b"word " * count),
)


@given(st.lists(_BLOCKS, max_size=80))
def test_blocks_that_come_together_decode_each_to_itself(blocks: list[bytes]) -> None:
    encoded = list(encode_all(blocks))
    assert [decode(*each, len(block)) for each, block in zip(encoded, blocks, strict=True)] == (
        blocks
    )
    assert all(len(stored) <= len(b) for (_, stored), b in zip(encoded, blocks, strict=True))


@settings(max_examples=examples(40))
@given(st.integers(0, 200_000), st.lists(st.integers(1, 70_000), min_size=1), st.integers(0, 3))
def test_chunks_do_not_depend_on_how_the_blob_is_read(
    size: int, steps: list[int], seed: int
) -> None:
    blob = noise(f"blob {seed}", size)
    whole = _chunks(blob, [1 << 30], ())
    assert b"".join(whole) == blob
    assert _chunks(blob, steps, ()) == whole


@settings(max_examples=examples(40))
@given(st.integers(1, 100_000), st.sets(st.integers(1, 99_999), max_size=5))
def test_a_chunk_ends_at_every_break(size: int, places: set[int]) -> None:
    blob = noise("blob", size)
    breaks = sorted(at for at in places if at < size)
    chunks = _chunks(blob, [5000], breaks)
    assert b"".join(chunks) == blob
    assert set(breaks) <= set(itertools.accumulate(map(len, chunks)))
    assert all(0 < len(chunk) <= 4 * SMALL.average for chunk in chunks)


@settings(max_examples=examples(40))
@given(st.integers(0, 200_000), st.integers(1, 2000))
def test_an_insertion_changes_few_chunks(at: int, length: int) -> None:
    blob = noise("blob", 200_000)
    grown = blob[:at] + noise("inserted", length) + blob[at:]
    new = set(_chunks(grown, [1 << 30], ())) - set(_chunks(blob, [1 << 30], ()))
    # Those that hold the insertion, and some until both cut at the same place again.
    assert sum(map(len, new)) <= length + 16 * SMALL.average


@settings(max_examples=examples(30))
@given(st.integers(1 << 12, 1 << 22), st.binary(max_size=20_000))
def test_a_remote_may_have_any_allowed_average(average: int, blob: bytes) -> None:
    assert b"".join(_chunks(blob, [1 << 30], (), Chunking(average, 1 << 12))) == blob


@given(st.binary(max_size=200), st.integers(0, 1000))
def test_breaks_of_any_bytes(start: bytes, size: int) -> None:
    breaks = tensor_breaks(start[:8], lambda count: start[:count], size)
    assert breaks == sorted(set(breaks))
    assert all(0 < at < size for at in breaks)


def _chunks(
    blob: bytes, steps: list[int], breaks: Sequence[int], chunking: Chunking = SMALL
) -> list[bytes]:
    memory = windows(chunking)
    chunks: list[bytes] = []
    for batch in cut(_reader(blob, steps), chunking, memory, breaks):
        chunks += map(bytes, batch.chunks)
        for piece in batch.spent:
            memory.give(piece)
    return chunks


def _reader(blob: bytes, steps: list[int]) -> Callable[[memoryview], int]:
    """Return a `read` that gives as much as the steps say, in turn."""
    at, sizes = 0, itertools.cycle(steps)

    def read(view: memoryview) -> int:
        nonlocal at
        part = blob[at : at + min(len(view), next(sizes))]
        view[: len(part)] = part
        at += len(part)
        return len(part)

    return read
