"""The index: what is known without reading files or asking a remote.

An SQLite file in the cache.  All of it is derived: deleting it costs time, never data, so a file
that is damaged or of another version is thrown away.  Three parts: what `stat` said when a file
was last hashed; which local pack holds which blob; what each remote is known to hold.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from gitmodel.digest import (
    fingerprint_from_bytes,
    fingerprint_to_bytes,
    oid_from_bytes,
    oid_to_bytes,
)
from gitmodel.errors import DiskError, IntegrityError
from gitmodel.pack import CHUNK, RECIPE, Listed, Placed, Stored, parse_index, rows_of

CACHE = "cache"
"""The place of what is in the local cache; a remote's place is its id."""

_VERSION = 3
_SCHEMA = """
CREATE TABLE worktree (id INTEGER PRIMARY KEY, path BLOB UNIQUE);
CREATE TABLE seen (worktree INTEGER, path TEXT, stat BLOB, stamp INTEGER, oid BLOB,
    fingerprint BLOB, PRIMARY KEY (worktree, path)) WITHOUT ROWID;
CREATE TABLE tree (worktree INTEGER, path TEXT, oid BLOB, PRIMARY KEY (worktree, path))
    WITHOUT ROWID;
CREATE TABLE pack (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE packed (oid BLOB PRIMARY KEY, pack INTEGER, fingerprint BLOB, encoding INTEGER,
    length INTEGER, offset INTEGER, stored INTEGER) WITHOUT ROWID;
CREATE TABLE complete (place TEXT, oid BLOB, PRIMARY KEY (place, oid)) WITHOUT ROWID;
CREATE TABLE remote (url TEXT PRIMARY KEY, id TEXT) WITHOUT ROWID;
CREATE TABLE remote_index (id INTEGER PRIMARY KEY, remote TEXT, name TEXT, unread BLOB,
    UNIQUE (remote, name));
CREATE TABLE remote_pack (id INTEGER PRIMARY KEY, listing INTEGER, name TEXT);
CREATE INDEX remote_pack_listing ON remote_pack (listing);
CREATE TABLE remote_chunk (remote TEXT, oid BLOB, pack INTEGER, fingerprint BLOB, encoding INTEGER,
    length INTEGER, offset INTEGER, stored INTEGER, PRIMARY KEY (remote, oid, pack)) WITHOUT ROWID;
CREATE TABLE remote_recipe (remote TEXT, oid BLOB, listing INTEGER, payload BLOB,
    PRIMARY KEY (remote, oid, listing)) WITHOUT ROWID;
CREATE TABLE remote_root (remote TEXT, name TEXT, root BLOB, PRIMARY KEY (remote, name))
    WITHOUT ROWID;
"""
_BATCH = 500
_ROWS = 100
_T = TypeVar("_T")
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR")


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


class Index:
    """An open index; use `opened_index`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # What stat said

    def seen(self, worktree: str, path: str) -> dict[str, Seen]:
        """Return what is known of a file, or of all files below a folder."""
        rows = self._db.execute(
            "SELECT path, stat, stamp, oid, fingerprint FROM seen WHERE worktree = ? AND"
            " (path = ? OR (path >= ? AND path < ?))",
            (self._worktree(worktree), path, f"{path}/", f"{path}0"),
        )
        return {row[0]: row for row in map(Seen._make, rows)}

    def record(
        self,
        worktree: str,
        artifacts: Iterable[str],
        rows: Iterable[Seen],
        gone: Iterable[str] = (),
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
            self._db.executemany(
                "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?, ?)",
                ((number, *row) for row in rows),
            )

    def is_tree(self, worktree: str, artifact: str, oid: str) -> bool:
        """Return whether what is remembered of an artifact's files is exactly a manifest."""
        row = self._db.execute(
            "SELECT 1 FROM tree WHERE worktree = ? AND path = ? AND oid = ?",
            (self._worktree(worktree), artifact, oid_to_bytes(oid)),
        ).fetchone()
        return row is not None

    def trees(self, worktree: str) -> list[str]:
        """Return the artifacts whose files were seen to be exactly what a pointer said."""
        query = "SELECT path FROM tree WHERE worktree = ? ORDER BY path"
        return [path for (path,) in self._db.execute(query, (self._worktree(worktree),))]

    def set_tree(self, worktree: str, artifact: str, oid: str) -> None:
        """Remember that what is remembered of an artifact's files is exactly a manifest.

        The next `record` for the artifact forgets it.
        """
        row = (self._worktree(worktree), artifact, oid_to_bytes(oid))
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO tree VALUES (?, ?, ?)", row)

    def _worktree(self, path: str) -> int:
        query, key = "SELECT id FROM worktree WHERE path = ?", os.fsencode(path)
        row = self._db.execute(query, (key,)).fetchone()
        if row is None:
            with self._db:
                self._db.execute("INSERT OR IGNORE INTO worktree (path) VALUES (?)", (key,))
            row = self._db.execute(query, (key,)).fetchone()
        return int(row[0])

    # Local packs

    def packs(self) -> set[str]:
        """Return the names of the local packs that are known."""
        return {name for (name,) in self._db.execute("SELECT name FROM pack")}

    def add_packs(self, packs: Mapping[str, Sequence[Stored]]) -> None:
        """Remember local packs, by name, and what is in them."""
        rows: list[tuple[object, ...]] = []
        with self._db:
            for name, entries in packs.items():
                new = self._db.execute("INSERT OR IGNORE INTO pack (name) VALUES (?)", (name,))
                if new.rowcount:
                    rows += [_entry_row(new.lastrowid, entry) for entry in entries]
            # In the order of the key, so that the tree is filled page by page.
            rows.sort()
            self._insert("packed", rows)

    def drop_pack(self, name: str) -> None:
        """Forget a local pack."""
        with self._db:
            self._db.execute(
                "DELETE FROM packed WHERE pack = (SELECT id FROM pack WHERE name = ?)", (name,)
            )
            self._db.execute("DELETE FROM pack WHERE name = ?", (name,))
        self.forget_complete(CACHE)

    def find_packed(self, oids: Sequence[str]) -> dict[str, Placed]:
        """Return where those of the blobs lie that are in local packs."""
        found: dict[str, Placed] = {}
        keys = {oid_to_bytes(oid): oid for oid in oids}
        for batch in _batches(sorted(keys)):
            rows = self._db.execute(
                "SELECT oid, pack.name, fingerprint, encoding, length, offset, stored FROM packed"
                f" JOIN pack ON pack.id = pack WHERE oid IN ({_marks(batch)})",
                batch,
            )
            found.update((keys[row[0]], _placed(keys[row[0]], row)) for row in rows)
        return found

    def packed_oids(self, oids: Sequence[str]) -> set[str]:
        """Return which of the blobs are in local packs."""
        if self._db.execute("SELECT 1 FROM packed LIMIT 1").fetchone() is None:
            return set()
        keys = {oid_to_bytes(oid): oid for oid in oids}
        return {
            keys[key]
            for batch in _batches(keys)
            for (key,) in self._db.execute(
                f"SELECT oid FROM packed WHERE oid IN ({_marks(batch)})", batch
            )
        }

    # Completeness

    def is_complete(self, place: str, oid: str) -> bool:
        """Return whether all that a manifest names was seen to be in the cache or on a remote."""
        row = self._db.execute(
            "SELECT 1 FROM complete WHERE place = ? AND oid = ?", (place, oid_to_bytes(oid))
        ).fetchone()
        return row is not None

    def set_complete(self, place: str, oid: str) -> None:
        """Remember that all that a manifest names is in the cache or on a remote."""
        with self._db:
            self._db.execute(
                "INSERT OR IGNORE INTO complete VALUES (?, ?)", (place, oid_to_bytes(oid))
            )

    def forget_complete(self, place: str) -> None:
        """Something may have gone from the cache or a remote."""
        with self._db:
            self._db.execute("DELETE FROM complete WHERE place = ?", (place,))

    # Remotes

    def remote_id(self, url: str) -> str | None:
        """Return the identity of the remote that was last met at a URL."""
        row = self._db.execute("SELECT id FROM remote WHERE url = ?", (url,)).fetchone()
        return None if row is None else str(row[0])

    def set_remote_id(self, url: str, remote: str) -> None:
        """Remember which remote was met at a URL."""
        if self.remote_id(url) != remote:
            with self._db:
                self._db.execute("INSERT OR REPLACE INTO remote VALUES (?, ?)", (url, remote))

    def forget_remote(self, url: str) -> None:
        """Another remote may be met at a URL from now on, or one that is made anew."""
        with self._db:
            self._db.execute("DELETE FROM remote WHERE url = ?", (url,))

    def remote_indexes(self, remote: str) -> set[str]:
        """Return the names of the remote's index files that are known."""
        query = "SELECT name FROM remote_index WHERE remote = ?"
        return {name for (name,) in self._db.execute(query, (remote,))}

    def add_remote_index(self, remote: str, name: str, data: bytes) -> None:
        """Remember an index file of a remote, which `parse_index` understands.

        What it lists is entered when it is first asked for: who only pushes never does.
        """
        with self._db:
            self._db.execute(
                "INSERT OR IGNORE INTO remote_index (remote, name, unread) VALUES (?, ?, ?)",
                (remote, name, data),
            )

    def _read_listings(self, remote: str) -> None:
        """Enter what those index files list that nobody has asked for yet."""
        query = "SELECT id, unread FROM remote_index WHERE remote = ? AND unread IS NOT NULL"
        if self._db.execute(query, (remote,)).fetchone() is None:
            return
        with self._db:
            # Two may come at once: the second one finds that it is done.
            self._db.execute("BEGIN IMMEDIATE")
            for listing, data in self._db.execute(query, (remote,)).fetchall():
                self._read_listing(remote, listing, data)

    def _read_listing(self, remote: str, listing: int, data: bytes) -> None:
        try:
            packs = parse_index(data)
        except IntegrityError:
            # The disk has spoiled it; it is fetched again next time.
            self._db.execute("DELETE FROM remote_index WHERE id = ?", (listing,))
            return
        for listed in packs:
            self._add_listed(remote, listing, listed)
        self._db.execute("UPDATE remote_index SET unread = NULL WHERE id = ?", (listing,))

    def _add_listed(self, remote: str, listing: int, listed: Listed) -> None:
        pack = self._db.execute(
            "INSERT INTO remote_pack (listing, name) VALUES (?, ?)", (listing, listed.pack)
        ).lastrowid
        rows = list(rows_of(listed.table))
        chunks = [
            (remote, key, pack, fingerprint, encoding, length, offset, stored)
            for key, fingerprint, kind, encoding, length, offset, stored in rows
            if kind == CHUNK
        ]
        # In the order of the key, so that the tree is filled page by page.
        self._insert("remote_chunk", sorted(chunks))
        recipes = (key for key, _, kind, *_ in rows if kind == RECIPE)
        self._db.executemany(
            "INSERT OR IGNORE INTO remote_recipe VALUES (?, ?, ?, ?)",
            (
                (remote, key, listing, payload)
                for key, payload in zip(recipes, listed.recipes, strict=True)
            ),
        )

    def _insert(self, table: str, rows: Iterable[tuple[object, ...]]) -> None:
        """Add rows, unless they are there: many by one statement, for each costs as much."""
        for batch in _batches(rows, _ROWS):
            marks = f"({_marks(batch[0])})"
            self._db.execute(
                f"INSERT OR IGNORE INTO {table} VALUES {','.join([marks] * len(batch))}",
                [*chain.from_iterable(batch)],
            )

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

    def find_chunks(self, remote: str, oids: Sequence[str]) -> dict[str, Placed]:
        """Return where those of the chunks lie that the remote is known to hold."""
        if oids:
            self._read_listings(remote)
        found: dict[str, Placed] = {}
        keys = {oid_to_bytes(oid): oid for oid in oids}
        for batch in _batches(sorted(keys)):
            rows = self._db.execute(
                "SELECT oid, remote_pack.name, fingerprint, encoding, length, offset, stored FROM"
                " remote_chunk JOIN remote_pack ON remote_pack.id = pack"
                f" WHERE remote = ? AND oid IN ({_marks(batch)})",
                (remote, *batch),
            )
            found.update((keys[row[0]], _placed(keys[row[0]], row)) for row in rows)
        return found

    def find_recipes(self, remote: str, oids: Sequence[str]) -> dict[str, bytes]:
        """Return the payloads of those recipes that the remote is known to hold."""
        if oids:
            self._read_listings(remote)
        found: dict[str, bytes] = {}
        for keys in _batches(map(oid_to_bytes, oids)):
            rows = self._db.execute(
                "SELECT oid, payload FROM remote_recipe"
                f" WHERE remote = ? AND oid IN ({_marks(keys)})",
                (remote, *keys),
            )
            found.update((oid_from_bytes(key), payload) for key, payload in rows)
        return found

    def remote_oids(self, remote: str, oids: Sequence[str]) -> set[str]:
        """Return which of the blobs the remote is known to hold, whole or by recipe."""
        if oids:
            self._read_listings(remote)
        keys = {oid_to_bytes(oid): oid for oid in oids}
        return {
            keys[key]
            for batch in _batches(keys)
            for table in ("remote_chunk", "remote_recipe")
            for (key,) in self._db.execute(
                f"SELECT oid FROM {table} WHERE remote = ? AND oid IN ({_marks(batch)})",
                (remote, *batch),
            )
        }

    def remote_roots(self, remote: str) -> dict[str, bytes]:
        """Return the roots that are known, by file name."""
        query = "SELECT name, root FROM remote_root WHERE remote = ?"
        return dict(self._db.execute(query, (remote,)))

    def add_remote_root(self, remote: str, name: str, root: bytes) -> None:
        """Remember a root."""
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO remote_root VALUES (?, ?, ?)", (remote, name, root)
            )

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
    shows only later throws it away, and raises `DiskError`.
    """
    index = Index(_open(path))
    try:
        yield index
    except sqlite3.Error as error:
        if error.sqlite_errorname.startswith(_DAMAGED):
            _discard(path)
            raise DiskError(
                "the index of the cache was damaged and has been thrown away; no data is lost",
                hint="run the same command again",
            ) from error
        raise DiskError(f"the index of the cache: {error}", hint="gitmodel doctor") from error
    finally:
        index.close()


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _connect(path)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            _discard(path)
            return _connect(path)
    except (OSError, sqlite3.OperationalError):
        return _prepare(sqlite3.connect(":memory:", check_same_thread=False))


def _discard(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=60, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
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


def _entry_row(pack: int | None, entry: Stored) -> tuple[object, ...]:
    return (
        oid_to_bytes(entry.oid),
        pack,
        fingerprint_to_bytes(entry.fingerprint),
        entry.encoding,
        entry.length,
        entry.offset,
        entry.stored,
    )


def _placed(oid: str, row: tuple[bytes, str, bytes, int, int, int, int]) -> Placed:
    _, pack, key, encoding, length, offset, stored = row
    fingerprint = fingerprint_from_bytes(key)
    return Placed(pack, Stored(oid, fingerprint, CHUNK, encoding, length, offset, stored))
