"""Track an artifact, or bring its pointer up to date."""

from __future__ import annotations

import os
import stat
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gitmodel.cache import SMALL, CacheWriter
from gitmodel.digest import Digests, digest_bytes
from gitmodel.errors import IntegrityError, MissingError, UsageError
from gitmodel.git import staging
from gitmodel.hints import command, then
from gitmodel.index import CACHE, Seen
from gitmodel.locks import locked
from gitmodel.manifest import (
    EXECUTABLE,
    FILE,
    FOLDER,
    Entry,
    format_manifest,
    make_manifest,
)
from gitmodel.paths import (
    MAX_NAME,
    POINTER_SUFFIX,
    check_path,
    find_twins,
    is_read,
    not_on_windows,
    parents,
)
from gitmodel.pointer import Pointer
from gitmodel.porcelain.supply import bring_entries
from gitmodel.progress import Meter, Progress, Work
from gitmodel.project import Project
from gitmodel.reference import near
from gitmodel.snapshot import check_settled, pointer_path, read_worktree
from gitmodel.worktree.content import (
    Rows,
    digests_known,
    opened,
    read_ahead,
    store,
    store_bytes,
)
from gitmodel.worktree.opening import look
from gitmodel.worktree.pool import Free, ReaderPool
from gitmodel.worktree.repositories import is_bare
from gitmodel.worktree.scan import Found, Types, scan
from gitmodel.worktree.track import track


@dataclass(frozen=True, slots=True)
class Added:
    """An artifact and its pointer.

    `changed` says whether the pointer is another than before, `untracked` how many files left
    Git for it; `odd` are paths, its own or inside it, that Windows cannot have.
    """

    path: str
    pointer: Pointer
    changed: bool
    untracked: int
    odd: tuple[str, ...] = ()


def add(project: Project, paths: Sequence[str], progress: Progress) -> list[Added]:
    """Track what the paths name: artifacts, old or new, or files inside one.

    The blobs are durable before a pointer names them, the pointer is before Git hears of it.
    """
    with locked(project.lock):
        snapshot = read_worktree(project.git)
        check_settled(paths, snapshot)
        pointers = snapshot.pointers
        plan = _plan(project, paths, pointers)
        taken = _take_all(project, plan, pointers, progress)
        _remember(project, taken)
        made = {each.artifact: each.pointer for each in taken}
        untracked = track(project.git, made, pointers, project.beside)
    return [
        Added(
            artifact,
            pointer,
            pointers.get(artifact) != pointer,
            untracked.get(artifact, 0),
            tuple(not_on_windows([artifact, *(entry.path for entry in entries)])),
        )
        for artifact, pointer, entries, _ in taken
    ]


def take_in(project: Project, root: Path, path: str, artifact: str, progress: Progress) -> Pointer:
    """Put what is at a path below `root` into the cache; return its pointer as an artifact's.

    It may lie outside the working tree.  Raises `MissingError` if nothing is there.
    """
    if look(root, path) is None:
        raise MissingError(f"{str(root / path)!r} is not there", hint=command("ls {}", str(root)))
    with project.cache.writer(project.config.algorithm, Meter(progress, "import")) as writer:
        entries = [
            _entry(found, store(found, artifact, writer))
            for found in read_ahead(scan(root, path, {}))
        ]
        return _pointer_of(project, artifact, entries, writer)


def modified_artifacts(project: Project) -> list[str]:
    """Return the tracked artifacts that are in the working tree."""
    pointers = read_worktree(project.git).pointers
    return [path for path in pointers if look(project.root, path) is not None]


def _plan(
    project: Project, paths: Sequence[str], pointers: Mapping[str, Pointer]
) -> dict[str, list[str] | None]:
    """Return the artifacts to add: whole (None), or only some paths inside."""
    plan: dict[str, list[str] | None] = {}
    for path in paths:
        owner = _owner(path, pointers)
        if owner is None or owner == path:
            check_new_name(path)
            if look(project.root, path) is None:
                raise absent(project.root, path, tracked=owner is not None)
            check_apart(path, pointers)
            plan[path] = None
        elif plan.setdefault(owner, []) is not None:
            plan[owner] = [*(plan[owner] or []), path[len(owner) + 1 :]]
    check_alone(project, plan, pointers)
    return plan


def check_outputs(project: Project, paths: Sequence[str]) -> None:
    """Raise the error now with which `add` would refuse a path that is to be written to first."""
    snapshot = read_worktree(project.git)
    check_settled(paths, snapshot)
    pointers = snapshot.pointers
    artifacts = [_owner(path, pointers) or path for path in paths]
    for artifact in artifacts:
        check_new_name(artifact)
        check_apart(artifact, pointers)
    check_alone(project, artifacts, pointers)


def _owner(path: str, pointers: Container[str]) -> str | None:
    """Return the artifact that a path is, or lies in, if it is tracked."""
    return next((each for each in (path, *parents(path)) if each in pointers), None)


def check_new_name(path: str) -> None:
    """Raise an error if no artifact may have this path."""
    if not path:
        raise UsageError(
            "the whole repository cannot be one artifact", hint="gitmodel add FOLDER_OR_FILE"
        )
    name = path.rpartition("/")[2]
    if path.endswith(POINTER_SUFFIX):
        raise UsageError(
            f"{path!r} belongs to Git",
            hint=command("gitmodel add {}", path.removesuffix(POINTER_SUFFIX)),
        )
    if is_read(path):
        raise UsageError(f"{path!r} belongs to Git", hint=command("git add {}", path))
    check_path(path)
    if len(pointer_path(name).encode()) > MAX_NAME:
        raise UsageError(
            f"{path!r} leaves no room for {POINTER_SUFFIX!r} behind its name",
            hint="give it a shorter name",
        )
    if "\n" in path or "\r" in path:
        raise UsageError(
            f"{path!r} has a line break in it, which .gitignore cannot say",
            hint="rename it, then add again",
        )


def absent(root: Path, path: str, *, tracked: bool = False) -> UsageError:
    """Return the error that nothing is at a path; it names what is called alike there."""
    folder, _, name = path.rpartition("/")
    others: list[str] = []
    with suppress(OSError):
        hidden = name.startswith(".")
        others = [each for each in os.listdir(root / folder) if each.startswith(".") == hidden]
    return UsageError(
        f"{path!r} does not exist{near(name, others)}",
        hint=command("gitmodel checkout -- {}", path)
        if tracked
        else command("ls {}", folder or "."),
    )


def check_alone(project: Project, paths: Iterable[str], pointers: Iterable[str]) -> None:
    """Raise `IntegrityError` if a new artifact, or a folder above, is a twin of another.

    Raises `UsageError` if it lies in another Git repository, which would have to track it.
    """
    paths = list(paths)
    check_own(project, paths)
    if twins := find_twins(paths, pointers):
        one, other = twins
        raise IntegrityError(
            f"{one!r} and {other!r} are one name on some systems",
            hint=command("mv {} ANOTHER_NAME", other),
        )


def check_own(project: Project, paths: Iterable[str]) -> None:
    """Raise `UsageError` if a path is, or lies in, another Git repository.

    Only a bare one may be an artifact, which is then no more than data.
    """
    paths = dict.fromkeys(paths)
    above = dict.fromkeys(each for path in paths for each in parents(path))
    submodules = staging.submodules(project.git) if paths else set()
    for folder in paths | above:
        place = project.root / folder
        if folder in submodules or os.path.lexists(place / ".git"):
            raise UsageError(
                f"{folder!r} is a Git repository of its own",
                hint=then(command("cd {}", folder), "gitmodel add there"),
            )
        if folder in above and is_bare(place):
            raise UsageError(
                f"{folder!r} is a Git repository of its own",
                hint=command("gitmodel add {}", folder),
            )


def check_apart(path: str, pointers: Iterable[str]) -> None:
    """Raise `UsageError` if an artifact lies inside a path that is to become one."""
    inner = next((other for other in pointers if other.startswith(f"{path}/")), None)
    if inner:
        raise UsageError(
            f"{inner!r}, inside {path!r}, is an artifact already",
            hint=then(
                command("git rm --cached {}", pointer_path(inner)),
                command("rm {}", pointer_path(inner)),
                command("gitmodel add {}", path),
            ),
        )


class _Taken(NamedTuple):
    """An artifact whose blobs are in the cache."""

    artifact: str
    pointer: Pointer
    entries: list[Entry]
    collector: _Collector


def _take_all(
    project: Project,
    plan: Mapping[str, list[str] | None],
    pointers: Mapping[str, Pointer],
    progress: Progress,
) -> list[_Taken]:
    """Put artifacts, or some paths inside them, into the cache; their blobs are durable then."""
    taken = []
    with project.cache.writer(project.config.algorithm, Meter(progress, "add")) as writer:
        for artifact, inside in plan.items():
            old = pointers.get(artifact)
            collector = _Collector(project, artifact, writer, old)
            if inside is None or old is None:
                collector.take("", old.oid if old and old.kind == "file" else "")
                entries = collector.entries
            else:
                entries = _replaced(project, artifact, inside, old, collector)
            pointer = _pointer_of(project, artifact, entries, writer)
            taken.append(_Taken(artifact, pointer, entries, collector))
    return taken


def _remember(project: Project, taken: Sequence[_Taken]) -> None:
    """Have the index know the files; only once the blobs are durable may it say so."""
    tree, index = str(project.root), project.index
    fresh = [row for each in taken for row in each.collector.fresh]
    gone = [path for each in taken for path in each.collector.gone]
    index.record(tree, [each.artifact for each in taken], fresh, gone)
    for artifact, pointer, entries, collector in taken:
        files_only = all(entry.type in (FILE, EXECUTABLE) for entry in entries)
        if collector.took_all and files_only:
            index.set_tree(tree, artifact, pointer.oid, len(entries))
            if pointer.kind == "tree":
                index.set_complete(CACHE, pointer.oid)


class _Collector:
    """Puts what is in an artifact into the cache, where it is not yet, and keeps the entries.

    `took_all`: not only some paths inside it.
    """

    def __init__(
        self, project: Project, artifact: str, writer: CacheWriter, old: Pointer | None
    ) -> None:
        self.entries: list[Entry] = []
        self.gone: list[str] = []
        self.took_all = False
        self._project = project
        self._artifact = artifact
        self._writer = writer
        self._algorithm = project.config.algorithm
        self._rows = Rows(project.scratch, project.root)
        before = bring_entries(project, old, "", Work()) if old and not project.keeps_modes else {}
        self._types = project.types(before.get)

    @property
    def fresh(self) -> list[Seen]:
        """The rows to record in the index."""
        return self._rows.fresh

    def take(self, path: str, same: str = "") -> None:
        """Take all at `path`, relative to the artifact; `same` is the oid that it probably has."""
        self.took_all = not path
        start = f"{self._artifact}/{path}".rstrip("/")
        seen = self._project.index.seen(str(self._project.root), start)
        known: list[tuple[Found, Digests]] = []
        here: set[str] = set()
        with ReaderPool(self._project.root, self._algorithm, self._took) as pool:
            for found in scan(self._project.root, start, seen, self._types_below(path)):
                if path:
                    found = found._replace(path=f"{path}/{found.path}".rstrip("/"))
                here.add(found.full)
                if found.known and (digests := _known(found, self._algorithm)):
                    known.append((found, digests))
                elif found.size < SMALL and found.type in (FILE, EXECUTABLE):
                    pool.add(found)
                else:
                    self._store(found, same)
            pool.finish()
        if path and not here:
            self._take_empty(path, look(self._project.root, start))
        self.gone += seen.keys() - here
        present = self._project.cache.present(digests.oid for _, digests in known)
        for found, digests in known:
            if digests.oid in present:
                self.entries.append(_entry(found, digests))
            else:
                # The index knows the file, but its blob has gone from the cache.
                self._take_again(found, same)

    def _types_below(self, path: str) -> Types | None:
        types = self._types
        return types and (lambda inside: types(f"{path}/{inside}".strip("/")))

    def _take_again(self, found: Found, same: str) -> None:
        for again in scan(self._project.root, found.full, {}):
            self._store(again._replace(path=found.path, type=found.type), same)

    def _take_empty(self, path: str, status: os.stat_result | None) -> None:
        """Take a folder with nothing in it, if that is what is there."""
        if status and stat.S_ISDIR(status.st_mode):
            digests = store_bytes(b"", self._writer)
            self.entries.append(Entry(digests.oid, digests.fingerprint, 0, FOLDER, path))

    def _store(self, found: Found, same: str) -> None:
        if found.type not in (FILE, EXECUTABLE):
            self.entries.append(_entry(found, store(found, self._artifact, self._writer)))
            return
        with opened(found) as file:
            digests = store(file, self._artifact, self._writer, same)
            self.entries.append(_entry(file, digests))
            self._rows.add(file, digests)

    def _took(
        self, founds: Sequence[Found], data: memoryview, digests: Sequence[Digests], free: Free
    ) -> None:
        self._writer.add_all(data, digests, free)
        self.entries += map(_entry, founds, digests)
        self._rows.add_all(founds, digests)


def _entry(found: Found, digests: Digests) -> Entry:
    return Entry(digests.oid, digests.fingerprint, digests.size, found.type, found.path)


def _known(found: Found, algorithm: str) -> Digests | None:
    """Return the digests that the index has, if they are of the algorithm in use."""
    digests = digests_known(found)
    return digests if digests.oid.startswith(algorithm) else None


def _replaced(
    project: Project, artifact: str, inside: list[str], old: Pointer, collector: _Collector
) -> list[Entry]:
    """Return a tree's entries with those at some paths replaced by what is there now."""
    if old.kind == "file":
        raise UsageError(
            f"{artifact!r} is tracked as a file", hint=command("gitmodel add {}", artifact)
        )
    # The manifest is all that is needed of the old tree; it may have to be fetched.
    entries = bring_entries(project, old, "", Work())
    for path in inside:
        known = {name for name in entries if name == path or name.startswith(f"{path}/")}
        if look(project.root, f"{artifact}/{path}") is None and not known:
            raise UsageError(
                f"{f'{artifact}/{path}'!r} neither exists nor is tracked",
                hint=command("gitmodel status {}", artifact),
            )
        # What were empty folders above it no longer are.
        for name in known | set(parents(path)):
            entries.pop(name, None)
        collector.take(path)
        _keep_emptied(path, entries, collector)
    return [*entries.values(), *collector.entries]


def _keep_emptied(path: str, entries: Mapping[str, Entry], collector: _Collector) -> None:
    """A folder that lost its last file stays, as an empty one."""
    folder = path.rpartition("/")[0]
    others = (*entries, *(entry.path for entry in collector.entries))
    if folder and not any(name.startswith(f"{folder}/") for name in others):
        collector.take(folder)


def _pointer_of(
    project: Project, artifact: str, entries: list[Entry], writer: CacheWriter
) -> Pointer:
    if len(entries) == 1 and entries[0].path == "":
        only = entries[0]
        return Pointer(
            "file", only.oid, only.fingerprint, only.size, executable=only.type == EXECUTABLE
        )
    try:
        manifest = make_manifest(entries)
    except IntegrityError as error:
        raise IntegrityError(
            f"{artifact!r} cannot be tracked: {error.message}",
            hint=error.hint or "rename it, then add again",
        ) from error
    data = format_manifest(manifest)
    digests = digest_bytes(data, project.config.algorithm)
    writer.add(data, digests)
    return Pointer(
        "tree", digests.oid, digests.fingerprint, manifest.size, files=len(manifest.entries)
    )
