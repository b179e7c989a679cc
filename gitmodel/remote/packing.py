"""A pack that is being put together in memory, and what it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from blake3 import blake3

from gitmodel.digest import algorithm_of, fingerprint_of, oid_of
from gitmodel.encoding import RAW, Data
from gitmodel.errors import CacheError
from gitmodel.pack import CHUNK, RECIPE, TRAILER_SIZE, Stored, format_table
from gitmodel.stream import Memory, new_memory


class Chunk(NamedTuple):
    """A chunk: its digests, the fingerprint if it is known, and its bytes."""

    oid: str
    fingerprint: str
    data: Data


class Encoded(NamedTuple):
    """A chunk, how it is encoded, and its bytes in that."""

    chunk: Chunk
    encoding: int
    stored: Data


class Spent(NamedTuple):
    """Memory that may be used again when nobody reads a batch any more."""

    owner: Memory
    pieces: Sequence[memoryview]

    def free(self) -> None:
        """Give it back."""
        for piece in self.pieces:
            self.owner.give(piece)


@dataclass(frozen=True, slots=True)
class Ready:
    """A pack that is sent as it lies in memory that is lent: it holds raw chunks, no recipes."""

    name: str
    raw: int
    """Bytes of its chunks before they were encoded, so as they are."""
    chunks: list[Chunk]
    table: bytes
    data: memoryview
    spent: Spent
    recipes: Sequence[bytes] = ()

    def seal(self) -> tuple[str, list[Data]]:
        """Return the pack's name, and the whole of it.

        Raises `IntegrityError` if a chunk is not what its oid says.
        """
        check_oids(self.chunks)
        return self.name, [self.data]

    def free(self) -> None:
        """Give back what its bytes lie in, when nobody reads them any more."""
        self.spent.free()


class Building:
    """A pack that is being put together: of runs where they lie, and of copies of the rest."""

    def __init__(self, buffers: Memory) -> None:
        self.entries: list[Stored] = []
        self.recipes: list[bytes] = []
        self.table = b""
        """Its table, once it is sealed."""
        self.size = self.raw = 0
        self._buffers = buffers
        self._memory: memoryview | None = None
        self._start = self._end = 0
        self._parts: list[Data] = []
        self._spent: list[Spent] = []

    def append_chunk(self, chunk: Encoded) -> None:
        """Add a chunk, as it is stored."""
        self._enter(chunk)
        self._copy(chunk.stored)

    def append_run(self, chunks: Sequence[Encoded], run: memoryview, spent: Spent) -> None:
        """Add chunks that are stored as they lie, one behind the other, in memory that is lent."""
        for chunk in chunks:
            self._enter(chunk)
        self._end_part()
        self._parts.append(run)
        self._spent.append(spent)

    def append_recipe(self, oid: str, payload: bytes) -> None:
        """Add the recipe of a blob."""
        size, fingerprint = len(payload), fingerprint_of(payload)
        self.recipes.append(payload)
        self.entries.append(Stored(oid, fingerprint, RECIPE, RAW, size, self.size, size))
        self.size += size
        self._copy(payload)

    def seal(self) -> tuple[str, list[Data]]:
        """Return the pack's name, and the whole of it, part by part."""
        self._end_part()
        end = format_table(self.entries)
        self.table = end[:-TRAILER_SIZE]
        parts = [*self._parts, end]
        hasher = blake3()
        for part in parts:
            hasher.update(part)
        return hasher.hexdigest(), parts

    def free(self) -> None:
        """Give back what its bytes lie in, when nobody reads them any more."""
        self._parts.clear()
        for spent in self._spent:
            spent.free()
        if self._memory:
            self._buffers.give(self._memory)

    def _enter(self, encoded: Encoded) -> None:
        (oid, fingerprint, data), encoding, stored = encoded
        size = len(stored)
        self.raw += len(data)
        self.entries.append(Stored(oid, fingerprint, CHUNK, encoding, len(data), self.size, size))
        self.size += size

    def _copy(self, data: Data) -> None:
        memory = self._memory = self._memory or self._buffers.take()
        if self._end + len(data) > len(memory):
            # A pack with the recipe of a huge blob, or with very long chunks.
            filled = memory[self._start : self._end]
            memory = self._memory = new_memory(len(filled) + len(data) + len(memory))
            memory[: len(filled)] = filled
            self._start, self._end = 0, len(filled)
        memory[self._end : self._end + len(data)] = data
        self._end += len(data)

    def _end_part(self) -> None:
        if self._memory and self._end > self._start:
            self._parts.append(self._memory[self._start : self._end])
            self._start = self._end


def identified(chunks: list[Chunk]) -> list[Chunk]:
    """Return chunks with their fingerprints.

    Raises `IntegrityError` if one of them is not what its oid says.
    """
    check_oids(chunks)
    return [Chunk(oid, fingerprint_of(data), data) for oid, _, data in chunks]


def check_oids(chunks: Iterable[Chunk]) -> None:
    """Raise `IntegrityError` if a chunk is not what its oid says."""
    for oid, _, data in chunks:
        if oid_of(data, algorithm_of(oid)) != oid:
            raise damaged(oid)


def damaged(oid: str) -> CacheError:
    """Return the error that a blob of the cache is not what its name says."""
    return CacheError(
        f"blob {oid} in the cache is damaged and was not pushed", hint="gitmodel verify"
    )
