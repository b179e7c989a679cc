"""The table of a zip file, read with bounded memory; only members that are not compressed.

The format: PKWARE's APPNOTE.TXT, sections 4.3.7 to 4.3.16 and 4.5.3.  The standard library's
reader takes as much memory as a file says.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from gitmodel.errors import IntegrityError
from gitmodel.tensors import read_at

MAGIC = b"PK\x03\x04"

_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_MEMBER = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_LONGEST_NOTE = 0xFFFF
_MAX_TABLE = 64 << 20
_MAX_MEMBERS = 300_000
_MANY_16, _MANY_32 = 0xFFFF, 0xFFFFFFFF
_ENCRYPTED = 1


class Member(NamedTuple):
    """A file in a zip: where its own header is, its size, and whether its bytes are plain."""

    header: int
    size: int
    plain: bool


def read_members(file: BinaryIO, size: int) -> dict[str, Member]:
    """Return the members of a zip file of `size` bytes by name.

    Raises `IntegrityError` if it is malformed.
    """
    offset, length, count = _find_table(file, size)
    if length > _MAX_TABLE or count > _MAX_MEMBERS or offset + length > size:
        raise IntegrityError("its table is too long, or lies outside of it")
    found = dict(_parse_table(read_at(file, offset, length), count))
    if len(found) != count:
        raise IntegrityError("it has two members of one name")
    return found


def find_bytes(file: BinaryIO, member: Member, size: int) -> int:
    """Return where the bytes of a member start, in a file of `size` bytes.

    Raises `IntegrityError` if they are compressed, or do not lie in the file.
    """
    if not member.plain:
        raise IntegrityError("a member is compressed")
    if member.header + _LOCAL.size > size:
        raise IntegrityError("a member lies outside of it")
    local = _LOCAL.unpack(read_at(file, member.header, _LOCAL.size))
    start = member.header + _LOCAL.size + int(local[-2]) + int(local[-1])
    if local[0] != MAGIC or start + member.size > size:
        raise IntegrityError("a member lies outside of it")
    return start


def _find_table(file: BinaryIO, size: int) -> tuple[int, int, int]:
    """Return the offset, the length in bytes, and the number of members of the table."""
    first = max(size - _END.size - _LONGEST_NOTE, 0)
    tail = read_at(file, first, size - first)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise IntegrityError("it has no table")
    _, _, _, _, count, length, offset, _ = _END.unpack_from(tail, at)
    if count == _MANY_16 or _MANY_32 in (length, offset):
        return _find_long_table(file, first + at)
    return offset, length, count


def _find_long_table(file: BinaryIO, end: int) -> tuple[int, int, int]:
    if end < _LOCATOR.size:
        raise IntegrityError("it has no table")
    magic, _, at, _ = _LOCATOR.unpack(read_at(file, end - _LOCATOR.size, _LOCATOR.size))
    if magic != b"PK\x06\x07" or at + _END_64.size > end:
        raise IntegrityError("it has no table")
    magic, *_, count, length, offset = _END_64.unpack(read_at(file, at, _END_64.size))
    if magic != b"PK\x06\x06":
        raise IntegrityError("it has no table")
    return offset, length, count


def _parse_table(table: bytes, count: int) -> Iterator[tuple[str, Member]]:
    at = 0
    for _ in range(count):
        if at + _MEMBER.size > len(table):
            raise IntegrityError("its table is cut short")
        fields = _MEMBER.unpack_from(table, at)
        name_length, extra_length, note_length = fields[10:13]
        name_end = at + _MEMBER.size + name_length
        end = name_end + extra_length + note_length
        if fields[0] != b"PK\x01\x02" or end > len(table):
            raise IntegrityError("its table is malformed")
        name = table[at + _MEMBER.size : name_end].decode("utf-8", "replace")
        yield name, _member(fields, table[name_end : name_end + extra_length])
        at = end


def _member(fields: tuple[int, ...], extra: bytes) -> Member:
    flags, method = fields[3], fields[4]
    stored, size, header = fields[8], fields[9], fields[16]
    long = iter(_long_fields(extra))
    try:
        # Only those stand in the extra field that did not fit, in this order.
        size = next(long) if size == _MANY_32 else size
        stored = next(long) if stored == _MANY_32 else stored
        header = next(long) if header == _MANY_32 else header
    except StopIteration as error:
        raise IntegrityError("its table is malformed") from error
    plain = method == 0 and stored == size and not flags & _ENCRYPTED
    return Member(header, size, plain)


def _long_fields(extra: bytes) -> tuple[int, ...]:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            data = extra[at + 4 : at + 4 + length]
            return struct.unpack(f"<{len(data) // 8}Q", data[: len(data) // 8 * 8])
        at += 4 + length
    return ()
