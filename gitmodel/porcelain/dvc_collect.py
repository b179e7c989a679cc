"""Brings what DVC tracks into the cache, so that it can be tracked as artifacts."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from gitmodel.atomic import write_file
from gitmodel.cache import SMALL, CacheWriter
from gitmodel.digest import Digests, digest_bytes
from gitmodel.dvcfile import Out, parse_members
from gitmodel.dvcsum import Md5Check
from gitmodel.errors import IntegrityError
from gitmodel.imported import format_imported, parse_imported
from gitmodel.manifest import EXECUTABLE, FILE, Entry, format_manifest, make_manifest
from gitmodel.pointer import Pointer
from gitmodel.porcelain.dvc_bytes import Brought, DvcBytes, Wanted
from gitmodel.progress import Meter, Work
from gitmodel.project import Project

_BATCH = 2000
_GROUP = 20_000
_FETCHED, _FETCHED_BYTES = 200, 256 << 20
"""After how much is noted what came, so that a run that dies need not be begun anew."""


@dataclass(frozen=True, slots=True)
class Lost:
    """What DVC tracks and is nowhere: of which out, in which revision (empty: here), which files.

    `why` says what else is wrong with it.
    """

    out: Out
    revision: str
    files: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What DVC tracks here and is to be taken, and in each tag; None if tags are not asked for."""

    here: Sequence[Out]
    tags: Mapping[str, Sequence[Out]] | None


class Collector:
    """Brings what DVC tracks into the cache, and knows by which key what came."""

    def __init__(self, project: Project, work: Work) -> None:
        self.pointers: dict[str, Pointer] = {}
        self.bytes = DvcBytes(project)
        self._project = project
        self._meter = Meter(work.progress, "import")
        self._note = project.git.common_dir / "gitmodel" / "import-dvc"
        self._listings: dict[str, bytes | None] = {}
        self._broken: dict[str, str] = {}
        self._fetched = self._read_note()
        self._noted = len(self._fetched)
        self._known = dict(self._fetched)

    def collect(self, scope: Scope) -> list[Lost]:
        """Bring all; return what could not be brought."""
        lost: dict[tuple[str, str], Lost] = {}
        group: list[tuple[str, Out]] = []
        wanted: dict[str, Wanted] = {}
        for revision, out in _each(scope):
            group.append((revision, out))
            if out.key not in self.pointers:
                files = self._files_of(out, here=not revision)
                wanted |= {each.key: each for each in files if each.key not in wanted}
            if len(wanted) > _GROUP:
                self._complete(group, wanted, lost)
        self._complete(group, wanted, lost)
        return list(lost.values())

    def _complete(
        self,
        group: list[tuple[str, Out]],
        wanted: dict[str, Wanted],
        lost: dict[tuple[str, str], Lost],
    ) -> None:
        """Bring the files of some outs, and make their pointers; all three are brought up to date.

        In groups, so that the lists of all folders of all tags are never in memory at once.
        """
        self._bring([each for key, each in wanted.items() if key not in self._known])
        for revision, out in group:
            if found := self._finish(revision, out):
                lost.setdefault((out.path, out.key), found)
        self._listings.clear()
        wanted.clear()
        group.clear()

    def forget(self) -> None:
        """Remove the note of what came: it is all where it belongs."""
        self._note.unlink(missing_ok=True)

    def _files_of(self, out: Out, *, here: bool) -> list[Wanted]:
        """Return the files that an out consists of."""
        path = out.path if here else ""
        if not out.key:
            return []
        if not out.tree:
            return [Wanted(out.key, path, out.remote)]
        if out.key not in self._listings:
            self._listings[out.key] = self.bytes.listing(Wanted(out.key, path, out.remote))
        if (data := self._listings[out.key]) is None:
            return []
        try:
            members = parse_members(data, out.key)
        except IntegrityError as error:
            if here:
                raise
            self._broken[out.key] = error.message
            return []
        base = f"{path}/" if here else ""
        return [Wanted(m.key, base and base + m.path, out.remote) for m in members]

    def _bring(self, wanted: Sequence[Wanted]) -> None:
        rest: list[Wanted] = []
        todo = iter(wanted)
        while batch := list(islice(todo, _BATCH)):
            with self._project.cache.writer(self._project.config.algorithm, self._meter) as writer:
                ahead = self.bytes.read_ahead(batch)
                found = {each.key: self._take(each, fd, writer) for each, fd in ahead}
            rest += [each for each in batch if found[each.key] is None]
            self._known |= {key: digests for key, digests in found.items() if digests}
        fetched = self.bytes.fetch(rest, self._project.config.algorithm)
        while came := self._receive(fetched):
            self._keep(came)
        self._keep({})

    def _receive(self, fetched: Iterator[Brought]) -> dict[str, Digests]:
        """Add some files, or a few large ones, and return them by key."""
        came: dict[str, Digests] = {}
        size = 0
        with self._project.cache.writer(self._project.config.algorithm, self._meter) as writer:
            for brought in fetched:
                self._add(brought, writer)
                came[brought.wanted.key] = brought.digests
                size += brought.digests.size
                if len(came) >= _FETCHED or size >= _FETCHED_BYTES:
                    break
        return came

    def _take(self, wanted: Wanted, first: int, writer: CacheWriter) -> Digests | None:
        """Put into the cache what this machine has, if its hash is right.

        `first` is a file that probably is it, or -1.
        """
        if first >= 0 and (digests := _put(first, wanted.key, writer)):
            return digests
        for fd in self.bytes.open_local(wanted):
            if digests := _put(fd, wanted.key, writer):
                return digests
        return None

    def _add(self, brought: Brought, writer: CacheWriter) -> None:
        if brought.file < 0:
            writer.add(brought.data, brought.digests)
            return
        try:
            self._project.cache.publish_file(brought.file, brought.temporary, brought.digests.oid)
            self._meter.add(brought.digests.size)
        finally:
            os.close(brought.file)

    def _finish(self, revision: str, out: Out) -> Lost | None:
        """Make the pointer of an out, or return why it cannot be made."""
        if not out.key:
            return Lost(out, revision, why="DVC has not computed its hash")
        if out.key in self.pointers:
            return None
        if not out.tree:
            if out.key not in self._known:
                return Lost(out, revision, (out.path,))
            self.pointers[out.key] = _file_pointer(self._known[out.key])
            return None
        return self._finish_tree(revision, out)

    def _finish_tree(self, revision: str, out: Out) -> Lost | None:
        if (data := self._listings.get(out.key)) is None:
            return Lost(out, revision, (out.path,), "the list of its files is nowhere")
        if out.key in self._broken:
            return Lost(out, revision, why=self._broken[out.key])
        members = parse_members(data, out.key)
        missing = tuple(f"{out.path}/{m.path}" for m in members if m.key not in self._known)
        if missing:
            return Lost(out, revision, missing)
        entries = (
            Entry(*self._known[m.key], EXECUTABLE if m.executable else FILE, m.path)
            for m in members
        )
        try:
            self.pointers[out.key] = self._tree_pointer(entries)
        except IntegrityError as error:
            if not revision:
                raise IntegrityError(
                    f"{out.path!r} cannot be tracked: {error.message}",
                    hint="rename it, dvc add it, git add the .dvc file, then import again",
                ) from error
            return Lost(out, revision, why=error.message)
        return None

    def _tree_pointer(self, entries: Iterable[Entry]) -> Pointer:
        manifest = make_manifest(entries)
        put = self._project.cache.put(format_manifest(manifest), self._project.config.algorithm)
        return Pointer("tree", put.oid, put.fingerprint, manifest.size, len(manifest.entries))

    def _keep(self, came: Mapping[str, Digests]) -> None:
        """Note what came over a network and is durable, for the case that the rest never happens.

        Less often as the note grows, or writing it would take longer than the network.
        """
        self._known |= came
        self._fetched |= came
        new = len(self._fetched) - self._noted
        if new and (not came or new >= self._noted // 10):
            self._noted = len(self._fetched)
            noted = {key: _file_pointer(digests) for key, digests in self._fetched.items()}
            write_file(self._note, format_imported(noted), self._project.scratch)

    def _read_note(self) -> dict[str, Digests]:
        """Return what an import that died had brought already."""
        try:
            noted = parse_imported(self._note.read_bytes())
        except (FileNotFoundError, IntegrityError):
            return {}
        here = self._project.cache.present(pointer.oid for pointer in noted.values())
        algorithm = self._project.config.algorithm
        return {
            key: Digests(pointer.oid, pointer.fingerprint, pointer.size)
            for key, pointer in noted.items()
            if pointer.oid in here and pointer.oid.startswith(algorithm)
        }


def _each(scope: Scope) -> Iterator[tuple[str, Out]]:
    """Yield what is to be brought, with its tag; what is here first, and without one."""
    yield from (("", out) for out in scope.here)
    for tag, outs in (scope.tags or {}).items():
        yield from ((tag, out) for out in outs)


def _put(fd: int, key: str, writer: CacheWriter) -> Digests | None:
    """Put an open file into the cache, unless it is not what the key says."""
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        return None
    size = status.st_size
    check = Md5Check(key)
    if size >= SMALL:
        try:
            return writer.cache.put_file(fd, writer.algorithm, writer.meter, check)
        except IntegrityError:
            return None
    # One byte more than `stat` said would show that the file has grown.
    data = os.read(fd, size + 1)
    check.update(data)
    if not check.matches():
        return None
    digests = digest_bytes(data, writer.algorithm)
    writer.add(data, digests)
    return digests


def _file_pointer(digests: Digests) -> Pointer:
    return Pointer("file", digests.oid, digests.fingerprint, digests.size)
