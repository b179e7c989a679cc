"""The two ends of a comparison: what a commit, or the working tree, has, and its bytes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, Protocol

from gitmodel.digest import algorithm_of
from gitmodel.disk import OPEN_FILE
from gitmodel.errors import ConflictError, MissingError
from gitmodel.manifest import Entry
from gitmodel.pointer import Pointer
from gitmodel.porcelain.supply import bring_blobs, bring_entries, open_remotely
from gitmodel.progress import Meter, Work
from gitmodel.project import Project
from gitmodel.snapshot import Snapshot, entries_of
from gitmodel.tabular import is_read_in_part
from gitmodel.worktree.content import digest_found, read_ahead
from gitmodel.worktree.copies import open_cached
from gitmodel.worktree.opening import open_folder, pack_stat
from gitmodel.worktree.scan import Found, scan

_SHORT = 1 << 20
"""Bytes of a blob that comes whole, with others, in fewer requests."""


class Facts(NamedTuple):
    """What an artifact is at one end.

    `files` is None for a file; `oid` is None for a folder that no pointer describes.
    """

    kind: str
    oid: str | None
    size: int
    files: int | None


class Supply(NamedTuple):
    """Where bytes may be fetched from that are not here; `remote` may be the default one, empty."""

    remote: str
    work: Work


class End(Protocol):
    """One end of a comparison."""

    @property
    def pointers(self) -> Mapping[str, Pointer]:
        """What is tracked here, by path."""

    def facts(self, artifact: str) -> Facts:
        """Return what an artifact is here."""

    def entries(self, artifact: str) -> Mapping[str, Entry]:
        """Return its entries by path; raises `MissingError` if its manifest is not here."""

    def lacks(self, artifact: str, entries: Iterable[Entry]) -> set[str]:
        """Return the oids of entries whose bytes are not at hand, nor can be fetched."""

    def opened(self, artifact: str, entry: Entry) -> AbstractContextManager[BinaryIO]:
        """Open the bytes of an entry."""


@dataclass(frozen=True, slots=True)
class CommitEnd:
    """What pointers say; the bytes are in the cache, or fetched if there is a supply."""

    project: Project
    pointers: Mapping[str, Pointer]
    supply: Supply | None

    def facts(self, artifact: str) -> Facts:
        """Return what the pointer says."""
        pointer = self.pointers[artifact]
        return Facts(pointer.kind, pointer.oid, pointer.size, pointer.files)

    def entries(self, artifact: str) -> Mapping[str, Entry]:
        """Return what the pointer stands for."""
        pointer = self.pointers[artifact]
        if self.supply is None:
            return entries_of(pointer, self.project.cache)
        return bring_entries(self.project, pointer, *self.supply)

    def lacks(self, artifact: str, entries: Iterable[Entry]) -> set[str]:
        """Return what is not in the cache; with a supply, fetch what is not read in part."""
        wanted = list(entries)
        if self.supply is not None:
            wanted = [entry for entry in wanted if not _is_read_in_part(artifact, entry)]
            bring_blobs(self.project, wanted, *self.supply)
        oids = {entry.oid for entry in wanted}
        return oids - self.project.cache.present(oids)

    @contextmanager
    def opened(self, artifact: str, entry: Entry) -> Iterator[BinaryIO]:
        """Open a blob of the cache, or of the remote."""
        cache = self.project.cache
        if self.supply is None or cache.present([entry.oid]):
            file: BinaryIO = open_cached(entry, cache, self.project.index)
        else:
            file = open_remotely(self.project, entry, *self.supply)
        with file:
            yield file


def _is_read_in_part(artifact: str, entry: Entry) -> bool:
    """Return whether a file is so long that only the part of it should come that is read."""
    return entry.size > _SHORT and is_read_in_part(f"{artifact}/{entry.path}".rstrip("/"))


class _Seen(NamedTuple):
    """What was found in the working tree: entries by path, and what `stat` said of each."""

    entries: Mapping[str, Entry]
    stats: Mapping[str, bytes]


class WorkEnd:
    """What is in the working tree.

    An artifact that has a pointer but no bytes, as in a fresh clone, is what its pointer says.
    """

    def __init__(
        self, project: Project, snapshot: Snapshot, supply: Supply | None, meter: Meter
    ) -> None:
        self.pointers = snapshot.pointers
        self._project = project
        self._pointed = CommitEnd(project, snapshot.pointers, supply)
        self._meter = meter
        self._seen: dict[str, _Seen | None] = {}
        self._expecting: dict[str, Mapping[str, Entry]] = {}

    def facts(self, artifact: str) -> Facts:
        """Return what is there."""
        seen = self._look(artifact)
        if seen is None:
            return self._pointed.facts(artifact)
        if whole := seen.entries.get(""):
            return Facts("file", whole.oid, whole.size, None)
        size = sum(entry.size for entry in seen.entries.values())
        return Facts("tree", None, size, len(seen.entries))

    def entries(self, artifact: str) -> Mapping[str, Entry]:
        """Return what is there."""
        seen = self._look(artifact)
        return self._pointed.entries(artifact) if seen is None else seen.entries

    def lacks(self, artifact: str, entries: Iterable[Entry]) -> set[str]:
        """Return what is neither there nor in the cache."""
        if self._look(artifact) is not None:
            return set()
        return self._pointed.lacks(artifact, entries)

    @contextmanager
    def opened(self, artifact: str, entry: Entry) -> Iterator[BinaryIO]:
        """Open a file; raises `ConflictError` if it is not the one any more that was seen."""
        seen = self._look(artifact)
        if seen is None:
            with self._pointed.opened(artifact, entry) as file:
                yield file
            return
        full = f"{artifact}/{entry.path}".rstrip("/")
        folder, _, name = full.rpartition("/")
        with (
            open_folder(self._project.root, folder) as fd,
            open(os.open(name, OPEN_FILE, dir_fd=fd), "rb") as file,
        ):
            self._check(file, seen.stats[entry.path], full)
            yield file
            self._check(file, seen.stats[entry.path], full)

    def _check(self, file: BinaryIO, before: bytes, full: str) -> None:
        if pack_stat(os.fstat(file.fileno())) != before:
            raise ConflictError(
                f"{full!r} changed while it was read",
                hint="wait until its writer is done, then try again",
            )

    def _look(self, artifact: str) -> _Seen | None:
        """Return what is there, or None if the pointer says that very well."""
        if artifact not in self._seen:
            self._seen[artifact] = self._scan(artifact)
        return self._seen[artifact]

    def _scan(self, artifact: str) -> _Seen | None:
        index, pointer = self._project.index, self.pointers[artifact]
        root = str(self._project.root)
        rows = index.seen(root, artifact)
        entries, stats, known = {}, {}, 0
        types = self._project.types(lambda path: self._expected(artifact).get(path))
        for found in read_ahead(scan(self._project.root, artifact, rows, types)):
            entries[found.path] = self._entry(found, artifact)
            stats[found.path] = found.stat
            known += found.known is not None
        is_clean = known == len(rows) == len(entries) and index.is_tree(
            root, artifact, pointer.oid, known
        )
        if not entries or is_clean or entries == self._expected(artifact):
            return None
        return _Seen(entries, stats)

    def _entry(self, found: Found, artifact: str) -> Entry:
        oid = self.pointers[artifact].oid
        if found.known is None:
            self._meter.add(found.size)
            # A folder may have files from before `hash:` was changed.
            if likely := self._expected(artifact).get(found.path):
                oid = likely.oid
        digests = digest_found(found, algorithm_of(oid))
        return Entry(digests.oid, digests.fingerprint, digests.size, found.type, found.path)

    def _expected(self, artifact: str) -> Mapping[str, Entry]:
        """Return what the pointer stands for, as far as that is known here."""
        if artifact not in self._expecting:
            try:
                self._expecting[artifact] = self._pointed.entries(artifact)
            except MissingError:
                self._expecting[artifact] = {}
        return self._expecting[artifact]
