"""Forged twins: other bytes of the same length and the same XXH3-128.

XXH3 is no cryptographic hash.  Of a long input it sums the products of words that were mixed with
a secret that everybody knows, stripe by stripe; two stripes of a block suffice to make its sums
what one likes: one word of a pair makes its product zero by its high half, the other one by its
low half, and what is free in them makes up the difference.
"""

from __future__ import annotations

import struct

from xxhash import xxh3_128_hexdigest

PAYLOAD = 896
"""Bytes at the start of a twin that may be anything."""
SHORTEST = 1024 + 64
"""Bytes from which there are twins: the last stripe of an input is summed again by itself."""

_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
_STRIPE = 64
_LANES = 8
_ALL, _LOW = (1 << 64) - 1, (1 << 32) - 1


def twin(data: bytes, payload: bytes) -> bytes:
    """Return other bytes with the length and the XXH3-128 of `data` that begin with `payload`."""
    assert len(data) >= SHORTEST
    assert len(payload) <= PAYLOAD
    made = bytearray(payload.ljust(PAYLOAD, b"\n") + bytes(2 * _STRIPE))
    want, have = _sums(data, 16), _sums(made, 14)
    for lane in range(_LANES):
        missing = (want[lane ^ 1] - have[lane ^ 1]) & _ALL
        first, second = _word(_SECRET, 112 + 8 * lane), _word(_SECRET, 120 + 8 * lane)
        one = first & ~_LOW | (missing - second) & _LOW
        struct.pack_into("<Q", made, PAYLOAD + 8 * lane, one)
        struct.pack_into("<Q", made, PAYLOAD + _STRIPE + 8 * lane, (missing - one) & _ALL)
    forged = bytes(made) + data[len(made) :]
    assert forged != data
    assert xxh3_128_hexdigest(forged) == xxh3_128_hexdigest(data)
    return forged


def _sums(data: bytes | bytearray, stripes: int) -> list[int]:
    """Return what XXH3 has summed up in each of its lanes after so many stripes of a block."""
    sums = [0] * _LANES
    for stripe in range(stripes):
        for lane in range(_LANES):
            word = _word(data, _STRIPE * stripe + 8 * lane)
            mixed = word ^ _word(_SECRET, 8 * stripe + 8 * lane)
            sums[lane ^ 1] = (sums[lane ^ 1] + word) & _ALL
            sums[lane] = (sums[lane] + (mixed & _LOW) * (mixed >> 32)) & _ALL
    return sums


def _word(data: bytes | bytearray, at: int) -> int:
    word: int = struct.unpack_from("<Q", data, at)[0]
    return word
