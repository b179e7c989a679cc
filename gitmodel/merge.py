"""Merges the entries of two sides that started from one base: file by file, as Git merges folders.

A file's pointer is the one entry whose path is empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gitmodel.errors import IntegrityError
from gitmodel.manifest import EXECUTABLE, FILE, FOLDER, Entry
from gitmodel.paths import check_paths, fold, parents

Side = Literal["ours", "theirs"]
Entries = Mapping[str, Entry]

UNKNOWN = Entry("", "", -1, "", "")
"""Stands in a base for what is like neither side: there is no saying which of them changed it."""

_MARK = re.compile(rb"(<{7,}|\|{7,}|={7,}|>{7,})(?: .*)?\r?\n?")
# Which part of a conflict a marker leads to; other parts' markers are part of the text.
_NEXT = {
    (b"", b"<"): b"<",
    (b"<", b"|"): b"|",
    (b"<", b"="): b">",
    (b"|", b"="): b">",
    (b">", b">"): b"",
}


class Clash(NamedTuple):
    """What both sides changed in different ways, at a path or, where names clash, below it."""

    path: str
    ours: tuple[Entry, ...]
    theirs: tuple[Entry, ...]

    def side(self, side: Side) -> tuple[Entry, ...]:
        """Return what one side has."""
        return self.ours if side == "ours" else self.theirs


@dataclass(frozen=True, slots=True)
class Merge:
    """What could be merged, by path, and what not."""

    entries: Entries
    clashes: tuple[Clash, ...] = ()


def merge_entries(base: Entries, ours: Entries, theirs: Entries) -> Merge:
    """Return the three-way merge: what only one side changed is as that side has it."""
    merged: dict[str, Entry] = {}
    clashes: list[Clash] = []
    for path in {**ours, **theirs}:
        old, our, their = base.get(path), ours.get(path), theirs.get(path)
        found = _merge_entry(old, our, their)
        if found is UNKNOWN:
            clashes.append(Clash(path, _some(our), _some(their)))
        elif found is not None:
            merged[path] = found
    merged, more = _part_names(merged, clashes, ours, theirs)
    kept = [clash for clash in clashes if not _covered(clash.path, more)]
    return Merge(_filled(merged), tuple(sorted(kept + more)))


def settle(merge: Merge, choices: Mapping[str, Side]) -> Merge:
    """Return a merge with clashes decided: path of the clash to the side that it takes."""
    entries = dict(merge.entries)
    for clash in merge.clashes:
        if clash.path in choices:
            entries |= {entry.path: entry for entry in clash.side(choices[clash.path])}
    rest = tuple(clash for clash in merge.clashes if clash.path not in choices)
    return Merge(_filled(entries), rest)


def join_conflict(texts: tuple[bytes, bytes, bytes], labels: Sequence[str], width: int) -> bytes:
    """Return base, ours and theirs as one text with Git's markers, each of the three whole.

    `labels` are those of ours, the base and theirs.
    """
    base, ours, theirs = texts
    ours_mark, base_mark, theirs_mark = (
        (sign * width + f" {_plain(label)}".rstrip() + "\n").encode()
        for sign, label in zip("<|>", labels, strict=True)
    )
    parts = (ours_mark, ours, base_mark, base, b"=" * width + b"\n", theirs, theirs_mark)
    return b"".join(parts)


def split_conflict(data: bytes) -> tuple[bytes | None, bytes, bytes] | None:
    """Return base, ours and theirs of a text with markers, or None if it has none.

    The base is None if the markers do not tell it.
    """
    sides: dict[bytes, list[bytes]] = {b"<": [], b"|": [], b">": []}
    state, width, blocks, bases = b"", 0, 0, 0
    for line in data.splitlines(keepends=True):
        mark = _MARK.fullmatch(line)
        sign = mark[1][:1] if mark else b""
        if mark and (state, sign) in _NEXT and (not state or len(mark[1]) == width):
            state, width = _NEXT[state, sign], len(mark[1])
            blocks += sign == b"<"
            bases += sign == b"|"
            continue
        for each in (state,) if state else sides:
            sides[each].append(line)
    if not blocks or state:
        return None
    base, ours, theirs = (b"".join(sides[sign]) for sign in (b"|", b"<", b">"))
    return base if blocks == bases else None, ours, theirs


def _merge_entry(old: Entry | None, our: Entry | None, their: Entry | None) -> Entry | None:
    """Return what both become, None for nothing, `UNKNOWN` for a clash."""
    if our == their or their == old:
        return our
    if our == old:
        return their
    files = {each.type if each else "" for each in (old, our, their)} <= {FILE, EXECUTABLE}
    if not (files and old and our and their):
        return UNKNOWN
    # As Git does, the content of a file and whether it is executable are merged apart.
    our_content, their_content = our[:3], their[:3]
    if their_content not in (our_content, old[:3]) and our_content != old[:3]:
        return UNKNOWN
    content = our if their_content == old[:3] else their
    return content._replace(type=our.type if their.type == old.type else their.type)


def _part_names(
    merged: dict[str, Entry], clashes: Iterable[Clash], ours: Entries, theirs: Entries
) -> tuple[dict[str, Entry], list[Clash]]:
    """Take out what cannot live side by side: twins of one name, a file and a folder of one name.

    Each side was sound, so that either of them can be chosen for all below such a name.
    """
    every = dict(merged)
    for clash in clashes:
        every |= {entry.path: entry for entry in (*clash.ours, *clash.theirs)}
    every = _filled(every)
    if "" in every:
        return merged, []
    try:
        check_paths(list(every))
    except IntegrityError:
        tops = _trouble(every)
    else:
        return merged, []
    parted = [
        Clash(_spelling(top, every), _below(top, ours), _below(top, theirs)) for top in sorted(tops)
    ]
    rest = {path: entry for path, entry in merged.items() if not tops & set(_ways(path))}
    return rest, parted


def _trouble(every: Entries) -> set[str]:
    """Return the topmost names, folded, that mean several things."""
    meanings: dict[str, set[tuple[str, bool]]] = {}
    for path in every:
        meanings.setdefault(fold(path), set()).add((path, False))
        for folder in parents(path):
            meanings.setdefault(fold(folder), set()).add((folder, True))
    bad = {name for name, found in meanings.items() if len(found) > 1}
    return {name for name in bad if not bad & set(parents(name))}


def _ways(path: str) -> list[str]:
    return [fold(each) for each in (path, *parents(path))]


def _below(top: str, entries: Entries) -> tuple[Entry, ...]:
    return tuple(entry for path, entry in entries.items() if top in _ways(path))


def _spelling(top: str, every: Entries) -> str:
    """Return a name that folds to `top`, as one side spells it."""
    names = (each for path in every for each in (path, *parents(path)))
    return min(each for each in names if fold(each) == top)


def _covered(path: str, clashes: Iterable[Clash]) -> bool:
    return any(fold(clash.path) in _ways(path) for clash in clashes)


def _filled(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return the entries without empty folders that are not empty any more."""
    if all(entry.type != FOLDER for entry in entries.values()):
        return dict(entries)
    full = {folder for path in entries for folder in parents(path)}
    return {p: entry for p, entry in entries.items() if entry.type != FOLDER or p not in full}


def _some(entry: Entry | None) -> tuple[Entry, ...]:
    return () if entry is None else (entry,)


def _plain(label: str) -> str:
    """Return a label that stays on its line."""
    return " ".join(label.split())
