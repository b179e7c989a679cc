"""Packs, the index files that list them, and recipes (see docs/format.md).

A pack is payloads back to back, then a table that says what they are, then a trailer of fixed
length.  The same format serves the cache, where a payload is a whole small blob, and the remote,
where it is a chunk or a recipe.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from blake3 import blake3

from gitmodel.digest import (
    OID_CODES,
    fingerprint_from_bytes,
    fingerprint_to_bytes,
    oid_from_bytes,
    oid_to_bytes,
)
from gitmodel.encoding import ENCODINGS, RAW
from gitmodel.errors import IntegrityError, newer

CHUNK, RECIPE = 0, 1

PACK_MAGIC = b"gitmodel-pack 1\n"
INDEX_MAGIC = b"gitmodel-index1\n"
MAX_PAYLOAD = 64 << 20
"""Bytes of payload after which a pack is closed."""
MAX_RAW = 16 << 20
"""Bytes of the longest chunk, decoded."""
MAX_ENTRIES = 1 << 24

_ENTRY = struct.Struct("<33s16sBBBIII")
_TRAILER = struct.Struct("<QII32s16s")
_HEADER = struct.Struct("<16sII")
_LISTED = struct.Struct("<32sQII")
_PIECE = struct.Struct("<32sI")
TRAILER_SIZE = _TRAILER.size
ENTRY_SIZE = _ENTRY.size


class Stored(NamedTuple):
    """One payload of a pack.

    `oid` is that of the bytes when decoded; of a recipe, that of the blob it puts together.
    `length` is bytes when decoded, `offset` and `stored` where they lie in the pack.
    """

    oid: str
    fingerprint: str
    kind: int
    encoding: int
    length: int
    offset: int
    stored: int


class Placed(NamedTuple):
    """Where a payload lies: the name of its pack, and its entry there."""

    pack: str
    entry: Stored


class Piece(NamedTuple):
    """A chunk of a blob: its oid, and its length in bytes."""

    oid: str
    length: int


Row = tuple[bytes, bytes, int, int, int, int, int]
"""The fields of a `Stored` in order, its oid and fingerprint in binary."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What an index file says of one pack: its table, and its recipes in the order of that."""

    pack: str
    table: bytes
    recipes: tuple[bytes, ...]

    @property
    def entries(self) -> tuple[Stored, ...]:
        """What the pack holds."""
        return tuple(_parse_entries(self.table))

    @property
    def digest(self) -> bytes:
        """What two have in common that say the same."""
        return blake3(b"".join((self.table, *self.recipes))).digest()

    @property
    def size(self) -> int:
        """Bytes of the pack."""
        return sum(row[-1] for row in rows_of(self.table)) + len(self.table) + TRAILER_SIZE


def list_pack(pack: str, entries: Iterable[Stored], recipes: Iterable[bytes]) -> Listed:
    """Return what an index file says of a pack that holds these payloads."""
    return Listed(pack, b"".join(map(_format_entry, entries)), tuple(recipes))


def format_table(entries: Sequence[Stored]) -> bytes:
    """Return the table and the trailer that end a pack."""
    table = b"".join(map(_format_entry, entries))
    payload = sum(entry.stored for entry in entries)
    digest = blake3(table).digest()
    return table + _TRAILER.pack(payload, len(entries), 0, digest, PACK_MAGIC)


def size_of(entries: Collection[Stored]) -> int:
    """Return the bytes of a pack that holds just these payloads, its table and trailer included."""
    return sum(entry.stored for entry in entries) + ENTRY_SIZE * len(entries) + TRAILER_SIZE


def table_span(trailer: bytes, size: int) -> tuple[int, int]:
    """Return offset and length of the table of a pack of `size` bytes that ends with `trailer`."""
    payload, count, _, _, _ = _parse_trailer(trailer)
    if count > MAX_ENTRIES or payload + count * ENTRY_SIZE + TRAILER_SIZE != size:
        raise IntegrityError("a pack's trailer does not fit its length")
    return payload, count * ENTRY_SIZE


def parse_table(table: bytes, trailer: bytes) -> tuple[Stored, ...]:
    """Return the entries of a pack; raise `IntegrityError` if table and trailer disagree."""
    payload, count, reserved, digest, _ = _parse_trailer(trailer)
    if len(table) != count * ENTRY_SIZE or reserved or blake3(table).digest() != digest:
        raise IntegrityError("a pack's table is damaged")
    entries = tuple(_parse_entries(table))
    if sum(entry.stored for entry in entries) != payload:
        raise IntegrityError("a pack's table does not fit its payload")
    return entries


def rows_of(table: bytes) -> Iterator[Row]:
    """Yield the entries of a table; raise `IntegrityError` at one that cannot be."""
    offset = 0
    for key, fingerprint, kind, encoding, zero, length, stored, zeros in _ENTRY.iter_unpack(table):
        if zero or zeros or kind > RECIPE or encoding not in ENCODINGS:
            raise newer("a pack")
        if key[0] not in OID_CODES:
            raise IntegrityError(f"{key.hex()} is not a binary oid")
        _check_row(kind, encoding, length, stored)
        yield key, fingerprint, kind, encoding, length, offset, stored
        offset += stored


def format_recipe(pieces: Iterable[Piece]) -> bytes:
    """Return the payload of a recipe: the chunks of a blob in order."""
    return b"".join(_PIECE.pack(bytes.fromhex(oid[7:]), length) for oid, length in pieces)


def parse_recipe(payload: bytes) -> tuple[Piece, ...]:
    """Return the chunks that a recipe names."""
    if not payload or len(payload) % _PIECE.size:
        raise IntegrityError("a recipe has an odd length")
    pieces = tuple(
        Piece(f"blake3:{digest.hex()}", length) for digest, length in _PIECE.iter_unpack(payload)
    )
    if not all(0 < piece.length <= MAX_RAW for piece in pieces):
        raise IntegrityError("a recipe names a chunk of an impossible length")
    return pieces


def format_index(packs: Sequence[Listed]) -> bytes:
    """Return an index file."""
    parts = [_HEADER.pack(INDEX_MAGIC, len(packs), 0)]
    for listed in packs:
        recipes = b"".join(listed.recipes)
        parts.append(
            _LISTED.pack(
                bytes.fromhex(listed.pack),
                listed.size - len(listed.table) - TRAILER_SIZE,
                len(listed.table) // ENTRY_SIZE,
                len(recipes),
            )
        )
        parts += listed.table, recipes
    return b"".join(parts)


def parse_index(data: bytes) -> tuple[Listed, ...]:
    """Return what an index file lists; raise `IntegrityError` if it is malformed."""
    if len(data) < _HEADER.size:
        raise IntegrityError("an index file is cut short")
    magic, count, reserved = _HEADER.unpack_from(data)
    if magic[:14] == INDEX_MAGIC[:14] and magic != INDEX_MAGIC:
        raise newer("an index file")
    if magic != INDEX_MAGIC or reserved:
        raise IntegrityError("an index file does not start as one")
    packs, at = [], _HEADER.size
    for _ in range(count):
        listed, at = _parse_listed(data, at)
        packs.append(listed)
    if at != len(data):
        raise IntegrityError("an index file is longer than it says")
    return tuple(packs)


def pack_sizes(data: bytes) -> Iterator[tuple[str, int]]:
    """Yield name and size in bytes of each pack that an index file lists, without its entries."""
    at = _HEADER.size
    while at + _LISTED.size <= len(data):
        pack, payload, count, recipe_bytes = _LISTED.unpack_from(data, at)
        yield pack.hex(), payload + count * ENTRY_SIZE + TRAILER_SIZE
        at += _LISTED.size + count * ENTRY_SIZE + recipe_bytes


def longest_index(packs: Iterable[int]) -> int:
    """Return how many bytes an index file has at most that lists packs of these sizes."""
    return _HEADER.size + sum(_LISTED.size + size for size in packs)


def _parse_listed(data: bytes, at: int) -> tuple[Listed, int]:
    if at + _LISTED.size > len(data):
        raise IntegrityError("an index file is cut short")
    pack, payload, count, recipe_bytes = _LISTED.unpack_from(data, at)
    start = at + _LISTED.size
    middle = start + count * ENTRY_SIZE
    end = middle + recipe_bytes
    if end > len(data):
        raise IntegrityError("an index file is cut short")
    table = data[start:middle]
    rows = list(rows_of(table))
    if sum(row[-1] for row in rows) != payload:
        raise IntegrityError("an index file does not fit its pack")
    return Listed(pack.hex(), table, _cut_recipes(rows, data[middle:end])), end


def _cut_recipes(rows: Iterable[Row], data: bytes) -> tuple[bytes, ...]:
    recipes, at = [], 0
    for _, _, kind, _, _, _, stored in rows:
        if kind == RECIPE:
            recipes.append(data[at : at + stored])
            at += stored
    if at != len(data):
        raise IntegrityError("an index file's recipes do not fit its entries")
    return tuple(recipes)


def _format_entry(entry: Stored) -> bytes:
    return _ENTRY.pack(
        oid_to_bytes(entry.oid),
        fingerprint_to_bytes(entry.fingerprint),
        entry.kind,
        entry.encoding,
        0,
        entry.length,
        entry.stored,
        0,
    )


def _parse_entries(table: bytes) -> Iterator[Stored]:
    for key, fingerprint, *rest in rows_of(table):
        yield Stored(oid_from_bytes(key), fingerprint_from_bytes(fingerprint), *rest)


def _check_row(kind: int, encoding: int, length: int, stored: int) -> None:
    limit = MAX_PAYLOAD if kind == RECIPE else MAX_RAW
    if length > limit or stored > limit:
        raise IntegrityError("a pack holds an entry of an impossible length")
    if encoding == RAW and stored != length:
        raise IntegrityError("a pack holds an entry of the wrong length")
    if kind == RECIPE and encoding != RAW:
        raise IntegrityError("a pack holds a recipe that is encoded")


def _parse_trailer(trailer: bytes) -> tuple[int, int, int, bytes, bytes]:
    if len(trailer) != TRAILER_SIZE or trailer[-16:] != PACK_MAGIC:
        if trailer[-16:].startswith(b"gitmodel-pack "):
            raise newer("a pack")
        raise IntegrityError("a pack does not end as one")
    fields: tuple[int, int, int, bytes, bytes] = _TRAILER.unpack(trailer)
    return fields
