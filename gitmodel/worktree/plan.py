"""What has to happen to a working tree so that it becomes what is wanted, and what may not.

Nothing is overwritten or removed whose bytes are not in the cache, or go there first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from gitmodel.cache import Cache
from gitmodel.digest import Digests, algorithm_of
from gitmodel.index import Index, Seen
from gitmodel.manifest import EXECUTABLE, FILE, FOLDER, Entry
from gitmodel.paths import parents
from gitmodel.progress import Meter, Progress
from gitmodel.snapshot import Selection
from gitmodel.worktree.content import Rows, digest_found, matches, read_ahead
from gitmodel.worktree.opening import is_older
from gitmodel.worktree.repositories import Repositories
from gitmodel.worktree.scan import Found, Types, scan
from gitmodel.worktree.write import Change, Compared, Write


@dataclass(slots=True)
class Plan:
    """What is to be done, and what stands against it; paths are relative to the top.

    `rescues` (artifact and path inside) are tracked and unmodified, but the working tree has the
    last copy; `unsaved` would be lost; `kept` is not wanted, and in nobody's way; `fresh` is what
    the index may remember of files that were found to be right; `leaving` are files that Git will
    take away; `repositories` are folders that hold `.git`, and whether they are in the way.
    """

    artifacts: list[str] = field(default_factory=list)
    change: Change = field(default_factory=Change)
    rescues: list[tuple[str, str]] = field(default_factory=list)
    unsaved: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    fresh: list[Seen] = field(default_factory=list)
    leaving: Collection[str] = ()
    repositories: dict[str, bool] = field(default_factory=dict)


class _Other(NamedTuple):
    """Something in the working tree that is not what is wanted in its place.

    `known`: gitmodel itself put or recorded it there; `tracked` and `clean`: the current pointer
    has something there, and it is this.
    """

    path: str
    type: str
    stat: bytes
    oid: str
    sure: bool
    known: bool
    tracked: bool
    clean: bool


class Planner:
    """Compares artifacts to what is wanted, one by one, into one plan."""

    def __init__(
        self,
        root: Path,
        cache: Cache,
        index: Index,
        progress: Progress,
        leaving: Collection[str] = (),
    ) -> None:
        """`leaving` are files that Git tracks as they are, and will take away itself."""
        self.plan = Plan(leaving=leaving)
        self._leaving = leaving
        self._root = root
        self._cache = cache
        self._index = index
        self._repositories = Repositories(root)
        self._meter = Meter(progress, "check")

    def compare(
        self,
        selection: Selection,
        wanted: Mapping[str, Entry],
        before: Mapping[str, Entry],
        algorithm: str,
        types: Types | None = None,
    ) -> None:
        """Plan for the selected part of an artifact.

        `wanted` is what it is to be, `before` what the current pointer says, as far as known;
        `algorithm` digests what no pointer knows; `types` tells executable files apart.
        """
        self.plan.artifacts.append(selection.artifact)
        rest = {path: entry for path, entry in wanted.items() if selection.has(path)}
        others = list(self._others(selection, rest, before, algorithm, types))
        self.plan.change.writes += [Write(selection.artifact, entry) for entry in rest.values()]
        saved = self._cache.present(other.oid for other in others)
        obstacles = _Obstacles(rest)
        tracked = wanted.keys() | before.keys()
        for other in others:
            path = f"{selection.artifact}/{other.path}".rstrip("/")
            repository = self._repositories.holding(path, selection.artifact, tracked)
            if repository is not None:
                # Whoever made it there has commits in it that are nowhere else.
                self.plan.repositories[repository] = obstacles.has(other.path)
                self.plan.kept.append(path)
                continue
            self._decide(path, other, selection, obstacles, saved=other.oid in saved)

    def _others(
        self,
        selection: Selection,
        rest: dict[str, Entry],
        before: Mapping[str, Entry],
        algorithm: str,
        types: Types | None,
    ) -> Iterable[_Other]:
        """Yield what is not as wanted, and take from `rest` what is."""
        artifact = selection.artifact
        rows = Rows(self._cache.scratch, self._root)
        earlier = _Obstacles(before)
        seen = self._index.seen(str(self._root), artifact)
        for found in read_ahead(
            found
            for found in scan(self._root, artifact, seen, types)
            if selection.has(found.path) and found.full not in self._leaving
        ):
            if not found.known:
                self._meter.add(found.size)
            entry = rest.get(found.path)
            if entry is None or not matches(found, entry):
                old = before.get(found.path)
                oid = digest_found(found, algorithm_of(old.oid) if old else algorithm).oid
                # A checkout that died may have emptied a folder, and not removed it.
                emptied = found.type == FOLDER and earlier.is_folder(found.path)
                yield _other(found, oid, old, rows.stamp, tracked=old is not None or emptied)
                continue
            del rest[found.path]
            if not found.known and found.type in (FILE, EXECUTABLE):
                digests = Digests(entry.oid, entry.fingerprint, entry.size)
                rows.add(found, digests)
        self.plan.fresh += rows.fresh

    def _decide(
        self,
        path: str,
        other: _Other,
        selection: Selection,
        obstacles: _Obstacles,
        *,
        saved: bool,
    ) -> None:
        if other.type != FOLDER:
            self.plan.change.compared[path] = Compared(
                other.stat, other.oid, other.sure, saved or other.clean
            )
        elif obstacles.is_folder(other.path):
            # It is filled, and need not go for that.
            return
        if other.type == FOLDER and not other.tracked and not obstacles.has(other.path):
            # It holds nothing, and is the user's: a tool may need it.
            return
        ours = other.tracked or other.type == FOLDER or (saved and other.known)
        whole = not selection.patterns
        if not obstacles.has(other.path) and not (whole and ours):
            self.plan.kept.append(path)
            return
        if not saved and other.type != FOLDER:
            if other.clean:
                self.plan.rescues.append((selection.artifact, other.path))
            else:
                self.plan.unsaved.append(path)
        if other.path not in obstacles.wanted:
            self.plan.change.removals.append(path)


class _Obstacles:
    """Knows which paths must be free so that what is wanted can be written."""

    def __init__(self, wanted: Collection[str]) -> None:
        self.wanted = wanted

    @cached_property
    def _folders(self) -> set[str]:
        return {parent for path in self.wanted for parent in parents(path)}

    def is_folder(self, path: str) -> bool:
        """Return whether something goes into a folder at `path`."""
        return path in self._folders

    def has(self, path: str) -> bool:
        """Return whether something at `path` would be in the way."""
        if path in self.wanted or path in self._folders or "" in self.wanted:
            return True
        return any(parent in self.wanted for parent in parents(path))


def _other(found: Found, oid: str, before: Entry | None, stamp: int, *, tracked: bool) -> _Other:
    clean = before is not None and (before.oid, before.type) == (oid, found.type)
    sure = bool(found.stat) and not found.written and is_older(found.stat, stamp)
    known = found.known is not None
    return _Other(found.path, found.type, found.stat, oid, sure, known, tracked, clean)
