"""A remote as a store of packs: what it holds, what it describes itself as, and its roots.

Order, always: chunks are durable before the index that lists them, and the index before the root
that names their blobs.  Readers go the other way.  Nothing of a remote is believed: names are
checked against their digests, lengths against what was asked for, bytes against oids.
"""

from __future__ import annotations

import itertools
import re
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol, TypeVar

from blake3 import blake3

from gitmodel.digest import oid_of
from gitmodel.encoding import Data
from gitmodel.errors import (
    ConflictError,
    GitmodelError,
    IntegrityError,
    MissingError,
    NewerError,
    RemoteError,
)
from gitmodel.hints import command, note, then
from gitmodel.pack import (
    RECIPE,
    TRAILER_SIZE,
    Listed,
    Piece,
    Placed,
    format_index,
    longest_index,
    parse_index,
    parse_recipe,
    parse_table,
    table_span,
)
from gitmodel.progress import Far, unheard
from gitmodel.remote.file import LARGEST, File
from gitmodel.remote.presence import PAGE, Presence
from gitmodel.remote.store import Store
from gitmodel.root import (
    DESCRIPTION_NAME,
    MAX_DESCRIPTION,
    MAX_ROOT,
    Chunking,
    Description,
    Root,
    format_description,
    format_root,
    is_root_name,
    parse_description,
    parse_root,
    root_name,
)
from gitmodel.words import plural

NAME = re.compile(r"[0-9a-f]{64}", re.ASCII)
PACK_KEY = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})", re.ASCII)
_T = TypeVar("_T")
_CHECK_HINT = "gitmodel remote check"
_REPAIR_HINT = "gitmodel remote repair"
_LAG = 2.0
"""Seconds to wait, in all, for what a remote says is there and does not give."""
_PAUSE = 0.25
_USUAL_INDEX = 16 << 20
"""Bytes that hardly any index file has more of."""


class RemoteIndex(Protocol):
    """Remembers what each remote is known to hold."""

    @property
    def renewals(self) -> int:
        """How often all of it was forgotten since this process began."""

    def remote_id(self, url: str) -> str | None:
        """Return which remote was last met at a URL."""

    def set_remote_id(self, url: str, remote: str) -> None:
        """Remember which remote was met at a URL."""

    def remote_indexes(self, remote: str) -> set[str]:
        """Return the index files that are known."""

    def remote_tags(self, remote: str) -> dict[str, str]:
        """Return the tags that the known index files had when they were read."""

    def remote_packs(self, remote: str) -> dict[str, int]:
        """Return name and size of the packs that are listed."""

    def remote_packs_of(self, remote: str, oids: Sequence[str]) -> set[str]:
        """Return all packs that chunks lie in."""

    def add_remote_index(self, remote: str, name: str, data: bytes, tag: str = "") -> None:
        """Remember an index file, which `parse_index` understands."""

    def set_remote_tag(self, remote: str, name: str, tag: str) -> None:
        """Remember the tag of an index file that is known."""

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

    def remote_root_tags(self, remote: str) -> dict[str, str]:
        """Return the tags that the known roots had when they were read."""

    def add_remote_root(self, remote: str, name: str, root: bytes, tag: str = "") -> None:
        """Remember a root."""

    def drop_remote_root(self, remote: str, name: str) -> None:
        """Forget a root."""


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
        self._made = False
        self._renewals = index.renewals
        self._until: float | None = None
        self._seen = Presence(store, self.packs, pack_key, self.wait)
        self._new_indexes: dict[str, int] = {}
        self._new_roots: dict[str, bytes] = {}
        """What this run wrote and has not seen there yet: sizes of index files, and roots."""

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
            data = self.store.read(DESCRIPTION_NAME, limit=MAX_DESCRIPTION)
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
        return self.is_described() or bool(self.index_files() or self.packs())

    def is_described(self) -> bool:
        """Return whether there is a description that can be read; reads it once."""
        try:
            return self._description is not None or self.describe()
        except NewerError:
            raise
        except IntegrityError:
            return False

    def create(self) -> None:
        """Make the remote ready to be written to, unless it is; then `refresh`.

        A server may take a while over the first file of all, so that goes on in the background:
        whoever needs to know the remote, or writes to it, waits for that, and is told what failed.

        Raises `RemoteError` if it was met before: a drive that is not mounted is an empty folder.
        """
        self.store.sweep()
        files = self.index_files()
        known = self._recognise(files.keys())
        if not self.describe():
            if known:
                # Lost: nobody but those who knew the remote could read it.
                self.describe_as(self.id)
            else:
                self.check_gone()
                # Two may try at once; both then use what the first one wrote.
                self._creation = _beside(lambda: self.describe_as(secrets.token_hex(16)))
                if not files:
                    return
        tags = self._index.remote_tags(self.id)
        for name, file in files.items():
            if tags.get(name, file.tag) != file.tag:
                # Its name is that of its old content, so it is read again.
                self._index.drop_remote_index(self.id, name)
        self._learn(files)

    def check_gone(self) -> None:
        """Raise `RemoteError` if a remote where nothing is was met before."""
        if self._index.remote_id(self.store.url) is not None:
            raise self._gone()

    def _gone(self) -> GitmodelError:
        if self.packs():
            return MissingError(
                f"index files and {DESCRIPTION_NAME!r} are lost from remote {self.name!r}"
                f" ({self.store.url})",
                hint=command("gitmodel remote repair {}", self.name),
            )
        return RemoteError(
            f"remote {self.name!r} ({self.store.url}) was there before, and is gone",
            hint=note(
                "bring it back, or mount its drive; to begin anew: gitmodel remote remove {}, then"
                " add it again",
                self.name,
            ),
        )

    def refresh(self) -> None:
        """Learn of index files that others published, and forget those that are gone."""
        files = self.index_files()
        if self._id is None and not self._recognise(files.keys()):
            self._described()
        self._learn(files)

    def index_files(self) -> dict[str, File]:
        """Return the index files, by one listing."""
        return {name: f for name, f in self.store.files("index").items() if NAME.fullmatch(name)}

    def _recognise(self, names: Set[str]) -> bool:
        """Take the remote for the one last met at its URL if it has an index file of that one.

        They are named by their content, so another remote has none of them; it saves a request.
        """
        known = self._index.remote_id(self.store.url)
        if known is not None and names & self._index.remote_indexes(known):
            self._id = known
        return self._id is not None

    def _learn(self, files: Mapping[str, File]) -> None:
        try:
            self._read_new(files)
        except MissingError:
            # One was listed the moment before: it will show, or others have replaced it.
            self._patiently(lambda: self._read_new(self.index_files()))

    def _read_new(self, files: Mapping[str, File]) -> None:
        known = self._index.remote_indexes(self.id)
        for name in known - files.keys():
            self._index.drop_remote_index(self.id, name)
        new = sorted(files.keys() - known)
        if not new:
            return
        limit = self.longest_index(files)
        with ThreadPoolExecutor(self.store.lanes) as pool:
            read = pool.map(lambda name: self._understood(name, limit), new)
            for name, data in zip(new, read, strict=True):
                self._index.add_remote_index(self.id, name, data, files[name].tag)

    def longest_index(self, files: Mapping[str, File]) -> int:
        """Return how many bytes of an index file are read at most: no more than its packs have.

        The packs are only looked at where one of the files is longer than usual.
        """
        if all(file.size <= _USUAL_INDEX for file in files.values()):
            return _USUAL_INDEX
        return min(longest_index(self.packs().values()), LARGEST)

    def read_index(self, name: str, limit: int) -> tuple[Listed, ...]:
        """Return what an index file of at most `limit` bytes lists, checked against its name."""
        return parse_index(self._index_file(name, limit))

    def _understood(self, name: str, limit: int) -> bytes:
        data = self._index_file(name, limit)
        parse_index(data)
        return data

    def _index_file(self, name: str, limit: int) -> bytes:
        data = self.store.read(f"index/{name}", limit=limit)
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
        return self._known(lambda: self._held(oids))

    def _held(self, oids: Sequence[str]) -> set[str]:
        held = self._index.remote_oids(self.id, oids)
        return held - self._torn(list(held))

    def _known(self, ask: Callable[[], _T]) -> _T:
        """Ask the index; if it was thrown away for damage, learn what is there, and ask again."""
        found = ask()
        if self._renewals != self._index.renewals:
            self._renewals = self._index.renewals
            self.refresh()
            found = ask()
        return found

    def _torn(self, oids: Sequence[str]) -> set[str]:
        """Return the blobs of which a chunk is nowhere, as when a pack was lost."""
        torn = set()
        for oid, payload in self._index.find_recipes(self.id, oids).items():
            if not self._index.is_complete(self.id, oid):
                pieces = {piece.oid for piece in parse_recipe(payload)}
                if len(self._index.remote_oids(self.id, list(pieces))) == len(pieces):
                    self._index.set_complete(self.id, oid)
                else:
                    torn.add(oid)
        return torn

    def check_packs(self, packs: Collection[str] = (), oids: Sequence[str] = ()) -> None:
        """Raise `MissingError` if packs, or those that blobs lie in, are not there as listed."""
        sizes = self._index.remote_packs(self.id)
        wanted = {*packs, *(self._packs_of(oids) if oids else ())}
        lost = self.find_lost({name: sizes[name] for name in wanted & sizes.keys()}, len(sizes))
        if lost:
            be = "is" if len(lost) == 1 else "are"
            raise MissingError(
                f"{plural(len(lost), 'pack')} that an index file lists, and that this push relies"
                f" on, {be} not on remote {self.name!r}, or not whole; one is {min(lost)}",
                hint=then(command("gitmodel remote repair {}", self.name), "gitmodel push"),
            )

    def has_all_packs(self, *, few: bool) -> bool:
        """Return whether all packs that are listed are there, by one listing.

        With `few`, False where that takes several requests: `check_packs` may take fewer.
        """
        if self._creation:
            return True
        sizes = self._index.remote_packs(self.id)
        return not (few and len(sizes) > PAGE) and not self.find_lost(sizes, len(sizes))

    def _packs_of(self, oids: Sequence[str]) -> set[str]:
        """Return all packs that chunks of blobs lie in."""
        pieces = {
            piece.oid
            for payload in self._index.find_recipes(self.id, oids).values()
            for piece in parse_recipe(payload)
        }
        return self._index.remote_packs_of(self.id, [*oids, *pieces])

    def find_lost(self, packs: Mapping[str, int], count: int) -> set[str]:
        """Return those of the packs, by name and size, that are not there.

        `count` is how many there are in all, about: many are not listed to look for a few.
        """
        return self._seen.find_lacking(packs, count)

    def chunks(self, oids: Sequence[str]) -> dict[str, Placed]:
        """Return where chunks lie."""
        return self._known(lambda: self._index.find_chunks(self.id, oids))

    def recipes(self, oids: Sequence[str]) -> dict[str, tuple[Piece, ...]]:
        """Return of which chunks blobs consist."""
        found = self._known(lambda: self._index.find_recipes(self.id, oids))
        return {oid: parse_recipe(payload) for oid, payload in found.items()}

    def read_pack(self, name: str, start: int, length: int) -> bytes:
        """Return a part of a pack that an index lists; raises `MissingError` if it stays away."""
        try:
            return self._patiently(lambda: self.store.read(pack_key(name), start, length))
        except MissingError as error:
            raise MissingError(
                f"pack {name} is not on remote {self.name!r}, though an index file lists it",
                hint=command("gitmodel remote check {}", self.name),
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
        self._new_indexes[name] = len(data)
        return name

    def forget_index(self, name: str) -> None:
        """Forget what an index file said, which is withdrawn."""
        self._index.drop_remote_index(self.id, name)

    def confirm(self) -> None:
        """Look whether what was written is there, for a server may say so and not store it.

        Before that, nothing may promise it.  Raises `RemoteError`.
        """
        if self._made and not self.describe():
            raise self._not_stored(DESCRIPTION_NAME)
        self._made = False
        if self._new_indexes:
            files = self._confirmed("index", self._new_indexes, self.index_files())
            for name, file in files.items():
                self._index.set_remote_tag(self.id, name, file.tag)
            self._new_indexes.clear()

    def _confirmed(
        self, folder: str, written: Mapping[str, int], files: Mapping[str, File]
    ) -> dict[str, File]:
        """Return those of the files that were written, by name and size, as they are listed.

        One that a listing lacks may be there all the same.
        """
        listed = {name: files[name] for name in written.keys() & files.keys()}
        late = {n: size for n, size in written.items() if n not in listed or listed[n].size != size}
        seen = Presence(self.store, dict, lambda name: f"{folder}/{name}", self.wait)
        if lost := seen.await_named(late):
            raise self._not_stored(f"{folder}/{min(lost)}")
        return listed

    def confirm_packs(self, packs: Mapping[str, int]) -> None:
        """Look whether packs that were written are there, by name and size, as `confirm` does."""
        if lost := self.find_lost(packs, len(self._index.remote_packs(self.id))):
            raise self._not_stored(pack_key(min(lost)))

    def _not_stored(self, key: str) -> RemoteError:
        return RemoteError(
            f"{self.store.url}: {key!r} is not there, though the server said that it had stored it",
            hint=command("gitmodel remote check {}", self.name),
        )

    def _publish(self, key: str, name: str, parts: Sequence[Data], far: Far = unheard) -> None:
        """Write a file that is named by its content; what is there already must be the same."""
        self._await_creation()
        if not self.store.put_new(key, *parts, far=far) and not self.is_whole(key, name):
            with suppress(MissingError):
                self.put_away(key)
            self.store.put_new(key, *parts, far=far)

    def is_whole(self, key: str, name: str) -> bool:
        """Return whether a file is there and has the bytes that its name says."""
        try:
            return blake3(self.store.read(key)).hexdigest() == name
        except MissingError:
            return False
        except IntegrityError:
            # Longer than any such file is.
            return False

    def put_away(self, key: str) -> str:
        """Move a file whose bytes are not those that its name says; return where it is now.

        What is left of it may be of use, and nothing that lies there already is lost.
        """
        start = f"quarantine/{key.rpartition('/')[2]}"
        for number in itertools.count(1):
            new = start if number == 1 else f"{start}.{number}"
            if self.store.move(key, new):
                return new
        raise AssertionError

    # Roots

    @property
    def roots_folder(self) -> str:
        """Where the roots of this repository lie."""
        return f"roots/{self._repository}"

    def root_files(self) -> dict[str, File]:
        """Return the files of this repository's roots, by one listing."""
        if self._creation:
            return {}
        files = self.store.files(self.roots_folder)
        return {name: file for name, file in files.items() if is_root_name(name)}

    def roots_of(self, refs: Iterable[str]) -> dict[str, Root]:
        """Return the roots of refs, by one listing; of those that have none, nothing.

        A root that is there as it was when it was last read is not read again.
        """
        files = self.root_files()
        if not files:
            return {}
        known, tags = self._index.remote_roots(self.id), self._index.remote_root_tags(self.id)
        there = [(ref, name) for ref in refs if (name := root_name(ref)) in files]
        changed = {
            name: ref
            for ref, name in there
            if not files[name].tag or (name in known and tags.get(name)) != files[name].tag
        }
        with ThreadPoolExecutor(self.store.lanes) as pool:
            read = dict(zip(changed, pool.map(self.read_root, changed), strict=True))
        found = {}
        for ref, name in there:
            data = read[name] if name in read else known[name]
            if data is not None:
                found[ref] = self._root_of(ref, data, files[name].tag)
        return found

    def root(self, ref: str, *, known: bool = True) -> Root | None:
        """Return the root of a ref; with `known`, one that was seen before is not read again."""
        name = root_name(ref)
        data = self._index.remote_roots(self.id).get(name) if known else None
        if data is not None:
            return self._parse(parse_root, data, _REPAIR_HINT)
        data = self.read_root(name)
        return None if data is None else self._root_of(ref, data)

    def _root_of(self, ref: str, data: bytes, tag: str = "") -> Root:
        root = self._parse(parse_root, data, _REPAIR_HINT)
        if root.ref != ref:
            raise IntegrityError(
                f"{self.store.url}: the root of {ref!r} is that of another ref", hint=_REPAIR_HINT
            )
        self._index.add_remote_root(self.id, root_name(ref), data, tag)
        return root

    def read_root(self, name: str) -> bytes | None:
        """Return the file of a root, if it is there; nobody has looked at it yet."""
        with suppress(MissingError):
            return self.store.read(f"{self.roots_folder}/{name}", limit=MAX_ROOT)
        return None

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
        found = []
        with ThreadPoolExecutor(self.store.lanes) as pool:
            for data in pool.map(self.read_root, sorted(self.root_files())):
                try:
                    found += [parse_root(data)] if data is not None else []
                except NewerError:
                    raise
                except IntegrityError:
                    continue
        return found

    def is_kept(self, root: Root) -> bool:
        """Return whether all that a root promises was seen to be here."""
        return self.is_complete(oid_of(format_root(root)))

    def set_kept(self, root: Root) -> None:
        """Remember that all that a root promises is here."""
        self.set_complete(oid_of(format_root(root)))

    def put_root(self, root: Root, *, moves: bool) -> None:
        """Write a root, last of all; one that does not move is never overwritten.

        Raises `ConflictError` if the ref has a root with another content.
        """
        self._await_creation()
        name, data = root_name(root.ref), format_root(root)
        key = f"{self.roots_folder}/{name}"
        if moves:
            self.store.put(key, data)
        elif not self.store.put_new(key, data):
            there = self.root(root.ref, known=False)
            if there != root:
                raise ConflictError(
                    f"{root.ref!r} is on remote {self.name!r} already, at commit"
                    f" {there.commit[:12] if there else '?'}; a version never moves",
                    hint="give the new version another tag",
                )
        self._new_roots[name] = data

    def drop_root(self, root: Root) -> None:
        """Remove a root, and forget it."""
        name = root_name(root.ref)
        self.store.delete(f"{self.roots_folder}/{name}")
        self._index.drop_remote_root(self.id, name)

    def confirm_roots(self) -> None:
        """Look whether the roots that were written are there, as `confirm` does."""
        if not self._new_roots:
            return
        sizes = {name: len(data) for name, data in self._new_roots.items()}
        files = self._confirmed(self.roots_folder, sizes, self.root_files())
        for name, data in self._new_roots.items():
            tag = files[name].tag if name in files else ""
            self._index.add_remote_root(self.id, name, data, tag)
            self.set_complete(oid_of(data))
        self._new_roots.clear()

    def packs(self) -> dict[str, int]:
        """Return name and size of every pack."""
        return self.packs_in(self.store.files("packs"))

    def packs_in(self, files: Mapping[str, File]) -> dict[str, int]:
        """Return name and size of every pack among the files that were listed."""
        matches = ((PACK_KEY.fullmatch(key), file.size) for key, file in files.items())
        return {match[2]: size for match, size in matches if match}

    def listed_packs(self) -> dict[str, int]:
        """Return name and size of every pack that a known index file lists."""
        return self._index.remote_packs(self.id)

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

    def describe_anew(self) -> None:
        """Write a description that is lost or damaged; only how blobs are cut depends on it."""
        with suppress(MissingError):
            self.put_away(DESCRIPTION_NAME)
        self.describe_as(self._index.remote_id(self.store.url) or secrets.token_hex(16))
        self._described()

    def describe_as(self, identity: str) -> Description | None:
        """Write the description unless there is one; return it if there was none."""
        description = Description(identity, Chunking())
        new = self.store.put_new(DESCRIPTION_NAME, format_description(description))
        return description if new else None

    def _await_creation(self) -> None:
        """Wait, on whatever thread, until there is a remote to write to."""
        if creation := self._creation:
            creation.result()

    def _described(self) -> Description:
        if self._creation:
            made = self._creation.result()
            self._creation = None
            if made:
                self._made = True
                self._adopt(made)
        if self._description is None and not self.describe():
            if self.index_files():
                raise MissingError(
                    f"{DESCRIPTION_NAME!r} is lost from remote {self.name!r} ({self.store.url})",
                    hint=command("gitmodel remote repair {}", self.name),
                )
            raise MissingError(
                f"nothing is on remote {self.name!r} ({self.store.url})",
                hint="gitmodel push, in the clone that has the data, if that is the right place",
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
