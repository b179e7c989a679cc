"""The manifest: the list of a directory's files, itself a blob (see docs/format.md)."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from gitmodel.errors import IntegrityError, NewerError, newer
from gitmodel.hints import command
from gitmodel.paths import MAX_PATH, check_paths
from gitmodel.pointer import MAX_FILES, MAX_SIZE

HEADER = b"gitmodel-manifest 1\n"
MAX_BYTES = 1 << 28
"""Bytes of the longest manifest: as many entries as there may be, with paths of 140 bytes each."""

FILE, EXECUTABLE, LINK, FOLDER = "f", "x", "l", "d"

_LONGEST_LINE = 6 * MAX_PATH + 256
"""Bytes: each byte of a path may take six, and all else has a fixed length or 19 digits."""
_HEADER = re.compile(rb"gitmodel-manifest ([0-9]{1,9})\n")
_OID = r"((?:blake3|sha256):[0-9a-f]{64}) "
_OIDS = re.compile(f"^{_OID}", re.ASCII | re.MULTILINE)
_LINE = re.compile(
    _OID + r"(xxh3-128:[0-9a-f]{32}) (0|[1-9][0-9]{0,18}) ([fxld]) "
    r'"((?:[ !#-\[\]-~]++|\\["\\nrtbf]|\\u[0-9a-f]{4})++)"\n',
    re.ASCII,
)


class Entry(NamedTuple):
    """One file, symlink or empty directory; a symlink's content is its target."""

    oid: str
    fingerprint: str
    size: int
    type: str
    path: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The entries of a directory, sorted by the bytes of their paths."""

    entries: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """The sum of the entries in bytes."""
        return sum(entry.size for entry in self.entries)

    def by_path(self) -> dict[str, Entry]:
        """Return the entries by path."""
        return {entry.path: entry for entry in self.entries}


def most_bytes(files: int | None) -> int:
    """Return how many bytes a manifest has at most that a pointer gives so many entries."""
    return min(MAX_BYTES, len(HEADER) + (files or 0) * _LONGEST_LINE)


def make_manifest(entries: Iterable[Entry]) -> Manifest:
    """Sort and check the entries; raise `IntegrityError` for names that may not be."""
    # Code points sort as their UTF-8 bytes do.
    ordered = sorted(entries, key=attrgetter("path"))
    _check_count(len(ordered))
    _check(ordered)
    return Manifest(tuple(ordered))


def format_manifest(manifest: Manifest) -> bytes:
    """Return the one valid spelling of a manifest."""
    lines = [
        f"{oid} {fingerprint} {size} {kind} {_quote(path)}\n"
        for oid, fingerprint, size, kind, path in manifest.entries
    ]
    return HEADER + "".join(lines).encode()


def parse_manifest(data: bytes, name: str) -> Manifest:
    """Return the manifest in `data`; `name`, its pointer's or its own, is for the message.

    Raises `IntegrityError` for anything that `format_manifest` would not write.
    """
    try:
        return _parse(_text(data))
    except IntegrityError as error:
        raise _broken(name, error) from error


def list_oids(data: bytes, name: str) -> list[str]:
    """Return the oid of each entry, in a fifth of the time that `parse_manifest` takes.

    No more of the lines is looked at.  Raises `IntegrityError` if one does not begin with an oid.
    """
    try:
        text = _text(data)
        found: list[str] = _OIDS.findall(text)
        if len(found) != text.count("\n") or text[-1:] not in ("", "\n"):
            raise _malformed(text)
    except IntegrityError as error:
        raise _broken(name, error) from error
    return found


def find_entries(data: bytes, *, oid: str = "", path: str = "") -> list[Entry]:
    """Return the entries with an oid, or at a path, from a manifest that is not parsed for it."""
    needle = f"\n{oid} " if oid else f" {_quote(path)}\n"
    return [entry for line in _lines_with(data, needle.encode()) if (entry := _entry(line))]


def parse_near(data: bytes, near: bytes, entries: Mapping[str, Entry]) -> dict[str, Entry] | None:
    """Return the entries of a manifest by path, given those of one that is nearly the same.

    Only lines that are not in `near`, whose `entries` are given, are parsed and checked.  None if
    `data` is not what `format_manifest` would write, as far as they show.
    """
    lines, others = set(data.splitlines(True)), set(near.splitlines(True))
    found = dict(entries)
    for old in map(_entry, others - lines):
        if old:
            del found[old.path]
    try:
        new = [entry for line in lines - others if (entry := _entry(line))]
        _check(new)
    except IntegrityError:
        return None
    found |= {entry.path: entry for entry in new}
    whole = len(new) == len(lines - others) and len(found) + 1 == data.count(b"\n")
    return found if whole and data.startswith(HEADER) else None


def _lines_with(data: bytes, needle: bytes) -> Iterator[bytes]:
    at = data.find(needle)
    while at >= 0:
        start = data.rfind(b"\n", 0, at + 1) + 1
        end = data.find(b"\n", start) + 1
        yield data[start:end]
        at = data.find(needle, end - 1)


def _entry(line: bytes) -> Entry | None:
    match = _LINE.fullmatch(line.decode("ascii", "replace"))
    if match is None:
        return None
    oid, fingerprint, size, kind, path = match.groups()
    return Entry(oid, fingerprint, int(size), kind, _unquote(path) if "\\" in path else path)


def _broken(name: str, error: IntegrityError) -> IntegrityError:
    if isinstance(error, NewerError):
        return NewerError(f"manifest of {name!r}: {error.message}", hint=error.hint)
    hint = error.hint or command("git log -p -- {}", name)
    return IntegrityError(f"manifest of {name!r} is broken: {error.message}", hint=hint)


def _text(data: bytes) -> str:
    """Return the lines after the header."""
    _check_header(data)
    try:
        return data[len(HEADER) :].decode("ascii")
    except UnicodeDecodeError as error:
        raise IntegrityError("it holds bytes that are not ASCII") from error


def _parse(text: str) -> Manifest:
    _check_count(text.count("\n"))
    found = _LINE.findall(text)
    # Every line ends with the only newline it can hold, so equal counts mean that all matched;
    # equal lengths, that nothing lies between the matches.
    if len(found) != text.count("\n") or not _covers(found, text):
        raise _malformed(text)
    entries = [
        Entry(oid, fingerprint, int(size), kind, _unquote(path) if "\\" in path else path)
        for oid, fingerprint, size, kind, path in found
    ]
    _check_order(entries)
    _check(entries)
    return Manifest(tuple(entries))


def _check_header(data: bytes) -> None:
    header = _HEADER.match(data)
    if not header:
        raise IntegrityError("it does not start as a manifest")
    if int(header[1]) != 1:
        raise newer("it", int(header[1]))
    if header[0] != HEADER:
        raise IntegrityError("its first line is malformed")


def _check_count(count: int) -> None:
    if count > MAX_FILES:
        raise IntegrityError(
            f"it has {count:,} entries, and {MAX_FILES:,} are the most",
            hint="make several artifacts of it, one for each folder",
        )


def _covers(found: list[tuple[str, str, str, str, str]], text: str) -> bool:
    fixed = 71 + 41 + 1 + len("    ") + len('""\n')
    return sum(len(f[2]) + len(f[4]) for f in found) + fixed * len(found) == len(text)


def _malformed(text: str) -> IntegrityError:
    lines = text.split("\n")
    bad = (n for n, line in enumerate(lines[:-1], 2) if not _LINE.fullmatch(line + "\n"))
    return IntegrityError(f"line {next(bad, len(lines) + 1)} is malformed")


def _check_order(entries: list[Entry]) -> None:
    for before, after in itertools.pairwise(entries):
        if after.path <= before.path:
            raise IntegrityError(f"{after.path!r} is out of order or appears twice")


def _check(entries: list[Entry]) -> None:
    check_paths([entry.path for entry in entries])
    for entry in entries:
        if entry.type == FOLDER and entry.size:
            raise IntegrityError(f"the empty folder {entry.path!r} has a size")
        if entry.type == LINK and not 0 < entry.size <= 4096:
            raise IntegrityError(f"the symlink {entry.path!r} has a target of {entry.size} bytes")
    if sum(entry.size for entry in entries) > MAX_SIZE:
        raise IntegrityError("its sizes add up to more than fits")


def _quote(path: str) -> str:
    # JSON's own writer, but DEL is escaped too, so that a line is printable ASCII.
    return json.dumps(path).replace("\x7f", "\\u007f")


def _unquote(quoted: str) -> str:
    path: str = json.loads(f'"{quoted}"')
    if _quote(path) != f'"{quoted}"':
        raise IntegrityError(f'"{quoted[:60]}" is not spelled as gitmodel writes it')
    return path
