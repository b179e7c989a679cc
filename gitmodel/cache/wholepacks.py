"""Reads local packs whole, for a remote that takes them as they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from gitmodel.cache.openpacks import open_pack, place_order
from gitmodel.pack import Placed, Stored, format_table, size_of
from gitmodel.stream import SECTOR, DirectReader, Memory

_SMALLEST = 8 << 20
"""What is shorter is better put together with others: each file of a remote is a request."""


class Whole(NamedTuple):
    """A pack whose bytes are those that its name says, which says nothing of its blobs.

    `entries` lie in it from front to back, `data` is all of it, in `memory` that is lent.
    """

    name: str
    entries: Sequence[Stored]
    data: memoryview
    memory: memoryview


def part_whole(
    folder: Path, places: Iterable[Placed], most: int
) -> tuple[dict[str, list[Stored]], list[Placed]]:
    """Part blobs into the packs of at most `most` bytes that hold just them, and the rest."""
    packs: dict[str, list[Placed]] = {}
    for placed in places:
        packs.setdefault(placed.pack, []).append(placed)
    whole: dict[str, list[Stored]] = {}
    rest: list[Placed] = []
    for name, group in packs.items():
        size = size_of([placed.entry for placed in group])
        if _SMALLEST <= size <= most and size == _file_size(folder, name):
            whole[name] = [placed.entry for placed in sorted(group, key=place_order)]
        else:
            rest += group
    return whole, rest


def read_whole(
    folder: Path, packs: Mapping[str, Sequence[Stored]], memory: Memory
) -> Iterator[Whole]:
    """Yield packs that hold just these entries.

    Those that are not what their names say, or hold something else, are left out.
    """
    for name, entries in packs.items():
        # Not in advance: what sends them takes longer, and each takes memory.
        if pack := _read(folder, name, entries, memory):
            yield pack


def _read(folder: Path, name: str, entries: Sequence[Stored], memory: Memory) -> Whole | None:
    size = size_of(entries)
    piece = memory.take()
    fd = open_pack(folder, name)
    try:
        count = DirectReader(fd).read(piece[: size + -size % SECTOR], 0)
    finally:
        os.close(fd)
    data, table = piece[:size], format_table(entries)
    if count == size and data[-len(table) :] == table and blake3(data).hexdigest() == name:
        return Whole(name, entries, data, piece)
    memory.give(piece)
    return None


def _file_size(folder: Path, name: str) -> int:
    with suppress(FileNotFoundError):
        return os.stat(folder / f"{name}.pack").st_size
    return 0
