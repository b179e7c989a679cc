import random
import struct

import pytest
import zstandard

from gitmodel import encoding
from gitmodel.encoding import PLANES2, PLANES4, RAW, ZSTD, decode, encode, encode_all, is_noise
from gitmodel.errors import IntegrityError
from tests.helpers.formats import bf16_weights, fp32_weights, noise

CODED = 1 << 31
SIXTEEN_MIB = 16 << 20


def frame(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def planes(stride: int, parts: list[bytes], tail: bytes = b"", coded: int = 0) -> bytes:
    """A chunk in planes; bit n of `coded` says that plane n is a zstd frame."""
    words = [len(p) | (CODED if coded >> n & 1 else 0) for n, p in enumerate(parts)]
    return struct.pack(f"<{stride}I", *words) + b"".join(parts) + tail


FITTING = {
    "nothing": (b"", RAW),
    "one byte": (b"x", RAW),
    "too short to bother": (bytes(127), RAW),
    "noise": (noise(300_000), RAW),
    "text": (b"epoch,loss,accuracy\n" * 5000, ZSTD),
    "zeros": (bytes(100_000), ZSTD),
    "bf16 weights": (bf16_weights(50_000), PLANES2),
    "bf16 weights of odd length": (bf16_weights(50_000) + b"x", PLANES2),
    "fp32 weights": (fp32_weights(50_000), PLANES4),
    "fp32 weights and three bytes": (fp32_weights(50_000) + b"xyz", PLANES4),
}


@pytest.mark.parametrize("name", FITTING)
def test_each_kind_of_data_gets_the_encoding_that_fits(name):
    data, expected = FITTING[name]
    encoding, stored = encode(data)
    assert encoding == expected
    assert decode(encoding, stored, len(data)) == data
    assert len(stored) <= len(data)


def test_weights_shrink_as_their_exponents_allow():
    bf16, fp32 = bf16_weights(200_000), fp32_weights(200_000)
    assert len(encode(bf16)[1]) < 0.72 * len(bf16)
    assert len(encode(fp32)[1]) < 0.88 * len(fp32)


def test_noise_with_a_sample_that_lies_stays_raw():
    data = bytearray(noise(1 << 20))
    for at in range(4):
        start = at * len(data) // 4
        data[start : start + 4096] = bytes(4096)
    encoding, stored = encode(bytes(data))
    assert (encoding, stored) == (RAW, bytes(data))


# Many blocks


def text(number: int, length: int = 8000) -> bytes:
    lines = (f'{{"epoch": {number}, "step": {step}, "loss": 0.{step}}}\n' for step in range(400))
    return "".join(lines).encode()[:length]


def pieces(data: bytes, length: int) -> list[bytes]:
    return [data[at : at + length] for at in range(0, len(data), length)]


def encodings(blocks: list[bytes]) -> list[int]:
    encoded = list(encode_all(blocks))
    assert [decode(e, stored, len(b)) for (e, stored), b in zip(encoded, blocks, strict=True)] == (
        blocks
    )
    return [encoding for encoding, _ in encoded]


NOISE = pieces(noise(3_000_000), 9000)
TEXTS = [text(number) for number in range(100)]
SMALL_BF16 = pieces(bf16_weights(200_000), 8000)
SMALL_FP32 = pieces(fp32_weights(200_000), 8000)


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [(NOISE, RAW), (TEXTS, ZSTD), (SMALL_BF16, PLANES2), (SMALL_FP32, PLANES4)],
    ids=["noise", "text", "bf16", "fp32"],
)
def test_small_blocks_of_one_kind_get_what_each_would_alone(blocks, expected):
    assert encodings(blocks) == [expected] * len(blocks)


def test_noise_is_not_looked_at_block_by_block(monkeypatch):
    looked = []
    real = encoding._zstd
    monkeypatch.setattr(encoding, "_zstd", lambda data: looked.append(data) or real(data))
    assert set(encodings(NOISE)) == {RAW}
    assert len(looked) <= len(NOISE) // 32 + 1


def test_a_few_texts_among_noise_are_found():
    blocks = [*NOISE[:7], TEXTS[0], *NOISE[7:20], TEXTS[1], *NOISE[20:30]]
    expected = [ZSTD if block in TEXTS else RAW for block in blocks]
    assert encodings(blocks) == expected


def test_pictures_with_equal_headers_are_noise_all_the_same():
    header = text(0, 600)
    assert set(encodings([header + block for block in NOISE])) == {RAW}


def test_large_blocks_are_looked_at_each_for_itself():
    large = [noise(70_000), text(1, 70_000) * 5, bf16_weights(50_000)]
    assert encodings([*NOISE[:3], *large, *NOISE[3:6]]) == [
        *(RAW, RAW, RAW),
        *(RAW, ZSTD, PLANES2),
        *(RAW, RAW, RAW),
    ]


# Whether any of it is worth encoding


@pytest.mark.parametrize("blocks", [[], [b""], [b"x"], NOISE, [noise(900_000)], [*NOISE, b""]])
def test_noise(blocks):
    assert is_noise(blocks)


@pytest.mark.parametrize(
    "blocks",
    [TEXTS, SMALL_BF16, SMALL_FP32, [text(1, 70_000) * 5], [bf16_weights(400_000)]],
    ids=["text", "bf16", "fp32", "large text", "large bf16"],
)
def test_what_would_shrink_is_not_noise(blocks):
    assert not is_noise(blocks)
    # Not even if it is only some of many.
    assert not is_noise([*NOISE[:100], *blocks, *NOISE[100:]])


def test_one_text_of_nine_blocks_is_found_wherever_they_lie():
    blocks = [TEXTS[n // 9] if n % 9 == 0 else block for n, block in enumerate(NOISE)]
    assert not is_noise(blocks)


def test_little_of_noise_is_looked_at(monkeypatch):
    looked = []
    real = encoding._zstd
    monkeypatch.setattr(encoding, "_zstd", lambda data: looked.append(data) or real(data))
    assert is_noise(NOISE)
    assert sum(map(len, looked)) < sum(map(len, NOISE)) // 50


def test_tiny_and_empty_blocks_are_kept_as_they_are():
    blocks = [b"", b"x", bytes(100), *NOISE[:2], b"", bytes(127)]
    assert encodings(blocks) == [RAW] * len(blocks)
    assert encodings([b"", b""]) == [RAW, RAW]
    assert encodings([]) == []


@pytest.mark.parametrize("stride", [PLANES2, PLANES4])
def test_planes_by_hand(stride):
    data = bytes(range(4 * stride)) + b"\xff" * (stride - 1)
    raw = [data[n : 4 * stride : stride] for n in range(stride)]
    tail = data[4 * stride :]
    assert decode(stride, planes(stride, raw, tail), len(data)) == data
    mixed = [frame(raw[0]), *raw[1:]]
    assert decode(stride, planes(stride, mixed, tail, coded=1), len(data)) == data


HALF = [b"abcd", b"efgh"]
HOSTILE = {
    "raw that is short": (RAW, b"abc", 4),
    "raw that is long": (RAW, b"abcde", 4),
    "nothing at all": (ZSTD, b"", 4),
    "no frame": (ZSTD, b"junk", 4),
    "frame cut short": (ZSTD, frame(b"abcd" * 99)[:-1], 396),
    "frame of another length": (ZSTD, frame(b"abcde"), 4),
    "frame with something behind it": (ZSTD, frame(b"abcd") + b"x", 4),
    "two frames": (ZSTD, frame(b"ab") + frame(b"cd"), 4),
    "frame that does not say its length": (
        ZSTD,
        zstandard.ZstdCompressor(write_content_size=False).compress(b"abcd"),
        4,
    ),
    "skippable frame": (ZSTD, b"\x50\x2a\x4d\x18\x04\0\0\0abcd", 4),
    "planes without words": (PLANES2, b"abc", 8),
    "planes that end early": (PLANES2, planes(2, HALF)[:-1], 8),
    "planes that end late": (PLANES2, planes(2, HALF, b"x"), 8),
    "planes without their tail": (PLANES2, planes(2, HALF), 9),
    "planes of unequal length": (PLANES2, planes(2, [b"abc", b"defgh"]), 8),
    "plane longer than everything": (PLANES2, struct.pack("<2I", 2**31 - 1, 4) + b"abcdefgh", 8),
    "plane that is no frame": (PLANES2, planes(2, HALF, coded=1), 8),
    "plane that decodes to too much": (PLANES2, planes(2, [frame(b"abcde"), b"efgh"], coded=1), 8),
    "plane that decodes to too little": (PLANES2, planes(2, [frame(b"abc"), b"efgh"], coded=1), 8),
    "four planes in two words": (PLANES4, planes(2, HALF), 8),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_are_refused(name):
    with pytest.raises(IntegrityError):
        decode(*HOSTILE[name])


@pytest.mark.parametrize("encoding", [3, 5, 8, 255])
def test_unknown_encoding_says_newer(encoding):
    with pytest.raises(IntegrityError, match="newer gitmodel") as caught:
        decode(encoding, b"", 0)
    assert "upgrade" in caught.value.hint


def test_a_decompression_bomb_is_not_unpacked():
    bomb = frame(bytes(1 << 30))
    assert len(bomb) < 1 << 20
    for length in (0, 4, SIXTEEN_MIB):
        with pytest.raises(IntegrityError, match="claims another length"):
            decode(ZSTD, bomb, length)
        with pytest.raises(IntegrityError):
            decode(PLANES2, planes(2, [bomb, bomb], coded=3), length)


def test_a_frame_that_understates_itself_is_not_believed():
    # The content size is the byte behind descriptor: 100 is claimed, 200 would come out.
    lying = bytearray(frame(b"a" * 200))
    assert lying[5] == 200
    lying[5] = 100
    with pytest.raises(IntegrityError, match="does not decode"):
        decode(ZSTD, bytes(lying), 100)


def test_one_flipped_bit_never_gives_more_bytes_than_asked_for():
    flips = random.Random(3)
    for data in (b"text and more text\n" * 50, bf16_weights(2000), fp32_weights(2000)):
        encoding, stored = encode(data)
        assert encoding != RAW
        for _ in range(300):
            damaged = bytearray(stored)
            damaged[flips.randrange(len(stored))] ^= 1 << flips.randrange(8)
            try:
                assert len(decode(encoding, bytes(damaged), len(data))) == len(data)
            except IntegrityError:
                continue
