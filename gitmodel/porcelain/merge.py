"""Merge what both sides made of an artifact, from their pointers and manifests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gitmodel.cache import Cache
from gitmodel.digest import algorithm_of
from gitmodel.errors import IntegrityError
from gitmodel.manifest import EXECUTABLE, format_manifest, make_manifest
from gitmodel.merge import (
    UNKNOWN,
    Clash,
    Entries,
    Merge,
    Side,
    merge_entries,
    settle,
    split_conflict,
)
from gitmodel.pointer import NotAPointerError, Pointer, parse_pointer
from gitmodel.porcelain.conflicts import Conflict
from gitmodel.snapshot import pointer_path

Load = Callable[[Pointer], Entries]
"""Returns what a pointer stands for; raises `MissingError` if its manifest is nowhere."""

NOTHING = Merge({})
_DEEPEST = 3
"""Merges of bases of bases: Git's own seldom go deeper, and each reads two manifests."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of a merge: the artifact is one side as it is (`taken`), or what `merge` says.

    `whole`: it can only be one or the other, since one side deleted it, or made a folder of a
    file; its clash has an empty path, as a file's.
    """

    ours: Pointer | None
    theirs: Pointer | None
    merge: Merge = NOTHING
    taken: Side | None = None
    whole: bool = False

    @property
    def clashes(self) -> tuple[Clash, ...]:
        """What is still to be decided."""
        return () if self.taken else self.merge.clashes

    def side(self, side: Side) -> Pointer | None:
        """Return the pointer of one side, None if it has none."""
        return self.ours if side == "ours" else self.theirs


def attempt(conflict: Conflict, load: Load, depth: int = 0) -> Attempt:
    """Merge as far as possible; raises `IntegrityError` if a side is broken.

    `depth` says how many merges this one is the base of.
    """
    path = pointer_path(conflict.artifact)
    # First, and without a look at the other side: `git rerere` merges texts with markers in them.
    if conflict.theirs in (conflict.ours, conflict.base):
        return Attempt(_parse(conflict.ours, path), None, taken="ours")
    if conflict.ours == conflict.base:
        return Attempt(None, _parse(conflict.theirs, path), taken="theirs")
    ours, theirs = (_parse(text, path) for text in (conflict.ours, conflict.theirs))
    if not ours or not theirs or ours.kind != theirs.kind:
        return Attempt(ours, theirs, Merge({}, (Clash("", (), ()),)), whole=True)
    our_entries, their_entries = load(ours), load(theirs)
    base = _base(conflict, {**our_entries, **their_entries}, load, depth)
    return Attempt(ours, theirs, merge_entries(base, our_entries, their_entries))


def decide(found: Attempt, choices: Mapping[str, Side]) -> Attempt:
    """Return a merge with some clashes decided: path of the clash to the side that it takes."""
    if found.whole:
        return replace(found, taken=choices.get(""))
    return replace(found, merge=settle(found.merge, choices))


def conclude(found: Attempt, cache: Cache) -> Pointer | None:
    """Return the pointer of a merge without clashes, None if the artifact is no more.

    Its manifest is in the cache, durably.
    """
    if found.taken or not found.ours:
        return found.side(found.taken or "ours")
    if found.ours.kind == "file":
        entry = found.merge.entries[""]
        executable = entry.type == EXECUTABLE
        return Pointer("file", entry.oid, entry.fingerprint, entry.size, executable=executable)
    manifest = make_manifest(found.merge.entries.values())
    digests = cache.put(format_manifest(manifest), algorithm_of(found.ours.oid))
    return Pointer(
        "tree", digests.oid, digests.fingerprint, manifest.size, files=len(manifest.entries)
    )


def _parse(text: bytes, path: str) -> Pointer | None:
    return parse_pointer(text, path) if text else None


def _base(conflict: Conflict, every: Entries, load: Load, depth: int) -> Entries:
    """Return the entries that both sides started from."""
    kind = "file" if "" in every else "tree"
    unknown = dict.fromkeys(every, UNKNOWN)
    if conflict.base is None:
        return unknown
    sides = split_conflict(conflict.base)
    if sides and depth == _DEEPEST:
        return unknown
    try:
        if sides is None:
            return _of_kind(kind, _parse(conflict.base, pointer_path(conflict.artifact)), load)
        # Several bases, which Git merged before, and not without conflict.
        inner = attempt(Conflict(conflict.artifact, *sides), load, depth + 1)
    except (IntegrityError, NotAPointerError):
        return unknown
    if inner.whole:
        return unknown
    if inner.taken:
        return _of_kind(kind, inner.side(inner.taken), load)
    clashing = (e.path for clash in inner.clashes for e in (*clash.ours, *clash.theirs))
    return {**inner.merge.entries, **dict.fromkeys(clashing, UNKNOWN)}


def _of_kind(kind: str, pointer: Pointer | None, load: Load) -> Entries:
    return load(pointer) if pointer and pointer.kind == kind else {}
