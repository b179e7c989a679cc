"""Turn what DVC tracks into artifacts, and note what its older revisions consist of."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from gitmodel.atomic import locked, write_file
from gitmodel.cache import SMALL, CacheWriter
from gitmodel.digest import Digests, digest_bytes
from gitmodel.dvcfile import Out, is_outs, parse_members
from gitmodel.dvcsum import Md5Check
from gitmodel.errors import ConflictError, IntegrityError, UsageError
from gitmodel.git import refs, staging, worktree
from gitmodel.git.objects import Objects
from gitmodel.imported import NAME, format_imported, parse_imported
from gitmodel.manifest import EXECUTABLE, FILE, Entry, format_manifest, make_manifest
from gitmodel.paths import parents
from gitmodel.pointer import Pointer
from gitmodel.porcelain.add import check_new_name
from gitmodel.porcelain.dvc_bytes import Brought, DvcBytes, Wanted
from gitmodel.progress import Meter, Work
from gitmodel.project import Project
from gitmodel.snapshot import entries_of, pointer_path, read_worktree, staged_outs
from gitmodel.worktree.rules import ignore_rule, remove_rule
from gitmodel.worktree.scan import look
from gitmodel.worktree.track import track
from gitmodel.worktree.write import Change, Write, apply, stage

_BATCH = 2000
_GROUP = 20_000
_FETCHED, _FETCHED_BYTES = 200, 256 << 20
"""After how much is noted what came, so that a run that dies need not be begun anew."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An artifact that was one of DVC's; `source` is the file that said so, `stage` what made it.

    `there`: whether its files are in the working tree.
    """

    path: str
    pointer: Pointer
    source: str
    stage: str
    there: bool


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
class ImportedDvc:
    """What an import did: all is staged, or, if something is lost and was not to be skipped, none.

    `tags` are those that can be read now, `objects` is how many artifacts of revisions are noted;
    `pipelines` are files of DVC's that stay.
    """

    taken: tuple[Taken, ...]
    lost: tuple[Lost, ...]
    tags: tuple[str, ...]
    objects: int
    pipelines: tuple[str, ...]
    remotes: tuple[str, ...]
    staged: bool


def import_dvc(project: Project, work: Work, *, all_tags: bool, skip_missing: bool) -> ImportedDvc:
    """Stage pointers in the place of what DVC tracks; with `all_tags`, note what its tags mean.

    Nothing is staged unless all bytes are in the cache, or what is missing may be skipped.  Raises
    `ConflictError` if files of DVC's are not as Git has them, `IntegrityError` for unsafe ones,
    `UsageError` if there is nothing to import.
    """
    with locked(project.lock):
        _check_committed(project)
        tags = _outs_of_tags(project, lenient=skip_missing) if all_tags else None
        scope = _Scope(_outs_here(project), tags)
        if not scope.here and not scope.tags:
            raise UsageError(
                "DVC tracks nothing here that gitmodel does not",
                hint="gitmodel status" if all_tags else "gitmodel import dvc --all-tags",
            )
        _check_names(project, scope.here)
        collector = _Collector(project, work)
        lost = collector.collect(scope)
        if ready := skip_missing or not lost:
            gone = {each.out.path for each in lost if not each.revision}
            mine = [out for out in scope.here if out.path not in gone]
            _stage(project, scope, mine, collector, work)
    return _report(project, scope, collector, lost, staged=ready)


@dataclass(frozen=True, slots=True)
class _Scope:
    """What DVC tracks here and is to be taken, and in each tag; None if tags are not asked for."""

    here: Sequence[Out]
    tags: Mapping[str, Sequence[Out]] | None


def _check_committed(project: Project) -> None:
    """Raise `ConflictError` if Git's index is not what DVC says: it will be, and nothing else."""
    changed = worktree.unstaged(project.git, ["*.dvc", "*dvc.lock"])
    if names := [path for path in changed if is_outs(path)]:
        some = ", ".join(map(repr, names[:5]))
        raise ConflictError(
            f"{some} {'is' if len(names) == 1 else 'are'} other than in Git's index",
            hint=f"git add {names[0]}, or git checkout -- {names[0]}",
        )


def _outs_here(project: Project) -> list[Out]:
    """Return what is to be taken; what a pipeline makes only once, for its files stay."""
    pointers = staging.pointers(project.git)
    outs = staged_outs(project.git)
    return [out for out in outs if not out.stage or pointer_path(out.path) not in pointers]


def _outs_of_tags(project: Project, *, lenient: bool) -> dict[str, list[Out]]:
    """Return what DVC tracks in each tag in which it tracks anything.

    `lenient`: leave out tags in which that cannot be told.
    """
    found = {}
    with closing(Objects(project.git.common_dir)) as objects:
        for ref in refs.tags(project.git):
            try:
                found[ref.name] = objects.outs(ref.commit)
            except IntegrityError as error:
                if not lenient:
                    raise IntegrityError(
                        f"tag {ref.name!r}: {error.message}",
                        hint="gitmodel import dvc --all-tags --skip-missing leaves it out",
                    ) from error
    return {tag: outs for tag, outs in found.items() if outs}


def _check_names(project: Project, outs: Sequence[Out]) -> None:
    tracked = {*read_worktree(project.git).pointers, *(out.path for out in outs)}
    for out in outs:
        check_new_name(out.path)
        for folder in parents(out.path):
            if folder in tracked:
                raise IntegrityError(
                    f"{out.source!r} tracks {out.path!r}, which lies inside {folder!r}",
                    hint=f"dvc remove {out.source}",
                )


class _Collector:
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

    def collect(self, scope: _Scope) -> list[Lost]:
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


def _each(scope: _Scope) -> Iterator[tuple[str, Out]]:
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


def _stage(
    project: Project, scope: _Scope, mine: Sequence[Out], collector: _Collector, work: Work
) -> None:
    """Put pointers in the place of DVC's files, and tell Git; DVC's own go last."""
    made = {out.path: _pointer_of(out, collector) for out in mine}
    if scope.tags is not None:
        write_file(project.root / NAME, _noted(project, collector), project.beside)
        staging.stage(project.git, [NAME])
    for path in made:
        rules, rule = ignore_rule(path)
        if (old := _dvc_rule(path)) != rule:
            remove_rule(project.root, rules, old, project.beside)
    track(project.git, made, {}, project.beside)
    _replace_links(project, made, collector.bytes, work)
    kept = {out.source for out in scope.here if out.path not in made or out.stage}
    done = dict.fromkeys(out.source for out in mine if out.source not in kept)
    staging.remove(project.git, list(done), force=True)
    collector.forget()


def _pointer_of(out: Out, collector: _Collector) -> Pointer:
    pointer = collector.pointers[out.key]
    executable = out.executable and pointer.kind == "file"
    return Pointer(
        pointer.kind, pointer.oid, pointer.fingerprint, pointer.size, pointer.files, executable
    )


def _noted(project: Project, collector: _Collector) -> bytes:
    """Return what an earlier import noted, and this one."""
    path = project.root / NAME
    before = parse_imported(path.read_bytes()) if look(project.root, NAME) else {}
    return format_imported({**before, **collector.pointers})


def _dvc_rule(path: str) -> bytes:
    """Return the line by which DVC makes Git ignore a path."""
    name = path.rpartition("/")[2]
    return b"/" + "".join(f"\\{c}" if c in "[]!*#?" else c for c in name).encode()


def _replace_links(
    project: Project, made: Mapping[str, Pointer], dvc: DvcBytes, work: Work
) -> None:
    """Put files where DVC put symlinks into its cache, which may be deleted one day."""
    writes = [
        Write(artifact, entry)
        for artifact, pointer in made.items()
        for entry in entries_of(pointer, project.cache).values()
        if dvc.is_link(project.root / artifact / entry.path)
    ]
    change = Change(writes)
    apply(
        project.root,
        stage(project.root, change, project.cache, project.beside, work.progress),
        (),
    )


def _report(
    project: Project, scope: _Scope, collector: _Collector, lost: Sequence[Lost], *, staged: bool
) -> ImportedDvc:
    gone = {each.out.path for each in lost if not each.revision}
    taken = [
        Taken(
            out.path,
            _pointer_of(out, collector),
            out.source,
            out.stage,
            look(project.root, out.path) is not None,
        )
        for out in scope.here
        if out.path not in gone
    ]
    tags = scope.tags or {}
    readable = [tag for tag in tags if all(out.key in collector.pointers for out in tags[tag])]
    pipelines = dict.fromkeys(out.source for out in scope.here if out.stage)
    return ImportedDvc(
        tuple(taken) if staged else (),
        tuple(lost),
        tuple(readable),
        len(collector.pointers),
        tuple(pipelines),
        tuple(collector.bytes.remote_names()),
        staged,
    )
