import struct

import pytest
from blake3 import blake3

from gitmodel.digest import digest_bytes
from gitmodel.encoding import RAW, ZSTD
from gitmodel.errors import IntegrityError
from gitmodel.pack import (
    CHUNK,
    ENTRY_SIZE,
    MAX_PAYLOAD,
    MAX_RAW,
    RECIPE,
    TRAILER_SIZE,
    Listed,
    Piece,
    Stored,
    format_index,
    format_recipe,
    format_table,
    list_pack,
    parse_index,
    parse_recipe,
    parse_table,
    size_of,
    table_span,
)
from tests.helpers.formats import OID, chunk

BLOBS = (b"", b"one", b"two two")
RECIPE_PAYLOAD = format_recipe([Piece(OID, 5)])
NAME = "ab" * 32


def entries() -> tuple[Stored, ...]:
    made, at = [], 0
    for data in BLOBS:
        made.append(chunk(data, at))
        at += len(data)
    fingerprint, size = digest_bytes(RECIPE_PAYLOAD).fingerprint, len(RECIPE_PAYLOAD)
    return (*made, Stored(OID, fingerprint, RECIPE, RAW, size, at, size))


def pack() -> bytes:
    return b"".join(BLOBS) + RECIPE_PAYLOAD + format_table(entries())


def read(data: bytes) -> tuple[Stored, ...]:
    """The entries of a pack in memory, read as the cache and a remote read them."""
    trailer = data[-TRAILER_SIZE:]
    offset, length = table_span(trailer, len(data))
    return parse_table(data[offset : offset + length], trailer)


def test_how_long_a_pack_is_shows_in_its_entries():
    assert size_of(entries()) == len(pack())
    assert size_of([]) == len(format_table([]))


def with_table(table: bytes, payload: int, count: int) -> bytes:
    """A pack with any table, under a trailer that fits it."""
    tail = struct.pack("<QII", payload, count, 0) + blake3(table).digest() + b"gitmodel-pack 1\n"
    return bytes(payload) + table + tail


def row(**fields: int) -> bytes:
    """A table entry, with some of its fields overwritten."""
    table = bytearray(format_table(entries()[1:2])[:ENTRY_SIZE])
    places = {"code": (0, 1), "kind": (49, 1), "encoding": (50, 1), "zero": (51, 1)}
    places |= {"length": (52, 4), "stored": (56, 4), "zeros": (60, 4)}
    for name, value in fields.items():
        start, size = places[name]
        table[start : start + size] = value.to_bytes(size, "little")
    return bytes(table)


def test_a_pack_is_read_as_it_was_written():
    assert read(pack()) == entries()
    assert read(format_table([])) == ()


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 63, 64, 65, 100, len(pack()) - 1])
def test_a_pack_cut_short_is_refused(size):
    with pytest.raises(IntegrityError):
        read(pack()[:size])
    with pytest.raises(IntegrityError):
        read(pack()[-size:] if size else b"")


def test_a_pack_that_grew_is_refused():
    for data in (pack() + b"x", b"x" + pack(), pack() + bytes(TRAILER_SIZE), pack() * 2):
        with pytest.raises(IntegrityError):
            read(data)


def test_every_flipped_bit_of_table_and_trailer_is_found():
    data = pack()
    start = data.index(format_table(entries()))
    for at in range(start, len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[at] ^= 1 << bit
            with pytest.raises(IntegrityError):
                read(bytes(flipped))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"code": 0}, "not a binary oid"),
        ({"code": 3}, "not a binary oid"),
        ({"kind": 2}, "newer gitmodel"),
        ({"encoding": 3}, "newer gitmodel"),
        ({"encoding": 255}, "newer gitmodel"),
        ({"zero": 1}, "newer gitmodel"),
        ({"zeros": 1}, "newer gitmodel"),
        ({"length": 4}, "wrong length"),
        ({"length": MAX_RAW + 1, "encoding": ZSTD}, "impossible length"),
        ({"length": 2**32 - 1, "encoding": ZSTD}, "impossible length"),
        ({"kind": RECIPE, "length": MAX_PAYLOAD + 1, "encoding": ZSTD}, "impossible length"),
        ({"kind": RECIPE, "encoding": ZSTD}, "recipe that is encoded"),
    ],
)
def test_hostile_entries_are_refused(fields, message):
    with pytest.raises(IntegrityError, match=message):
        read(with_table(row(**fields), 3, 1))


def test_lengths_must_sum_to_the_payload():
    with pytest.raises(IntegrityError, match="does not fit its payload"):
        read(with_table(row(), 4, 1))


@pytest.mark.parametrize("count", [2, 10_000_000, 2**24 + 1, 2**32 - 1])
def test_a_claim_of_many_entries_costs_nothing(count):
    with pytest.raises(IntegrityError, match="does not fit its length"):
        read(with_table(row(), 3, count))


def test_a_payload_of_impossible_length_is_refused():
    trailer = struct.pack("<QII", 2**64 - 64, 1, 0) + bytes(32) + b"gitmodel-pack 1\n"
    with pytest.raises(IntegrityError):
        table_span(trailer, 64)


def test_packs_and_index_files_of_another_number_say_newer():
    for magic in (b"gitmodel-pack 2\n", b"gitmodel-pack 9\n"):
        with pytest.raises(IntegrityError, match="newer gitmodel") as caught:
            read(pack()[:-16] + magic)
        assert "upgrade" in caught.value.hint
    with pytest.raises(IntegrityError, match="newer gitmodel"):
        parse_index(b"gitmodel-index2\n" + bytes(8))


# Recipes


def test_recipe():
    pieces = (Piece(OID, 1), Piece(OID, MAX_RAW), Piece("blake3:" + "0" * 64, 7))
    assert parse_recipe(format_recipe(pieces)) == pieces


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        bytes(35),
        bytes(36),
        format_recipe([Piece(OID, 5)]) + b"x",
        format_recipe([Piece(OID, MAX_RAW + 1)]),
        format_recipe([Piece(OID, 5), Piece(OID, 0)]),
        b"\xff" * 36,
    ],
    ids=["nothing", "short", "no length", "long", "too large", "empty chunk", "ones"],
)
def test_hostile_recipes_are_refused(payload):
    with pytest.raises(IntegrityError):
        parse_recipe(payload)


# Index files


def listing() -> tuple[Listed, ...]:
    return (
        list_pack(NAME, entries(), (RECIPE_PAYLOAD,)),
        list_pack("cd" * 32, (), ()),
        list_pack("ef" * 32, (chunk(b"x"),), ()),
    )


def test_an_index_file_is_read_as_it_was_written():
    assert parse_index(format_index(listing())) == listing()
    assert parse_index(format_index([])) == ()


def test_what_is_listed_of_a_pack():
    first, empty, _ = listing()
    assert (first.entries, first.size) == (entries(), len(pack()))
    assert (empty.entries, empty.size) == ((), TRAILER_SIZE)


def test_an_index_file_of_another_length_is_refused():
    data = format_index(listing())
    for size in range(len(data)):
        with pytest.raises(IntegrityError):
            parse_index(data[:size])
    with pytest.raises(IntegrityError, match="longer than it says"):
        parse_index(data + b"\0")


def test_an_index_file_that_claims_too_much_costs_nothing():
    head = b"gitmodel-index1\n" + struct.pack("<II", 2**32 - 1, 0)
    claims = struct.pack("<32sQII", bytes(32), 2**64 - 1, 2**32 - 1, 2**32 - 1)
    for data in (head, head + claims, head + bytes(48)):
        with pytest.raises(IntegrityError):
            parse_index(data)


def test_recipes_of_an_index_file_must_fit_its_entries():
    good = format_index([list_pack(NAME, entries(), (RECIPE_PAYLOAD,))])
    without = format_index([list_pack(NAME, entries(), ())])
    twice = format_index([list_pack(NAME, entries(), (RECIPE_PAYLOAD, RECIPE_PAYLOAD))])
    assert parse_index(good)
    for data in (without, twice):
        with pytest.raises(IntegrityError):
            parse_index(data)


def test_an_index_file_must_fit_the_pack_it_speaks_of():
    data = bytearray(format_index([list_pack(NAME, entries(), (RECIPE_PAYLOAD,))]))
    data[24 + 32] ^= 1
    with pytest.raises(IntegrityError, match="does not fit its pack"):
        parse_index(bytes(data))


def test_reserved_fields_must_be_zero():
    with pytest.raises(IntegrityError):
        parse_index(b"gitmodel-index1\n" + struct.pack("<II", 0, 1))


def test_kinds_and_sizes_are_those_of_the_specification():
    assert (CHUNK, RECIPE, ENTRY_SIZE, TRAILER_SIZE) == (0, 1, 64, 64)
    assert format_table([chunk(b"x")])[33:49] == bytes.fromhex(chunk(b"x").fingerprint[9:])
