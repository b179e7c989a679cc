"""The columns and the number of rows of tables: CSV, JSON Lines, and Parquet's footer."""

from __future__ import annotations

import codecs
import csv
import importlib
import io
import itertools
import json
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from gitmodel.errors import IntegrityError, UsageError
from gitmodel.hints import command
from gitmodel.tensors import read_at

PARQUET_EXTRA = "parquet"
MAX_COLUMNS = 10_000

_DELIMITERS = ",;\t"
_SAMPLE = 20
"""Lines that the delimiter is guessed from."""
_BLOCK = 1 << 20
_LONGEST_LINE = 4 << 20
_LONGEST_NAME = 1000
_MAX_FOOTER = 16 << 20
_FOOTER_END = struct.Struct("<I4s")
_PARQUET = b"PAR1"

Seen = Callable[[int], None]
"""Is told how many bytes more were read."""


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a table with their types, which are empty where none are declared."""

    format: str
    columns: Mapping[str, str]
    rows: int


def is_table(path: str) -> bool:
    """Return whether a file's name says that it is a table which can be read here."""
    return _suffix(path) in _READERS


def is_read_in_part(path: str) -> bool:
    """Return whether only a small part of a table of this name is read, however long it is."""
    return _READERS.get(_suffix(path)) is _read_parquet


def read_table(file: BinaryIO, path: str, seen: Seen) -> Table:
    """Return what a table has, judged by its file name.

    Raises `IntegrityError` if it is no such table, `UsageError` if an extra has to be installed.
    """
    return _READERS[_suffix(path)](file, seen)


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


def _read_csv(file: BinaryIO, seen: Seen) -> Table:
    lines = _lines(file, seen)
    head = list(itertools.islice(lines, _SAMPLE))
    if not head:
        return Table("csv", {}, 0)
    delimiter = _sniff(head)
    rows = csv.reader(itertools.chain(head, lines), delimiter=delimiter)
    try:
        first = next(filter(None, rows), [])
        # Empty lines are no rows.
        count = sum(map(bool, rows))
    except csv.Error as error:
        raise IntegrityError(f"it is not CSV: {error}") from error
    names = _header(first)
    # Without a header the first row is data too.
    return Table("csv", dict.fromkeys(names or _numbered(first), ""), count + (not names))


def _sniff(head: list[str]) -> str:
    """Return the delimiter that cuts most rows into the same number of fields, more than one."""

    def score(delimiter: str) -> tuple[int, int]:
        try:
            rows = [row for row in csv.reader(head, delimiter=delimiter) if row]
        except csv.Error:
            return 0, 0
        width = len(rows[0]) if rows else 0
        alike = sum(len(row) == width for row in rows)
        return (alike, width) if width > 1 else (0, 0)

    return max(_DELIMITERS, key=score)


def _header(row: list[str]) -> list[str]:
    """Return the first row if it can name columns: each field once, none empty, no number."""
    names = [name.strip() for name in row]
    if len(set(names)) != len(names) or any(map(_is_number, names)):
        return []
    if len(names) > MAX_COLUMNS or any(len(name) > _LONGEST_NAME for name in names):
        raise IntegrityError("its columns are too many, or their names too long")
    return names


def _numbered(row: list[str]) -> list[str]:
    if len(row) > MAX_COLUMNS:
        raise IntegrityError("its columns are too many, or their names too long")
    return [f"column {number}" for number in range(1, len(row) + 1)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return not text
    return True


def _read_json_lines(file: BinaryIO, seen: Seen) -> Table:
    columns: dict[str, str] = {}
    rows = 0
    for line in _lines(file, seen):
        if line.isspace():
            continue
        rows += 1
        row = _json_object(line, rows)
        if not row.keys() <= columns.keys():
            columns.update(dict.fromkeys(row, ""))
            if len(columns) > MAX_COLUMNS or any(len(name) > _LONGEST_NAME for name in row):
                raise IntegrityError("its columns are too many, or their names too long")
    return Table("jsonl", columns, rows)


def _json_object(line: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"row {number} is not JSON") from error
    if not isinstance(row, dict):
        raise IntegrityError(f"row {number} is not a JSON object")
    return row


def _lines(file: BinaryIO, seen: Seen) -> Iterator[str]:
    """Yield the lines of a text with their ends; raise `IntegrityError` if it is none.

    Whole blocks are decoded and split, which takes half as long as line by line.
    """
    file.seek(0)
    rest, mark = b"", codecs.BOM_UTF8
    while block := file.read(_BLOCK):
        seen(len(block))
        if b"\0" in block:
            raise IntegrityError("it is not text")
        data = (rest + block).removeprefix(mark)
        mark = b""
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        if len(rest) > _LONGEST_LINE:
            raise IntegrityError(f"a line is longer than {_LONGEST_LINE} bytes")
        yield from _split(data[:end])
    yield from _split(rest)


def _split(data: bytes) -> Iterator[str]:
    *lines, rest = data.decode("utf-8", "replace").split("\n")
    for line in lines:
        yield f"{line}\n"
    if rest:
        yield rest


def _read_parquet(file: BinaryIO, seen: Seen) -> Table:
    size = file.seek(0, os.SEEK_END)
    if size < 12 or read_at(file, 0, 4) != _PARQUET:
        raise IntegrityError("it is not Parquet")
    length, magic = _FOOTER_END.unpack(read_at(file, size - 8, 8))
    if magic != _PARQUET or not length <= min(size - 12, _MAX_FOOTER):
        raise IntegrityError("it is not Parquet, or its footer is too long")
    # Only the footer: whatever else the file holds is not looked at.
    data = _PARQUET + read_at(file, size - 8 - length, length + 8)
    seen(len(data))
    return _parse_footer(data)


def _parse_footer(data: bytes) -> Table:
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise UsageError(
            "reading Parquet needs pyarrow",
            hint=command("pip install {}", f"gitmodel[{PARQUET_EXTRA}]"),
        ) from error
    try:
        found = parquet.read_metadata(io.BytesIO(data))
        schema = found.schema.to_arrow_schema()
        columns = {field.name: str(field.type) for field in _first(schema)}
        return Table("parquet", columns, int(found.num_rows))
    except (arrow.ArrowException, OSError, ValueError, TypeError) as error:
        raise IntegrityError("its footer is malformed") from error


def _first(fields: Iterable[Any]) -> Iterator[Any]:
    for number, each in enumerate(fields):
        if number >= MAX_COLUMNS:
            raise IntegrityError("its columns are too many, or their names too long")
        yield each


_READERS: Mapping[str, Callable[[BinaryIO, Seen], Table]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
}
