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
