import hashlib
import os

import pytest

from gitmodel.digest import (
    Hasher,
    algorithm_of,
    digest_bytes,
    digest_file,
    fingerprint_file,
    fingerprint_from_bytes,
    fingerprint_of,
    fingerprint_to_bytes,
    hex_of,
    oid_from_bytes,
    oid_of,
    oid_to_bytes,
    parse_fingerprint,
    parse_oid,
)
from gitmodel.errors import IntegrityError

# The first 32 bytes of `hash` in test_vectors.json of the BLAKE3 reference implementation; the
# input of a given length is 0, 1, 2 … 250, 0, 1 …
BLAKE3 = {
    0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    1: "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
    1023: "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11",
    1024: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
    1025: "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
    102400: "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085",
}
# NIST, FIPS 180-2, appendix B.
SHA256 = {
    b"abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq": (
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    b"": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}
# xxHash's own `xxhsum -H2`, seed 0.
XXH3 = {
    b"": "99aa06d3014798d86001c324468d497f",
    b"a": "a96faf705af16834e6c632b61e964e1f",
    b"abc": "06b05ab6733a618578af5f94892f3950",
}


def pattern(length: int) -> bytes:
    return (bytes(range(251)) * (length // 251 + 1))[:length]


@pytest.mark.parametrize("length", BLAKE3)
def test_blake3_known_answers(length):
    assert oid_of(pattern(length)) == f"blake3:{BLAKE3[length]}"


@pytest.mark.parametrize("data", SHA256)
def test_sha256_known_answers(data):
    assert oid_of(data, "sha256") == f"sha256:{SHA256[data]}"


@pytest.mark.parametrize("data", XXH3)
def test_xxh3_known_answers(data):
    assert fingerprint_of(data) == f"xxh3-128:{XXH3[data]}"


@pytest.mark.parametrize("algorithm", ["blake3", "sha256"])
def test_both_digests_come_from_one_read_in_whatever_pieces(algorithm, tmp_path):
    data = os.urandom((2 << 20) + 17)
    expected = digest_bytes(data, algorithm)
    hasher = Hasher(algorithm)
    for start in range(0, len(data), 65_537):
        hasher.update(data[start : start + 65_537])
    assert hasher.digests() == expected
    path = tmp_path / "file"
    path.write_bytes(data)
    with path.open("rb", buffering=0) as file:
        assert digest_file(file.fileno(), algorithm) == expected
        file.seek(0)
        assert fingerprint_file(file.fileno()) == expected.fingerprint


def test_binary_forms():
    for algorithm, code in (("blake3", 1), ("sha256", 2)):
        oid = oid_of(b"x", algorithm)
        assert oid_to_bytes(oid) == bytes([code]) + bytes.fromhex(hex_of(oid))
        assert oid_from_bytes(oid_to_bytes(oid)) == oid
        assert algorithm_of(oid) == algorithm
    fingerprint = fingerprint_of(b"x")
    assert fingerprint_from_bytes(fingerprint_to_bytes(fingerprint)) == fingerprint


@pytest.mark.parametrize(
    "key", [b"", b"\0" * 33, b"\3" * 33, b"\1" * 32, b"\1" * 34, hashlib.sha256().digest()]
)
def test_other_bytes_are_no_binary_oid(key):
    with pytest.raises(IntegrityError):
        oid_from_bytes(key)


@pytest.mark.parametrize(
    "text",
    [
        *("", "blake3:", "0" * 64, "blake3:" + "0" * 63, "blake3:" + "0" * 65),
        *("blake3:" + "A" * 64, "BLAKE3:" + "0" * 64, "blake3:../../x", "blake3:" + "/" * 64),
        *("blake3:" + "0" * 64 + "\n", " blake3:" + "0" * 64, "blake3:" + "\u0661" * 64),
    ],
)
def test_other_text_is_no_oid(text):
    with pytest.raises(IntegrityError, match="is not an oid"):
        parse_oid(text)


@pytest.mark.parametrize("text", ["", "0" * 32, "xxh3-128:" + "0" * 31, "xxh3-128:" + "G" * 32])
def test_other_text_is_no_fingerprint(text):
    with pytest.raises(IntegrityError, match="is not a fingerprint"):
        parse_fingerprint(text)
