import os
import random
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import product
from pathlib import Path

import pytest
from blake3 import blake3

from gitmodel.digest import digest_bytes, fingerprint_to_bytes, oid_of, oid_to_bytes
from gitmodel.index import CACHE, Index, Seen, opened_index
from gitmodel.pack import RECIPE, Listed, Stored, format_index, list_pack, parse_index
from tests.helpers.formats import OID, chunk

REMOTE, OTHER = "a" * 32, "b" * 32
PACK = "ab" * 32


@pytest.fixture
def path(tmp_path):
    return tmp_path / "gitmodel" / "index.db"


@pytest.fixture
def index(path):
    with opened_index(path) as index:
        yield index


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A folder in which this process may write nothing, whoever runs it."""
    folder = Path(tempfile.mkdtemp())
    user = os.geteuid()
    try:
        with opened_index(folder / "index.db") as index:
            index.set_complete(CACHE, OID)
        folder.chmod(0o555)
        if user == 0:
            os.seteuid(65534)
        yield folder
    finally:
        os.seteuid(user)
        folder.chmod(0o755)
        shutil.rmtree(folder)


def seen(path: str, data: bytes = b"x") -> Seen:
    digests = digest_bytes(data)
    keys = oid_to_bytes(digests.oid), fingerprint_to_bytes(digests.fingerprint)
    return Seen(path, b"s" * 40, 17, *keys)


def recipe(oid: str, payload: bytes) -> Stored:
    return Stored(oid, chunk(payload).fingerprint, RECIPE, 0, len(payload), 0, len(payload))


def listed(*blobs: bytes, recipes: tuple[tuple[str, bytes], ...] = ()) -> Listed:
    entries = [chunk(data) for data in blobs] + [recipe(oid, data) for oid, data in recipes]
    return list_pack(PACK, entries, (data for _, data in recipes))


# Damage


def test_what_was_remembered_is_there_next_time(path):
    with opened_index(path) as index:
        index.set_complete(CACHE, OID)
    with opened_index(path) as index:
        assert index.is_complete(CACHE, OID)


DAMAGES = {
    "noise": lambda data: random.Random(1).randbytes(len(data)),
    "short noise": lambda data: b"noise",
    "text": lambda data: b"[core]\n\tbare = false\n" * 500,
    "another version": lambda data: data[:60] + (99).to_bytes(4, "big") + data[64:],
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_index_is_made_anew(path, name):
    with opened_index(path) as index:
        index.set_complete(CACHE, OID)
    path.write_bytes(DAMAGES[name](path.read_bytes()))
    with opened_index(path) as index:
        assert not index.is_complete(CACHE, OID)
        index.set_complete(CACHE, OID)
    with opened_index(path) as index:
        assert index.is_complete(CACHE, OID)


def _use(path: Path) -> None:
    with opened_index(path) as index:
        index.packs()
        index.set_complete(CACHE, OID)
        assert index.is_complete(CACHE, OID)


@pytest.mark.parametrize("start", [100, 200, 4096, 8192])
def test_damage_deep_down_is_healed_without_a_word(path, start):
    _use(path)
    data = path.read_bytes()
    path.write_bytes(data[:start] + random.Random(2).randbytes(len(data) - start))
    _use(path)


def _fill(index: Index) -> None:
    index.record("/one", [], [seen("a/x"), seen("a/y")])
    index.set_tree("/one", "a", OID, 2)
    index.add_packs({PACK: [chunk(b"a"), chunk(b"b", 1)]})
    index.set_remote_id("/url", REMOTE)
    index.add_remote_index(REMOTE, ONE, FIRST)
    index.add_remote_index(REMOTE, TWO, SECOND)
    index.find_chunks(REMOTE, [OID])
    index.add_remote_root(REMOTE, "v1", b"root")


def _ask(index: Index) -> dict[str, object]:
    a, c = oid_of(b"a"), oid_of(b"c")
    return {
        **index.seen("/one", "a"),
        **dict.fromkeys(index.trees("/one"), "tree"),
        **index.find_packed([a]),
        "/url": index.remote_id("/url"),
        **index.find_chunks(REMOTE, [c]),
        **index.find_recipes(REMOTE, [OID]),
        **index.remote_roots(REMOTE),
    }


TABLES = ("seen", "tree", "pack", "packed", "remote", "remote_pack", "remote_chunk", "remote_root")
HARMLESS = {("seen", "worktree"), ("tree", "worktree"), ("remote_root", "remote")}
"""Whose loss only means that a file is hashed again, or a root read again."""
VALUES = ("NULL", "17", "'text'", "x'ff'", "CAST(x'ff41' AS TEXT)", "flip")


@pytest.mark.parametrize("table", [*TABLES, "remote_recipe"])
def test_a_row_is_as_it_was_written_or_is_not_there(path, table):
    with opened_index(path) as index:
        _fill(index)
        right = _ask(index)
    assert len(right) == 8
    with closing(sqlite3.connect(path)) as database:
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    sound = path.read_bytes()
    for column, value in product(columns, VALUES):
        path.write_bytes(sound)
        new = f"substr({column}, 1, 3) || substr({column}, 5)" if value == "flip" else value
        # Some columns cannot hold some of the values, nor two rows one.
        with closing(sqlite3.connect(path)) as database, database, suppress(sqlite3.IntegrityError):
            database.execute(f"UPDATE {table} SET {column} = {new}")
        with opened_index(path) as index:
            found = {key: value for key, value in _ask(index).items() if value is not None}
            assert found.items() <= right.items(), (column, value)
            if (table, column) not in HARMLESS:
                assert found == right or index.renewals or index.examine(), (column, value)
            index.renew()
            _fill(index)
            assert _ask(index) == right


def test_a_database_of_someone_else_is_replaced(path):
    path.parent.mkdir()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE pack (name TEXT)")
    database.execute("PRAGMA user_version = 1")
    database.close()
    _use(path)


def test_noise_beside_the_index_is_no_trouble(path):
    with opened_index(path) as index:
        index.set_complete(CACHE, OID)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).write_bytes(random.Random(3).randbytes(40_000))
    with opened_index(path) as index:
        assert index.is_complete(CACHE, OID)


def test_a_read_only_folder_is_served_from_memory(read_only):
    with opened_index(read_only / "index.db") as index:
        index.set_complete(REMOTE, OID)
        assert index.is_complete(REMOTE, OID)
        index.add_packs({PACK: [chunk(b"x")]})
        assert index.find_packed([oid_of(b"x")])
    with opened_index(read_only / "new" / "index.db") as index:
        assert not index.is_complete(CACHE, OID)


def test_a_folder_in_its_place_is_served_from_memory(tmp_path):
    (tmp_path / "index.db").mkdir()
    with opened_index(tmp_path / "index.db") as index:
        index.set_complete(CACHE, OID)
        assert index.is_complete(CACHE, OID)


def test_two_may_use_it_at_once(path):
    with opened_index(path) as one, opened_index(path) as other:
        one.set_complete(CACHE, OID)
        assert other.is_complete(CACHE, OID)
        other.forget_complete(CACHE)
        assert not one.is_complete(CACHE, OID)


# What stat said


def test_files_are_found_by_artifact_and_worktree(index):
    rows = [seen("data/a"), seen("data/b/c"), seen("data.csv"), seen("data0"), seen("model")]
    index.record("/one", [], rows)
    assert index.seen("/one", "data").keys() == {"data/a", "data/b/c"}
    assert index.seen("/one", "model") == {"model": seen("model")}
    assert index.seen("/two", "data") == {}


def test_files_that_are_gone_are_forgotten_and_new_digests_win(index):
    index.record("/one", [], [seen("a/x"), seen("a/y")])
    index.record("/one", [], [seen("a/y", b"new")], gone=["a/x"])
    assert index.seen("/one", "a") == {"a/y": seen("a/y", b"new")}


def test_a_tree_is_known_until_the_next_record(index):
    index.set_tree("/one", "data", OID, 3)
    assert index.is_tree("/one", "data", OID, 3)
    assert not index.is_tree("/one", "data", oid_of(b"other"), 3)
    assert not index.is_tree("/one", "data", OID, 2)
    assert not index.is_tree("/two", "data", OID, 3)
    index.record("/one", ["model"], [])
    assert index.is_tree("/one", "data", OID, 3)
    index.record("/one", ["data"], [])
    assert not index.is_tree("/one", "data", OID, 3)


# Packs and remotes


def test_packs_come_and_go(index):
    blobs = [str(n).encode() for n in range(1200)]
    entries = [chunk(data, at) for at, data in enumerate(blobs)]
    index.add_packs({PACK: entries})
    index.add_packs({PACK: entries})
    found = index.find_packed([oid_of(data) for data in [*blobs, b"absent"]])
    assert [found[entry.oid] for entry in entries] == [(PACK, entry) for entry in entries]
    assert index.packed_oids([entries[0].oid, OID]) == {entries[0].oid}
    index.drop_pack(PACK)
    assert not index.find_packed([entry.oid for entry in entries])
    assert index.packs() == set()


def test_dropping_a_pack_forgets_that_trees_are_complete(index):
    index.add_packs({PACK: [chunk(b"x")]})
    index.set_complete(CACHE, OID)
    index.set_complete(REMOTE, OID)
    index.drop_pack(PACK)
    assert not index.is_complete(CACHE, OID)
    assert index.is_complete(REMOTE, OID)


FIRST = format_index([listed(b"a", b"b", recipes=((OID, b"r" * 36),))])
SECOND = format_index([listed(b"b", b"c")])
ONE, TWO = (blake3(data).hexdigest() for data in (FIRST, SECOND))


def test_a_remote_holds_chunks_and_recipes_until_its_index_goes(index):
    index.add_remote_index(REMOTE, ONE, FIRST)
    index.add_remote_index(REMOTE, TWO, SECOND)
    a, b, c = (oid_of(data) for data in (b"a", b"b", b"c"))
    assert index.remote_oids(REMOTE, [a, b, c, OID, oid_of(b"d")]) == {a, b, c, OID}
    assert index.find_recipes(REMOTE, [OID, a]) == {OID: b"r" * 36}
    assert index.remote_oids(OTHER, [a, b, c, OID]) == set()
    index.set_complete(REMOTE, OID)
    index.drop_remote_index(REMOTE, ONE)
    assert index.remote_oids(REMOTE, [a, b, c, OID]) == {b, c}
    assert index.find_chunks(REMOTE, [a, b, c]).keys() == {b, c}
    assert not index.is_complete(REMOTE, OID)
    assert index.remote_indexes(REMOTE) == {TWO}


def test_what_an_index_file_lists_is_entered_when_it_is_asked_for(path, monkeypatch):
    read = []
    real = parse_index
    monkeypatch.setattr("gitmodel.index.parse_index", lambda data: read.append(data) or real(data))
    a, c = oid_of(b"a"), oid_of(b"c")
    with opened_index(path) as index:
        index.add_remote_index(REMOTE, ONE, FIRST)
        index.add_remote_index(OTHER, TWO, SECOND)
        assert index.remote_indexes(REMOTE) == {ONE}
    assert read == []
    with opened_index(path) as index:
        assert index.find_chunks(REMOTE, [a, c]).keys() == {a}
        assert index.find_chunks(REMOTE, [a, c]).keys() == {a}
    assert read == [FIRST]


def test_an_index_file_that_goes_before_it_was_read(index):
    index.add_remote_index(REMOTE, ONE, FIRST)
    index.drop_remote_index(REMOTE, ONE)
    assert index.remote_oids(REMOTE, [oid_of(b"a")]) == set()


def test_an_index_file_that_the_disk_spoiled_is_fetched_again(index):
    index.add_remote_index(REMOTE, ONE, FIRST[:-1])
    index.add_remote_index(REMOTE, TWO, SECOND)
    assert index.remote_oids(REMOTE, [oid_of(b"b")]) == {oid_of(b"b")}
    assert index.remote_indexes(REMOTE) == {TWO}


def test_an_index_file_is_entered_once_if_two_ask_at_once(path):
    with opened_index(path) as first, opened_index(path) as second:
        first.add_remote_index(REMOTE, ONE, FIRST)
        asked = threading.Barrier(2)

        def ask(index: Index) -> set[str]:
            asked.wait()
            return index.remote_oids(REMOTE, [oid_of(b"a"), OID])

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(ask, (first, second)))
        assert answers == [{oid_of(b"a"), OID}] * 2
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("SELECT count(*) FROM remote_pack").fetchone() == (1,)


def test_roots_and_identities_are_kept_by_remote(index):
    index.add_remote_root(REMOTE, "v1", b"old")
    index.add_remote_root(REMOTE, "v1", b"new")
    index.set_remote_id("/url", REMOTE)
    index.set_remote_id("/url", OTHER)
    assert index.remote_roots(REMOTE) == {"v1": b"new"}
    assert index.remote_roots(OTHER) == {}
    assert index.remote_id("/url") == OTHER
    index.drop_remote_root(REMOTE, "v1")
    assert index.remote_roots(REMOTE) == {}


def test_what_waits_for_another_writer_forgets_all_the_same(path: Path, index: Index) -> None:
    row = seen("d/a")
    index.record("/top", ["d"], [row])
    index.set_tree("/top", "d", OID, 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(index.record, "/top", ["d"], [], ["d/a"])
            time.sleep(1.5)
            assert not waiting.done()
            other.execute("COMMIT")
            waiting.result()
    assert index.trees("/top") == []
    assert not index.is_tree("/top", "d", OID, 1)
    assert index.seen("/top", "d") == {}
