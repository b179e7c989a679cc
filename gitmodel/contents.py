"""What a version consists of, as one text; a version tag holds its BLAKE3 (see docs/format.md).

A signature on the tag so covers all bytes with a strong hash, whatever hash Git itself uses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from gitmodel.digest import oid_of
from gitmodel.pointer import Pointer

HEADER = b"gitmodel-contents 1"
_LISTED = re.compile(
    r"(?s)[^/]\.gitmodel\Z|\A\.gitmodel\.yaml\Z|\.lineage\.yaml\Z|\.card\.md\Z"
    r"|(?:\A|[/.])(?:metrics|params)\.(?:json|yaml|yml)\Z"
)
FILE, EXECUTABLE, TREE, SIDECAR = "f", "x", "t", "s"


@dataclass(frozen=True, slots=True)
class Item:
    """An artifact, by what its pointer says, or a file in Git that describes artifacts."""

    type: str
    size: int
    oid: str
    path: str


def is_listed(path: str) -> bool:
    """Return whether a file of a commit belongs to its contents by its name alone.

    This is part of the format: it is never to follow what else is read from commits.
    """
    return bool(_LISTED.search(path))


def item_of_pointer(artifact: str, pointer: Pointer) -> Item:
    """Return the item of an artifact."""
    kind = EXECUTABLE if pointer.executable else FILE
    kind = TREE if pointer.kind == "tree" else kind
    return Item(kind, pointer.size, pointer.oid, artifact)


def item_of_file(path: str, data: bytes) -> Item:
    """Return the item of a sidecar, or of another file that Git itself holds."""
    return Item(SIDECAR, len(data), oid_of(data), path)


def format_contents(items: Iterable[Item]) -> bytes:
    """Return the text whose digest is the root of a version."""
    rows = sorted((_bytes(item.path), item.type, _line(item)) for item in items)
    return b"\n".join((HEADER, *(line for _, _, line in rows), b""))


def root_of(items: Iterable[Item]) -> str:
    """Return the root of a version: the oid, by BLAKE3, of the text that lists its items."""
    return oid_of(format_contents(items))


def _line(item: Item) -> bytes:
    # JSON's own writer, but DEL is escaped too, as in a manifest.
    path = json.dumps(item.path).replace("\x7f", "\\u007f")
    return f"{item.type} {item.size} {item.oid} {path}".encode("ascii")


def _bytes(path: str) -> bytes:
    """Return a path as Git holds it; what is not UTF-8 was escaped when it was read."""
    return path.encode("utf-8", "surrogateescape")
