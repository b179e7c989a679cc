"""What differs between the pointers, the working tree, the cache and the remote."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from gitmodel.digest import Digests
from gitmodel.errors import MissingError
from gitmodel.git import staging, worktree
from gitmodel.index import CACHE, Seen
from gitmodel.manifest import EXECUTABLE, FILE, Entry
from gitmodel.paths import parents
from gitmodel.pointer import Pointer, parse_pointer
from gitmodel.porcelain.conflicts import Conflict, read_conflicts
from gitmodel.progress import Meter, Progress
from gitmodel.project import Project
from gitmodel.snapshot import Snapshot, entries_of, pointer_path, read_worktree, select
from gitmodel.worktree.content import Rows, matches, read_ahead
from gitmodel.worktree.opening import look, size_in
from gitmodel.worktree.rules import ignore_rule, read_rules
from gitmodel.worktree.scan import Found, scan

Work = Literal["clean", "modified", "missing", "unknown", "conflict", "left"]

_THERE = frozenset({"clean", "modified"})


@dataclass(frozen=True, slots=True)
class ArtifactStatus:
    """The facts of one artifact.

    `work` compares the working tree to the pointer (`unknown`: its manifest is not here,
    `conflict`: Git could not merge it, `kind` and `size` are those of our side, if it has one,
    `left`: it has no pointer any more, but its files are there);
    `cached` and `pushed` say whether all its blobs are in the cache, and known to be on the
    default remote (None: there is no remote).  `ignored` says whether Git sees the files: it must
    not.  The lists name files inside a tree.
    """

    path: str
    kind: str
    size: int
    work: Work
    cached: bool
    pushed: bool | None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    ignored: bool = True

    @property
    def clean(self) -> bool:
        """Whether the files are what the pointer says, safe here, and hidden from Git."""
        return self.work == "clean" and self.cached and self.ignored


@dataclass(frozen=True, slots=True)
class _Difference:
    added: tuple[str, ...]
    removed: tuple[str, ...]
    modified: tuple[str, ...]
    found_any: bool

    @property
    def work(self) -> Work:
        if not self.found_any and self.removed:
            return "missing"
        return "modified" if self.added or self.removed or self.modified else "clean"


def status(project: Project, paths: Iterable[str], progress: Progress) -> list[ArtifactStatus]:
    """Return the state of the artifacts that the paths name, or of all."""
    snapshot = read_worktree(project.git)
    conflicts = read_conflicts(project.git) if snapshot.conflicts else {}
    left = find_left(project, snapshot)
    selected = [each.artifact for each in select(paths, {*snapshot.pointers, *conflicts, *left})]
    found = [
        _conflict(conflicts[artifact])
        if artifact in conflicts
        else _status_of(project, artifact, pointer, progress)
        if (pointer := snapshot.pointers.get(artifact))
        else _left(project, artifact)
        for artifact in selected
    ]
    seen = _seen_by_git(project, [each.path for each in found if each.work in _THERE])
    return [replace(each, ignored=False) if each.path in seen else each for each in found]


def find_left(project: Project, snapshot: Snapshot) -> list[str]:
    """Return the artifacts that lost their pointer, but not their files.

    So do `git rm` and `git mv` of a pointer leave them, and a checkout without gitmodel.
    """
    known = project.index.trees(str(project.root))
    without = [path for path in known if path not in snapshot.pointers.keys() | snapshot.conflicts]
    there = [path for path in without if look(project.root, path)]
    raw = staging.tracked(project.git, there)
    return [
        path for path in there if not any(each == path or path in parents(each) for each in raw)
    ]


def _left(project: Project, artifact: str) -> ArtifactStatus:
    there = look(project.root, artifact)
    is_folder = there is not None and stat.S_ISDIR(there.st_mode)
    seen = project.index.seen(str(project.root), artifact)
    size = sum(size_in(row.stat) for row in seen.values())
    kind = "tree" if is_folder else "file"
    return ArtifactStatus(artifact, kind, size, "left", cached=False, pushed=None)


def _seen_by_git(project: Project, artifacts: Iterable[str]) -> set[str]:
    """Return the artifacts that no rule hides from Git; it is only asked where ours is missing."""
    rules: dict[str, list[bytes]] = {}
    doubtful = []
    for artifact in artifacts:
        path, rule = ignore_rule(artifact)
        if path not in rules:
            rules[path] = read_rules(project.root, path).splitlines()
        if rule not in rules[path]:
            doubtful.append(artifact)
    return set(doubtful) - worktree.ignored(project.git, doubtful)


def _conflict(conflict: Conflict) -> ArtifactStatus:
    pointer = parse_pointer(
        conflict.ours or conflict.theirs or conflict.base or b"", pointer_path(conflict.artifact)
    )
    return ArtifactStatus(
        conflict.artifact, pointer.kind, pointer.size, "conflict", cached=False, pushed=None
    )


def is_kept(project: Project, pointer: Pointer) -> bool:
    """Return whether all blobs are in the cache, or known to be on the default remote."""
    entries = _Entries(project, pointer)
    return any(_has_all(where, project, entries) for where in (_cached, _pushed))


def _has_all(
    where: Callable[[Project, _Entries], bool | None], project: Project, entries: _Entries
) -> bool:
    try:
        return bool(where(project, entries))
    except MissingError:
        return False


def _status_of(
    project: Project, artifact: str, pointer: Pointer, progress: Progress
) -> ArtifactStatus:
    entries = _Entries(project, pointer)
    try:
        found = _compare(project, artifact, entries, progress)
        cached = _cached(project, entries)
        pushed = _pushed(project, entries)
    except MissingError:
        return ArtifactStatus(
            artifact, pointer.kind, pointer.size, "unknown", cached=False, pushed=None
        )
    return ArtifactStatus(
        artifact,
        pointer.kind,
        pointer.size,
        found.work,
        cached,
        pushed,
        found.added,
        found.removed,
        found.modified,
    )


class _Entries:
    """What a pointer stands for; its manifest is read only if someone asks."""

    def __init__(self, project: Project, pointer: Pointer) -> None:
        self.pointer = pointer
        self._project = project
        self._entries: dict[str, Entry] | None = None

    def get(self) -> dict[str, Entry]:
        """Return the entries by path; raises `MissingError` if the manifest is not here."""
        if self._entries is None:
            self._entries = entries_of(self.pointer, self._project.cache)
        return self._entries

    def oids(self) -> set[str]:
        """Return all oids, the manifest's too."""
        return {self.pointer.oid, *(entry.oid for entry in self.get().values())}


def _compare(project: Project, artifact: str, entries: _Entries, progress: Progress) -> _Difference:
    """Compare what is there to what the pointer says.

    Where the index says that the files it remembers are exactly the pointer's manifest, those
    that nobody touched are not looked up in it, and a clean tree does not even read it.
    """
    root, pointer = str(project.root), entries.pointer
    seen = project.index.seen(root, artifact)
    is_tree = pointer.kind == "tree" and project.index.is_tree(
        root, artifact, pointer.oid, len(seen)
    )
    known: set[str] = set()
    types = project.types(lambda path: entries.get().get(path))
    changes = _Changes(project, artifact, entries, progress)
    for found in read_ahead(scan(project.root, artifact, seen, types)):
        if is_tree and found.known:
            known.add(found.full)
        else:
            changes.look_at(found)
    if is_tree and not changes.any and len(known) == len(seen):
        return _Difference((), (), (), found_any=True)
    removed = changes.missing(known)
    gone = seen.keys() - known - changes.looked_at
    if changes.fresh or gone:
        project.index.record(root, [artifact], changes.fresh, gone)
    if not removed and changes.is_clean and changes.all_files:
        project.index.set_tree(root, artifact, pointer.oid, len(entries.get()))
    return _Difference(
        tuple(changes.added),
        tuple(removed),
        tuple(changes.modified),
        found_any=bool(known or changes.any or not entries.get()),
    )


class _Changes:
    """Collects how the files that are looked at differ from the entries."""

    def __init__(
        self, project: Project, artifact: str, entries: _Entries, progress: Progress
    ) -> None:
        self.added: list[str] = []
        self.modified: list[str] = []
        self.looked_at: set[str] = set()
        self._project = project
        self._artifact = artifact
        self._entries = entries
        self._meter = Meter(progress, "status")
        self._rows: Rows | None = None

    @property
    def fresh(self) -> list[Seen]:
        """The rows to record in the index."""
        return self._rows.fresh if self._rows else []

    @property
    def any(self) -> bool:
        """Whether anything was looked at."""
        return bool(self.looked_at)

    @property
    def is_clean(self) -> bool:
        """Whether all that was looked at is as it should be."""
        return not self.added and not self.modified

    @property
    def all_files(self) -> bool:
        """Whether the index can remember all entries; it remembers files only."""
        return all(entry.type in (FILE, EXECUTABLE) for entry in self._entries.get().values())

    def look_at(self, found: Found) -> None:
        """Compare one file, reading it only if `stat` does not prove it."""
        self.looked_at.add(found.full)
        entry = self._entries.get().get(found.path)
        if entry is None:
            self.added.append(found.path)
            return
        read = found.known is None and found.type in (FILE, EXECUTABLE)
        if read:
            if self._rows is None:
                self._rows = Rows(self._project.scratch, self._project.root)
            self._meter.add(found.size)
        if not matches(found, entry):
            self.modified.append(found.path)
        elif read and self._rows:
            self._rows.add(found, Digests(entry.oid, entry.fingerprint, entry.size))

    def missing(self, known: set[str]) -> list[str]:
        """Return the entries that were neither looked at nor known."""
        there = known | self.looked_at
        artifact = self._artifact
        return [
            path
            for path in self._entries.get()
            if (f"{artifact}/{path}" if path else artifact) not in there
        ]


def _cached(project: Project, entries: _Entries) -> bool:
    oid = entries.pointer.oid
    if project.index.is_complete(CACHE, oid):
        return True
    oids = entries.oids()
    if len(project.cache.present(oids)) != len(oids):
        return False
    if entries.pointer.kind == "tree":
        project.index.set_complete(CACHE, oid)
    return True


def _pushed(project: Project, entries: _Entries) -> bool | None:
    """Ask no remote: what was seen of it last time is what counts."""
    config, oid = project.config, entries.pointer.oid
    if config.default_remote not in config.remotes:
        return None
    remote = project.index.remote_id(config.remotes[config.default_remote])
    if remote is None:
        return False
    if project.index.is_complete(remote, oid):
        return True
    oids = entries.oids()
    if len(project.index.remote_oids(remote, list(oids))) != len(oids):
        return False
    if entries.pointer.kind == "tree":
        project.index.set_complete(remote, oid)
    return True
