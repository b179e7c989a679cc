"""How a chunk is stored: raw, zstd, or byte planes of which those that shrink are coded.

Weights are floats whose exponents cluster and whose mantissas are noise; a compressor that sees
them interleaved finds little.  Split into planes (all first bytes, all second bytes …), the plane
of the exponents shrinks to about a third and the others are kept as they are.  The observation
is that of ZipNN (Hershcovitch et al., 2024, arXiv:2411.05239); the layout is ours.

A chunk in planes of stride k is stored as k little-endian 32-bit words, the stored length of
each plane with the top bit set if it is a zstd frame; then the planes; then the last
`length % k` bytes as they are.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

import zstandard

from gitmodel.errors import IntegrityError, newer

Data = bytes | memoryview

RAW, ZSTD, PLANES2, PLANES4 = 0, 1, 2, 4
ENCODINGS = (RAW, ZSTD, PLANES2, PLANES4)

_CODED = 1 << 31
_SAMPLE = 4096
_SAMPLES = 4
_SMALLEST = 128
_LARGE = 64 << 10
_TOGETHER = 32
"""So many small blocks are looked at together."""
_SLICES = 4
_SLICE = 128
_STRIDE = 16 << 10
"""Bytes of a block of which one slice is enough where all are to be noise."""
_WORTH = 0.95
"""What must be left of a chunk, at most, for the time that decoding costs to be worth it."""

# Planes hold no repeats to speak of; hardly any search, all the gain from entropy coding.
_ENTROPY = zstandard.ZstdCompressionParameters(
    window_log=19,
    hash_log=6,
    chain_log=6,
    search_log=1,
    min_match=7,
    target_length=0,
    strategy=zstandard.STRATEGY_FAST,
    write_content_size=True,
    write_checksum=False,
)
_LEVEL = 3
_codecs = threading.local()


def encode_all(blocks: Iterable[Data]) -> Iterator[tuple[int, Data]]:
    """Yield for each block the encoding that suits it, and its bytes in it.

    What comes together is alike: of small blocks a little of each is looked at, all in one, and if
    that is noise, so are they.  To look at each of them is most of the work on noise.
    """
    for group in _groups(blocks):
        choice = _choose_for_all(group) if len(group) > 1 else None
        if choice == RAW:
            yield from ((RAW, data) for data in group)
        else:
            yield from (encode(data, planes=choice != ZSTD) for data in group)


def is_noise(blocks: Iterable[Data]) -> bool:
    """Return whether blocks that come together are best kept raw, judged by a little of them."""
    slices = chain.from_iterable(_slices(data, 1 + len(data) // _STRIDE) for data in blocks)
    while few := list(islice(slices, _TOGETHER * _SLICES)):
        if _choose_for(few) != RAW:
            return False
    return True


def encode(data: Data, *, planes: bool = True) -> tuple[int, Data]:
    """Return the encoding that suits `data`, and its bytes in it."""
    choice = _choose(data, planes=planes)
    if choice == RAW:
        return RAW, data
    stored = _zstd(data) if choice == ZSTD else _split(bytes(data), choice)
    return (choice, stored) if len(stored) < len(data) * _WORTH else (RAW, data)


def decode(encoding: int, stored: Data, length: int) -> Data:
    """Return the `length` bytes that `stored` encodes; raise `IntegrityError` if it does not."""
    data: Data
    if encoding == RAW:
        data = stored
    elif encoding == ZSTD:
        data = _unzstd(stored, length)
    elif encoding in (PLANES2, PLANES4):
        data = _join(stored, encoding, length)
    else:
        raise newer(f"a chunk of encoding {encoding}")
    if len(data) != length:
        raise IntegrityError(f"a chunk of {length} bytes decodes to {len(data)}")
    return data


def _choose(data: Data, *, planes: bool) -> int:
    """Guess from a few pages of `data`, so that noise costs next to nothing."""
    return _best({RAW: _WORTH, **_costs(data, planes=planes)})


def _choose_for_all(group: Sequence[Data]) -> int:
    """Guess for small blocks from a little of each: noise, no planes, or perhaps planes."""
    return _choose_for(chain.from_iterable(_slices(data, _SLICES) for data in group))


def _choose_for(slices: Iterable[Data]) -> int:
    return _best({RAW: 1.0, **_costs(b"".join(slices))})


def _best(costs: Mapping[int, float]) -> int:
    """Return the cheapest encoding; what is simpler to decode wins unless another is far better."""
    best = min(costs.values())
    return next(c for c in (RAW, ZSTD, PLANES2, PLANES4) if costs.get(c, 1) <= best * 1.02)


def _costs(data: Data, *, planes: bool = True) -> dict[int, float]:
    """Return what each encoding leaves of a few pages of `data`, as a share of them."""
    if len(data) < _SMALLEST:
        return {}
    sample = _sample(data, _SAMPLE)
    costs = {ZSTD: len(_zstd(sample)) / len(sample)}
    # How often each byte occurs shows in less than how often whole phrases do.
    sample = _sample(data, _SAMPLE // 4)
    for stride in (PLANES2, PLANES4) if planes else ():
        sizes = (min(len(plane), len(_entropy(plane))) for plane in _planes(sample, stride))
        costs[stride] = sum(sizes) / len(sample)
    return costs


def _groups(blocks: Iterable[Data]) -> Iterator[list[Data]]:
    """Yield small blocks that come together, and each larger one by itself."""
    group: list[Data] = []
    for data in blocks:
        if group and (len(data) >= _LARGE or len(group) == _TOGETHER):
            yield group
            group = []
        if len(data) >= _LARGE:
            yield [data]
        else:
            group.append(data)
    if group:
        yield group


def _slices(data: Data, count: int) -> Iterator[Data]:
    """Yield a few pieces of a block, none of its start: headers are all the same."""
    for number in range(1, 2 * count, 2):
        start = len(data) * number // (2 * count) // 4 * 4
        yield data[start : start + _SLICE]


def _sample(data: Data, length: int) -> bytes:
    """Return a few pieces of `data`, of `length` bytes each, that start at whole numbers."""
    if len(data) <= length * _SAMPLES:
        return bytes(data)
    step = len(data) // _SAMPLES // 4 * 4
    return b"".join(data[at * step : at * step + length] for at in range(_SAMPLES))


def _planes(data: bytes, stride: int) -> list[bytes]:
    whole = len(data) - len(data) % stride
    return [data[at:whole:stride] for at in range(stride)]


def _split(data: bytes, stride: int) -> bytes:
    lengths, parts = [], []
    for plane in _planes(data, stride):
        coded = _entropy(plane) if len(_entropy(plane[:_SAMPLE])) < _SAMPLE * _WORTH else plane
        smaller = len(coded) < len(plane)
        lengths.append(len(coded) | _CODED if smaller else len(plane))
        parts.append(coded if smaller else plane)
    tail = data[len(data) - len(data) % stride :]
    return b"".join((struct.pack(f"<{stride}I", *lengths), *parts, tail))


def _join(stored: Data, stride: int, length: int) -> bytes:
    header = 4 * stride
    if len(stored) < header:
        raise IntegrityError("a chunk in planes is cut short")
    data = bytearray(length)
    each, at = length // stride, header
    whole = each * stride
    for number, word in enumerate(struct.unpack_from(f"<{stride}I", stored)):
        part = stored[at : at + (word & ~_CODED)]
        at += word & ~_CODED
        plane = _unzstd(part, each) if word & _CODED else part
        if len(plane) != each:
            raise IntegrityError("a plane of a chunk has the wrong length")
        data[number:whole:stride] = plane
    if len(stored) - at != length - whole:
        raise IntegrityError("a chunk in planes has the wrong length")
    data[whole:] = stored[at:]
    return bytes(data)


class _Codec:
    """The zstd contexts of one thread: they are costly to make and must not be shared."""

    def __init__(self) -> None:
        self.general = zstandard.ZstdCompressor(level=_LEVEL)
        self.entropy = zstandard.ZstdCompressor(compression_params=_ENTROPY)
        self.decompressor = zstandard.ZstdDecompressor()


def _codec() -> _Codec:
    codec: _Codec | None = getattr(_codecs, "codec", None)
    if codec is None:
        codec = _codecs.codec = _Codec()
    return codec


def _zstd(data: Data) -> bytes:
    return _codec().general.compress(data)


def _entropy(data: bytes) -> bytes:
    return _codec().entropy.compress(data)


def _unzstd(stored: Data, length: int) -> bytes:
    """Decode one frame that must hold exactly `length` bytes; its own claim is not believed."""
    try:
        if zstandard.frame_content_size(stored) != length:
            raise IntegrityError("a compressed chunk claims another length")
        return _codec().decompressor.decompress(
            stored, max_output_size=length, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise IntegrityError(f"a compressed chunk does not decode: {error}") from error
