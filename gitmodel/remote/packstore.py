"""A remote as a store of packs: what it holds, what it describes itself as, and its roots.

Order, always: chunks are durable before the index that lists them, and the index before the root
that names their blobs.  Readers go the other way.  Nothing of a remote is believed: names are
checked against their digests, lengths against what was asked for, bytes against oids.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

from blake3 import blake3

from gitmodel.encoding import Data
from gitmodel.errors import (
    ConflictError,
    IntegrityError,
    MissingError,
    NewerError,
    RemoteError,
)
from gitmodel.pack import (
    RECIPE,
    TRAILER_SIZE,
    Listed,
    Piece,
    Placed,
    format_index,
    parse_index,
    parse_recipe,
    parse_table,
    table_span,
)
from gitmodel.progress import Far, unheard
from gitmodel.remote.store import Store
from gitmodel.root import (
    DESCRIPTION_NAME,
    Chunking,
    Description,
    Root,
    format_description,
    format_root,
    parse_description,
    parse_root,
    root_name,
)

_NAME = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PACK_KEY = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})", re.ASCII)
_T = TypeVar("_T")
_CHECK_HINT = "gitmodel remote check"
_REPAIR_HINT = "gitmodel remote repair"
_LAG = 2.0
"""Seconds to wait, in all, for what a remote says is there and does not give."""
_PAUSE = 0.25


class RemoteIndex(Protocol):
    """Remembers what each remote is known to hold."""

    def remote_id(self, url: str) -> str | None:
        """Return which remote was last met at a URL."""

    def set_remote_id(self, url: str, remote: str) -> None:
        """Remember which remote was met at a URL."""

    def remote_indexes(self, remote: str) -> set[str]:
        """Return the index files that are known."""

    def add_remote_index(self, remote: str, name: str, data: bytes) -> None:
        """Remember an index file, which `parse_index` understands."""

    def drop_remote_index(self, remote: str, name: str) -> None:
        """Forget an index file."""

    def find_chunks(self, remote: str, oids: Sequence[str]) -> dict[str, Placed]:
        """Return where chunks lie."""

    def find_recipes(self, remote: str, oids: Sequence[str]) -> dict[str, bytes]:
        """Return payloads of recipes."""

    def remote_oids(self, remote: str, oids: Sequence[str]) -> set[str]:
        """Return which blobs are known to be there."""

    def is_complete(self, place: str, oid: str) -> bool:
        """Return whether all that a manifest names is known to be there."""

    def set_complete(self, place: str, oid: str) -> None:
        """Remember that it is."""

    def remote_roots(self, remote: str) -> dict[str, bytes]:
        """Return the roots that are known."""

    def add_remote_root(self, remote: str, name: str, root: bytes) -> None:
        """Remember a root."""

    def drop_remote_root(self, remote: str, name: str) -> None:
        """Forget a root."""


@dataclass(frozen=True, slots=True)
class Health:
    """What `check` found: files of the remote that are not as they should be."""

    packs: int
    indexes: int
    bytes: int
    unlisted: tuple[str, ...]
    """Packs that no index lists: what a push left that never ended, or whose index is lost."""
    lost: tuple[str, ...]
    """Packs that an index lists and that are not there, or not whole."""
    damaged: tuple[str, ...]
    """Index files and roots that cannot be read, and a description that cannot, or is lost."""
    incomplete: tuple[str, ...]
    """Refs whose root names a blob that no index lists: an index file is lost."""

    @property
    def sound(self) -> bool:
        """Whether nothing is lost or damaged; an unlisted pack only takes room."""
        return not (self.lost or self.damaged or self.incomplete)


class Remote:
    """An open remote; `refresh` must be called before what it holds is asked for."""

    def __init__(self, name: str, store: Store, index: RemoteIndex, repository: str) -> None:
        self.name = name
        self.store = store
        self._index = index
        self._repository = repository
        self._id: str | None = None
        self._description: Description | None = None
        self._creation: Future[Description | None] | None = None
        self._until: float | None = None

    @property
    def id(self) -> str:
        """The identity of the remote, whatever the URL it is reached by."""
        if self._id is None:
            self._id = self._described().id
        return self._id

    @property
    def chunking(self) -> Chunking:
        """How this remote's blobs are cut."""
        return self._described().chunking

    def describe(self) -> bool:
        """Read the remote's description; return whether there is one, so whether it was used."""
        try:
            data = self.store.read(DESCRIPTION_NAME)
        except MissingError:
            return False
        self._adopt(self._parse(parse_description, data, _CHECK_HINT))
        return True

    def _adopt(self, description: Description) -> None:
        self._description = description
        self._id = description.id
        self._index.set_remote_id(self.store.url, self._id)

    def is_used(self) -> bool:
        """Return whether anything was ever pushed here, even if the description of that is lost."""
        return self._is_described() or bool(self._index_names() or self.packs())

    def create(self) -> None:
        """Make the remote ready to be written to, unless it is; then `refresh`.

        A server may take a while over the first file of all, so that goes on in the background:
        whoever needs to know the remote, or writes to it, waits for that, and is told what failed.

        Raises `RemoteError` if it was met before: a drive that is not mounted is an empty folder.
        """
        self.store.sweep()
        names = self._index_names()
        if not self._recognise(names) and not self.describe():
            if self._index.remote_id(self.store.url) is not None:
                raise RemoteError(
                    f"remote {self.name!r} ({self.store.url}) was there before, and is gone",
                    hint="bring it back, or mount its drive; to begin anew: gitmodel remote remove"
                    f" {self.name}, then add it again",
                )
            # Two may try at once; both then use what the first one wrote.
            self._creation = _beside(lambda: self._describe_as(secrets.token_hex(16)))
            if not names:
                return
        self._learn(names)

    def refresh(self) -> None:
        """Learn of index files that others published, and forget those that are gone."""
        names = self._index_names()
        if self._id is None and not self._recognise(names):
            self._described()
        self._learn(names)

    def _index_names(self) -> set[str]:
        return {name for name in self.store.list("index") if _NAME.fullmatch(name)}

    def _recognise(self, names: set[str]) -> bool:
        """Take the remote for the one last met at its URL if it has an index file of that one.

        They are named by their content, so another remote has none of them; it saves a request.
        """
        known = self._index.remote_id(self.store.url)
        if known is not None and names & self._index.remote_indexes(known):
            self._id = known
        return self._id is not None

    def _learn(self, names: set[str]) -> None:
        try:
            self._read_new(names)
        except MissingError:
            # One was listed the moment before: it will show, or others have replaced it.
            self._patiently(lambda: self._read_new(self._index_names()))

    def _read_new(self, names: set[str]) -> None:
        known = self._index.remote_indexes(self.id)
        for name in known - names:
            self._index.drop_remote_index(self.id, name)
        new = sorted(names - known)
        if not new:
            return
        with ThreadPoolExecutor(self.store.lanes) as pool:
            for name, data in zip(new, pool.map(self._understood, new), strict=True):
                self._index.add_remote_index(self.id, name, data)

    def read_index(self, name: str) -> tuple[Listed, ...]:
        """Return what an index file lists, checked against its name."""
        return parse_index(self._index_file(name))

    def _understood(self, name: str) -> bytes:
        data = self._index_file(name)
        parse_index(data)
        return data

    def _index_file(self, name: str) -> bytes:
        data = self.store.read(f"index/{name}")
        if blake3(data).hexdigest() != name:
            raise IntegrityError(
                f"{self.store.url}: index file {name} is damaged", hint=_REPAIR_HINT
            )
        return data

    def is_complete(self, oid: str) -> bool:
        """Return whether all that a manifest names was seen to be here."""
        return not self._creation and self._index.is_complete(self.id, oid)

    def set_complete(self, oid: str) -> None:
        """Remember that all that a manifest names is here."""
        self._index.set_complete(self.id, oid)

    def holds(self, oids: Sequence[str]) -> set[str]:
        """Return which of the blobs the remote is known to hold."""
        if self._creation:
            return set()
        return self._index.remote_oids(self.id, oids)

    def chunks(self, oids: Sequence[str]) -> dict[str, Placed]:
        """Return where chunks lie."""
        return self._index.find_chunks(self.id, oids)

    def recipes(self, oids: Sequence[str]) -> dict[str, tuple[Piece, ...]]:
        """Return of which chunks blobs consist."""
        found = self._index.find_recipes(self.id, oids)
        return {oid: parse_recipe(payload) for oid, payload in found.items()}

    def read_pack(self, name: str, start: int, length: int) -> bytes:
        """Return a part of a pack that an index lists; raises `MissingError` if it stays away."""
        try:
            return self._patiently(lambda: self.store.read(pack_key(name), start, length))
        except MissingError as error:
            raise MissingError(
                f"pack {name} is not on remote {self.name!r}, though an index file lists it",
                hint=f"{_CHECK_HINT} {self.name}",
            ) from error

    def read_whole(self, name: str) -> bytes:
        """Return a pack; raise `IntegrityError` if its bytes are not those that its name says."""
        data = self.store.read(pack_key(name))
        if blake3(data).hexdigest() != name:
            raise IntegrityError("its bytes are not those its name says")
        return data

    def wait(self) -> bool:
        """Let a moment pass, in which what was just written may show; False if enough did.

        All that is waited for shares one patience: what is lost is often much at once.
        """
        now = time.monotonic()
        if self._until is None:
            self._until = now + _LAG
        if now >= self._until:
            return False
        time.sleep(_PAUSE)
        return True

    def _patiently(self, read: Callable[[], _T]) -> _T:
        while True:
            try:
                return read()
            except MissingError:
                if not self.wait():
                    raise

    def put_pack(self, name: str, parts: Sequence[Data], far: Far = unheard) -> None:
        """Publish a pack; `name` is the BLAKE3 of its parts in hex, `far` hears how far it is."""
        self._publish(pack_key(name), name, parts, far)

    def put_index(self, packs: Sequence[Listed]) -> str:
        """Publish an index file over packs that are all durable; return its name."""
        data = format_index(packs)
        name = blake3(data).hexdigest()
        self._publish(f"index/{name}", name, [data])
        self._index.add_remote_index(self.id, name, data)
        return name

    def _publish(self, key: str, name: str, parts: Sequence[Data], far: Far = unheard) -> None:
        """Write a file that is named by its content; what is there already must be the same."""
        self._await_creation()
        new = self.store.put_new(key, *parts, far=far)
        if not new and blake3(self.store.read(key)).hexdigest() != name:
            self.store.put(key, b"".join(parts))

    # Roots

    def root_names(self) -> set[str]:
        """Return the file names of this repository's roots, by one listing."""
        if self._creation:
            return set()
        return set(self.store.list(f"roots/{self._repository}"))

    def root(self, ref: str, *, known: bool = True) -> Root | None:
        """Return the root of a ref; with `known`, one that was seen before is not read again."""
        name = root_name(ref)
        data = self._index.remote_roots(self.id).get(name) if known else None
        if data is None:
            try:
                data = self.store.read(self._root_key(name))
            except MissingError:
                return None
        root = self._parse(parse_root, data, _REPAIR_HINT)
        self._index.add_remote_root(self.id, name, data)
        if root.ref != ref:
            raise IntegrityError(
                f"{self.store.url}: the root of {ref!r} is that of another ref", hint=_REPAIR_HINT
            )
        return root

    def _parse(self, parse: Callable[[bytes], _T], data: bytes, hint: str) -> _T:
        try:
            return parse(data)
        except IntegrityError as error:
            raise type(error)(
                f"{self.store.url}: {error.message}", hint=error.hint or hint
            ) from error

    def promises(self, oids: Set[str]) -> bool:
        """Return whether a root names one of the blobs, whatever the indexes say."""
        return any(not oids.isdisjoint(root.oids) for root in self.roots())

    def roots(self) -> list[Root]:
        """Read all roots of this repository; those that are damaged are left out."""
        return [root for root in self._read_roots().values() if root]

    def _read_roots(self) -> dict[str, Root | None]:
        """Return the roots by their file name, None for one that is damaged."""
        names = sorted(self.root_names())
        with ThreadPoolExecutor(self.store.lanes) as pool:
            found = pool.map(self._read_root, names)
            return dict(zip(names, found, strict=True))

    def _read_root(self, name: str) -> Root | None:
        with suppress(IntegrityError, MissingError):
            return parse_root(self.store.read(self._root_key(name)))
        return None

    def put_root(self, root: Root, *, moves: bool) -> None:
        """Write a root, last of all; one that does not move is never overwritten.

        Raises `ConflictError` if the ref has a root with another content.
        """
        self._await_creation()
        name, data = root_name(root.ref), format_root(root)
        if moves:
            self.store.put(self._root_key(name), data)
        elif not self.store.put_new(self._root_key(name), data):
            there = self.root(root.ref, known=False)
            if there != root:
                raise ConflictError(
                    f"{root.ref!r} is on remote {self.name!r} already, at commit"
                    f" {there.commit[:12] if there else '?'}; a version never moves",
                    hint="give the new version another tag",
                )
        self._index.add_remote_root(self.id, name, data)

    # Care

    def packs(self) -> dict[str, int]:
        """Return name and size of every pack."""
        found = self.store.list("packs")
        matches = ((_PACK_KEY.fullmatch(key), size) for key, size in found.items())
        return {match[2]: size for match, size in matches if match}

    def check(self) -> Health:
        """Compare indexes, packs and roots by their lists; read no payload."""
        # Backwards, or what is pushed meanwhile would look incomplete.
        roots = self._read_roots()
        promised = {oid for root in roots.values() if root for oid in root.oids}
        names = self._index_names()
        listed, damaged = self._read_indexes(names, promised)
        packs = self.packs()
        lost = (name for name, size in listed.items() if packs.get(name) != size)
        refs = (root.ref for root in roots.values() if root and not promised.isdisjoint(root.oids))
        damaged += [self._root_key(name) for name, root in roots.items() if root is None]
        damaged += [] if self._is_described() else [DESCRIPTION_NAME]
        return Health(
            len(packs),
            len(names),
            sum(packs.values()),
            tuple(sorted(packs.keys() - listed.keys())),
            tuple(sorted(lost)),
            tuple(damaged),
            tuple(refs),
        )

    def _read_indexes(
        self, names: Iterable[str], promised: set[str]
    ) -> tuple[dict[str, int], list[str]]:
        """Return the sizes of the packs that indexes list, and which of these are damaged.

        Takes what is listed out of `promised`.
        """
        listed: dict[str, int] = {}
        damaged = []
        for name in sorted(names):
            try:
                for pack in self.read_index(name):
                    listed[pack.pack] = pack.size
                    promised.difference_update(entry.oid for entry in pack.entries)
            except (IntegrityError, MissingError):
                damaged.append(f"index/{name}")
        return listed, damaged

    def repair(self, damaged: Collection[str] = ()) -> list[str]:
        """Index every pack that is whole, by its own table, and withdraw what is not true.

        `damaged` are packs that are known not to be whole.  The new index is written before an
        old one is removed.  Returns what was done, in words.
        """
        done = self._describe_anew()
        gone = {*self.check().lost, *damaged}
        untrue = set(self._untrue(gone))
        there = self.packs().keys()
        sound, broken = self._read_packs(there - self._trusted(untrue) - gone)
        broken += sorted(there & damaged)
        for name in untrue:
            self._index.drop_remote_index(self.id, name)
        if sound:
            untrue.discard(self.put_index(sound))
            done.append(f"indexed {len(sound)} packs by their own tables")
        for name in sorted(untrue):
            self.store.delete(f"index/{name}")
            done.append(f"removed index file {name}")
        for name in broken:
            # Its name must be free for a whole copy; what is left of it may still be of use.
            self.store.put(f"quarantine/{name}", self.store.read(pack_key(name)))
            self.store.delete(pack_key(name))
            done.append(f"moved the damaged pack {name} to quarantine")
        self.refresh()
        return done + self._withdraw_roots()

    def _describe_anew(self) -> list[str]:
        """Write the description if it is lost or damaged; only how blobs are cut depends on it."""
        if self._is_described():
            return []
        with suppress(MissingError):
            data = self.store.read(DESCRIPTION_NAME)
            self.store.put(f"quarantine/{DESCRIPTION_NAME}", data)
            self.store.delete(DESCRIPTION_NAME)
        self._describe_as(self._index.remote_id(self.store.url) or secrets.token_hex(16))
        self._described()
        return [f"wrote {DESCRIPTION_NAME} anew"]

    def _describe_as(self, identity: str) -> Description | None:
        """Write the description unless there is one; return it if there was none."""
        description = Description(identity, Chunking())
        new = self.store.put_new(DESCRIPTION_NAME, format_description(description))
        return description if new else None

    def _is_described(self) -> bool:
        """Return whether there is a description that can be read; reads it once."""
        try:
            return self._description is not None or self.describe()
        except NewerError:
            raise
        except IntegrityError:
            return False

    def _withdraw_roots(self) -> list[str]:
        """Remove the roots whose blobs are no longer all here: a root is a promise."""
        done = []
        for name in sorted(self.root_names()):
            key = self._root_key(name)
            try:
                root = parse_root(self.store.read(key))
                if len(self.holds(root.oids)) == len(root.oids):
                    continue
                what = f"root of {root.ref}: it is no longer complete"
            except IntegrityError:
                what = f"root {name}: it is damaged"
            self.store.delete(key)
            self._index.drop_remote_root(self.id, name)
            done.append(f"withdrew the {what}; push it again from a clone that has it")
        return done

    def _untrue(self, gone: set[str]) -> list[str]:
        """Return the index files that are damaged or list a pack that is gone."""
        untrue = []
        for name in self.store.list("index"):
            try:
                if any(listed.pack in gone for listed in self.read_index(name)):
                    untrue.append(name)
            except IntegrityError:
                untrue.append(name)
        return untrue

    def _trusted(self, untrue: set[str]) -> set[str]:
        """Return the packs that an index which will stay lists."""
        names = (name for name in self.store.list("index") if name not in untrue)
        return {listed.pack for name in names for listed in self.read_index(name)}

    def _read_packs(self, names: Iterable[str]) -> tuple[list[Listed], list[str]]:
        sound, broken = [], []
        for name in sorted(names):
            try:
                sound.append(self.read_table(name))
            except IntegrityError:
                broken.append(name)
        return sound, broken

    def read_table(self, name: str) -> Listed:
        """Return what a pack's own table says, with its recipes."""
        key = pack_key(name)
        size = self.store.size(key)
        trailer = self.store.read(key, max(size - TRAILER_SIZE, 0), min(size, TRAILER_SIZE))
        offset, length = table_span(trailer, size)
        table = self.store.read(key, offset, length)
        entries = parse_table(table, trailer)
        recipes = tuple(
            self.store.read(key, entry.offset, entry.stored)
            for entry in entries
            if entry.kind == RECIPE
        )
        for recipe in recipes:
            parse_recipe(recipe)
        return Listed(name, table, recipes)

    def _root_key(self, name: str) -> str:
        return f"roots/{self._repository}/{name}"

    def _await_creation(self) -> None:
        """Wait, on whatever thread, until there is a remote to write to."""
        if creation := self._creation:
            creation.result()

    def _described(self) -> Description:
        if self._creation:
            made = self._creation.result()
            self._creation = None
            if made:
                self._adopt(made)
        if self._description is None and not self.describe():
            if self._index_names():
                raise MissingError(
                    f"{DESCRIPTION_NAME!r} is lost from remote {self.name!r} ({self.store.url})",
                    hint=f"{_REPAIR_HINT} {self.name}",
                )
            raise MissingError(
                f"nothing was ever pushed to remote {self.name!r} ({self.store.url})",
                hint="gitmodel push, in the clone that has the data",
            )
        assert self._description is not None
        return self._description


def _beside(act: Callable[[], _T]) -> Future[_T]:
    """Do something on a thread that nobody waits for at the end of the program."""
    future = Future[_T]()

    def run() -> None:
        try:
            future.set_result(act())
        except BaseException as error:  # noqa: BLE001 - who waits for it is told
            future.set_exception(error)

    threading.Thread(target=run, name="create", daemon=True).start()
    return future


def pack_key(name: str) -> str:
    """Return the key of a pack."""
    return f"packs/{name[:2]}/{name}"
