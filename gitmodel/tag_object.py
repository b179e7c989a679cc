"""Annotated tags: their parts, and the trailers that `gitmodel tag` writes (see docs/format.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from gitmodel.digest import parse_oid
from gitmodel.errors import IntegrityError

ROOT = "Gitmodel-Root"

SignatureFormat = Literal["openpgp", "x509", "ssh"]

_HEAD = re.compile(
    rb"object (?P<object>[0-9a-f]{40}|[0-9a-f]{64})\ntype (?P<type>[a-z]+)\n"
    rb"tag (?P<tag>[^\n\0]+)\n(?:[^\n]+\n)*\n"
)
_BEGIN = re.compile(
    rb"^-----BEGIN (PGP SIGNATURE|PGP MESSAGE|SIGNED MESSAGE|SSH SIGNATURE)-----", re.M
)
_FORMATS: Mapping[bytes, SignatureFormat] = {
    b"PGP SIGNATURE": "openpgp",
    b"PGP MESSAGE": "openpgp",
    b"SIGNED MESSAGE": "x509",
    b"SSH SIGNATURE": "ssh",
}
_TRAILER = re.compile(r"(Gitmodel-[A-Za-z]+): (.*)")
_PLAIN = re.compile(r'[^\s"=]+')


@dataclass(frozen=True, slots=True)
class TagObject:
    """What an annotated tag says: the name that it was made for, and what it is of.

    `message` ends where a signature starts: what follows that is signed by nobody.  `signature`
    is the format of the signature, or None; `rest` what stands after it.
    """

    name: str
    type: str
    target: str
    message: str
    signature: SignatureFormat | None
    rest: str


def parse_tag_object(data: bytes) -> TagObject:
    """Return the parts of a tag object; raises `IntegrityError` if it is malformed."""
    head = _HEAD.match(data)
    if head is None:
        raise IntegrityError("the tag object is malformed", hint="git fsck --tags")
    # As Git does it: the last such line starts the signature.
    begins = list(_BEGIN.finditer(data, head.end()))
    end = begins[-1].start() if begins else len(data)
    mark = b"-----END %s-----" % begins[-1][1] if begins else b""
    return TagObject(
        _text(head["tag"]),
        head["type"].decode("ascii"),
        head["object"].decode("ascii"),
        _text(data[head.end() : end]),
        _FORMATS[begins[-1][1]] if begins else None,
        _text(data[end:].partition(mark)[2].strip()) if mark else "",
    )


def begins_signature(message: str) -> bool:
    """Return whether Git would take a line of a message for the start of a signature."""
    return bool(_BEGIN.search(message.encode("utf-8", "surrogateescape")))


def format_message(text: str, trailers: Iterable[tuple[str, str]]) -> str:
    """Return the message of a tag: its text, then the trailers as a paragraph of their own."""
    return "\n".join((text.strip("\n"), "", *(f"{key}: {value}" for key, value in trailers), ""))


def format_name(name: str) -> str:
    """Return a path or another name as a trailer holds it: as a JSON string if it is unusual."""
    return name if name.isprintable() and _PLAIN.fullmatch(name) else json.dumps(name)


def stated_root(message: str) -> str:
    """Return the root that the last paragraph of a message states, or nothing.

    Raises `IntegrityError` if it is none, or if there are several.
    """
    last = message.rstrip("\n").rpartition("\n\n")[2]
    trailers = [match.groups() for line in last.split("\n") if (match := _TRAILER.fullmatch(line))]
    roots = [value for key, value in trailers if key == ROOT]
    if len(roots) > 1:
        raise IntegrityError(f"the tag has {len(roots)} trailers {ROOT!r}")
    return parse_oid(roots[0]) if roots else ""


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
