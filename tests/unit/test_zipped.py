"""The table of a zip file, in all its forms and however it is damaged."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.errors import IntegrityError
from gitmodel.zipped import Member, find_bytes, read_members

CONTENT = {"a": b"first", "folder/b": b"second " * 100, "c": b""}


def _zip(*, long: bool, compression: int = zipfile.ZIP_STORED, note: bytes = b"") -> bytes:
    """Return a zip file; `long` makes its table and sizes those of one beyond 4 GiB."""
    with pytest.MonkeyPatch.context() as patch:
        if long:
            patch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
            patch.setattr(zipfile, "ZIP64_LIMIT", 1)
        with zipfile.ZipFile(data := io.BytesIO(), "w", compression) as file:
            file.comment = note
            for name, content in CONTENT.items():
                with file.open(name, "w", force_zip64=long) as member:
                    member.write(content)
    plain = data.getvalue()
    if not long:
        return plain
    # Counts and places that did not fit are all ones.
    at = plain.rfind(b"PK\x05\x06") + 8
    return plain[:at] + b"\xff" * 12 + plain[at + 12 :]


def _read(data: bytes) -> dict[str, Member]:
    return read_members(io.BytesIO(data), len(data))


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("note", [b"", b"x" * 60_000])
def test_members_are_found_where_their_bytes_are(long: bool, note: bytes) -> None:
    data = _zip(long=long, note=note)
    for name, member in _read(data).items():
        assert member.plain
        start = find_bytes(io.BytesIO(data), member, len(data))
        assert data[start : start + member.size] == CONTENT[name]


def test_what_is_compressed_has_no_bytes_of_its_own() -> None:
    data = _zip(long=False, compression=zipfile.ZIP_DEFLATED)
    member = _read(data)["folder/b"]
    assert not member.plain
    with pytest.raises(IntegrityError, match="compressed"):
        find_bytes(io.BytesIO(data), member, len(data))


@pytest.mark.parametrize("header", [1 << 40, 3], ids=["behind the end", "where no member is"])
def test_a_member_that_lies_elsewhere_is_refused(header: int) -> None:
    data = _zip(long=False)
    with pytest.raises(IntegrityError, match="outside"):
        find_bytes(io.BytesIO(data), Member(header, 5, plain=True), len(data))


@pytest.mark.parametrize(
    ("long", "mark", "words"),
    [
        (False, b"PK\x05\x06", "no table"),
        (False, b"PK\x01\x02", "malformed"),
        (True, b"PK\x06\x06", "no table"),
        (True, b"PK\x06\x07", "no table"),
    ],
)
def test_a_table_whose_marks_are_damaged_is_refused(long: bool, mark: bytes, words: str) -> None:
    data = _zip(long=long)
    assert mark in data
    with pytest.raises(IntegrityError, match=words):
        _read(data.replace(mark, b"PK\0\0"))


def test_two_members_of_one_name_are_refused() -> None:
    with pytest.raises(IntegrityError, match="two members"):
        _read(_zip(long=False).replace(b"c", b"a"))


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_zip_file_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        _read(data)


@given(st.booleans(), st.data())
def test_any_damage_is_refused_or_says_nothing_out_of_bounds(
    long: bool, draw: st.DataObject
) -> None:
    data = bytearray(_zip(long=long))
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    file = io.BytesIO(data)
    try:
        members = read_members(file, len(data))
    except IntegrityError:
        return
    for member in members.values():
        try:
            start = find_bytes(file, member, len(data))
        except IntegrityError:
            continue
        assert 0 <= start <= start + member.size <= len(data)
