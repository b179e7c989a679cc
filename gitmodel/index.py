"""The index: what is known without reading files or asking a remote.

An SQLite file in the cache.  All of it is derived: deleting it costs time, never data, so a file
that is damaged or of another version is thrown away.  Three parts: what `stat` said when a file
was last hashed; which local pack holds which blob; what each remote is known to hold.

SQLite does not notice when a disk spoils a row, so each row that is believed carries a seal, a
digest of its fields.
"""

from __future__ import annotations

import marshal
import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from itertools import chain, islice
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from blake3 import blake3
from xxhash import xxh3_64_digest

from gitmodel.digest import (
    fingerprint_from_bytes,
    fingerprint_to_bytes,
    oid_from_bytes,
    oid_to_bytes,
)
from gitmodel.disk import check_folders, make_file, make_folder
from gitmodel.errors import (
    ConflictError,
    DiskError,
    IntegrityError,
    MissingError,
    RemoteError,
)
from gitmodel.locks import SILENT, tell_waiting
from gitmodel.mounts import is_shared, kind_of
from gitmodel.pack import CHUNK, RECIPE, Listed, Placed, Stored, pack_sizes, parse_index, rows_of

CACHE = "cache"
"""The place of what is in the local cache; a remote's place is its id."""

_VERSION = 4
_SCHEMA = """
CREATE TABLE worktree (id INTEGER PRIMARY KEY, path BLOB UNIQUE);
CREATE TABLE seen (worktree INTEGER, path TEXT, stat BLOB, stamp INTEGER, oid BLOB,
    fingerprint BLOB, seal BLOB, PRIMARY KEY (worktree, path)) WITHOUT ROWID;
CREATE TABLE tree (worktree INTEGER, path TEXT, oid BLOB, files INTEGER, seal BLOB,
    PRIMARY KEY (worktree, path)) WITHOUT ROWID;
CREATE TABLE pack (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE packed (oid BLOB PRIMARY KEY, pack INTEGER, fingerprint BLOB, encoding INTEGER,
    length INTEGER, offset INTEGER, stored INTEGER, seal BLOB) WITHOUT ROWID;
CREATE TABLE complete (place TEXT, oid BLOB, PRIMARY KEY (place, oid)) WITHOUT ROWID;
CREATE TABLE remote (url TEXT PRIMARY KEY, id TEXT, seal BLOB) WITHOUT ROWID;
CREATE TABLE remote_index (id INTEGER PRIMARY KEY, remote TEXT, name TEXT, tag TEXT, unread BLOB,
    UNIQUE (remote, name));
CREATE TABLE remote_pack (id INTEGER PRIMARY KEY, listing INTEGER, name TEXT, size INTEGER,
    seal BLOB);
CREATE INDEX remote_pack_listing ON remote_pack (listing);
CREATE TABLE remote_chunk (remote TEXT, oid BLOB, pack INTEGER, fingerprint BLOB, encoding INTEGER,
    length INTEGER, offset INTEGER, stored INTEGER, seal BLOB, PRIMARY KEY (remote, oid, pack))
    WITHOUT ROWID;
CREATE TABLE remote_recipe (remote TEXT, oid BLOB, listing INTEGER, payload BLOB, seal BLOB,
    PRIMARY KEY (remote, oid, listing)) WITHOUT ROWID;
CREATE TABLE remote_root (remote TEXT, name TEXT, root BLOB, tag TEXT, seal BLOB,
    PRIMARY KEY (remote, name)) WITHOUT ROWID;
"""
_SEEN = "SELECT path, stat, stamp, oid, fingerprint, seal FROM seen"
_TREE = "SELECT path, oid, files, seal FROM tree"
_REMOTE = "SELECT url, id, seal FROM remote"
# A payload's row says the number of its pack; its seal is over the name.
_PACKED = (
    "SELECT oid, name, fingerprint, encoding, length, offset, stored, seal FROM packed"
    " LEFT JOIN pack ON id = pack"
)
_CHUNKS = (
    "SELECT oid, name, fingerprint, encoding, length, offset, stored, remote, remote_chunk.seal"
    " FROM remote_chunk LEFT JOIN remote_pack ON id = pack"
)
_RECIPES = "SELECT oid, payload, remote, seal FROM remote_recipe"
_ROOTS = "SELECT name, root, seal FROM remote_root"
_LISTED = "SELECT name, size, seal FROM remote_pack"
_BELIEVED = (_TREE, _PACKED, _REMOTE, _CHUNKS, _RECIPES, _ROOTS, _LISTED)

_PATIENCE = 60
"""Seconds to wait for another process that writes."""
_BATCH = 500
_ROWS = 100
_T = TypeVar("_T")
_P = ParamSpec("_P")
_BY_THE_DISK = (
    *("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_NOMEM"),
    *("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL", "SQLITE_IOERR"),
)
"""Errors that say nothing about what the file holds; one that is cut short is damaged."""


class Seen(NamedTuple):
    """What `stat` said of a file whose digests are known.

    `stat` is the packed form that `worktree` compares; `stamp` is a time of the file system's
    clock, in nanoseconds, before which nothing that was hashed may have changed.
    """

    path: str
    stat: bytes
    stamp: int
    oid: bytes
    fingerprint: bytes


_FAILURES = (sqlite3.Error, UnicodeDecodeError)
"""What a file of SQLite's may raise: messages quote it, and Python takes them for UTF-8."""


class _Damaged(sqlite3.DatabaseError):
    """A row is not what was written, or one that must be there is missing."""


def _healed(
    method: Callable[Concatenate[Index, _P], _T],
) -> Callable[Concatenate[Index, _P], _T]:
    """Let a method of the index find an empty one, and try again, where it met damage."""

    @wraps(method)
    def call(self: Index, /, *arguments: _P.args, **named: _P.kwargs) -> _T:
        try:
            return method(self, *arguments, **named)
        except _FAILURES as error:
            if not _is_damage(error):
                raise
            self.renew()
        return method(self, *arguments, **named)

    return call


class Index:
    """An open index; use `opened_index`.

    `renewals` counts how often it was thrown away since it was opened: then nothing is known.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = _open(path)
        self._lock = threading.Lock()
        self._learners: list[Callable[[], None]] = []
        self.renewals = 0

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def renew(self) -> None:
        """Throw the file away, and begin with an empty one."""
        with self._lock:
            # Another thread may still read the old one: it goes when the last one is done.
            _discard(self._path)
            self._db = _open(self._path)
            self.renewals += 1
        for learn in self._learners:
            learn()

    def examine(self) -> bool:
        """Read every row that is believed; if one is damaged, begin anew and return True.

        A key that was spoiled is not found by it, and so it looks as if something were missing.
        """
        try:
            for query in _BELIEVED:
                for row in self._db.execute(query):
                    _unsealed(row)
            for _ in _believed(self._db.execute(_SEEN)):
                pass
            sound = self._db.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)
        except (TypeError, AttributeError, OverflowError):
            sound = False
        except _FAILURES as error:
            sound = not _is_damage(error)
        if not sound:
            self.renew()
        return not sound

    def when_renewed(self, learn: Callable[[], None]) -> None:
        """Call `learn` whenever the file was thrown away."""
        self._learners.append(learn)

    # What stat said

    @_healed
    def seen(self, worktree: str, path: str) -> dict[str, Seen]:
        """Return what is known of a file, or of all files below a folder."""
        # With "or" in one query, SQLite would read all files of the working tree.
        rows = self._db.execute(
            f"{_SEEN} WHERE worktree = ?1 AND path = ?2"
            f" UNION ALL {_SEEN} WHERE worktree = ?1 AND path >= ?3 AND path < ?4",
            (self._worktree(worktree), path, f"{path}/", f"{path}0"),
        )
        try:
            return {row.path: row for row in _believed(rows)}
        except (TypeError, AttributeError, OverflowError) as error:
            raise _Damaged from error

    @_healed
    def record(
        self,
        worktree: str,
        artifacts: Collection[str],
        rows: Collection[Seen],
        gone: Collection[str] = (),
    ) -> None:
        """Remember files of artifacts that were hashed, and forget those that are gone."""
        number = self._worktree(worktree)
        with self._db:
            self._db.executemany(
                "DELETE FROM tree WHERE worktree = ? AND path = ?",
                ((number, artifact) for artifact in artifacts),
            )
            self._db.executemany(
                "DELETE FROM seen WHERE worktree = ? AND path = ?",
                ((number, path) for path in gone),
            )
            # In the order of the key, so that the tree is filled page by page.
            sealed = [(number, *row, _seal_seen(row)) for row in sorted(rows)]
            self._insert("seen", sealed, "REPLACE")

    @_healed
    def is_tree(self, worktree: str, artifact: str, oid: str, files: int) -> bool:
        """Return whether so many files that are remembered of an artifact are just a manifest."""
        row = self._db.execute(
            f"{_TREE} WHERE worktree = ? AND path = ?",
            (self._worktree(worktree), artifact),
        ).fetchone()
        return row is not None and _unsealed(row) == (artifact, oid_to_bytes(oid), files)

    @_healed
    def trees(self, worktree: str) -> list[str]:
        """Return the artifacts whose files were seen to be exactly what a pointer said."""
        query = f"{_TREE} WHERE worktree = ? ORDER BY path"
        rows = self._db.execute(query, (self._worktree(worktree),))
        return [str(path) for path, _, _ in map(_unsealed, rows)]

    @_healed
    def set_tree(self, worktree: str, artifact: str, oid: str, files: int) -> None:
        """Remember that the `files` that are remembered of an artifact are exactly a manifest.

        The next `record` for the artifact forgets it.
        """
        row = artifact, oid_to_bytes(oid), files
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO tree VALUES (?, ?, ?, ?, ?)",
                (self._worktree(worktree), *row, _seal(row)),
            )

    def _worktree(self, path: str) -> int:
        query, key = "SELECT id FROM worktree WHERE path = ?", os.fsencode(path)
        row = self._db.execute(query, (key,)).fetchone()
        if row is None:
            with self._db:
                self._db.execute("INSERT OR IGNORE INTO worktree (path) VALUES (?)", (key,))
            row = self._db.execute(query, (key,)).fetchone()
        if row is None:
            raise _Damaged
        return int(row[0])

    # Local packs

    @_healed
    def packs(self) -> set[str]:
        """Return the names of the local packs that are known."""
        return {name for (name,) in self._db.execute("SELECT name FROM pack")}

    @_healed
    def add_packs(self, packs: Mapping[str, Sequence[Stored]]) -> None:
        """Remember local packs, by name, and what is in them."""
        rows: list[tuple[object, ...]] = []
        with self._db:
            for name, entries in packs.items():
                new = self._db.execute("INSERT OR IGNORE INTO pack (name) VALUES (?)", (name,))
                if new.rowcount:
                    rows += _packed_rows(name, new.lastrowid, entries)
            # In the order of the key, so that the tree is filled page by page.
            rows.sort()
            self._insert("packed", rows)

    @_healed
    def drop_pack(self, name: str) -> None:
        """Forget a local pack."""
        with self._db:
            self._db.execute(
                "DELETE FROM packed WHERE pack = (SELECT id FROM pack WHERE name = ?)", (name,)
            )
            self._db.execute("DELETE FROM pack WHERE name = ?", (name,))
        self.forget_complete(CACHE)

    @_healed
    def find_packed(self, oids: Sequence[str]) -> dict[str, Placed]:
        """Return where those of the blobs lie that are in local packs."""
        found: dict[str, Placed] = {}
        keys = {oid_to_bytes(oid): oid for oid in oids}
        for batch in _batches(sorted(keys)):
            rows = self._db.execute(f"{_PACKED} WHERE oid IN ({_marks(batch)})", batch)
            found.update(_placed(keys, rows))
        return found

    @_healed
    def packed_oids(self, oids: Sequence[str]) -> set[str]:
        """Return which of the blobs are in local packs."""
        if self._db.execute("SELECT 1 FROM packed LIMIT 1").fetchone() is None:
            return set()
        keys = {oid_to_bytes(oid): oid for oid in oids}
        return {
            _asked_for(keys, key)
            for batch in _batches(keys)
            for (key,) in self._db.execute(
                f"SELECT oid FROM packed WHERE oid IN ({_marks(batch)})", batch
            )
        }

    # Completeness

    @_healed
    def is_complete(self, place: str, oid: str) -> bool:
        """Return whether all that a manifest names was seen to be in the cache or on a remote."""
        row = self._db.execute(
            "SELECT 1 FROM complete WHERE place = ? AND oid = ?", (place, oid_to_bytes(oid))
        ).fetchone()
        return row is not None

    @_healed
    def set_complete(self, place: str, oid: str) -> None:
        """Remember that all that a manifest names is in the cache or on a remote."""
        with self._db:
            self._db.execute(
                "INSERT OR IGNORE INTO complete VALUES (?, ?)", (place, oid_to_bytes(oid))
            )

    @_healed
    def forget_complete(self, place: str) -> None:
        """Something may have gone from the cache or a remote."""
        with self._db:
            self._db.execute("DELETE FROM complete WHERE place = ?", (place,))

    # Remotes

    @_healed
    def remote_id(self, url: str) -> str | None:
        """Return the identity of the remote that was last met at a URL."""
        row = self._db.execute(f"{_REMOTE} WHERE url = ?", (url,)).fetchone()
        return None if row is None else str(_unsealed(row)[1])

    @_healed
    def set_remote_id(self, url: str, remote: str) -> None:
        """Remember which remote was met at a URL."""
        if self.remote_id(url) != remote:
            with self._db:
                row = url, remote
                self._db.execute("INSERT OR REPLACE INTO remote VALUES (?, ?, ?)", _sealed(row))

    @_healed
    def forget_remote(self, url: str) -> None:
        """Another remote may be met at a URL from now on, or one that is made anew."""
        with self._db:
            self._db.execute("DELETE FROM remote WHERE url = ?", (url,))

    @_healed
    def remote_indexes(self, remote: str) -> set[str]:
        """Return the names of the remote's index files that are known."""
        query = "SELECT name FROM remote_index WHERE remote = ?"
        return {name for (name,) in self._db.execute(query, (remote,))}

    @_healed
    def remote_tags(self, remote: str) -> dict[str, str]:
        """Return the tags that the remote's known index files had when they were read."""
        query = "SELECT name, tag FROM remote_index WHERE remote = ?"
        return dict(self._db.execute(query, (remote,)))

    @_healed
    def remote_packs(self, remote: str) -> dict[str, int]:
        """Return name and size in bytes of each pack that a known index file of a remote lists."""
        listings = "SELECT id FROM remote_index WHERE remote = ?"
        rows = self._db.execute(f"{_LISTED} WHERE listing IN ({listings})", (remote,))
        return dict(map(_unsealed, rows))

    @_healed
    def add_remote_index(self, remote: str, name: str, data: bytes, tag: str = "") -> None:
        """Remember an index file of a remote, which `parse_index` understands, and its tag.

        What its packs hold is entered when it is first asked for: who only pushes never does.
        """
        with self._db:
            new = self._db.execute(
                "INSERT OR IGNORE INTO remote_index (remote, name, tag, unread)"
                " VALUES (?, ?, ?, ?)",
                (remote, name, tag, data),
            )
            if new.rowcount:
                self._db.executemany(
                    "INSERT INTO remote_pack (listing, name, size, seal) VALUES (?, ?, ?, ?)",
                    ((new.lastrowid, *_sealed(each)) for each in pack_sizes(data)),
                )

    @_healed
    def set_remote_tag(self, remote: str, name: str, tag: str) -> None:
        """Remember the tag of an index file that is known already."""
        with self._db:
            self._db.execute(
                "UPDATE remote_index SET tag = ? WHERE remote = ? AND name = ?", (tag, remote, name)
            )

    def _read_listings(self, remote: str) -> None:
        """Enter what those index files list that nobody has asked for yet."""
        query = "SELECT id, name, unread FROM remote_index WHERE remote = ? AND unread IS NOT NULL"
        if self._db.execute(query, (remote,)).fetchone() is None:
            return
        with self._db:
            # Two may come at once: the second one finds that it is done.
            self._db.execute("BEGIN IMMEDIATE")
            for listing, name, data in self._db.execute(query, (remote,)).fetchall():
                self._read_listing(remote, listing, name, data)

    def _read_listing(self, remote: str, listing: int, name: str, data: bytes) -> None:
        if blake3(data).hexdigest() != name:
            # The disk has spoiled it; it is fetched again next time.
            self._db.execute("DELETE FROM remote_pack WHERE listing = ?", (listing,))
            self._db.execute("DELETE FROM remote_index WHERE id = ?", (listing,))
            return
        for listed in parse_index(data):
            self._add_listed(remote, listing, listed)
        self._db.execute("UPDATE remote_index SET unread = NULL WHERE id = ?", (listing,))

    def _add_listed(self, remote: str, listing: int, listed: Listed) -> None:
        row = self._db.execute(
            "SELECT id FROM remote_pack WHERE listing = ? AND name = ?", (listing, listed.pack)
        ).fetchone()
        if row is None:
            raise _Damaged
        pack = row[0]
        rows = list(rows_of(listed.table))
        name = listed.pack
        chunks = [
            (remote, key, pack, *rest, _seal((key, name, *rest, remote)))
            for key, fingerprint, kind, *numbers in rows
            for rest in ((fingerprint, *numbers),)
            if kind == CHUNK
        ]
        # In the order of the key, so that the tree is filled page by page.
        self._insert("remote_chunk", sorted(chunks))
        recipes = (key for key, _, kind, *_ in rows if kind == RECIPE)
        self._db.executemany(
            "INSERT OR IGNORE INTO remote_recipe VALUES (?, ?, ?, ?, ?)",
            (
                (remote, key, listing, payload, _seal((key, payload, remote)))
                for key, payload in zip(recipes, listed.recipes, strict=True)
            ),
        )

    def _insert(
        self, table: str, rows: Iterable[tuple[object, ...]], or_else: str = "IGNORE"
    ) -> None:
        """Add rows, unless they are there: many by one statement, for each costs as much."""
        for batch in _batches(rows, _ROWS):
            marks = f"({_marks(batch[0])})"
            self._db.execute(
                f"INSERT OR {or_else} INTO {table} VALUES {','.join([marks] * len(batch))}",
                [*chain.from_iterable(batch)],
            )

    @_healed
    def drop_remote_index(self, remote: str, name: str) -> None:
        """Forget an index file of a remote, and what only it lists."""
        row = self._db.execute(
            "SELECT id FROM remote_index WHERE remote = ? AND name = ?", (remote, name)
        ).fetchone()
        if row is None:
            return
        with self._db:
            self._db.execute(
                "DELETE FROM remote_chunk WHERE remote = ? AND pack IN"
                " (SELECT id FROM remote_pack WHERE listing = ?)",
                (remote, row[0]),
            )
            self._db.execute("DELETE FROM remote_recipe WHERE listing = ?", row)
            self._db.execute("DELETE FROM remote_pack WHERE listing = ?", row)
            self._db.execute("DELETE FROM remote_index WHERE id = ?", row)
        self.forget_complete(remote)

    @_healed
    def find_chunks(self, remote: str, oids: Sequence[str]) -> dict[str, Placed]:
        """Return where those of the chunks lie that the remote is known to hold."""
        if oids:
            self._read_listings(remote)
        found: dict[str, Placed] = {}
        keys = {oid_to_bytes(oid): oid for oid in oids}
        for batch in _batches(sorted(keys)):
            rows = self._db.execute(
                f"{_CHUNKS} WHERE remote = ? AND oid IN ({_marks(batch)})", (remote, *batch)
            )
            found.update(_placed(keys, rows))
        return found

    @_healed
    def find_recipes(self, remote: str, oids: Sequence[str]) -> dict[str, bytes]:
        """Return the payloads of those recipes that the remote is known to hold."""
        if oids:
            self._read_listings(remote)
        found: dict[str, bytes] = {}
        for keys in _batches(map(oid_to_bytes, oids)):
            rows = self._db.execute(
                f"{_RECIPES} WHERE remote = ? AND oid IN ({_marks(keys)})", (remote, *keys)
            )
            found.update((oid_from_bytes(key), payload) for key, payload, _ in map(_unsealed, rows))
        return found

    @_healed
    def remote_oids(self, remote: str, oids: Sequence[str]) -> set[str]:
        """Return which of the blobs the remote is known to hold, whole or by recipe."""
        if oids:
            self._read_listings(remote)
        keys = {oid_to_bytes(oid): oid for oid in oids}
        found: set[str] = set()
        for table in ("remote_chunk", "remote_recipe"):
            for batch in _batches([key for key, oid in keys.items() if oid not in found]):
                rows = self._db.execute(
                    f"SELECT oid FROM {table} WHERE remote = ? AND oid IN ({_marks(batch)})",
                    (remote, *batch),
                )
                found.update(_asked_for(keys, key) for (key,) in rows)
        return found

    @_healed
    def remote_packs_of(self, remote: str, oids: Sequence[str]) -> set[str]:
        """Return the names of all packs that chunks lie in, those of recipes not included."""
        if oids:
            self._read_listings(remote)
        found: set[str] = set()
        for keys in _batches(map(oid_to_bytes, oids)):
            rows = self._db.execute(
                "SELECT DISTINCT name, size, remote_pack.seal FROM remote_chunk"
                f" JOIN remote_pack ON id = pack WHERE remote = ? AND oid IN ({_marks(keys)})",
                (remote, *keys),
            )
            found.update(str(name) for name, _ in map(_unsealed, rows))
        return found

    @_healed
    def remote_roots(self, remote: str) -> dict[str, bytes]:
        """Return the roots that are known, by file name."""
        rows = self._db.execute(f"{_ROOTS} WHERE remote = ?", (remote,))
        return dict(map(_unsealed, rows))

    @_healed
    def remote_root_tags(self, remote: str) -> dict[str, str]:
        """Return the tags that the known roots had when they were read."""
        query = "SELECT name, tag FROM remote_root WHERE remote = ?"
        return dict(self._db.execute(query, (remote,)))

    @_healed
    def add_remote_root(self, remote: str, name: str, root: bytes, tag: str = "") -> None:
        """Remember a root and its tag."""
        with self._db:
            row = name, root
            self._db.execute(
                "INSERT OR REPLACE INTO remote_root VALUES (?, ?, ?, ?, ?)",
                (remote, *row, tag, _seal(row)),
            )

    @_healed
    def drop_remote_root(self, remote: str, name: str) -> None:
        """Forget a root."""
        with self._db:
            self._db.execute(
                "DELETE FROM remote_root WHERE remote = ? AND name = ?", (remote, name)
            )


@contextmanager
def opened_index(path: Path) -> Iterator[Index]:
    """Open the index, anew if it is missing, damaged or of another version.

    Where it cannot be written, an empty one in memory serves: slower, as right.  Damage that
    shows only later throws it away, and nobody is told: all that it said is found out again.  Only
    if something was missing for it, the user has to ask again: raises `DiskError`.
    """
    index = Index(path)
    try:
        yield index
    except (ConflictError, IntegrityError, MissingError, RemoteError) as error:
        # What was asked before it was thrown away may not have been asked again.
        if not index.renewals and not index.examine():
            raise
        raise DiskError(
            f"the index of the cache was damaged, and is made anew ({error.message})",
            hint="run the same command again",
        ) from error
    except sqlite3.Error as error:
        raise DiskError(f"the index of the cache: {error}", hint="gitmodel doctor") from error
    finally:
        index.close()


def _is_damage(error: Exception) -> bool:
    """Tell what the file holds from what the disk refuses; text that is no text has no code."""
    if isinstance(error, (sqlite3.ProgrammingError, sqlite3.InterfaceError)):
        return False
    code = getattr(error, "sqlite_errorname", "")
    return code == "SQLITE_IOERR_SHORT_READ" or not code.startswith(_BY_THE_DISK)


def _open(path: Path) -> sqlite3.Connection:
    try:
        make_folder(path.parent)
        check_folders(path.parent, _files_of(path))
        # What SQLite puts beside it has the same rights.
        make_file(path)
        try:
            return _connect(path)
        except sqlite3.OperationalError:
            raise
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            _discard(path)
            return _connect(path)
    except (OSError, sqlite3.OperationalError):
        return _prepare(sqlite3.connect(":memory:", check_same_thread=False))


def _discard(path: Path) -> None:
    for name in _files_of(path):
        path.with_name(name).unlink(missing_ok=True)


def _files_of(path: Path) -> tuple[str, ...]:
    return path.name, f"{path.name}-wal", f"{path.name}-shm"


class _Connection(sqlite3.Connection):
    """Waits for another that writes to the file, and says so after a while, as for any lock."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        return self._patiently(lambda: super(_Connection, self).execute(sql, parameters))

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        # A second try needs the rows that the first one took.
        rows = [*parameters]
        return self._patiently(lambda: super(_Connection, self).executemany(sql, rows))

    def _patiently(self, act: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor:
        try:
            return act()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
        tell_waiting("another process that writes to the index of the cache")
        super().execute(f"PRAGMA busy_timeout = {_PATIENCE * 1000}")
        return act()


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=SILENT, check_same_thread=False, factory=_Connection)
    try:
        # A log that is written ahead is read by way of shared memory, which no network has.
        mode = "TRUNCATE" if is_shared(kind_of(path.parent)) else "WAL"
        database.execute(f"PRAGMA journal_mode = {mode}")
        # In WAL mode this survives a kill and, short of the last commits, a power cut.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA cache_size = -65536")
        return _prepare(database)
    except BaseException:
        database.close()
        raise


def _prepare(database: sqlite3.Connection) -> sqlite3.Connection:
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version == _VERSION:
        return database
    if version:
        raise sqlite3.DatabaseError("written by another version")
    with database:
        database.execute("BEGIN IMMEDIATE")
        if not database.execute("PRAGMA user_version").fetchone()[0]:
            for statement in _SCHEMA.split(";\n"):
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {_VERSION}")
    return database


def _batches(items: Iterable[_T], size: int = _BATCH) -> Iterator[tuple[_T, ...]]:
    rest = iter(items)
    while batch := tuple(islice(rest, size)):
        yield batch


def _marks(keys: Sequence[object]) -> str:
    return ",".join("?" * len(keys))


def _seal(row: tuple[Any, ...]) -> bytes:
    """Return the digest of a row's fields: 8 bytes."""
    # The second version of the format writes equal values as equal bytes.
    return xxh3_64_digest(marshal.dumps(row, 2))


def _seal_seen(row: Seen) -> bytes:
    """Return the digest of what is known of a file."""
    return xxh3_64_digest(row.path.encode() + row.stat + row.oid + row.fingerprint, row.stamp)


def _believed(rows: Iterable[tuple[Any, ...]]) -> Iterator[Seen]:
    """Yield what is known of files; raise `_Damaged` if a seal is broken."""
    # There are many files, so this is what `Seen(...)` and `_seal_seen` do, in fewer calls.
    make = tuple.__new__
    for row in rows:
        path, stat, stamp, oid, fingerprint, seal = row
        if xxh3_64_digest(path.encode() + stat + oid + fingerprint, stamp) != seal:
            raise _Damaged
        yield make(Seen, row[:-1])


def _sealed(row: tuple[object, ...]) -> tuple[object, ...]:
    return (*row, _seal(row))


def _unsealed(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the fields before the seal, which comes last; raise `_Damaged` if it is broken."""
    fields = row[:-1]
    if _seal(fields) != row[-1]:
        raise _Damaged
    return fields


def _asked_for(keys: Mapping[bytes, str], key: bytes) -> str:
    """Return the oid of a key that was found, which must be one of those that were looked for."""
    try:
        return keys[key]
    except (KeyError, TypeError) as error:
        raise _Damaged from error


def _packed_rows(
    name: str, pack: int | None, entries: Iterable[Stored]
) -> Iterator[tuple[object, ...]]:
    for oid, fingerprint, _, encoding, length, offset, stored in entries:
        key, short = oid_to_bytes(oid), fingerprint_to_bytes(fingerprint)
        seal = _seal((key, name, short, encoding, length, offset, stored))
        yield key, pack, short, encoding, length, offset, stored, seal


def _placed(
    keys: Mapping[bytes, str], rows: Iterable[tuple[Any, ...]]
) -> Iterator[tuple[str, Placed]]:
    """Yield oids and where they lie; raise `_Damaged` if a seal is broken."""
    # There are many, so this is what `_unsealed`, `Placed(...)` and `Stored(...)` do, in fewer
    # calls.
    make = tuple.__new__
    for row in rows:
        fields = row[:-1]
        if xxh3_64_digest(marshal.dumps(fields, 2)) != row[-1]:
            raise _Damaged
        key, pack, short, *place = fields
        oid = _asked_for(keys, key)
        stored = make(Stored, (oid, fingerprint_from_bytes(short), CHUNK, *place))
        yield oid, make(Placed, (pack, stored))
