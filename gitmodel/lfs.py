"""The pointer files of Git LFS, as docs/spec.md of that project has them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gitmodel.pointer import MAX_SIZE

MAX_BYTES = 1024
"""Bytes that a pointer is shorter than."""

_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n"
    rb"(?:ext-[0-9]-[ -~]*\n)*oid sha256:([0-9a-f]{64})\nsize (0|[1-9][0-9]{0,18})\n?",
)
_LINE = re.compile(rb'\s*("(?:[^"\\]|\\.)*"|\S+)\s+(.*)', re.DOTALL)
_OWN = frozenset((b"filter=lfs", b"diff=lfs", b"merge=lfs"))
_BESIDE = frozenset((b"-text", b"lockable"))
"""What `git lfs track` writes beside these, and what means nothing without them."""


@dataclass(frozen=True, slots=True)
class LfsPointer:
    """What a pointer of Git LFS says; `extended` if the bytes went through an extension."""

    oid: str
    size: int
    extended: bool


def parse_lfs(data: bytes) -> LfsPointer | None:
    """Return the pointer in `data`, or None if it is none."""
    match = _POINTER.fullmatch(data) if len(data) < MAX_BYTES else None
    if match is None or int(match[2]) > MAX_SIZE:
        return None
    return LfsPointer(f"sha256:{match[1].decode()}", int(match[2]), b"\next-" in data)


def without_lfs(data: bytes) -> bytes:
    """Return a `.gitattributes` without what `git lfs track` writes; other attributes stay."""
    kept = (_without(line) for line in data.splitlines(keepends=True))
    return b"".join(line for line in kept if line)


def _without(line: bytes) -> bytes:
    pattern, rest = _split(line)
    words = rest.split()
    if b"filter=lfs" not in words or pattern.startswith(b"#"):
        return line
    others = [word for word in words if word not in _OWN]
    if not set(others) - _BESIDE:
        return b""
    return b" ".join((pattern, *others)) + b"\n"


def _split(line: bytes) -> tuple[bytes, bytes]:
    """Return the pattern, which may stand in quotes, and the attributes of a line."""
    match = _LINE.match(line)
    return (match[1], match[2]) if match else (line, b"")
