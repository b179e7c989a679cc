"""Local packs: what is written to them comes back as blobs."""

import errno
import os
import random
import threading

import pytest

from gitmodel.cache import packs
from gitmodel.cache.openpacks import read_table
from gitmodel.cache.packs import PackWriter
from gitmodel.digest import digest_bytes
from gitmodel.scratch import MARKER, Scratch


@pytest.fixture
def scratch(tmp_path):
    with Scratch(tmp_path / "tmp") as scratch:
        yield scratch


def write(scratch, blobs, known=()):
    writer = PackWriter(scratch, lambda oids: set(known) & set(oids))
    try:
        for data in blobs:
            writer.add(data, digest_bytes(data))
    except OSError:
        writer.abandon()
        raise
    return writer.close()


def content(finished):
    """The blobs of packs, in order, as the tables on the disk tell."""
    found = []
    for pack in finished:
        data = pack.path.read_bytes()
        assert pack.path.stat().st_mode & 0o777 == 0o444
        entries = read_table(pack.path)
        assert entries == tuple(pack.entries)
        found += [data[entry.offset : entry.offset + entry.stored] for entry in entries]
        assert [entry.oid for entry in entries] == [
            digest_bytes(blob).oid for blob in found[-len(entries) :]
        ]
    return found


SIZES = {
    "one": [5],
    "empty": [0],
    "empty ones": [0, 0, 0],
    "a sector": [4096],
    "sectors": [4096, 8192, 4095, 1],
    "a whole buffer": [1 << 20] * 9,
    "odd": [1_000_003] * 30,
    "mixed": [random.Random(n).choice([0, 1, 4096, 20_000, 1_048_575]) for n in range(200)],
}


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("known", ["none", "all", "every second", "first", "last"])
def test_blobs_come_back_without_those_that_are_known(scratch, monkeypatch, name, known):
    monkeypatch.setattr(packs, "PACK_SIZE", 20 << 20)
    blobs = [random.Random(f"{name}{n}").randbytes(size) for n, size in enumerate(SIZES[name])]
    chosen = {
        "none": [],
        "all": blobs,
        "every second": blobs[::2],
        "first": blobs[:1],
        "last": blobs[-1:],
    }[known]
    oids = {digest_bytes(blob).oid for blob in chosen}
    found = content(write(scratch, blobs, oids))
    # None is written twice.
    new = dict.fromkeys(blob for blob in blobs if digest_bytes(blob).oid not in oids)
    assert found == list(new)


def write_all(scratch, batches, known=()):
    """Write batches of blobs that lie back to back; return the packs, and the batches set free."""
    freed = []
    writer = PackWriter(scratch, lambda oids: set(known) & set(oids))
    for number, blobs in enumerate(batches):
        data = bytearray(b"".join(blobs))

        def free(number=number, data=data):
            data[:] = b"x" * len(data)
            freed.append(number)

        writer.add_all(memoryview(data), [digest_bytes(blob) for blob in blobs], free)
    return writer.close(), freed


@pytest.mark.parametrize("known", ["none", "all", "every second", "first", "last"])
def test_batches_come_back_without_what_is_known_or_came_before(scratch, known):
    blobs = [random.Random(n).randbytes(n * 991 % 50_000) for n in range(300)]
    chosen = {
        "none": [],
        "all": blobs,
        "every second": blobs[::2],
        "first": blobs[:1],
        "last": blobs[-1:],
    }[known]
    oids = {digest_bytes(blob).oid for blob in chosen}
    batches = [blobs[at : at + 60] for at in range(0, 300, 60)]
    finished, freed = write_all(scratch, [*batches, blobs[::7], blobs[:2] * 3], oids)
    assert content(finished) == [blob for blob in blobs if digest_bytes(blob).oid not in oids]
    assert sorted(freed) == list(range(7))


def test_every_batch_is_set_free_when_the_disk_is_full(scratch, monkeypatch):
    def full(fd, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    freed = []
    writer = PackWriter(scratch, lambda oids: set())

    def add(number):
        data = memoryview(bytes(5_000_000 - number))
        writer.add_all(data, [digest_bytes(data)], lambda: freed.append(number))

    def add_all():
        for number in range(50):
            add(number)

    with pytest.raises(OSError, match="No space"):
        add_all()
    writer.abandon()
    assert freed == list(range(len(freed)))
    assert freed


def test_packs_are_closed_when_they_are_large_enough(scratch, monkeypatch):
    monkeypatch.setattr(packs, "PACK_SIZE", 8 << 20)
    finished = write(scratch, [random.Random(n).randbytes(1 << 20) for n in range(40)])
    assert [len(pack.entries) for pack in finished][:-1] == [len(finished[0].entries)] * (
        len(finished) - 1
    )
    assert 8 <= len(finished[0].entries) <= 12


def test_nothing_makes_no_pack(scratch):
    assert write(scratch, []) == []


def test_a_disk_that_is_full_is_told_and_leaves_nothing_running(scratch, monkeypatch):
    def full(fd, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        write(scratch, [bytes([n]) * 1_000_000 for n in range(50)])


def test_a_signal_before_the_thread_runs_is_no_bug(scratch, monkeypatch):
    def told(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", told)
    writer = PackWriter(scratch, lambda _: set())
    with pytest.raises(KeyboardInterrupt):
        writer.add_all(memoryview(b"x"), [digest_bytes(b"x")], lambda: None)
    writer.abandon()


def test_what_is_abandoned_leaves_no_file(scratch, tmp_path):
    writer = PackWriter(scratch, lambda oids: set())
    for n in range(20):
        writer.add(bytes([n]) * 1_000_000, digest_bytes(bytes([n]) * 1_000_000))
    writer.abandon()
    assert [
        path
        for path in (tmp_path / "tmp").rglob("*")
        if path.is_file() and path.name != MARKER and path.stat().st_size
    ] == []
