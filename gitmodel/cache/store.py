"""The local cache: blobs by oid, the larger ones a file each, the smaller ones many to a pack.

A blob becomes visible only when it is whole and durable, and never changes afterwards.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Protocol

from gitmodel.atomic import publish
from gitmodel.cache.openpacks import OpenPacks, Span, read_table
from gitmodel.cache.packs import Finished, PackWriter
from gitmodel.cache.wholepacks import Whole, part_whole, read_whole
from gitmodel.digest import (
    BLAKE3,
    SHA256,
    Digests,
    Hasher,
    algorithm_of,
    digest_bytes,
    digest_file,
    fingerprint_file,
    fingerprint_of,
    hex_of,
    oid_of,
)
from gitmodel.disk import check_folders, clone, make_folder, open_real, seal, sync_folder
from gitmodel.errors import CacheError, IntegrityError, MissingError, NewerError, newer
from gitmodel.locks import lock
from gitmodel.pack import Placed, Stored
from gitmodel.progress import Meter, Progress, silent
from gitmodel.scratch import Scratch
from gitmodel.stream import Memory, copy, read_blocks, write_whole

SMALL = 1 << 20
"""Bytes from which a blob is a file of its own."""

_OLD = 14 * 24 * 3600
"""Seconds after which the beginning of a blob that was never finished is given up."""
_FOLDERS = (
    *("blobs", f"blobs/{BLAKE3}", f"blobs/{SHA256}"),
    *("packs", "partial", "quarantine", "copies"),
)
_TWO = 2
"""Characters in the name of a folder of blobs."""
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PACK = re.compile(r"[0-9a-f]{64}\.pack", re.ASCII)
_PARTIAL = re.compile(rf"(?:{BLAKE3}|{SHA256})-[0-9a-f]{{64}}", re.ASCII)
"""The names that are given here: what has another one is not ours."""
_READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class PackIndex(Protocol):
    """Knows which pack holds which blob."""

    def when_renewed(self, learn: Callable[[], None]) -> None:
        """Call `learn` whenever all that is known was lost."""

    def packs(self) -> set[str]:
        """Return the names of the packs that are known."""

    def add_packs(self, packs: Mapping[str, Sequence[Stored]]) -> None:
        """Remember packs, and what is in them."""

    def drop_pack(self, name: str) -> None:
        """Forget a pack."""

    def find_packed(self, oids: Sequence[str]) -> dict[str, Placed]:
        """Return where blobs lie."""

    def packed_oids(self, oids: Sequence[str]) -> set[str]:
        """Return which of the blobs are in packs."""

    def forget_complete(self, place: str) -> None:
        """Something may have gone."""


class Check(Protocol):
    """Sees the bytes of a blob that is being added, and may refuse it."""

    def update(self, data: memoryview | bytes, /) -> object:
        """Take the next bytes."""

    def matches(self) -> bool:
        """Return whether all bytes were those that are wanted."""


class Damage(NamedTuple):
    """A blob, or a whole pack, whose bytes are not what its name says; now in quarantine.

    `left` if it is where it was, for nothing is proven: it could not be read, or, if that is
    `newer`, is what a newer gitmodel wrote.
    """

    name: str
    why: str
    left: Literal["", "unread", "newer"] = ""


class Cache:
    """The blobs of one clone."""

    def __init__(self, root: Path, index: PackIndex, scratch: Scratch) -> None:
        check_folders(root, _FOLDERS)
        self.root = root
        self.scratch = scratch
        self._index = index
        self._packs = OpenPacks(root / "packs")
        self._sync_packs()
        index.when_renewed(self._sync_packs)

    def close(self) -> None:
        """Close the files."""
        self._packs.close()

    def present(self, oids: Iterable[str]) -> set[str]:
        """Return which of the blobs are here."""
        wanted = list(dict.fromkeys(oids))
        packed = self._index.packed_oids(wanted)
        return packed | {oid for oid in wanted if oid not in packed and _is_file(self._loose(oid))}

    def packed(self, oids: Iterable[str]) -> set[str]:
        """Return which of the blobs are in packs."""
        return self._index.packed_oids(list(oids))

    def loose_sizes(self, oids: Iterable[str]) -> dict[str, int]:
        """Return the sizes of those of the blobs that are files of their own."""
        found = {}
        for oid in oids:
            with suppress(FileNotFoundError):
                found[oid] = os.stat(self._loose(oid)).st_size
        return found

    def places(self, oids: Iterable[str]) -> dict[str, Placed]:
        """Return where those of the blobs lie that are in packs."""
        return self._index.find_packed(list(dict.fromkeys(oids)))

    def read(self, oid: str, *, limit: int) -> bytes:
        """Return a whole blob of at most `limit` bytes, checked against its oid.

        Raises `MissingError` if it is not here, `IntegrityError` if it is damaged or too long.
        """
        placed = self.places([oid]).get(oid)
        if placed:
            return self.read_packed(placed)
        with open(self.open_loose(oid), "rb") as file:
            if os.fstat(file.fileno()).st_size > limit:
                raise IntegrityError(f"blob {oid} is longer than {limit} bytes")
            data = file.read()
        if oid_of(data, algorithm_of(oid)) != oid:
            raise damaged(oid)
        return data

    def read_packed(self, placed: Placed) -> bytes:
        """Return a blob from a pack, checked against its oid."""
        data, oid = self._packs.read(placed), placed.entry.oid
        if oid_of(data, algorithm_of(oid)) != oid:
            raise damaged(oid)
        return data

    def read_spans(self, places: Iterable[Placed], memory: Memory) -> Iterator[Span]:
        """Yield blobs from packs, from front to back, many at a time; they are not checked.

        They lie in pieces of `memory`, which the caller gives back.
        """
        return self._packs.spans(places, memory)

    def part_whole(
        self, places: Iterable[Placed], most: int
    ) -> tuple[dict[str, list[Stored]], list[Placed]]:
        """Part blobs into packs of at most `most` bytes that hold just them, and the rest."""
        return part_whole(self.root / "packs", places, most)

    def read_whole(self, packs: Mapping[str, Sequence[Stored]], memory: Memory) -> Iterator[Whole]:
        """Yield those of the packs that are what their names say, in pieces of `memory`.

        The caller gives them back.
        """
        return read_whole(self.root / "packs", packs, memory)

    def open_loose(self, oid: str) -> int:
        """Return a descriptor of a blob that is a file of its own."""
        try:
            return os.open(self._loose(oid), _READ_FLAGS)
        except FileNotFoundError as error:
            raise MissingError(f"blob {oid} is not in the cache", hint="gitmodel fetch") from error

    def loose_path(self, oid: str) -> Path:
        """Return where a blob is, or would be, that is a file of its own."""
        return Path(self._loose(oid))

    def measure(self, oid: str) -> tuple[int, str]:
        """Return size and fingerprint of a blob that is a file of its own, by reading it."""
        fd = self.open_loose(oid)
        try:
            return os.fstat(fd).st_size, fingerprint_file(fd)
        finally:
            os.close(fd)

    def copy_loose(self, oid: str, target: int, meter: Meter) -> Digests:
        """Write a blob to the open file `target`, which shares its blocks where the disk can.

        Returns the digests of what was written; raises `IntegrityError` if that is another blob.
        """
        source = self.open_loose(oid)
        try:
            digests = _copy_digested(source, target, algorithm_of(oid), meter, durable=False)
        finally:
            os.close(source)
        if digests.oid != oid:
            raise damaged(oid)
        return digests

    def put_file(
        self, source: int, algorithm: str, meter: Meter, check: Check | None = None
    ) -> Digests:
        """Add the rest of an open file as a blob of its own, reading it once.

        Raises `IntegrityError` if `check` refuses it.
        """
        target, temporary = self.scratch.new_file()
        try:
            hasher = Hasher(algorithm)

            def see(block: memoryview) -> None:
                hasher.update(block)
                if check:
                    check.update(block)
                meter.add(len(block))

            _copy(source, target, see, durable=True)
            if check and not check.matches():
                raise IntegrityError("the bytes are not those that are wanted")
            seal(target)
        finally:
            os.close(target)
        digests = hasher.digests()
        publish(temporary, Path(self._loose(digests.oid)))
        return digests

    def adopt_file(self, source: int, oid: str, meter: Meter) -> Digests:
        """Add the rest of an open file as the blob `oid`, as which another tool keeps it.

        It shares its blocks where the disk can.  Raises `IntegrityError` if they are other bytes.
        """
        target, temporary = self.scratch.new_file()
        try:
            digests = _copy_digested(source, target, algorithm_of(oid), meter, durable=True)
            if digests.oid != oid:
                raise IntegrityError("the bytes are not those that their name says")
            seal(target)
        finally:
            os.close(target)
        publish(temporary, Path(self._loose(oid)))
        return digests

    def open_partial(self, oid: str) -> tuple[int, Path]:
        """Open what an earlier attempt to fetch a blob has left, or a new file.

        Nobody else writes to it as long as the descriptor is open.  What is in it proves nothing.
        """
        path = self.root / "partial" / f"{algorithm_of(oid)}-{hex_of(oid)}"
        make_folder(path.parent)
        folder = open_real(path.parent)
        try:
            _remove_spent(folder)
            fd = _open_spare(folder, path.name)
        finally:
            os.close(folder)
        return (fd, path) if fd >= 0 else self.scratch.new_file()

    def publish_file(self, fd: int, temporary: Path, oid: str) -> None:
        """Add a finished scratch file whose bytes were checked against `oid` as they came."""
        seal(fd)
        publish(temporary, Path(self._loose(oid)))

    def is_copy(self, fd: int, size: int, oid: str) -> bool:
        """Return whether a file looks like a blob here, judged by a few of its pages."""
        try:
            cached = self.open_loose(oid)
        except MissingError:
            return False
        try:
            step = max(size // 16, 4096)
            return all(
                os.pread(fd, 4096, at) == os.pread(cached, 4096, at) for at in range(0, size, step)
            )
        finally:
            os.close(cached)

    def writer(self, algorithm: str = BLAKE3, meter: Meter | None = None) -> CacheWriter:
        """Return a writer for many small blobs; they are there when it is closed."""
        return CacheWriter(self, algorithm, meter or Meter())

    def put(self, data: bytes, algorithm: str = BLAKE3) -> Digests:
        """Add one blob from memory."""
        hasher = Hasher(algorithm)
        hasher.update(data)
        digests = hasher.digests()
        with self.writer(algorithm) as writer:
            writer.add(data, digests)
        return digests

    def put_loose(self, data: bytes | memoryview, oid: str) -> None:
        """Add one large blob from memory, whose oid is known to be right."""
        fd, temporary = self.scratch.new_file()
        try:
            write_whole(fd, data)
            self.publish_file(fd, temporary, oid)
        finally:
            os.close(fd)

    def add_packs(self, packs: Sequence[Finished]) -> None:
        """Publish packs, then make their blobs known."""
        for pack in packs:
            publish(pack.path, self.root / "packs" / f"{pack.name}.pack")
        self._index.add_packs({pack.name: pack.entries for pack in packs})

    def size(self) -> int:
        """Return how many bytes the blobs take, packs included."""
        return sum(path.lstat().st_size for path in (*self._loose_files(), *self._pack_files()))

    def verify(
        self, fingerprints: Mapping[str, str], progress: Progress = silent, *, quick: bool = False
    ) -> list[Damage]:
        """Read everything, and put in quarantine what is not what its name says.

        What cannot be read is named, and left where it is; what has no name of ours is not looked
        at.  A blob is checked against its oid; if `quick`, a fingerprint that a pack's table or
        `fingerprints` (oid to fingerprint) knows is enough.
        """
        meter = Meter(progress, "verify", self.size())
        damages = []
        for path in self._loose_files():
            meter.add(path.lstat().st_size)
            oid = f"{path.parts[-3]}:{path.name}"
            try:
                why = self._why_damaged(path, oid, fingerprints if quick else {})
            except OSError as error:
                damages.append(_unreadable(oid, error))
                continue
            if why:
                self._quarantine(path)
                damages.append(Damage(oid, why))
        for path in self._pack_files():
            meter.add(path.lstat().st_size)
            try:
                damages += self._verify_pack(path, quick=quick)
            except (OSError, NewerError) as error:
                damages.append(_unreadable(path.name, error))
        return damages

    def _loose_files(self) -> list[Path]:
        """Return the files whose names are those of blobs."""
        folders = (
            Path(folder.path)
            for algorithm in (BLAKE3, SHA256)
            for folder in _entries(self.root / "blobs" / algorithm)
            if len(folder.name) == _TWO and folder.is_dir(follow_symlinks=False)
        )
        return [path for folder in folders for path in _named(folder, _HEX)]

    def _pack_files(self) -> list[Path]:
        """Return the files whose names are those of packs."""
        return _named(self.root / "packs", _PACK)

    def _why_damaged(self, path: Path, oid: str, fingerprints: Mapping[str, str]) -> str:
        """Return what is wrong with a loose blob, in words, or nothing."""
        if self._loose(oid) != str(path):
            return "it is in the wrong folder"
        if not _is_file(str(path)):
            return "it is no file"
        with open(os.open(path, _READ_FLAGS), "rb", buffering=0) as file:
            good = oid in fingerprints and fingerprint_file(file.fileno()) == fingerprints[oid]
            if not good:
                # A pointer may be wrong, which does no harm to the blob.
                file.seek(0)
                good = digest_file(file.fileno(), algorithm_of(oid)).oid == oid
        return "" if good else "its bytes are not those its name says"

    def _verify_pack(self, path: Path, *, quick: bool) -> list[Damage]:
        """Check a pack; if part of it is damaged, save the rest in a new one."""
        if not _is_file(str(path)):
            self._quarantine(path)
            return [Damage(path.name, "pack: it is no file")]
        try:
            entries = read_table(path)
        except IntegrityError as error:
            with path.open("rb") as file:
                if digest_file(file.fileno(), BLAKE3).oid == f"{BLAKE3}:{path.stem}":
                    # Its writer wrote it so; a number that a spoiled bit made is another thing.
                    raise newer(f"pack {path.stem}") from error
            self._quarantine(path)
            self._forget_packs()
            return [Damage(path.name, f"pack: {error}")]
        places = [Placed(path.stem, entry) for entry in entries]
        if all(self._is_sound(placed, quick=quick) for placed in places):
            return []
        bad = []
        with CacheWriter(self, BLAKE3, Meter(), anew=True) as writer:
            for placed in places:
                oid = placed.entry.oid
                try:
                    data = self.read_packed(placed)
                except IntegrityError:
                    bad.append(oid)
                else:
                    writer.add(data, digest_bytes(data, algorithm_of(oid)))
        self._quarantine(path)
        self._forget_packs()
        return [Damage(oid, "its bytes are not those its name says") for oid in bad]

    def _is_sound(self, placed: Placed, *, quick: bool) -> bool:
        try:
            data = self._packs.read(placed)
        except IntegrityError:
            return False
        entry = placed.entry
        if quick and fingerprint_of(data) == entry.fingerprint:
            return True
        return oid_of(data, algorithm_of(entry.oid)) == entry.oid

    def _quarantine(self, path: Path) -> None:
        make_folder(self.root / "quarantine")
        with ExitStack() as stack:
            source, target = (open_real(each) for each in (path.parent, self.root / "quarantine"))
            stack.callback(os.close, source)
            stack.callback(os.close, target)
            taken = set(os.listdir(target))
            names = (path.name, *(f"{path.name}.{n}" for n in range(2, len(taken) + 3)))
            name = next(name for name in names if name not in taken)
            os.rename(path.name, name, src_dir_fd=source, dst_dir_fd=target)
            sync_folder(source)
        self._index.forget_complete("cache")

    def _loose(self, oid: str) -> str:
        digits = hex_of(oid)
        return f"{self.root}/blobs/{algorithm_of(oid)}/{digits[:2]}/{digits}"

    def _forget_packs(self) -> None:
        self._packs.close()
        for name in self._index.packs():
            self._index.drop_pack(name)
        self._sync_packs()

    def _sync_packs(self) -> None:
        """Bring the index in line with the packs that are on the disk."""
        on_disk = {path.stem for path in self._pack_files() if _is_file(str(path))}
        if self._index.packs() - on_disk:
            # A blob may lie in two packs, of which the index names one: learn all anew.
            for name in self._index.packs():
                self._index.drop_pack(name)
        found = {}
        for name in on_disk - self._index.packs():
            with suppress(IntegrityError):
                found[name] = read_table(self.root / "packs" / f"{name}.pack")
        if found:
            self._index.add_packs(found)


class CacheWriter:
    """Adds many blobs: small ones to packs, large ones as files.

    All of them are there, and durable, when `close` has returned.
    """

    def __init__(self, cache: Cache, algorithm: str, meter: Meter, *, anew: bool = False) -> None:
        self.cache = cache
        self.algorithm = algorithm
        self.meter = meter
        self._packs = PackWriter(cache.scratch, _none if anew else cache.packed)

    def add(self, data: bytes | memoryview, digests: Digests) -> None:
        """Add a blob from memory; `digests` are those of `data`."""
        if len(data) >= SMALL:
            if not self.cache.present([digests.oid]):
                self.cache.put_loose(data, digests.oid)
            return
        self.meter.add(digests.size)
        self._packs.add(data, digests)

    def add_all(
        self, data: memoryview, digests: Sequence[Digests], free: Callable[[], None]
    ) -> None:
        """Add small blobs that lie back to back in `data`, until `free` is called.

        That may come from another thread.
        """
        self.meter.add(len(data))
        self._packs.add_all(data, digests, free)

    def close(self) -> None:
        """Make all blobs durable and visible."""
        if packs := self._packs.close():
            self.cache.add_packs(packs)

    def __enter__(self) -> CacheWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self._packs.abandon()


def damaged(oid: str) -> CacheError:
    """Return the error that a blob here is not what its name says."""
    return CacheError(
        f"blob {oid} in the cache is damaged: its bytes are not those its name says",
        hint="gitmodel verify  (puts it in quarantine), then gitmodel fetch",
    )


def _none(oids: Sequence[str]) -> set[str]:
    return set()


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what is in a folder, in order of name; nothing if it is not there."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return []


def _named(folder: Path, names: re.Pattern[str]) -> list[Path]:
    return [Path(entry.path) for entry in _entries(folder) if names.fullmatch(entry.name)]


def _unreadable(name: str, error: OSError | NewerError) -> Damage:
    if isinstance(error, NewerError):
        return Damage(name, error.message, "newer")
    return Damage(name, f"it cannot be read: {error.strerror or error}", "unread")


def _remove_spent(folder: int) -> None:
    """Remove what nobody went on with, and what is a blob by now, whose writer then died."""
    for name in filter(_PARTIAL.fullmatch, os.listdir(folder)):
        with suppress(FileNotFoundError):
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            spent = status.st_nlink > 1 or time.time() - status.st_mtime > _OLD
            if stat.S_ISREG(status.st_mode) and spent:
                os.unlink(name, dir_fd=folder)


def _open_spare(folder: int, name: str) -> int:
    """Open the beginning of a blob for this process alone; return -1 where that cannot be."""
    _remove_sealed(folder, name)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        fd = os.open(name, flags, 0o666, dir_fd=folder)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.EACCES):
            raise
        return -1
    status = os.fstat(fd)
    # Under a second name it may be somebody's.
    if stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and lock(fd):
        with suppress(FileNotFoundError):
            if os.path.samestat(os.stat(name, dir_fd=folder), status):
                return fd
    os.close(fd)
    return -1


def _remove_sealed(folder: int, name: str) -> None:
    """Remove the beginning of a blob whose writer died when it was about to get its name."""
    with suppress(OSError):
        fd = os.open(name, _READ_FLAGS, dir_fd=folder)
        try:
            mode = os.fstat(fd).st_mode
            if stat.S_ISREG(mode) and not mode & stat.S_IWUSR and lock(fd):
                os.unlink(name, dir_fd=folder)
        finally:
            os.close(fd)


def _copy_digested(
    source: int, target: int, algorithm: str, meter: Meter, *, durable: bool
) -> Digests:
    hasher = Hasher(algorithm)

    def see(block: memoryview) -> None:
        hasher.update(block)
        meter.add(len(block))

    _copy(source, target, see, durable=durable)
    return hasher.digests()


def _copy(source: int, target: int, see: Callable[[memoryview], None], *, durable: bool) -> None:
    """Copy the rest of an open file, sharing blocks where the disk can; show what the copy has."""
    if clone(source, target):
        for block in read_blocks(target):
            see(block)
    else:
        copy(source, target, see, durable=durable)
