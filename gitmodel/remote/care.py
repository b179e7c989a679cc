"""The state of a remote, and how it is mended.

Nothing is touched whose name is not one of ours, and nothing is moved but what was read whole and
proven not to be what its name says.  What cannot be read stays, and so does what a newer gitmodel
wrote.  Pushes may go on meanwhile: they write packs, then index files, then roots, so all is
listed the other way round, and looked at again before it is withdrawn.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from gitmodel.errors import IntegrityError, MissingError, NewerError, RemoteError
from gitmodel.pack import Listed
from gitmodel.progress import Meter, Progress
from gitmodel.remote.file import File
from gitmodel.remote.packstore import NAME, PACK_KEY, Remote, pack_key
from gitmodel.remote.presence import Presence
from gitmodel.root import DESCRIPTION_NAME, Root, is_root_name, parse_root
from gitmodel.words import plural

_T = TypeVar("_T")
_ENOUGH = 4
"""Files that cannot be read until the rest is not tried any more."""
_INDEX_SIZE = 16 << 20
"""Bytes of an index file after which another one is begun."""


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
    """Files that are not what they should be: damaged, a folder, or, of the description, lost."""
    incomplete: tuple[str, ...]
    """Refs whose root names a blob that no index lists: an index file is lost."""
    unread: tuple[str, ...]
    """Files that could not be read, and why."""

    @property
    def sound(self) -> bool:
        """Whether nothing is lost or damaged; an unlisted pack only takes room."""
        return not (self.lost or self.damaged or self.incomplete or self.unread)


@dataclass(frozen=True, slots=True)
class Repaired:
    """What `repair` did, and what it left as it is, in words."""

    done: tuple[str, ...]
    left: tuple[str, ...]


def check(remote: Remote) -> Health:
    """Compare indexes, packs and roots by their lists; read no payload.

    Raises `NewerError` if a newer gitmodel wrote one of them.
    """
    return health_of(remote, look(remote))


def health_of(remote: Remote, found: Survey) -> Health:
    """Return the state of a remote, given what was read of it just now."""
    described = remote.is_described()
    lost = remote.find_lost(found.listed, len(found.packs))
    unlisted = found.packs.keys() - found.listed.keys()
    # An index file that was not read may list what seems to be missing.
    missing = set() if found.is_blind else found.unlisted_oids
    refs = (root.ref for root in found.roots.values() if not missing.isdisjoint(root.oids))
    damaged = [*found.damaged, *found.folders, *([] if described else [DESCRIPTION_NAME])]
    return Health(
        len(found.packs),
        len(found.indexes),
        sum(found.packs.values()),
        tuple(sorted(unlisted)),
        tuple(sorted(lost)),
        tuple(damaged),
        tuple(refs),
        tuple(found.unread.values()),
    )


def find_damaged(remote: Remote, progress: Progress) -> tuple[set[str], list[str]]:
    """Read all packs whole; return those that are proven to be damaged, and what was not read."""
    packs = remote.packs()
    meter = Meter(progress, "read", sum(packs.values()))
    found = Survey()
    damaged = set()
    for name, size in packs.items():
        key = pack_key(name)
        found.read(key, partial(remote.read_whole, name))
        if key in found.damaged:
            damaged.add(name)
        meter.add(size)
    return damaged, [*found.unread.values()]


def repair(
    remote: Remote,
    damaged: Collection[str] = (),
    unread: Sequence[str] = (),
    broken: Callable[[], Iterable[Root]] = tuple,
) -> Repaired:
    """Index every pack that is whole, by its own table, and withdraw what is not true.

    `damaged` are packs that are known not to be whole, `unread` is what was not read when that was
    found out; `broken` says in the end which roots promise what a manifest names and is not there.
    The new index is written before an old one is removed.  Raises `NewerError`, and
    does nothing, if a newer gitmodel wrote something that would have to be judged.
    """
    found = look(remote)
    mend = _Mend(remote, found, set(damaged) & found.packs.keys())
    sound = [] if found.is_blind else mend.read_tables()
    mend.describe()
    mend.remove_folders()
    if not found.is_blind:
        mend.index(sound)
        mend.withdraw_indexes()
        mend.put_packs_away()
        mend.index_rest()
        mend.withdraw_roots()
        for root in broken() if mend.done else ():
            mend.withdraw(root)
    left = (*unread, *found.unread.values(), *mend.left)
    return Repaired(tuple(mend.done), tuple(dict.fromkeys(left)))


@dataclass(slots=True)
class Survey:
    """What a remote says of itself, all read afresh."""

    roots: dict[str, Root] = field(default_factory=dict)
    indexes: dict[str, dict[str, int]] = field(default_factory=dict)
    """Name and size of the packs that each index file lists; none for one that is damaged."""
    said: dict[str, dict[bytes, str]] = field(default_factory=dict)
    """What index files say of each pack, by `Listed.digest`, and one that says so."""
    packs: dict[str, int] = field(default_factory=dict)
    unlisted_oids: set[str] = field(default_factory=set)
    """Blobs that a root names and no index file lists."""
    damaged: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    """Why what could not be read was not, by key."""

    @property
    def is_blind(self) -> bool:
        """Whether an index file could not be read: nobody knows what it lists."""
        return any(key.startswith("index/") for key in self.unread)

    @property
    def listed(self) -> dict[str, int]:
        """Name and size of all packs that are listed."""
        return {name: size for packs in self.indexes.values() for name, size in packs.items()}

    def read(self, key: str, read: Callable[[], _T]) -> _T | None:
        """Return what a file says, or note what is wrong with it.

        A file is damaged if two reads say so: one may have been spoiled on its way here.
        """
        for again in (True, False):
            try:
                return read()
            except NewerError:
                raise
            except MissingError:
                return None
            except IntegrityError:
                if not again:
                    self.damaged.append(key)
            except RemoteError as error:
                self.skip(key, error)
                return None
        return None

    def skip(self, key: str, error: RemoteError) -> None:
        """Note why something could not be read; raise the error if that hits many."""
        self.unread[key] = error.message
        if len(self.unread) >= _ENOUGH:
            # It is the network, or the credentials, and not the file.
            raise error


def look(remote: Remote) -> Survey:
    """Read roots, then index files, then list packs: what is pushed meanwhile is not amiss."""
    found = Survey()
    files = remote.store.files(remote.roots_folder)
    found.folders += _folders(remote.roots_folder, files, is_root_name)
    for name in filter(is_root_name, sorted(files)):
        root = found.read(f"{remote.roots_folder}/{name}", partial(_root, remote, name))
        if root:
            found.roots[name] = root
            found.unlisted_oids.update(root.oids)
    files = remote.store.files("index")
    found.folders += _folders("index", files, NAME.fullmatch)
    names = [name for name in sorted(files) if NAME.fullmatch(name)]
    limit = remote.longest_index({name: files[name] for name in names})
    for name in names:
        packs = found.read(f"index/{name}", partial(remote.read_index, name, limit))
        found.indexes[name] = {listed.pack: listed.size for listed in packs or ()}
        for listed in packs or ():
            found.said.setdefault(listed.pack, {})[listed.digest] = name
            found.unlisted_oids.difference_update(entry.oid for entry in listed.entries)
    files = remote.store.files("packs")
    found.folders += _folders("packs", files, PACK_KEY.fullmatch)
    found.packs = remote.packs_in(files)
    return found


def _root(remote: Remote, name: str) -> Root | None:
    data = remote.read_root(name)
    return None if data is None else parse_root(data)


def _folders(
    folder: str, files: Mapping[str, File], ours: Callable[[str], object]
) -> Iterator[str]:
    """Yield the keys in whose place, where a file of ours should be, a folder lies."""
    for name in files:
        if name.endswith("/") and ours(name[:-1]):
            yield f"{folder}/{name[:-1]}"


class _Mend:
    """A repair that is under way: what was found, and in words what was done and what was left."""

    def __init__(self, remote: Remote, found: Survey, broken: set[str]) -> None:
        self.done: list[str] = []
        self.left: list[str] = []
        self._remote, self._found, self._broken = remote, found, broken
        self._gone = remote.find_lost(found.listed, len(found.packs)) | broken
        self._untrue = {n for n, packs in found.indexes.items() if self._gone & packs.keys()}

    def read_tables(self) -> list[Listed]:
        """Return what those packs hold, by their own tables, that no index lists which stays.

        Those that are proven to be damaged are to be put away.
        """
        staying = self._found.indexes.keys() - self._untrue
        trusted = {pack for name in staying for pack in self._found.indexes[name]}
        for name in sorted(self._found.packs.keys() & self._gone - self._broken):
            # It has another length than its index file says.
            self._prove(name)
        rest = self._found.packs.keys() - trusted - self._broken
        return [listed for name in sorted(rest) for listed in self._read_table(name)]

    def describe(self) -> None:
        """Write the description if it is lost or damaged."""
        # What is damaged once may have been so on the way here.
        if not self._remote.is_described() and not self._remote.is_described():
            self._remote.describe_anew()
            self.done.append(f"wrote {DESCRIPTION_NAME} anew")

    def remove_folders(self) -> None:
        """Remove empty folders where files should be; others hold what is not ours."""
        for key in self._found.folders:
            try:
                self._remote.store.delete(key)
                self.done.append(f"removed the empty folder {key}, where a file should be")
            except RemoteError as error:
                self.left.append(error.message)

    def index(self, sound: Iterable[Listed]) -> None:
        """Publish index files over packs."""
        count = size = 0
        group: list[Listed] = []
        for listed in sound:
            group.append(listed)
            count += 1
            size += len(listed.table) + sum(map(len, listed.recipes))
            if size >= _INDEX_SIZE:
                self._untrue.discard(self._remote.put_index(group))
                group, size = [], 0
        if group:
            self._untrue.discard(self._remote.put_index(group))
        self._remote.confirm()
        if count:
            self.done.append(f"indexed {plural(count, 'pack')} by their own tables")

    def withdraw_indexes(self) -> None:
        """Remove the index files that list a pack which is gone, and put damaged ones away."""
        remote = self._remote
        for name in sorted(self._untrue):
            packs = self._found.indexes[name]
            gone = {pack: packs[pack] for pack in self._gone & packs.keys()}
            # Another push may have brought it back meanwhile.
            if self._broken & gone.keys() or _now(remote).await_named(gone):
                remote.store.delete(f"index/{name}")
                remote.forget_index(name)
                self.done.append(f"removed index file {name}")
        for key in self._found.damaged:
            name = key.removeprefix("index/")
            if name != key and not remote.is_whole(key, name):
                self._put_away(key, f"index file {name}")
                remote.forget_index(name)

    def put_packs_away(self) -> None:
        """Free the names of damaged packs for whole copies; what is left may still be of use."""
        for name in sorted(self._broken):
            if not self._remote.is_whole(pack_key(name), name):
                self._put_away(pack_key(name), f"pack {name}")

    def index_rest(self) -> None:
        """List packs that came meanwhile, or that an index listed which was withdrawn."""
        self._remote.refresh()
        self._found.indexes = {"": self._remote.listed_packs()}
        self._found.packs = self._remote.packs()
        self._gone, self._untrue = set(), set()
        self.index(self.read_tables())

    def withdraw_roots(self) -> None:
        """Remove the roots whose blobs are no longer all here: a root is a promise."""
        remote, folder = self._remote, self._remote.roots_folder
        for key in self._found.damaged:
            if key.startswith(f"{folder}/"):
                name = key.rpartition("/")[2]
                try:
                    # Somebody may have written it anew.
                    _root(remote, name)
                except NewerError:
                    raise
                except IntegrityError:
                    self._put_away(key, f"root {name}")
        for name, root in self._found.roots.items():
            while broken := len(remote.holds(root.oids)) < len(root.oids):
                if not remote.wait():
                    break
                remote.refresh()
            if broken and _root(remote, name) == root:
                self.withdraw(root)

    def withdraw(self, root: Root) -> None:
        """Remove a root that promises too much."""
        self._remote.drop_root(root)
        self.done.append(
            f"withdrew the root of {root.ref}: it is no longer complete; push it again from a clone"
            " that has it"
        )

    def _put_away(self, key: str, what: str) -> None:
        with suppress(MissingError):
            new = self._remote.put_away(key)
            self.done.append(f"moved the damaged {what} to {new}")

    def _read_table(self, name: str) -> Iterator[Listed]:
        try:
            yield self._remote.read_table(name)
        except MissingError:
            return
        except RemoteError as error:
            self.left.append(error.message)
        except IntegrityError as error:
            if self._prove(name):
                return
            if isinstance(error, NewerError):
                raise
            self.left.append(f"pack {name}: {error.message}, though its digest is right")

    def _prove(self, name: str) -> bool:
        """Read a pack whole; return whether it is damaged, and remember that it is then."""
        key = pack_key(name)
        self._found.read(key, partial(self._remote.read_whole, name))
        if key in self._found.damaged:
            self._broken.add(name)
        return name in self._broken


def _now(remote: Remote) -> Presence:
    """Return what asks anew, and once, which packs are there."""
    return Presence(remote.store, remote.packs, pack_key, lambda: False)
