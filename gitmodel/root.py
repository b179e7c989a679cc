"""The remote's small files: what describes it, and roots (see docs/format.md).

A root says that a version, or the tip of a branch, is complete on the remote.  It is written
after everything that it names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from gitmodel.digest import COMMIT, oid_of, parse_oid
from gitmodel.errors import IntegrityError, newer

DESCRIPTION_NAME = "gitmodel-remote.json"

MAX_DESCRIPTION = 64 << 10
"""Bytes of the longest description of a remote."""
MAX_ROOT = 64 << 20
"""Bytes of the longest root."""

_HEADER = "gitmodel-root 1"
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_PLAIN = re.compile(rb"[a-z0-9.-]")
_LONGEST_NAME = 180
_ESCAPED = re.compile(r"_([0-9a-f]{2})", re.ASCII)
_CUT = re.compile(r"[a-z0-9._-]{100}__[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Chunking:
    """How blobs are cut: FastCDC 2020, normalisation 1; sizes in bytes.

    The shortest chunk is a quarter of `average`, the longest four times it; `smallest` is the
    size from which blobs are cut at all.
    """

    average: int = 256 << 10
    smallest: int = 1 << 20


@dataclass(frozen=True, slots=True)
class Description:
    """What a remote says of itself; `id` tells two remotes apart, however they are reached."""

    id: str
    chunking: Chunking


@dataclass(frozen=True, slots=True)
class Root:
    """A version or the tip of a branch, and the oids that its pointers name."""

    ref: str
    commit: str
    oids: tuple[str, ...]


def format_description(description: Description) -> bytes:
    """Return the file that describes a remote."""
    chunking = description.chunking
    value = {
        "format": 1,
        "id": description.id,
        "chunking": {
            "algorithm": "fastcdc2020",
            "average": chunking.average,
            "smallest": chunking.smallest,
        },
    }
    return (json.dumps(value, indent=2) + "\n").encode()


def parse_description(data: bytes) -> Description:
    """Return the description of a remote; raise `IntegrityError` if it is none."""
    try:
        value = json.loads(data[:MAX_DESCRIPTION])
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{DESCRIPTION_NAME!r} of the remote is not JSON") from error
    number = value.get("format") if isinstance(value, dict) else None
    if type(number) is not int or number < 1:
        raise IntegrityError(f"{DESCRIPTION_NAME!r} of the remote says no format")
    if number > 1:
        raise newer("the remote", number)
    identity, chunking = value.get("id"), value.get("chunking")
    if not isinstance(identity, str) or not _ID.fullmatch(identity):
        raise IntegrityError(f"{DESCRIPTION_NAME!r} of the remote has no id")
    if not isinstance(chunking, dict) or chunking.get("algorithm") != "fastcdc2020":
        raise IntegrityError(f"{DESCRIPTION_NAME!r} of the remote has an unknown chunking")
    return Description(identity, _chunking(chunking.get("average"), chunking.get("smallest")))


def format_root(root: Root) -> bytes:
    """Return the file of a root."""
    lines = [_HEADER, f"ref {root.ref}", f"commit {root.commit}"]
    lines += [f"oid {oid}" for oid in root.oids]
    body = "\n".join(lines) + "\n"
    # Git's names of refs are bytes, most often UTF-8.
    encoded = body.encode("utf-8", "surrogateescape")
    return encoded + f"digest {oid_of(encoded)}\n".encode()


def parse_root(data: bytes) -> Root:
    """Return the root in `data`; raise `IntegrityError` if anything in it is amiss."""
    body, _, tail = data.rpartition(b"digest ")
    if tail != f"{oid_of(body)}\n".encode():
        raise IntegrityError("a root is damaged")
    lines = body.decode("utf-8", "surrogateescape").split("\n")
    if lines[0] != _HEADER:
        raise newer("a root")
    root = _parse_lines(lines[1:-1])
    if format_root(root) != data:
        raise IntegrityError("a root is malformed")
    return root


def make_root(ref: str, commit: str, oids: Iterable[str]) -> Root:
    """Return a root with its oids in order."""
    return Root(ref, commit, tuple(sorted(set(oids))))


def root_name(ref: str) -> str:
    """Return the file name of a ref's root: plain ASCII, one to one, on any file system.

    A byte that is not a small letter, digit, `.` or `-` becomes `_` and two hex digits; a name
    that gets too long ends in `__` and the BLAKE3 of the ref instead.
    """
    name = "".join(
        chr(byte) if _PLAIN.match(bytes((byte,))) else f"_{byte:02x}"
        for byte in ref.removeprefix("refs/").encode("utf-8", "surrogateescape")
    )
    if len(name) <= _LONGEST_NAME:
        return name
    digest = oid_of(ref.encode("utf-8", "surrogateescape"))
    return f"{name[:100]}__{digest[7:]}"


def is_root_name(name: str) -> bool:
    """Return whether a file is named as a root is: `root_name` makes this of a branch, for example.

    Every ref has a folder below `refs`, or is a commit, so there is an escaped `/` in its name.
    """
    if _CUT.fullmatch(name):
        return True
    if "_2f" not in name or not name.isascii():
        return False
    ref = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), name).encode("latin-1")
    return root_name("refs/" + ref.decode("utf-8", "surrogateescape")) == name


def _parse_lines(lines: list[str]) -> Root:
    if len(lines) < 2 or not lines[0].startswith("ref ") or not lines[1].startswith("commit "):
        raise IntegrityError("a root is malformed")
    commit = lines[1][7:]
    oids = [parse_oid(line.removeprefix("oid ")) for line in lines[2:]]
    if not COMMIT.fullmatch(commit) or oids != sorted(set(oids)):
        raise IntegrityError("a root is malformed")
    return Root(lines[0][4:], commit, tuple(oids))


def _chunking(average: object, smallest: object) -> Chunking:
    """Bounds hold the memory that a hostile remote can make a push take."""
    if not isinstance(average, int) or not 1 << 12 <= average <= 1 << 22:
        raise IntegrityError(f"{DESCRIPTION_NAME!r} of the remote has an impossible average")
    if not isinstance(smallest, int) or not 1 << 12 <= smallest <= 1 << 23:
        raise IntegrityError(f"{DESCRIPTION_NAME!r} of the remote has an impossible smallest")
    return Chunking(average, smallest)
