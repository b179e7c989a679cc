"""Turn files of Git LFS into artifacts, under the SHA-256 that they are known by."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gitmodel.cache import SMALL, CacheWriter
from gitmodel.digest import SHA256, Digests, digest_bytes, digest_file, hex_of
from gitmodel.disk import OPEN_FILE
from gitmodel.errors import IntegrityError, UsageError
from gitmodel.git import gitconfig, revisions, staging, trees
from gitmodel.hints import also, command, then
from gitmodel.lfs import MAX_BYTES, LfsPointer, parse_lfs, without_lfs
from gitmodel.locks import locked
from gitmodel.pointer import Pointer
from gitmodel.porcelain.add import check_alone, check_new_name
from gitmodel.progress import Meter, Work
from gitmodel.project import Project
from gitmodel.snapshot import entries_of, pointer_path, read_worktree
from gitmodel.worktree.files import write_files
from gitmodel.worktree.opening import look, open_folder, pack_stat
from gitmodel.worktree.rules import read_rules
from gitmodel.worktree.swap import put
from gitmodel.worktree.track import track
from gitmodel.worktree.write import Change, Compared, Write

_ATTRIBUTES = ".gitattributes"
_EXECUTABLE = "100755"


@dataclass(frozen=True, slots=True)
class ImportedLfs:
    """What an import did: all is staged, or, if something is missing, nothing.

    `missing` are the files of which LFS has no object here; `raw` those that it was to hold, but
    Git does; `attributes` the files that said so; `absent` what is not in the working tree.
    """

    pointers: Mapping[str, Pointer]
    missing: tuple[str, ...]
    raw: tuple[str, ...]
    attributes: tuple[str, ...]
    absent: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Tracked:
    """A file that LFS holds."""

    pointer: LfsPointer
    executable: bool


def import_lfs(project: Project, work: Work) -> ImportedLfs:
    """Stage pointers in the place of those of Git LFS, if all of its objects are here.

    Raises `UsageError` if LFS holds nothing, `IntegrityError` for what cannot be taken over.
    """
    with locked(project.lock):
        files, raw = _read(project)
        attributes = _attributes(project)
        if not files:
            attributes = _half_done(project, attributes)
        if not files and not attributes:
            raise UsageError("Git LFS holds nothing here", hint="git lfs ls-files")
        for path in files:
            check_new_name(path)
        check_alone(project, files, read_worktree(project.git).pointers)
        known = _Taker(project, work).take(files)
        missing = [path for path, each in files.items() if each.pointer.oid not in known]
        pointers = {
            path: _pointer_of(known[each.pointer.oid], executable=each.executable)
            for path, each in files.items()
            if each.pointer.oid in known
        }
        absent = [path for path in files if look(project.root, path) is None]
        if not missing:
            _stage(project, pointers, attributes, work)
    return ImportedLfs(pointers, tuple(missing), tuple(raw), tuple(attributes), tuple(absent))


def _read(project: Project) -> tuple[dict[str, _Tracked], list[str]]:
    """Return what LFS holds, and what it was to hold, but Git does."""
    filtered = staging.filtered(project.git, "lfs")
    texts = trees.blobs(project.git, (oid for _, oid in filtered.values()), MAX_BYTES)
    files: dict[str, _Tracked] = {}
    raw = []
    for path, (mode, oid) in filtered.items():
        # LFS itself leaves empty files as they are.
        if found := parse_lfs(texts.get(oid, b"")):
            if found.extended:
                raise IntegrityError(
                    f"{path!r} went through an extension of Git LFS, which only LFS can undo",
                    hint=then(
                        command("git lfs untrack {}", path), command("gitmodel add {}", path)
                    ),
                )
            files[path] = _Tracked(found, mode == _EXECUTABLE)
        elif texts.get(oid) != b"":
            raw.append(path)
    return files, raw


def _attributes(project: Project) -> dict[str, bytes]:
    """Return the files of attributes that name LFS, and what they become without it.

    An import that was killed may have written them already, and Git not have heard of it.
    """
    found = {}
    for path in staging.matching(project.git, [_ATTRIBUTES, f"*/{_ATTRIBUTES}"]):
        work, staged = read_rules(project.root, path), revisions.read_staged(project.git, path)
        if without_lfs(work) != work or without_lfs(staged) != staged:
            found[path] = without_lfs(work)
    return found


def _half_done(project: Project, attributes: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the attributes that are all that an import which was killed had left to do."""
    root = project.root
    return {path: data for path, data in attributes.items() if read_rules(root, path) == data}


class _Taker:
    """Brings objects of LFS into the cache."""

    def __init__(self, project: Project, work: Work) -> None:
        self._project = project
        self._meter = Meter(work.progress, "import")
        self._store = _storage(project)

    def take(self, files: Mapping[str, _Tracked]) -> dict[str, Digests]:
        """Return the digests of all that could be brought, by oid."""
        known: dict[str, Digests] = {}
        with self._project.cache.writer(SHA256, self._meter) as writer:
            for path, each in files.items():
                pointer = each.pointer
                if pointer.oid not in known and (found := self._take(path, pointer, writer)):
                    known[pointer.oid] = found
        return known

    def _take(self, path: str, pointer: LfsPointer, writer: CacheWriter) -> Digests | None:
        digits = hex_of(pointer.oid)
        with _opened(self._store / digits[:2] / digits[2:4] / digits) as fd:
            if fd is not None and (found := _adopt(fd, pointer, writer)):
                return found
        folder, _, name = path.rpartition("/")
        with suppress(OSError, IntegrityError), open_folder(self._project.root, folder) as at:
            fd = os.open(name, OPEN_FILE, dir_fd=at)
            try:
                # The work file is nobody's promise: it is read once more.
                if digest_file(fd, SHA256).oid == pointer.oid:
                    os.lseek(fd, 0, os.SEEK_SET)
                    return _adopt(fd, pointer, writer)
            finally:
                os.close(fd)
        return None


def _adopt(fd: int, pointer: LfsPointer, writer: CacheWriter) -> Digests | None:
    """Put an open file into the cache, unless it cannot be what the pointer names."""
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_size != pointer.size:
        return None
    if pointer.size >= SMALL:
        try:
            return writer.cache.adopt_file(fd, pointer.oid, writer.meter)
        except IntegrityError:
            return None
    data = os.read(fd, pointer.size + 1)
    digests = digest_bytes(data, SHA256)
    if digests.oid != pointer.oid:
        return None
    writer.add(data, digests)
    return digests


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    try:
        fd = os.open(path, OPEN_FILE)
    except OSError:
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)


def _storage(project: Project) -> Path:
    """Return the folder of the objects of LFS."""
    given = gitconfig.values(project.git, "lfs.storage")
    return project.git.common_dir / (given[-1] if given else "lfs") / "objects"


def _pointer_of(digests: Digests, *, executable: bool) -> Pointer:
    return Pointer("file", digests.oid, digests.fingerprint, digests.size, executable=executable)


def _stage(
    project: Project, pointers: Mapping[str, Pointer], attributes: Mapping[str, bytes], work: Work
) -> None:
    """Put pointers in the place of those of LFS, and tell Git."""
    # First, or the filter would get hold of the pointers; and staged last, for what Git's index
    # says is what there is to be done.
    write_files(project.root, attributes, project.beside)
    if left := staging.still_filtered(project.git, "lfs", map(pointer_path, pointers)):
        raise UsageError(
            f"{left[0]!r} would go to Git LFS: some other file of attributes says so",
            hint=also(
                command("git check-attr filter {}", left[0]), "look into .git/info/attributes"
            ),
        )
    track(project.git, pointers, {}, project.beside)
    _smudge(project, pointers, work)
    staging.stage(project.git, attributes)


def _smudge(project: Project, pointers: Mapping[str, Pointer], work: Work) -> None:
    """Put the bytes where LFS left its pointers in the working tree."""
    change = Change()
    for path, packed in _unsmudged(project, pointers):
        [entry] = entries_of(pointers[path], project.cache).values()
        change.writes.append(Write(path, entry))
        change.compared[path] = Compared(packed, entry.oid, sure=True)
    put(project.root, change, project.cache, project.places, work.progress)


def _unsmudged(project: Project, pointers: Mapping[str, Pointer]) -> Iterator[tuple[str, bytes]]:
    """Yield the paths at which LFS has its pointers, and the stat of each."""
    for path in pointers:
        status = look(project.root, path)
        if status and stat.S_ISREG(status.st_mode) and status.st_size < MAX_BYTES:
            found = parse_lfs(read_rules(project.root, path))
            if found and found.oid == pointers[path].oid:
                yield path, pack_stat(status)
