"""The pointer: the small file that Git keeps in an artifact's place (see docs/format.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from gitmodel.digest import parse_fingerprint, parse_oid
from gitmodel.errors import GitmodelError, IntegrityError, newer
from gitmodel.hints import command
from gitmodel.paths import POINTER_SUFFIX

MAX_BYTES = 4096
MAX_SIZE = 2**63 - 1
MAX_FILES = 1_000_000
"""Entries of the largest tree: each takes some 600 bytes of memory while it is read."""
FORMAT = 1

_HEAD = re.compile(rb"\A\s*gitmodel\s*:")
_NUMBERED = re.compile(rb"\Agitmodel: ([1-9][0-9]{0,8})\n")
_POINTER = re.compile(
    r'gitmodel: 1\nkind: (?P<kind>file|tree)\noid: "(?P<oid>[a-z0-9:]+)"\n'
    r'xxh3: "(?P<xxh3>[a-z0-9:-]+)"\nsize: (?P<size>0|[1-9][0-9]{0,18})\n'
    r'(?:files: (?P<files>0|[1-9][0-9]{0,8})\n)?(?:mode: "(?P<mode>0755)"\n)?',
    re.ASCII,
)


class NotAPointerError(GitmodelError):
    """The bytes are something else than a pointer, good or broken."""

    exit_code = 7


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a pointer file says.

    For a tree, `oid` and `fingerprint` are the manifest's, `size` the sum of the files in
    bytes and `files` the number of entries; for a file, `files` is None.  `path` is where it was
    read, if it was, for messages.
    """

    kind: Literal["file", "tree"]
    oid: str
    fingerprint: str
    size: int
    files: int | None = None
    executable: bool = False
    path: str = field(default="", compare=False)


def format_pointer(pointer: Pointer) -> bytes:
    """Return the one valid spelling of a pointer."""
    lines = [
        f"gitmodel: {FORMAT}",
        f"kind: {pointer.kind}",
        f'oid: "{pointer.oid}"',
        f'xxh3: "{pointer.fingerprint}"',
        f"size: {pointer.size}",
    ]
    if pointer.files is not None:
        lines.append(f"files: {pointer.files}")
    if pointer.executable:
        lines.append('mode: "0755"')
    return ("\n".join(lines) + "\n").encode()


def parse_pointer(data: bytes, path: str) -> Pointer:
    """Return the pointer in `data`; `path` is for messages.

    Raises `NotAPointerError` for something else, `IntegrityError` for a broken pointer.
    """
    _check_head(data, path)
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise _broken(path, "it holds bytes that are not ASCII") from error
    if not (match := _POINTER.fullmatch(text)):
        raise _broken(path, "it is not spelled as gitmodel writes it")
    kind: Literal["file", "tree"] = "tree" if match["kind"] == "tree" else "file"
    if (kind == "tree") != (match["files"] is not None) or (kind == "tree" and match["mode"]):
        raise _broken(path, f"its keys do not fit the kind {kind!r}")
    size = int(match["size"])
    files = None if match["files"] is None else int(match["files"])
    if size > MAX_SIZE or (files or 0) > MAX_FILES:
        raise _broken(path, "its size is out of range")
    try:
        oid, fingerprint = parse_oid(match["oid"]), parse_fingerprint(match["xxh3"])
    except IntegrityError as error:
        raise _broken(path, error.message) from error
    return Pointer(kind, oid, fingerprint, size, files, bool(match["mode"]), path)


def _check_head(data: bytes, path: str) -> None:
    if len(data) <= MAX_BYTES and (number := _NUMBERED.match(data)) and int(number[1]) != FORMAT:
        raise newer(f"{path!r}", int(number[1]))
    if data.startswith((b"<<<<<<<", b"gitmodel: 1\n<<<<<<<")) or b"\n<<<<<<< " in data[:MAX_BYTES]:
        raise IntegrityError(
            f"{path!r} is a broken pointer: it holds conflict markers",
            hint=command("gitmodel resolve {}", path.removesuffix(POINTER_SUFFIX)),
        )
    if not data:
        # As after a power cut, or if Git was stopped just when it wrote the file.
        raise _broken(path, "it is empty")
    if not _HEAD.match(data[:MAX_BYTES]):
        raise NotAPointerError(
            f"{path!r} is not a gitmodel pointer", hint=command("git log -p -- {}", path)
        )
    if len(data) > MAX_BYTES:
        raise _broken(path, f"it is longer than {MAX_BYTES} bytes")


def _broken(path: str, why: str) -> IntegrityError:
    return IntegrityError(
        f"{path!r} is a broken pointer: {why}", hint=command("git checkout HEAD -- {}", path)
    )
