"""What differs between two revisions, or between one and the working tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from gitmodel.errors import MissingError
from gitmodel.git import revisions
from gitmodel.history import History, history_of
from gitmodel.manifest import EXECUTABLE, FILE, Entry
from gitmodel.porcelain.ends import CommitEnd, End, Facts, Supply, WorkEnd
from gitmodel.porcelain.inside import (
    Change,
    ContentDiff,
    Opened,
    compare_contents,
    may_have_content,
)
from gitmodel.porcelain.resolve import resolve
from gitmodel.progress import Meter, Work
from gitmodel.project import Project
from gitmodel.snapshot import Selection, read_commit, read_worktree, select

_INSIDE = 20
"""Files of a folder that are looked into."""
NOT_HERE = "bytes not here; --fetch"


@dataclass(frozen=True, slots=True)
class FileDiff:
    """A file inside an artifact that is a folder; sizes in bytes, None where it is not there.

    `source` is the path before, if it was renamed.
    """

    path: str
    change: Change
    before: int | None
    after: int | None
    source: str = ""
    content: ContentDiff | None = None


@dataclass(frozen=True, slots=True)
class ArtifactDiff:
    """An artifact that is not the same at both ends.

    `files` are those of a folder that differ; `content` is of a file; `note` says what could not
    be compared.  `source` is the path before, if it was renamed.
    """

    path: str
    change: Change
    before: Facts | None
    after: Facts | None
    source: str = ""
    files: tuple[FileDiff, ...] = ()
    content: ContentDiff | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """An end of the comparison; both are None for the working tree."""

    revision: str | None
    commit: str | None


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs between two points, by path.

    `foreign` is what DVC tracks at one of them and was not imported, so that nobody can tell.
    """

    before: Point
    after: Point
    artifacts: tuple[ArtifactDiff, ...]
    foreign: tuple[str, ...] = ()


class Depth(NamedTuple):
    """How far to look: into files or not, and where to fetch from what is not here."""

    contents: bool
    supply: Supply | None


def diff(
    project: Project, given: Sequence[str], paths: Iterable[str], depth: Depth, work: Work
) -> Diff:
    """Compare two revisions, or one with the working tree; HEAD if there is none.

    Raises `UsageError` for a revision or a path that means nothing, and, when it fetches, the
    errors of that.
    """
    meter = Meter(work.progress, "compare")
    with history_of(project.git, project.config) as history:
        points = _points(history, given)
        before, after = (_end(project, history, point, depth, meter) for point in points)
        commits = [point.commit for point in points if point.commit]
        foreign = {path for commit in commits for path in history.objects.foreign(commit)}
    selections = select(paths, before.pointers.keys() | after.pointers.keys())
    comparison = _Comparison(before, after, depth, meter)
    found = [each for each in map(comparison.compare, selections) if each is not None]
    return Diff(*points, tuple(_join_renamed(found)), tuple(sorted(foreign)))


def _points(history: History, given: Sequence[str]) -> tuple[Point, Point]:
    # Before the first commit there is nothing to compare with: everything is new.
    named = [_point(history, revision) for revision in given] or [
        Point("HEAD", revisions.resolve(history.git, "HEAD"))
    ]
    return named[0], named[1] if len(named) > 1 else Point(None, None)


def _point(history: History, revision: str) -> Point:
    found = resolve(history, revision)
    return Point(found.label, found.commit)


def _end(project: Project, history: History, point: Point, depth: Depth, meter: Meter) -> End:
    if point.revision is None:
        return WorkEnd(project, read_worktree(project.git), depth.supply, meter)
    pointers = read_commit(history.objects, point.commit).pointers if point.commit else {}
    return CommitEnd(project, pointers, depth.supply)


class _Comparison:
    """Compares artifacts at two ends."""

    def __init__(self, before: End, after: End, depth: Depth, meter: Meter) -> None:
        self._before, self._after = before, after
        self._depth = depth
        self._meter = meter

    def compare(self, selection: Selection) -> ArtifactDiff | None:
        """Return how an artifact differs, or None if it does not."""
        path = selection.artifact
        if path not in self._after.pointers:
            return ArtifactDiff(path, "removed", self._before.facts(path), None)
        after = self._after.facts(path)
        if path not in self._before.pointers:
            return ArtifactDiff(path, "added", None, after)
        before = self._before.facts(path)
        if before.oid is not None and before == after:
            return self._same_bytes(path, before, after)
        found = ArtifactDiff(path, "changed", before, after)
        if before.kind != after.kind:
            return found
        try:
            return self._look_inside(found, selection)
        except MissingError:
            if self._depth.supply is not None:
                raise
            return replace(found, note="list of files not here; --fetch")

    def _same_bytes(self, path: str, before: Facts, after: Facts) -> ArtifactDiff | None:
        """Equal bytes may still be executable at one end only."""
        if before.kind == "tree":
            return None
        types = [end.entries(path)[""].type for end in (self._before, self._after)]
        return None if types[0] == types[1] else self._retyped(path, before, after, types[1])

    def _retyped(self, path: str, before: Facts, after: Facts, kind: str) -> ArtifactDiff:
        note = "executable" if kind == EXECUTABLE else "not executable"
        return ArtifactDiff(path, "changed", before, after, note=f"now {note}")

    def _look_inside(self, found: ArtifactDiff, selection: Selection) -> ArtifactDiff | None:
        path = found.path
        before, after = self._before.entries(path), self._after.entries(path)
        if "" in before and "" in after:
            pairs = {"": (before[""], after[""])} if self._depth.contents else {}
            return replace(found, content=self._contents(path, pairs).get(""))
        files = [each for each in _file_diffs(before, after) if selection.has(each.path)]
        inside = [each.path for each in files if self._is_looked_into(each)]
        pairs = {name: (before[name], after[name]) for name in inside[:_INSIDE]}
        contents = self._contents(path, pairs)
        files = [replace(each, content=contents.get(each.path)) for each in files]
        note = _note_of(len(inside))
        return replace(found, files=tuple(files), note=note) if files else None

    def _is_looked_into(self, file: FileDiff) -> bool:
        return self._depth.contents and file.change == "changed" and may_have_content(file.path)

    def _contents(
        self, artifact: str, pairs: Mapping[str, tuple[Entry, Entry]]
    ) -> dict[str, ContentDiff | None]:
        """Look into files that both ends have."""
        pairs = {path: pair for path, pair in pairs.items() if _are_files(pair)}
        # All at once: what has to be fetched comes in a few requests.
        lacking = self._before.lacks(artifact, [pair[0] for pair in pairs.values()])
        lacking |= self._after.lacks(artifact, [pair[1] for pair in pairs.values()])
        return {path: self._content(artifact, pair, lacking) for path, pair in pairs.items()}

    def _content(
        self, artifact: str, pair: tuple[Entry, Entry], lacking: set[str]
    ) -> ContentDiff | None:
        before, after = pair
        if before.oid in lacking or after.oid in lacking:
            return ContentDiff(note=NOT_HERE)
        with (
            self._before.opened(artifact, before) as one,
            self._after.opened(artifact, after) as other,
        ):
            sides = Opened(one, before.size), Opened(other, after.size)
            return compare_contents(*sides, f"{artifact}/{after.path}".rstrip("/"), self._meter)


def _note_of(inside: int) -> str:
    if inside <= _INSIDE:
        return ""
    return f"looked into {_INSIDE} of {inside} models and tables; -- PATH looks into others"


def _file_diffs(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> list[FileDiff]:
    """Return the files that differ, by path."""
    removed = [before[path] for path in before if path not in after]
    added = [after[path] for path in after if path not in before]
    found = [
        FileDiff(path, "changed", before[path].size, entry.size)
        for path, entry in after.items()
        if path in before and _differ(before[path], entry)
    ]
    sources = _renamed(removed, added)
    for entry in added:
        source = sources.get(entry.path)
        old = None if source is None else entry.size
        kind: Change = "added" if source is None else "renamed"
        found.append(FileDiff(entry.path, kind, old, entry.size, source or ""))
    gone = set(sources.values())
    found += [FileDiff(e.path, "removed", e.size, None) for e in removed if e.path not in gone]
    return sorted(found, key=lambda each: each.path)


def _differ(one: Entry, other: Entry) -> bool:
    return (one.oid, one.type) != (other.oid, other.type)


def _renamed(removed: Sequence[Entry], added: Iterable[Entry]) -> dict[str, str]:
    """Return the files that moved: the path after to that before; empty ones are not the same."""
    free: dict[str, list[str]] = {}
    # The first ones last, where taking them costs nothing: thousands may have the same bytes.
    for entry in reversed(removed):
        if entry.size:
            free.setdefault(entry.oid, []).append(entry.path)
    return {entry.path: free[entry.oid].pop() for entry in added if free.get(entry.oid)}


def _join_renamed(found: Sequence[ArtifactDiff]) -> Iterator[ArtifactDiff]:
    """Make one of what was removed and what was added with the same bytes."""
    free: dict[str, list[ArtifactDiff]] = {}
    for each in found:
        if each.change == "removed" and each.before and each.before.oid:
            free.setdefault(each.before.oid, []).append(each)
    joined, gone = [], set()
    for each in found:
        if each.change == "added" and each.after and free.get(each.after.oid or ""):
            source = free[each.after.oid or ""].pop(0)
            gone.add(source.path)
            each = replace(each, change="renamed", before=source.before, source=source.path)
        joined.append(each)
    return (each for each in joined if each.change != "removed" or each.path not in gone)


def _are_files(pair: tuple[Entry, Entry]) -> bool:
    return all(entry.type in (FILE, EXECUTABLE) for entry in pair)
