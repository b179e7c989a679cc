"""How large Git's objects are, asked before one is read: kilobytes of a pack may hold gigabytes."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from dulwich.object_store import DiskObjectStore, PackBasedObjectStore
from dulwich.objects import ObjectID, RawObjectID, hex_to_sha
from dulwich.pack import Pack, PackFileDisappeared

from gitmodel.errors import IntegrityError

_OFFSET_DELTA, _NAMED_DELTA = 6, 7
_HEADER = 128
"""Bytes in which the head of an object in a pack, and that of a delta, fit."""
_DEEPEST = 4096
"""Git itself makes no longer chain of deltas (`pack.depth`)."""


class Weight(NamedTuple):
    """The size of an object in bytes, and what is unpacked on the way to it, itself included."""

    size: int
    effort: int


class Scales:
    """Weighs the objects of a store."""

    def __init__(self, store: DiskObjectStore) -> None:
        self._store = store
        self._packs: list[Pack] = []
        self._files: dict[str, int] = {}

    def weigh(self, oid: bytes) -> Weight | None:
        """Return the weight of an object, None if it is not here.

        Raises `IntegrityError` if it is damaged.
        """
        try:
            return self._packed(hex_to_sha(ObjectID(oid))) or self._loose(self._store, oid)
        except (IndexError, KeyError, ValueError, zlib.error) as error:
            raise IntegrityError(
                f"Git object {oid.decode()} is damaged", hint="git fsck"
            ) from error

    def close(self) -> None:
        """Close the packs."""
        for fd in self._files.values():
            os.close(fd)
        self._files.clear()

    def _packed(self, sha: RawObjectID) -> Weight | None:
        for pack, offset in self._places(sha):
            size, effort = -1, 0
            for _ in range(_DEEPEST):
                unpacked, result, base = self._head(pack, offset)
                size = result if size < 0 else size
                effort += max(unpacked, result)
                if base is None:
                    return Weight(size, effort)
                offset = base
            # Longer than any, or a circle: too large to be read.
            return Weight(size, 1 << 62)
        return None

    def _places(self, sha: RawObjectID) -> Iterator[tuple[Pack, int]]:
        """Yield the packs that hold an object, and where: those first that were there before."""
        yield from _holding(self._packs, sha)
        self._packs = [*self._store.packs]
        for alternate in self._store.alternates:
            if isinstance(alternate, PackBasedObjectStore):
                self._packs += alternate.packs
        yield from _holding(self._packs, sha)

    def _head(self, pack: Pack, offset: int) -> tuple[int, int, int | None]:
        """Return how much is unpacked there, what becomes of it, and where its base is, if any."""
        data = os.pread(self._open(os.fspath(pack.data.path)), _HEADER, offset)
        kind, at = data[0] >> 4 & 7, 1
        unpacked, shift = data[0] & 15, 4
        while data[at - 1] & 0x80:
            unpacked |= (data[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
        if kind not in (_OFFSET_DELTA, _NAMED_DELTA):
            return unpacked, unpacked, None
        if kind == _NAMED_DELTA:
            width = pack.object_format.oid_length
            base = pack.index.object_offset(RawObjectID(data[at : at + width]))
            at += width
        else:
            distance = data[at] & 0x7F
            while data[at] & 0x80:
                at += 1
                distance = ((distance + 1) << 7) | (data[at] & 0x7F)
            base, at = offset - distance, at + 1
        start = zlib.decompressobj().decompress(data[at:], 32)
        _, used = _number(start, 0)
        result, _ = _number(start, used)
        return unpacked, result, base

    def _open(self, path: str) -> int:
        if path not in self._files:
            self._files[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return self._files[path]

    def _loose(self, store: DiskObjectStore, oid: bytes) -> Weight | None:
        name = oid.decode("ascii")
        try:
            with (Path(store.path) / name[:2] / name[2:]).open("rb") as file:
                data = zlib.decompressobj().decompress(file.read(_HEADER), 64)
        except FileNotFoundError:
            for alternate in store.alternates:
                if isinstance(alternate, DiskObjectStore) and (
                    found := self._loose(alternate, oid)
                ):
                    return found
            return None
        size = int(data[: data.index(b"\0")].split(b" ")[1])
        return Weight(size, size)


def _holding(packs: Iterable[Pack], sha: RawObjectID) -> Iterator[tuple[Pack, int]]:
    for pack in packs:
        try:
            offset = pack.index.object_offset(sha)
        except (KeyError, PackFileDisappeared):
            continue
        yield pack, offset


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return a number as deltas begin with, and where it ends."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not data[at - 1] & 0x80:
            return value, at
