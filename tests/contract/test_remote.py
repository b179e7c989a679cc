"""What every remote must do, whatever it lies on: a folder, a bucket, or what fsspec opens."""

from __future__ import annotations

import gc
import itertools
import os
import secrets
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from gitmodel import stream
from gitmodel.cache import Cache
from gitmodel.digest import digest_bytes, oid_of
from gitmodel.errors import (
    ConflictError,
    GitmodelError,
    IntegrityError,
    MissingError,
    NewerError,
    RemoteError,
)
from gitmodel.index import Index, opened_index
from gitmodel.progress import Far, Work, unheard
from gitmodel.remote import objects, packstore
from gitmodel.remote import upload as uploading
from gitmodel.remote.care import check, repair
from gitmodel.remote.file import File
from gitmodel.remote.packstore import Remote
from gitmodel.remote.store import Access, Store, open_store
from gitmodel.remote.upload import Sent, Upload
from gitmodel.root import make_root
from gitmodel.scratch import Scratch
from gitmodel.transfer.download import Wanted, download
from gitmodel.transfer.fetch import fetch_blobs
from gitmodel.transfer.push import send_packed
from tests.helpers.formats import sizes_in
from tests.helpers.repo import noise
from tests.helpers.scratch import held
from tests.helpers.seaweed import Bucket
from tests.helpers.sshd import SshServer

MIB = 1 << 20
REPOSITORY = "0" * 32


@dataclass(frozen=True, slots=True)
class Machine:
    """A clone as far as a remote can tell: an index, a cache, and the remote as it sees it."""

    index: Index
    cache: Cache
    remote: Remote

    def send(self, *blobs: bytes) -> Sent:
        """Send blobs, and learn first what others sent."""
        self.remote.create()
        with Upload(self.remote, sum(map(len, blobs)), Work()) as upload:
            for blob in blobs:
                _add(upload, blob)
            return upload.finish()

    def pack(self, *blobs: bytes) -> None:
        """Put small blobs in the cache."""
        with self.cache.writer() as writer:
            for blob in blobs:
                writer.add(blob, digest_bytes(blob))

    def send_packed(self, *blobs: bytes) -> Sent:
        """Send small blobs that the remote lacks, as they lie in packs of the cache."""
        self.remote.create()
        places = self.cache.places(map(oid_of, blobs)).values()
        with Upload(self.remote, sum(map(len, blobs)), Work()) as upload:
            send_packed(places, self.cache, upload)
            return upload.finish()

    def bring(self, *blobs: bytes) -> None:
        """Fetch blobs to the cache."""
        fetch_blobs([Wanted(oid_of(blob), len(blob)) for blob in blobs], *self._where(), Work())

    def _where(self) -> tuple[Cache, Remote]:
        return self.cache, self.remote

    def has(self, blob: bytes) -> bool:
        """Return whether the cache holds a blob, whole and right."""
        oid = oid_of(blob)
        return oid in self.cache.present([oid]) and self.cache.read(oid, limit=1 << 30) == blob

    def is_empty(self) -> bool:
        """Return whether nothing at all entered the cache."""
        return self.cache.size() == 0 and held(self.cache.scratch) == []


def _add(upload: Upload, blob: bytes) -> None:
    if len(blob) < MIB:
        upload.add_small(oid_of(blob), blob)
    else:
        upload.add_large(oid_of(blob), _reader(blob))


def _reader(blob: bytes) -> Callable[[memoryview], int]:
    position = 0

    def read(view: memoryview) -> int:
        nonlocal position
        part = blob[position : position + len(view)]
        view[: len(part)] = part
        position += len(part)
        return len(part)

    return read


_SERVERS = ("s3", "sftp")
_URLS = ("folder", "driver", *_SERVERS)


@pytest.fixture(params=_URLS)
def url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    if request.param == "folder":
        yield str(tmp_path / "remote")
        return
    if request.param == "s3":
        bucket: Bucket = request.getfixturevalue("s3")
        for name, value in bucket.env.items():
            monkeypatch.setenv(name, value)
        yield bucket.url
        return
    if request.param == "sftp":
        server: SshServer = request.getfixturevalue("sshd")
        server.welcome(tmp_path / "home")
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        yield server.url(tmp_path / "folder" / "remote")
        return
    # A driver of fsspec's, as those of Google and Microsoft are, that needs no account.
    monkeypatch.setitem(
        objects.CLASSES, "gs", ("gs", MemoryFileSystem.__module__, "MemoryFileSystem")
    )
    name = f"/{secrets.token_hex(8)}"
    yield f"gs:/{name}"
    files = MemoryFileSystem.store
    for path in [path for path in files if path.startswith(name)]:
        del files[path]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a remote says is there and does not give is asked for as often, and sooner."""
    for name in ("_LAG", "_PAUSE"):
        monkeypatch.setattr(packstore, name, getattr(packstore, name) / 10)


@pytest.fixture
def store(url: str, tmp_path: Path) -> Store:
    return open_store(url, tmp_path, Access())


def test_what_was_read_is_not_kept(store: Store) -> None:
    # Commands switch the collector of cycles off: what lies in one would never be freed.
    store.put("packs/large", bytes(MIB))
    store.read("packs/large", 0, MIB)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(20):
            store.read("packs/large", 0, MIB)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert kept < 4 * MIB


@pytest.fixture
def machine(url: str, tmp_path: Path) -> Iterator[Callable[[str], Machine]]:
    with ExitStack() as stack:

        def make(name: str) -> Machine:
            home = tmp_path / name
            scratch = stack.enter_context(Scratch(home / "tmp"))
            index = stack.enter_context(opened_index(home / "index.db"))
            cache = Cache(home, index, scratch)
            stack.callback(cache.close)
            remote = Remote("origin", open_store(url, tmp_path, Access()), index, REPOSITORY)
            return Machine(index, cache, remote)

        yield make


Make = Callable[[str], Machine]


# The store


def test_how_far_an_upload_is(machine: Make) -> None:
    told: list[int] = []

    def progress(phase: str, done: int, total: int, note: str) -> None:
        assert (phase, total) == ("push", 3 * MIB)
        told.append(done)

    sender = machine("sender")
    sender.remote.create()
    sender.send(noise(1, MIB))
    with Upload(sender.remote, 3 * MIB, Work(progress)) as upload:
        for blob in (noise(1, MIB), noise(2, 2 * MIB)):
            _add(upload, blob)
        # What the remote has is done at once, what is new when it was moved.
        assert max(told) == MIB
        upload.finish()
    assert told == sorted(told)
    assert told[-1] == 3 * MIB


def test_what_was_written_is_read(store: Store) -> None:
    store.put("a/b", b"0123456789")
    assert store.read("a/b") == b"0123456789"
    assert store.read("a/b", 3, 4) == b"3456"
    assert store.read("a/b", 0, 0) == b""
    assert store.size("a/b") == 10
    store.put("a/b", b"other")
    assert store.read("a/b") == b"other"


def test_put_new_never_overwrites(store: Store) -> None:
    assert store.put_new("a/b", b"first")
    assert not store.put_new("a/b", b"second")
    assert store.read("a/b") == b"first"


def test_less_than_was_asked_for_is_an_error(store: Store) -> None:
    store.put("a", b"0123456789")
    with pytest.raises(GitmodelError):
        store.read("a", 5, 6)


def test_what_is_not_there(store: Store) -> None:
    with pytest.raises(MissingError):
        store.read("a/b")
    with pytest.raises(MissingError):
        store.size("a/b")
    assert sizes_in(store, "a") == {}
    store.delete("a/b")


def test_listing_is_complete_and_never_stale(store: Store) -> None:
    assert sizes_in(store, "a") == {}
    for number in range(30):
        store.put(f"a/{number % 3}/{number}", b"x" * number)
    store.put("ab/other", b"")
    assert sizes_in(store, "a") == {f"{number % 3}/{number}": number for number in range(30)}
    store.delete("a/0/0")
    assert "0/0" not in sizes_in(store, "a")


def test_a_file_that_is_written_anew_has_another_tag(store: Store) -> None:
    store.put("a/b", b"first")
    store.put("a/c", b"other")
    before = store.files("a")
    store.put("a/b", b"First")
    after = store.files("a")
    assert before == store.files("a") | {"b": before["b"]}
    assert before["b"].tag != after["b"].tag
    assert after["b"].size == 5


def test_a_file_is_moved_and_never_over_another(store: Store) -> None:
    store.put("packs/aa/x", b"x")
    assert store.move("packs/aa/x", "quarantine/x")
    store.put("packs/aa/x", b"y")
    assert not store.move("packs/aa/x", "quarantine/x")
    assert store.read("quarantine/x") == b"x"
    assert store.read("packs/aa/x") == b"y"
    with pytest.raises(MissingError):
        store.move("packs/aa/z", "quarantine/z")
    assert sizes_in(store, "quarantine") == {"x": 1}


def test_what_is_too_long_is_not_read(store: Store) -> None:
    store.put("a", bytes(100))
    assert store.read("a", limit=100) == bytes(100)
    with pytest.raises(IntegrityError, match="100 bytes"):
        store.read("a", limit=99)
    assert store.read("a", 50, 10, limit=1) == bytes(10)


def test_nothing_of_what_is_too_long_comes_to_memory(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(IntegrityError):
        open_store(str(tmp_path), tmp_path).read("a")


@pytest.mark.parametrize("write", ["put", "put_new"])
def test_a_folder_is_no_file(tmp_path: Path, write: str) -> None:
    store = open_store(str(tmp_path), tmp_path)
    for folder in ("a/empty", "a/full"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "a/full/x").write_bytes(b"x")
    assert sizes_in(store, "a") == {"full/x": 1}
    assert store.files("a").keys() == {"empty/", "full/", "full/x"}
    for key in ("a/empty", "a/full"):
        for act in (store.read, store.size, lambda key: store.move(key, "b")):
            with pytest.raises(MissingError):
                act(key)
    assert getattr(store, write)("a/empty", b"y") in (None, True)
    assert store.read("a/empty") == b"y"
    with pytest.raises(RemoteError):
        getattr(store, write)("a/full", b"y")
    assert sizes_in(store, "a") == {"full/x": 1, "empty": 1}


# Blobs


@pytest.mark.parametrize(
    "sizes", [(1,), (0, 1, 5000), (MIB - 1, MIB, MIB + 1), (5 * MIB, 5 * MIB + 1), (40 * MIB, 9)]
)
def test_blobs_come_back(machine: Make, sizes: tuple[int, ...]) -> None:
    blobs = [noise(size, size) for size in sizes]
    assert machine("sender").send(*blobs).blobs == len(blobs)
    receiver = machine("receiver")
    receiver.bring(*blobs)
    assert all(map(receiver.has, blobs))
    assert receiver.cache.verify({}) == []


@pytest.mark.parametrize(("part", "times"), [(b"\0", 9 * MIB), (b"a,b,c\n", MIB), (b"\0", 100)])
def test_what_compresses_is_sent_small(machine: Make, part: bytes, times: int) -> None:
    blob = part * times
    assert machine("sender").send(blob).sent_bytes < 70_000
    receiver = machine("receiver")
    receiver.bring(blob)
    assert receiver.has(blob)


def _text(number: int) -> bytes:
    return b"".join(b"%d,%d,0.%d\n" % (number, row, row * row) for row in range(900))


_KINDS: dict[str, Callable[[], list[bytes]]] = {
    "noise": lambda: [noise(n, 20_000) for n in range(60)],
    "text": lambda: [_text(n) for n in range(60)],
    "text among noise": lambda: [_text(n) if n % 9 == 0 else noise(n, 20_000) for n in range(60)],
    "first all noise, then text": lambda: [
        *(noise(n, 900_000) for n in range(9)),
        *(_text(n) for n in range(300)),
        *(noise(n, 900_000) for n in range(9, 18)),
    ],
    "more than a pack": lambda: [noise(n, 700_000) for n in range(60)],
    "empty ones too": lambda: [b"", noise(1, 20_000), b"x", noise(2, 5)],
}


@pytest.mark.parametrize("kind", _KINDS)
def test_packs_of_the_cache_are_sent(machine: Make, kind: str) -> None:
    blobs = _KINDS[kind]()
    sender = machine("sender")
    sender.pack(*blobs)
    sent = sender.send_packed(*blobs)
    assert (sent.blobs, sent.new_bytes) == (len(blobs), sum(map(len, blobs)))
    receiver = machine("receiver")
    receiver.bring(*blobs)
    assert all(map(receiver.has, blobs))
    assert check(receiver.remote).sound


def test_a_part_of_a_pack_is_sent_without_the_rest(machine: Make) -> None:
    blobs = [noise(n, 20_000) for n in range(60)]
    sender = machine("sender")
    sender.pack(*blobs)
    wanted = [blob for number, blob in enumerate(blobs) if number % 7]
    sender.send_packed(*wanted)
    assert sender.remote.holds([oid_of(blob) for blob in blobs]) == {oid_of(b) for b in wanted}
    receiver = machine("receiver")
    receiver.bring(*wanted)
    assert all(map(receiver.has, wanted))


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How long each piece of memory is that is made."""
    made: list[int] = []

    def recorded(size: int) -> memoryview:
        made.append(size)
        return memoryview(bytearray(size))

    monkeypatch.setattr(stream, "new_memory", recorded)
    return made


def _packs(cache: Cache) -> set[str]:
    return {path.stem for path in (cache.root / "packs").iterdir()}


def test_packs_that_are_wanted_whole_are_sent_as_they_are(machine: Make, pieces: list[int]) -> None:
    blobs = [b"", *(noise(n, 300_000) for n in range(120))]
    sender = machine("sender")
    sender.pack(*blobs)
    pieces.clear()
    sent = sender.send_packed(*blobs)
    assert (sent.blobs, sent.new_bytes, sent.reused) == (len(blobs), 36_000_000, 0)
    # All but the last, which is short, lie in memory once: where they were read.
    *_, rest = sorted(sender.remote.packs().items(), key=lambda item: -item[1])
    assert sender.remote.packs().keys() - {rest[0]} < _packs(sender.cache)
    assert len(sender.remote.packs()) == 3
    assert set(pieces) == {24 * MIB, 4 * MIB}
    receiver = machine("receiver")
    receiver.bring(*blobs)
    assert all(map(receiver.has, blobs))
    assert check(receiver.remote).sound


def test_a_pack_of_the_cache_that_would_shrink_does(machine: Make) -> None:
    blobs = [_text(n) if n % 2 else noise(n, 20_000) for n in range(1000)]
    sender = machine("sender")
    sender.pack(*blobs)
    sent = sender.send_packed(*blobs)
    assert sent.new_bytes == sum(map(len, blobs))
    assert sent.sent_bytes < 0.8 * sent.new_bytes
    receiver = machine("receiver")
    receiver.bring(*blobs)
    assert all(map(receiver.has, blobs))


def test_short_packs_of_the_cache_are_put_together(machine: Make) -> None:
    blobs = [noise(n, 50_000) for n in range(30)]
    sender = machine("sender")
    for blob in blobs:
        sender.pack(blob)
    sender.send_packed(*blobs)
    assert len(sender.remote.packs()) == 1


def test_noise_is_sent_in_packs_of_the_usual_size(machine: Make, pieces: list[int]) -> None:
    # No pack of the cache is wanted whole.
    blobs = [noise(n, 300_000) for n in range(130)]
    sender = machine("sender")
    sender.pack(*blobs)
    pieces.clear()
    sender.send_packed(*(blob for number, blob in enumerate(blobs) if number % 20))
    # It lies in memory once: where it was read, but for what has gaps.
    assert set(pieces) <= {4 * MIB, 17 * MIB}
    *full, rest = sorted(sender.remote.packs().values(), reverse=True)
    assert all(14 * MIB < size < 18 * MIB for size in full)
    assert len(full) == 2
    assert rest < 18 * MIB


class Gates:
    """A store that is happy with two requests at once; each pack waits for its own gate."""

    lanes, lanes_now = 8, 2

    def __init__(self, store: Store) -> None:
        self._store = store
        self.gates = [threading.Event() for _ in range(20)]
        self.begun = threading.Semaphore(0)
        self._count = itertools.count()

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def put_new(self, key: str, *parts: bytes, far: Far = unheard) -> bool:
        """Write a file, a pack when its gate is open."""
        if key.startswith("packs/"):
            gate = self.gates[next(self._count)]
            self.begun.release()
            assert gate.wait(30)
        return self._store.put_new(key, *parts, far=far)


@pytest.mark.parametrize("url", ["folder"], indirect=True)
def test_a_pack_is_sent_as_soon_as_any_lane_is_free(machine: Make, store: Store) -> None:
    blobs = [noise(n, 500_000) for n in range(160)]
    sender = machine("sender")
    sender.pack(*blobs)
    sender.remote.store = gates = cast("Any", Gates(store))
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(sender.send_packed, *blobs)
        assert gates.begun.acquire(timeout=30)
        assert gates.begun.acquire(timeout=30)
        # No third one while both lanes are busy.
        assert not gates.begun.acquire(timeout=0.3)
        # The second pack is through before the first: that is one free lane.
        gates.gates[1].set()
        assert gates.begun.acquire(timeout=30)
        assert not gates.begun.acquire(timeout=0.3)
        for gate in gates.gates:
            gate.set()
        assert sent.result().blobs == len(blobs)
    receiver = machine("receiver")
    receiver.bring(*blobs)
    assert all(map(receiver.has, blobs))


@pytest.mark.parametrize("count", [60, 500], ids=["a short one", "a long one"])
def test_a_damaged_pack_of_the_cache_is_not_sent(machine: Make, count: int) -> None:
    blobs = [noise(n, 20_000) for n in range(count)]
    sender = machine("sender")
    sender.pack(*blobs)
    _damage(sender.cache, 500_000)
    with pytest.raises(
        IntegrityError, match=f"{oid_of(blobs[25])} .*is damaged and was not pushed"
    ):
        sender.send_packed(*blobs)
    assert sender.remote.holds([oid_of(blob) for blob in blobs]) == set()


def test_what_is_whole_in_a_pack_with_a_damaged_table_is_sent(machine: Make) -> None:
    blobs = [noise(n, 20_000) for n in range(500)]
    sender = machine("sender")
    sender.pack(*blobs)
    _damage(sender.cache, -500)
    sender.send_packed(*blobs)
    # Its blobs, put together anew, are what it was.
    assert sender.remote.packs().keys() == _packs(sender.cache)
    receiver = machine("receiver")
    receiver.bring(*blobs)
    assert all(map(receiver.has, blobs))


def _damage(cache: Cache, at: int) -> None:
    (path,) = (cache.root / "packs").iterdir()
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(at, os.SEEK_SET if at >= 0 else os.SEEK_END)
        file.write(b"!!!!")


def test_what_is_there_is_not_sent_again(machine: Make) -> None:
    blobs = [noise("large", 6 * MIB), noise("small", 500)]
    machine("first").send(*blobs)
    again = machine("second").send(*blobs)
    assert again.new_bytes == 0
    assert again.sent_bytes < 5000


def test_one_kilobyte_put_in_front_sends_little(machine: Make) -> None:
    blob = noise("weights", 32 * MIB)
    sender = machine("sender")
    sender.send(blob)
    changed = b"{" + noise("header", 1023) + blob
    assert sender.send(changed).sent_bytes < 8 * MIB
    receiver = machine("receiver")
    receiver.bring(changed)
    assert receiver.has(changed)


def test_what_was_appended_is_all_that_is_sent(machine: Make) -> None:
    blob = noise("table", 16 * MIB)
    sender = machine("sender")
    sender.send(blob)
    assert sender.send(blob + noise("rows", MIB)).sent_bytes < 4 * MIB


class _DiesError(Exception):
    pass


def test_an_upload_that_died_is_resumed(machine: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    # Sixteen packs of their real size would take hundreds of megabytes.
    monkeypatch.setattr(uploading, "PACK_SIZE", 4 * MIB)
    monkeypatch.setattr(uploading, "_PACKS_PER_INDEX", 4)
    blob = noise("long", 36 * MIB)
    sender = machine("sender")
    sender.remote.create()
    put, count = Remote.put_pack, 0

    def put_until(self: Remote, name: str, parts: Sequence[bytes], far: Far) -> None:
        nonlocal count
        count += 1
        if count > 6:
            while not sizes_in(self.store, "index"):
                time.sleep(0.01)
            raise _DiesError
        put(self, name, parts, far)

    with monkeypatch.context() as patch, pytest.raises(_DiesError):  # noqa: PT012 - the patch ends with it
        patch.setattr(Remote, "put_pack", put_until)
        sender.send(blob)
    assert sender.remote.holds([oid_of(blob)]) == set()
    again = machine("another").send(blob)
    # Four packs had been published by an index file.
    assert again.sent_bytes < len(blob) - 3 * 4 * MIB
    receiver = machine("receiver")
    receiver.bring(blob)
    assert receiver.has(blob)


def test_a_blob_that_is_not_what_it_says_is_not_sent(machine: Make) -> None:
    sender = machine("sender")
    sender.remote.create()
    for blob in (noise(1, 100), noise(1, 3 * MIB)):
        wrong = oid_of(b"something else")
        with pytest.raises(IntegrityError), Upload(sender.remote, 0, Work()) as upload:  # noqa: PT012
            if len(blob) < MIB:
                upload.add_small(wrong, blob)
            else:
                upload.add_large(wrong, _reader(blob))
            upload.finish()
        assert sizes_in(machine("other").remote.store, "index") == {}


def test_a_blob_that_nobody_sent(machine: Make) -> None:
    sent, absent = noise(1, 100), noise(2, 100)
    machine("sender").send(sent)
    receiver = machine("receiver")
    with pytest.raises(MissingError):
        receiver.bring(sent, absent)
    assert receiver.is_empty()


def test_an_empty_remote(machine: Make) -> None:
    with pytest.raises(MissingError):
        machine("receiver").bring(b"x")


def test_a_size_that_the_pointer_does_not_say(machine: Make) -> None:
    for blob in (noise(1, 100), noise(1, 3 * MIB)):
        machine("sender").send(blob)
        receiver = machine(f"receiver-{len(blob)}")
        for size in (len(blob) - 1, len(blob) + 1):
            with pytest.raises(IntegrityError):
                fetch_blobs([Wanted(oid_of(blob), size)], receiver.cache, receiver.remote, Work())
        assert receiver.is_empty()


# Damage


def _harm(store: Store, key: str, harm: str, other: bytes) -> None:
    data = store.read(key)
    third = len(data) // 3
    harmed = {
        "flip": data[:third] + bytes([data[third] ^ 1]) + data[third + 1 :],
        "truncated": data[:third],
        "empty": b"",
        "longer": b"x" + data,
        "swapped": other,
    }
    store.put(key, harmed[harm])


def _harms(*harms: str) -> list[object]:
    """All of them on what is near; a server knows no damage, and takes its time."""
    return [
        pytest.param(url, harm, marks=[pytest.mark.torture] if _is_rare(url, harm) else [])
        for url in _URLS
        for harm in harms
    ]


def _is_rare(url: str, harm: str) -> bool:
    return url in _SERVERS and harm not in ("flip", "gone")


@pytest.mark.parametrize(
    ("url", "harm"),
    _harms("flip", "truncated", "empty", "longer", "swapped", "gone"),
    indirect=["url"],
)
@pytest.mark.parametrize("size", [5000, 3 * MIB])
def test_a_damaged_pack_is_refused(machine: Make, store: Store, harm: str, size: int) -> None:
    blobs = noise(1, size), noise(2, size)
    sender = machine("sender")
    for blob in blobs:
        sender.send(blob)
    keys = [f"packs/{key}" for key in sizes_in(store, "packs")]
    contents = [store.read(key) for key in keys]
    for key, other in zip(keys, reversed(contents), strict=True):
        if harm == "gone":
            store.delete(key)
        else:
            _harm(store, key, harm, other)
    receiver = machine("receiver")
    for blob in blobs:
        with pytest.raises(GitmodelError) as caught:
            receiver.bring(blob)
        assert caught.value.exit_code in (5, 6, 7)
    assert receiver.is_empty()


@pytest.mark.parametrize(
    ("url", "harm"), _harms("flip", "truncated", "empty", "longer", "swapped"), indirect=["url"]
)
def test_a_damaged_index_file_is_refused_and_rebuilt(
    machine: Make, store: Store, harm: str
) -> None:
    blobs = noise(1, 5000), noise(2, 3 * MIB)
    sender = machine("sender")
    for blob in blobs:
        sender.send(blob)
    keys = [f"index/{key}" for key in sizes_in(store, "index")]
    contents = [store.read(key) for key in keys]
    for key, other in zip(keys, reversed(contents), strict=True):
        _harm(store, key, harm, other)
    receiver = machine("receiver")
    with pytest.raises(IntegrityError):
        receiver.bring(*blobs)
    assert receiver.is_empty()
    assert not check(machine("another").remote).sound
    assert repair(machine("another").remote).done
    receiver.bring(*blobs)
    assert all(map(receiver.has, blobs))
    assert check(machine("another").remote).sound


def test_lost_index_files_are_rebuilt(machine: Make, store: Store) -> None:
    blobs = noise(1, 5000), noise(2, 3 * MIB)
    machine("sender").send(*blobs)
    for name in sizes_in(store, "index"):
        store.delete(f"index/{name}")
    with pytest.raises(MissingError):
        machine("receiver").bring(*blobs)
    assert repair(machine("mender").remote).done
    assert repair(machine("mender").remote).done == ()
    receiver = machine("later")
    receiver.bring(*blobs)
    assert all(map(receiver.has, blobs))


def test_what_is_pushed_while_it_is_checked_is_no_damage(machine: Make, store: Store) -> None:
    class Busy:
        """Lists, and then lets another clone push."""

        url, lanes, read, size = store.url, store.lanes, store.read, store.size

        def files(self, prefix: str) -> dict[str, File]:
            found = store.files(prefix)
            blob = prefix.encode()
            sender.send(blob)
            root = make_root(f"refs/tags/{len(prefix)}", "a" * 40, [oid_of(blob)])
            sender.remote.put_root(root, moves=True)
            return found

    sender, checker = machine("sender"), machine("checker")
    sender.send(b"first")
    checker.remote.store = cast("Store", Busy())
    found = check(checker.remote)
    assert found.sound
    assert found.packs > found.indexes


def test_what_lies_beside_packs_and_indexes_is_not_believed(machine: Make, store: Store) -> None:
    blob = noise(1, 5000)
    machine("sender").send(blob)
    store.put("packs/aa/not-a-pack", b"x")
    store.put("packs/aa/" + "b" * 64, b"x")
    store.put("index/README", b"x")
    receiver = machine("receiver")
    receiver.bring(blob)
    assert receiver.has(blob)
    assert check(receiver.remote).sound


def test_a_pack_that_is_damaged_leaves_the_other_blobs_usable(machine: Make, store: Store) -> None:
    first, second = noise(1, 5000), noise(2, 5000)
    sender = machine("sender")
    sender.send(first)
    known = set(sizes_in(store, "packs"))
    sender.send(second)
    (pack,) = set(sizes_in(store, "packs")) - known
    store.delete(f"packs/{pack}")
    receiver = machine("receiver")
    with pytest.raises(MissingError):
        receiver.bring(first, second)
    receiver.bring(first)
    assert receiver.has(first)
    assert repair(machine("mender").remote).done
    assert machine("again").send(second).sent_bytes >= 5000
    receiver.bring(second)
    assert receiver.has(second)


def test_download_of_what_the_index_never_heard_of(machine: Make) -> None:
    machine("sender").send(b"x")
    receiver = machine("receiver")
    receiver.remote.describe()
    with pytest.raises(MissingError):
        download(receiver.remote, [Wanted(oid_of(b"y"), 1)], receiver.cache, Work())


# Roots and the description


def test_a_root_is_written_once(machine: Make) -> None:
    sender = machine("sender")
    sender.send(b"blob")
    root = make_root("refs/tags/v1.0", "a" * 40, [oid_of(b"blob")])
    sender.remote.put_root(root, moves=False)
    sender.remote.put_root(root, moves=False)
    other = machine("other").remote
    with pytest.raises(ConflictError):
        other.put_root(make_root(root.ref, "b" * 40, root.oids), moves=False)
    assert machine("third").remote.root(root.ref) == root
    assert other.root("refs/tags/v2.0") is None


def test_the_root_of_a_branch_moves(machine: Make) -> None:
    sender = machine("sender")
    sender.send(b"blob")
    for commit in ("a" * 40, "b" * 40):
        root = make_root("refs/heads/main", commit, [oid_of(b"blob")])
        sender.remote.put_root(root, moves=True)
        assert machine(commit).remote.root(root.ref, known=False) == root


def test_a_root_under_the_name_of_another_is_refused(machine: Make, store: Store) -> None:
    sender = machine("sender")
    sender.send(b"blob")
    for tag, commit in (("v1.0", "a" * 40), ("v2.0", "b" * 40)):
        root = make_root(f"refs/tags/{tag}", commit, [oid_of(b"blob")])
        sender.remote.put_root(root, moves=False)
    first, second = sorted(sizes_in(store, f"roots/{REPOSITORY}"))
    store.put(
        f"roots/{REPOSITORY}/{first}",
        store.read(f"roots/{REPOSITORY}/{second}"),
    )
    with pytest.raises(IntegrityError):
        machine("other").remote.root("refs/tags/v1.0")


def test_repair_withdraws_a_root_that_promises_too_much(machine: Make, store: Store) -> None:
    sender = machine("sender")
    sender.send(b"blob")
    root = make_root("refs/tags/v1.0", "a" * 40, [oid_of(b"blob")])
    sender.remote.put_root(root, moves=False)
    for name in sizes_in(store, "packs"):
        store.delete(f"packs/{name}")
    assert not check(machine("mender").remote).sound
    assert any("v1.0" in line for line in repair(machine("mender").remote).done)
    assert sizes_in(store, f"roots/{REPOSITORY}") == {}


def test_two_that_create_a_remote_agree(machine: Make) -> None:
    first, second = machine("first").remote, machine("second").remote
    first.create()
    second.create()
    assert first.id == second.id


@pytest.mark.parametrize("left", [None, b"", b'{"format": 1, "id": "x"}'])
def test_a_description_that_is_lost_or_damaged_is_written_anew(
    machine: Make, store: Store, left: bytes | None
) -> None:
    blob = noise(1, 3 * MIB)
    sender = machine("sender")
    sender.send(blob)
    store.delete("gitmodel-remote.json")
    if left is not None:
        store.put("gitmodel-remote.json", left)
    with pytest.raises(GitmodelError) as failed:
        machine("early").bring(blob)
    assert failed.value.hint.startswith("gitmodel remote ")
    mender = machine("mender").remote
    assert mender.is_used()
    assert check(mender).damaged == ("gitmodel-remote.json",)
    assert repair(mender).done == ("wrote gitmodel-remote.json anew",)
    assert check(mender).sound
    assert repair(mender).done == ()
    quarantine = sizes_in(store, "quarantine")
    assert list(quarantine) == ([] if left is None else ["gitmodel-remote.json"])
    receiver = machine("receiver")
    receiver.bring(blob)
    assert receiver.has(blob)
    # Nor is anything sent again by who meets it first when it is lost.
    store.delete("gitmodel-remote.json")
    assert machine("later").send(blob).new_bytes == 0
    # Who knew the remote before goes on with it.
    assert sender.send(blob).new_bytes == 0


def test_a_description_of_a_later_version_is_left_alone(machine: Make, store: Store) -> None:
    machine("sender").send(noise(1, 100))
    data = b'{"format": 2}'
    store.put("gitmodel-remote.json", data)
    mender = machine("mender").remote
    for act in (Remote.is_used, check, repair):
        with pytest.raises(NewerError, match="newer gitmodel"):
            act(mender)
    assert store.read("gitmodel-remote.json") == data


class Slow:
    """A store that takes its time over the first file of all, or cannot write it."""

    def __init__(self, store: Store, *, works: bool) -> None:
        self._store, self._works = store, works
        self.wait = threading.Event()
        self.keys: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def put_new(self, key: str, *parts: bytes, far: Far = unheard) -> bool:
        """Write a file, and note that, once `wait` is over."""
        if key == "gitmodel-remote.json":
            assert self.wait.wait(10)
            if not self._works:
                raise RemoteError("no more room")
        self.keys.append(key)
        return self._store.put_new(key, *parts, far=far)


def test_nothing_waits_for_a_remote_to_be_made_but_what_is_written(
    machine: Make, store: Store
) -> None:
    sender = machine("sender")
    sender.remote.store = slow = cast("Any", Slow(store, works=True))
    sender.remote.create()
    assert sender.remote.holds([oid_of(b"blob")]) == set()
    assert sender.remote.root_files() == {}
    assert not sender.remote.is_complete(oid_of(b"blob"))
    assert slow.keys == []
    threading.Timer(0.05, slow.wait.set).start()
    sender.remote.put_root(make_root("refs/tags/v1.0", "a" * 40, []), moves=False)
    assert slow.keys[0] == "gitmodel-remote.json"
    assert len(slow.keys) == 2


def test_a_remote_that_cannot_be_made_is_told(machine: Make, store: Store) -> None:
    sender = machine("sender")
    sender.remote.store = slow = cast("Any", Slow(store, works=False))
    sender.remote.create()
    slow.wait.set()
    root = make_root("refs/tags/v1.0", "a" * 40, [])
    for _ in range(2):
        with pytest.raises(RemoteError, match="no more room"):
            sender.remote.put_root(root, moves=False)
    assert slow.keys == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b'{"format": 2, "id": "' + b"a" * 32 + b'"}',
        b'{"format": 1, "id": "../x", "chunking": {}}',
        b'{"format": 1, "id": "' + b"a" * 32 + b'", "chunking": {"algorithm": "fastcdc2020", '
        b'"average": 99999999999, "smallest": 1}}',
        b"[" * 100_000,
    ],
)
def test_a_description_that_is_none_is_refused(machine: Make, store: Store, data: bytes) -> None:
    store.put("gitmodel-remote.json", data)
    for act in (machine("a").remote.create, machine("b").remote.describe):
        with pytest.raises(IntegrityError):
            act()
    assert store.read("gitmodel-remote.json") == data


# Going on with a download


def test_a_blob_that_came_in_part_is_gone_on_with(machine: Make) -> None:
    blob = noise("large", 9 * MIB)
    machine("here").send(blob)
    there = machine("there")
    there.remote.refresh()
    _begin(there, blob, blob[: 5 * MIB])
    reads = Reads(there.remote.store)
    there.remote.store = reads
    there.bring(blob)
    assert there.has(blob)
    assert reads.bytes < 5 * MIB
    assert not any((there.cache.root / "partial").iterdir())


@pytest.mark.parametrize(
    "left",
    [
        pytest.param(lambda: b"", id="nothing"),
        pytest.param(lambda: b"junk" * MIB, id="junk"),
        pytest.param(lambda: noise("large", 10 * MIB), id="more than all"),
        pytest.param(lambda: b"x", id="a byte"),
    ],
)
def test_whatever_was_left_is_not_believed(machine: Make, left: Callable[[], bytes]) -> None:
    blob = noise("large", 9 * MIB)
    machine("here").send(blob)
    there = machine("there")
    _begin(there, blob, left())
    there.bring(blob)
    assert there.has(blob)


def test_two_at_once_do_not_write_to_one_file(machine: Make) -> None:
    blob = noise("large", 3 * MIB)
    machine("here").send(blob)
    there = machine("there")
    fd, _ = there.cache.open_partial(oid_of(blob))
    there.bring(blob)
    os.close(fd)
    assert there.has(blob)


def test_small_blobs_come_in_batches(machine: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitmodel.transfer.download._BATCH", 2500)
    blobs = [noise(number, 1000) for number in range(10)]
    machine("here").send(*blobs)
    there = machine("there")
    there.bring(*blobs)
    assert all(there.has(blob) for blob in blobs)
    assert len(list((there.cache.root / "packs").iterdir())) == 4


def test_what_nobody_went_on_with_is_removed(machine: Make) -> None:
    there = machine("there")
    _begin(there, b"old", b"o")
    old = next((there.cache.root / "partial").iterdir())
    os.utime(old, (0, 0))
    _begin(there, b"new", b"n")
    assert old not in (there.cache.root / "partial").iterdir()


def test_the_other_name_of_a_blob_is_removed(machine: Make) -> None:
    """A download was killed between giving the blob its name and taking the old one away."""
    blob = noise("large", 3 * MIB)
    there = machine("there")
    _begin(there, blob, blob)
    other = next((there.cache.root / "partial").iterdir())
    published = there.cache.loose_path(oid_of(blob))
    published.parent.mkdir(parents=True)
    published.hardlink_to(other)
    _begin(there, b"new", b"n")
    assert other not in (there.cache.root / "partial").iterdir()
    assert there.has(blob)


def _begin(machine: Machine, blob: bytes, data: bytes) -> None:
    """Leave the beginning of a blob, as a download does that is killed."""
    fd, _ = machine.cache.open_partial(oid_of(blob))
    os.write(fd, data)
    os.close(fd)


class Reads:
    """A store that counts the bytes that are read from another."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.bytes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        data = self._store.read(key, start, length)
        self.bytes += len(data)
        return data
