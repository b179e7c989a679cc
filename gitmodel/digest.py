"""Oids and fingerprints: the two digests of the same bytes, computed in one read.

An oid (BLAKE3 or SHA-256) names content; a fingerprint (XXH3-128) finds accidental changes
quickly, names nothing and proves nothing: other bytes can be made to have it.  Inside the program
both are the strings that pointers and manifests hold, which `parse_oid` and `parse_fingerprint`
have checked.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple, Protocol

from blake3 import blake3
from xxhash import xxh3_128, xxh3_128_hexdigest

from gitmodel.errors import IntegrityError
from gitmodel.stream import read_blocks

BLAKE3 = "blake3"
SHA256 = "sha256"
ALGORITHMS = (BLAKE3, SHA256)
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
"""The whole id of a commit, or of another object of Git's: a SHA-1 or a SHA-256."""

_OID = re.compile(r"(blake3|sha256):([0-9a-f]{64})", re.ASCII)
_FINGERPRINT = re.compile(r"xxh3-128:([0-9a-f]{32})", re.ASCII)
_CODES = {BLAKE3: b"\x01", SHA256: b"\x02"}
_NAMES = {code: name for name, code in _CODES.items()}
OID_CODES = frozenset(code[0] for code in _NAMES)
"""What the binary form of an oid may start with."""


class Digests(NamedTuple):
    """Both digests of some bytes, and how many bytes they were."""

    oid: str
    fingerprint: str
    size: int


class _Hash(Protocol):
    def update(self, data: memoryview | bytes, /) -> object: ...

    def hexdigest(self) -> str: ...


class Hasher:
    """Computes both digests over any number of updates."""

    __slots__ = ("_algorithm", "_fingerprint", "_oid", "size")

    def __init__(self, algorithm: str = BLAKE3) -> None:
        self._algorithm = algorithm
        self._oid: _Hash = blake3() if algorithm == BLAKE3 else hashlib.sha256()
        self._fingerprint = xxh3_128()
        self.size = 0

    def update(self, data: memoryview | bytes) -> None:
        """Add bytes."""
        self._oid.update(data)
        self._fingerprint.update(data)
        self.size += len(data)

    def digests(self) -> Digests:
        """Return the digests of all bytes so far."""
        return Digests(
            f"{self._algorithm}:{self._oid.hexdigest()}",
            f"xxh3-128:{self._fingerprint.hexdigest()}",
            self.size,
        )


def digest_bytes(data: bytes | memoryview, algorithm: str = BLAKE3) -> Digests:
    """Return both digests of `data`."""
    return Digests(oid_of(data, algorithm), fingerprint_of(data), len(data))


def oid_of(data: bytes | memoryview, algorithm: str = BLAKE3) -> str:
    """Return the oid of `data`."""
    if algorithm == BLAKE3:
        return f"blake3:{blake3(data).hexdigest()}"
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def fingerprint_of(data: bytes | memoryview) -> str:
    """Return the fingerprint of `data`."""
    return f"xxh3-128:{xxh3_128_hexdigest(data)}"


def digest_file(fd: int, algorithm: str = BLAKE3) -> Digests:
    """Return both digests of the rest of the open file."""
    hasher = Hasher(algorithm)
    for block in read_blocks(fd):
        hasher.update(block)
    return hasher.digests()


def fingerprint_file(fd: int) -> str:
    """Return the fingerprint of the rest of the open file."""
    state = xxh3_128()
    for block in read_blocks(fd):
        state.update(block)
    return f"xxh3-128:{state.hexdigest()}"


def parse_oid(text: str) -> str:
    """Return `text` if it is an oid; raise `IntegrityError` if not."""
    if not _OID.fullmatch(text):
        raise IntegrityError(f"{text[:100]!r} is not an oid")
    return text


def parse_fingerprint(text: str) -> str:
    """Return `text` if it is a fingerprint; raise `IntegrityError` if not."""
    if not _FINGERPRINT.fullmatch(text):
        raise IntegrityError(f"{text[:100]!r} is not a fingerprint")
    return text


def algorithm_of(oid: str) -> str:
    """Return the algorithm's name, the part of the oid before the colon."""
    return oid[:6]


def hex_of(oid: str) -> str:
    """Return the 64 hex digits of an oid."""
    return oid[7:]


def oid_to_bytes(oid: str) -> bytes:
    """Return the binary form, 33 bytes: a code for the algorithm, then the digest."""
    return _CODES[oid[:6]] + bytes.fromhex(oid[7:])


def oid_from_bytes(key: bytes) -> str:
    """Return the oid of a binary form; raise `IntegrityError` if it is none."""
    name = _NAMES.get(key[:1])
    if name is None or len(key) != 33:
        raise IntegrityError(f"{key[:40].hex()} is not a binary oid")
    return f"{name}:{key[1:].hex()}"


def fingerprint_to_bytes(fingerprint: str) -> bytes:
    """Return the 16 bytes of a fingerprint."""
    return bytes.fromhex(fingerprint[9:])


def fingerprint_from_bytes(key: bytes) -> str:
    """Return the fingerprint of 16 bytes."""
    return f"xxh3-128:{key.hex()}"
