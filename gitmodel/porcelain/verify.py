"""Prove that bytes are what their names say: in the cache, in the working tree, on the remote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from gitmodel.cache import Cache, Damage
from gitmodel.digest import algorithm_of, oid_of
from gitmodel.encoding import decode
from gitmodel.errors import IntegrityError, MissingError, NewerError, RemoteError
from gitmodel.manifest import Entry
from gitmodel.pack import CHUNK, RECIPE, Piece, Stored, parse_recipe
from gitmodel.porcelain.connect import open_remote
from gitmodel.porcelain.promises import find_broken
from gitmodel.progress import Meter, Progress
from gitmodel.project import Project
from gitmodel.remote.care import Survey, health_of, look
from gitmodel.remote.packstore import Remote
from gitmodel.scratch import scratch_in, sweep
from gitmodel.snapshot import entries_of, pointer_path, read_worktree
from gitmodel.transfer.ranges import BlobFile
from gitmodel.worktree.content import matches, read_ahead
from gitmodel.worktree.scan import scan

_BLOCK = 4 << 20


@dataclass(frozen=True, slots=True)
class Untrue:
    """A pointer, and a path of which it says another size or fingerprint than the blob has."""

    pointer: str
    path: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What `verify` found.

    `damaged` was put in quarantine (cache) or named (remote); `rotten` are work files of which
    `stat` does not tell that they changed; `modified` are those of which it does; `missing` are
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
        rotten: list[str] = []
        meter = Meter(progress, "work tree", sum(entry.size for entry in expected.values()))
        seen = project.index.seen(str(project.root), artifact)
        types = project.types(expected.get)
        for found in read_ahead(scan(project.root, artifact, seen, types)):
            entry = rest.get(found.path)
            meter.add(found.size)
            if entry is None or not matches(found, entry):
                self.modified.append(found.full)
                continue
            del rest[found.path]
            proven.add(found.path)
            read = found._replace(known=None)
            # What the index does not know has just been read.
            if found.known and not quick and not matches(read, entry):
                rotten.append(found.full)
        if rotten:
            # Nobody is to believe what the index said of them.
            project.index.record(str(project.root), [artifact], (), rotten)
            self.rotten.extend(rotten)
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
    """What reading a whole remote found.

    `incomplete` are refs whose root promises too much; `unread` says what could not be read.
    """

    packs: int
    bytes: int
    damaged: tuple[Damage, ...]
    incomplete: tuple[str, ...]
    unread: tuple[str, ...]


def verify_remote(project: Project, name: str, progress: Progress) -> VerifiedRemote:
    """Read all that is on a remote, and check it, and what its roots promise.

    Nothing that was known of it counts.  Raises `NewerError` if a newer gitmodel wrote to it.
    """
    remote = open_remote(project, name)
    if not remote.is_used():
        remote.check_gone()
        return VerifiedRemote(0, 0, (), (), ())
    seen = look(remote)
    health = health_of(remote, seen)
    found = _Found(seen)
    for key in health.damaged:
        found.damaged.append(Damage(key, "it is not what it should be"))
    for pack in health.lost:
        why = "an index file lists it, and it is not there, or not whole"
        found.damaged.append(Damage(f"pack {pack}", why))
    meter = Meter(progress, "verify", health.bytes)
    for pack, size in seen.packs.items():
        meter.add(size)
        # What no index file lists, nobody can fetch.
        _verify_pack(remote, pack, found, listed=pack in seen.listed)
    # Where chunks lie is looked up in the index, which must not be what is damaged.
    project.index.examine()
    _verify_blobs(remote, found, progress)
    # What was not read may hold what seems to be missing.
    whole = not seen.unread
    broken = find_broken(project, remote, found.sound.issuperset, progress) if whole else ()
    return VerifiedRemote(
        len(seen.packs),
        health.bytes,
        tuple(found.damaged),
        tuple(root.ref for root in broken),
        tuple(seen.unread.values()),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What packs hold: the oids of what is sound, the chunks of blobs, and what is damaged."""

    seen: Survey
    sound: set[str] = field(default_factory=set)
    recipes: dict[tuple[str, tuple[Piece, ...]], None] = field(default_factory=dict)
    damaged: list[Damage] = field(default_factory=list)

    @contextmanager
    def noting(self, name: str) -> Iterator[None]:
        """Go on when something is damaged, or cannot be read."""
        try:
            yield
        except NewerError:
            raise
        except (IntegrityError, MissingError) as error:
            self.damaged.append(Damage(name, error.message))
        except RemoteError as error:
            self.seen.skip(name, error)


def _verify_pack(remote: Remote, pack: str, found: _Found, *, listed: bool) -> None:
    key = f"pack {pack}"
    with found.noting(key):
        data = found.seen.read(key, partial(remote.read_whole, pack))
        if key in found.seen.damaged:
            raise IntegrityError("its bytes are not those its name says")
        if data is None:
            # It went, or could not be read, which is noted.
            return
        table = remote.read_table(pack)
        for digest, index in found.seen.said.get(pack, {}).items():
            with found.noting(f"index file {index}"):
                if digest != table.digest:
                    raise IntegrityError(f"what it says of pack {pack} is not what that holds")
        for entry in table.entries:
            stored = data[entry.offset : entry.offset + entry.stored]
            with found.noting(entry.oid):
                if entry.kind == RECIPE:
                    pieces = parse_recipe(stored)
                    found.recipes.update({(entry.oid, pieces): None} if listed else {})
                elif entry.kind == CHUNK:
                    _check_chunk(entry, stored)
                    found.sound.update([entry.oid] if listed else [])


def _verify_blobs(remote: Remote, found: _Found, progress: Progress) -> None:
    """Put together those blobs that are in chunks: sound ones may be those of another blob."""
    try:
        remote.refresh()
    except NewerError:
        raise
    except (IntegrityError, MissingError):
        # What is wrong with index files is noted.
        pass
    except RemoteError as error:
        found.seen.skip("index", error)
    total = sum(piece.length for _, pieces in found.recipes for piece in pieces)
    meter = Meter(progress, "verify blobs", total)
    proven: dict[str, int] = {}
    for oid, pieces in found.recipes:
        with found.noting(oid):
            proven[oid] = proven.get(oid, 0) + _is_blob(remote, oid, pieces, found, meter)
    # Of several recipes, a reader may take any.
    recipes = Counter(oid for oid, _ in found.recipes)
    found.sound.update(oid for oid, count in proven.items() if count == recipes[oid])


def _is_blob(
    remote: Remote, oid: str, pieces: Sequence[Piece], found: _Found, meter: Meter
) -> bool:
    """Return whether chunks make a blob; raise an error if not, False if nobody can tell."""
    if not found.sound.issuperset(piece.oid for piece in pieces):
        if found.seen.unread:
            return False
        raise MissingError("chunks of it are missing or damaged")
    with BlobFile(remote, oid, pieces) as file:
        while data := file.read(_BLOCK):
            meter.add(len(data))
    return True


def _check_chunk(entry: Stored, stored: bytes) -> None:
    raw = decode(entry.encoding, stored, entry.length)
    if oid_of(raw, algorithm_of(entry.oid)) != entry.oid:
        raise IntegrityError("its bytes are not those its name says")
