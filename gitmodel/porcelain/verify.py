"""Prove that bytes are what their names say: in the cache, in the working tree, on the remote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from gitmodel.atomic import scratch_in, sweep
from gitmodel.cache import Cache, Damage
from gitmodel.digest import algorithm_of, oid_of
from gitmodel.encoding import decode
from gitmodel.errors import IntegrityError, MissingError
from gitmodel.git import revisions
from gitmodel.git.objects import Objects
from gitmodel.manifest import Entry
from gitmodel.pack import CHUNK, RECIPE, Piece, Stored, parse_recipe
from gitmodel.pointer import Pointer
from gitmodel.porcelain.connect import open_remote
from gitmodel.progress import Meter, Progress, Work
from gitmodel.project import Project
from gitmodel.remote.packstore import Remote
from gitmodel.snapshot import entries_of, pointer_path, read_commit, read_worktree
from gitmodel.transfer.fetch import fetch_manifests
from gitmodel.worktree.content import matches, read_ahead
from gitmodel.worktree.scan import scan


@dataclass(frozen=True, slots=True)
class Untrue:
    """A pointer, and a path of which it says another size or fingerprint than the blob has."""

    pointer: str
    path: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What `verify` found.

    `damaged` was put in quarantine (cache) or named (remote); `rotten` are work files that
    changed although nothing touched them; `modified` are those that were touched; `missing` are
    blobs of current pointers that are neither in the cache nor in the working tree.
    """

    damaged: tuple[Damage, ...]
    rotten: tuple[str, ...]
    modified: tuple[str, ...]
    untrue: tuple[Untrue, ...]
    missing: int
    swept: int
    bytes: int


def verify(project: Project, progress: Progress, *, quick: bool) -> Verified:
    """Read the cache and the working tree whole, by oid.

    If `quick`, the cache is compared by fingerprint, which can be forged, and of the working tree
    only what was touched is read.
    """
    swept = sweep(scratch_in(project.git.common_dir / "gitmodel"))
    pointers = read_worktree(project.git).pointers
    size = project.cache.size()
    # A pointer gives a fingerprint; manifests are read only once the cache is known to be sound.
    fingerprints = {pointer.oid: pointer.fingerprint for pointer in pointers.values()}
    damaged = project.cache.verify(fingerprints, progress, quick=quick)
    known: dict[str, dict[str, Entry]] = {}
    missing = 0
    for artifact, pointer in pointers.items():
        try:
            known[artifact] = entries_of(pointer, project.cache)
        except MissingError:
            missing += 1
    seen = _Work()
    untrue: list[Untrue] = []
    for artifact, expected in known.items():
        proven = seen.look(project, artifact, expected, progress, quick=quick)
        for path in _untrue(project.cache, expected, proven):
            untrue.append(Untrue(pointer_path(artifact), f"{artifact}/{path}".rstrip("/")))
    missing += len(seen.absent - project.cache.present(seen.absent))
    # The work file of a pointer that is not true may well be right.
    doubtful = {each.path for each in untrue}
    return Verified(
        tuple(damaged),
        tuple(seen.rotten),
        tuple(path for path in seen.modified if path not in doubtful),
        tuple(untrue),
        missing,
        len(swept),
        size,
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """What was found in the working tree; `absent` are blobs that no file there is one of."""

    rotten: list[str] = field(default_factory=list)
    modified: list[str] = field(default_factory=list)
    absent: set[str] = field(default_factory=set)

    def look(
        self,
        project: Project,
        artifact: str,
        expected: Mapping[str, Entry],
        progress: Progress,
        *,
        quick: bool,
    ) -> set[str]:
        """Look at an artifact; return the paths whose entries its files prove to be true."""
        rest = dict(expected)
        proven = set()
        meter = Meter(progress, "work tree", sum(entry.size for entry in expected.values()))
        seen = project.index.seen(str(project.root), artifact)
        for found in read_ahead(scan(project.root, artifact, seen)):
            entry = rest.get(found.path)
            meter.add(found.size)
            if entry is None or not matches(found, artifact, entry):
                self.modified.append(found.full)
                continue
            del rest[found.path]
            proven.add(found.path)
            read = found._replace(known=None)
            # What the index does not know has just been read.
            if found.known and not quick and not matches(read, artifact, entry):
                self.rotten.append(found.full)
        self.absent.update(entry.oid for entry in rest.values())
        return proven


def _untrue(cache: Cache, expected: Mapping[str, Entry], proven: Set[str]) -> list[str]:
    """Return the paths of which entries say another size or fingerprint than blobs here have."""
    doubtful = {path: entry for path, entry in expected.items() if path not in proven}
    packed = cache.places(entry.oid for entry in doubtful.values())
    untrue = []
    for path, entry in doubtful.items():
        if entry.oid in packed:
            stored = packed[entry.oid].entry
            found = stored.length, stored.fingerprint
        else:
            try:
                found = cache.measure(entry.oid)
            except MissingError:
                continue
        if found != (entry.size, entry.fingerprint):
            untrue.append(path)
    return untrue


@dataclass(frozen=True, slots=True)
class VerifiedRemote:
    """What reading a whole remote found; `incomplete` are refs whose root promises too much."""

    packs: int
    bytes: int
    damaged: tuple[Damage, ...]
    incomplete: tuple[str, ...]


def verify_remote(project: Project, name: str, progress: Progress) -> VerifiedRemote:
    """Download and check every pack of a remote, and what its roots promise."""
    remote = open_remote(project, name)
    packs = remote.packs()
    meter = Meter(progress, "verify", sum(packs.values()))
    found = _Found()
    for pack, size in packs.items():
        meter.add(size)
        with found.noting(f"pack {pack}"):
            _verify_pack(remote, pack, found)
    for oid, pieces in found.recipes.items():
        if all(piece.oid in found.sound for piece in pieces):
            found.sound.add(oid)
        else:
            found.damaged.append(Damage(oid, "chunks of it are missing or damaged"))
    return VerifiedRemote(
        len(packs),
        sum(packs.values()),
        tuple(found.damaged),
        _incomplete(project, remote, found.sound, progress),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What packs hold: the oids of what is sound, the chunks of blobs, and what is damaged."""

    sound: set[str] = field(default_factory=set)
    recipes: dict[str, tuple[Piece, ...]] = field(default_factory=dict)
    damaged: list[Damage] = field(default_factory=list)

    @contextmanager
    def noting(self, name: str) -> Iterator[None]:
        """Go on when something is damaged."""
        try:
            yield
        except (IntegrityError, MissingError) as error:
            self.damaged.append(Damage(name, error.message))


def _verify_pack(remote: Remote, pack: str, found: _Found) -> None:
    data = remote.read_whole(pack)
    for entry in remote.read_table(pack).entries:
        stored = data[entry.offset : entry.offset + entry.stored]
        with found.noting(entry.oid):
            if entry.kind == RECIPE:
                found.recipes[entry.oid] = parse_recipe(stored)
            elif entry.kind == CHUNK:
                _check_chunk(entry, stored)
                found.sound.add(entry.oid)


def _check_chunk(entry: Stored, stored: bytes) -> None:
    raw = decode(entry.encoding, stored, entry.length)
    if oid_of(raw, algorithm_of(entry.oid)) != entry.oid:
        raise IntegrityError("its bytes are not those its name says")


def _incomplete(
    project: Project, remote: Remote, sound: set[str], progress: Progress
) -> tuple[str, ...]:
    """Return the refs of roots that promise a blob which is not soundly there.

    A tree's files are looked at where its root's commit is in this clone.
    """
    bad = []
    with closing(Objects(project.git.common_dir)) as objects:
        for root in remote.roots():
            if not set(root.oids) <= sound:
                bad.append(root.ref)
            elif revisions.resolve(project.git, root.commit):
                pointers = read_commit(objects, root.commit).pointers.values()
                fetch_manifests(pointers, project.cache, remote, Work(progress))
                if any(not _oids(project, pointer) <= sound for pointer in pointers):
                    bad.append(root.ref)
    return tuple(bad)


def _oids(project: Project, pointer: Pointer) -> set[str]:
    return {entry.oid for entry in entries_of(pointer, project.cache).values()}
