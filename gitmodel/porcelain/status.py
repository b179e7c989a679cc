"""What differs between the pointers, the working tree, the cache and the remote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from gitmodel.digest import Digests
from gitmodel.errors import MissingError
from gitmodel.index import CACHE, Seen
from gitmodel.manifest import EXECUTABLE, FILE, Entry
from gitmodel.pointer import Pointer
from gitmodel.progress import Meter, Progress
from gitmodel.project import Project
from gitmodel.snapshot import entries_of, read_worktree, select
from gitmodel.worktree.scan import matches, now, scan, seen_row

Work = Literal["clean", "modified", "missing", "unknown"]


@dataclass(frozen=True, slots=True)
class ArtifactStatus:
    """The facts of one artifact.

    `work` compares the working tree to the pointer (`unknown`: its manifest is not here);
    `cached` and `pushed` say whether all its blobs are in the cache, and known to be on the
    default remote (None: there is no remote).  The lists name files inside a tree.
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

    @property
    def clean(self) -> bool:
        """Whether the working tree is what the pointer says, and its bytes are safe here."""
        return self.work == "clean" and self.cached


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
    selected = select(paths, snapshot.pointers)
    return [
        _status_of(project, each.artifact, snapshot.pointers[each.artifact], progress)
        for each in selected
    ]


def _status_of(
    project: Project, artifact: str, pointer: Pointer, progress: Progress
) -> ArtifactStatus:
    try:
        entries = entries_of(pointer, project.cache)
    except MissingError:
        pushed = _pushed(project, pointer, {})
        return ArtifactStatus(
            artifact, pointer.kind, pointer.size, "unknown", cached=False, pushed=pushed
        )
    found = _compare(project, artifact, entries, progress)
    return ArtifactStatus(
        artifact,
        pointer.kind,
        pointer.size,
        found.work,
        _cached(project, pointer, entries),
        _pushed(project, pointer, entries),
        found.added,
        found.removed,
        found.modified,
    )


def _compare(
    project: Project, artifact: str, entries: Mapping[str, Entry], progress: Progress
) -> _Difference:
    rest = dict(entries)
    added, modified, fresh = [], [], list[Seen]()
    stamp, meter = 0, Meter(progress, "status")
    root, seen = str(project.root), project.index.seen(str(project.root), artifact)
    for found in scan(project.root, artifact, seen):
        if (entry := rest.pop(found.path, None)) is None:
            added.append(found.path)
            continue
        read = found.known is None and found.type in (FILE, EXECUTABLE)
        if read:
            stamp = stamp or now(project.scratch)
            meter.add(found.size)
        if not matches(found, artifact, entry):
            modified.append(found.path)
        elif read:
            digests = Digests(entry.oid, entry.fingerprint, entry.size)
            fresh.append(seen_row(found, digests, stamp))
    if fresh:
        project.index.record(root, fresh)
    found_any = len(rest) < len(entries) or bool(added)
    return _Difference(tuple(added), tuple(rest), tuple(modified), found_any or not entries)


def _cached(project: Project, pointer: Pointer, entries: Mapping[str, Entry]) -> bool:
    if project.index.is_complete(CACHE, pointer.oid):
        return True
    oids = {pointer.oid, *(entry.oid for entry in entries.values())}
    if len(project.cache.present(oids)) != len(oids):
        return False
    if pointer.kind == "tree":
        project.index.set_complete(CACHE, pointer.oid)
    return True


def _pushed(project: Project, pointer: Pointer, entries: Mapping[str, Entry]) -> bool | None:
    """Ask no remote: what was seen of it last time is what counts."""
    config = project.config
    if config.default_remote not in config.remotes:
        return None
    remote = project.index.remote_id(config.remotes[config.default_remote])
    if remote is None:
        return False
    if project.index.is_complete(remote, pointer.oid):
        return True
    oids = {pointer.oid, *(entry.oid for entry in entries.values())}
    if len(project.index.remote_oids(remote, list(oids))) != len(oids):
        return False
    if pointer.kind == "tree" and entries:
        project.index.set_complete(remote, pointer.oid)
    return True
