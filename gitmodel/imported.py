"""Which artifact of gitmodel's each object of DVC's is: `.gitmodel.imported` (see docs/format.md).

With it, revisions from before the import are read as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from gitmodel.dvcfile import Out
from gitmodel.errors import IntegrityError, newer
from gitmodel.hints import command
from gitmodel.pointer import MAX_FILES, MAX_SIZE, Pointer

NAME = ".gitmodel.imported"
MAX_BYTES = 1 << 28
HEADER = b"gitmodel-imported 1\n"

_HEADER = re.compile(rb"gitmodel-imported ([0-9]{1,9})\n")
_LINE = re.compile(
    r"(?P<key>md5(?:-dos2unix)?:[0-9a-f]{32}(?P<tree>\.dir)?) "
    r"(?P<oid>(?:blake3|sha256):[0-9a-f]{64}) (?P<xxh3>xxh3-128:[0-9a-f]{32}) "
    r"(?P<size>0|[1-9][0-9]{0,18})(?: (?P<files>0|[1-9][0-9]{0,8}))?",
    re.ASCII,
)

Imported = Mapping[str, Pointer]
"""What is known of objects of DVC's, by the name and value of DVC's hash."""


@dataclass(frozen=True, slots=True)
class Translation:
    """What a commit of DVC's tracks: pointers by artifact, and outs of which nothing is known."""

    pointers: Mapping[str, Pointer]
    unknown: tuple[Out, ...]


def translate(outs: Iterable[Out], imported: Imported) -> Translation:
    """Return the pointers that stand for what DVC tracks."""
    pointers, unknown = {}, []
    for out in outs:
        if (found := imported.get(out.key)) is None:
            unknown.append(out)
        else:
            executable = found.kind == "file" and out.executable
            pointers[out.path] = replace(found, executable=executable)
    return Translation(pointers, tuple(unknown))


def format_imported(imported: Imported) -> bytes:
    """Return the one valid spelling of the file."""
    lines = [_line(key, imported[key]) for key in sorted(imported)]
    return HEADER + "".join(lines).encode()


def parse_imported(data: bytes) -> Imported:
    """Return what the file says; raise `IntegrityError` for what `format_imported` never writes."""
    if len(data) > MAX_BYTES:
        raise _broken(f"it is longer than {MAX_BYTES} bytes")
    header = _HEADER.match(data)
    if not header:
        raise _broken("it does not start as one")
    if int(header[1]) != 1:
        raise newer(f"{NAME!r}", int(header[1]))
    try:
        *lines, end = data[header.end() :].decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise _broken("it holds bytes that are not ASCII") from error
    if end or header[0] != HEADER:
        raise _broken("its first or last line is malformed")
    found: dict[str, Pointer] = {}
    last = ""
    for number, line in enumerate(lines, 2):
        key, pointer = _parse_line(line, number)
        if key <= last:
            raise _broken(f"line {number} is out of order or appears twice")
        found[key] = pointer
        last = key
    return found


def _parse_line(line: str, number: int) -> tuple[str, Pointer]:
    match = _LINE.fullmatch(line)
    if match is None or bool(match["tree"]) != (match["files"] is not None):
        raise _broken(f"line {number} is malformed")
    size, files = int(match["size"]), None if match["files"] is None else int(match["files"])
    if size > MAX_SIZE or (files or 0) > MAX_FILES:
        raise _broken(f"line {number} has a number that is out of range")
    kind: Literal["file", "tree"] = "tree" if match["tree"] else "file"
    return match["key"], Pointer(kind, match["oid"], match["xxh3"], size, files)


def _line(key: str, pointer: Pointer) -> str:
    files = "" if pointer.files is None else f" {pointer.files}"
    return f"{key} {pointer.oid} {pointer.fingerprint} {pointer.size}{files}\n"


def _broken(why: str) -> IntegrityError:
    return IntegrityError(f"{NAME!r} is broken: {why}", hint=command("git log -p -- {}", NAME))
