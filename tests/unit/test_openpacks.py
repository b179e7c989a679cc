"""Many blobs of local packs are read at once, in the order in which they lie there."""

import os
import random

import pytest

from gitmodel.cache.openpacks import OpenPacks
from gitmodel.cache.packs import PackWriter
from gitmodel.digest import digest_bytes, oid_of
from gitmodel.errors import IntegrityError, MissingError
from gitmodel.pack import Placed
from gitmodel.scratch import Scratch
from gitmodel.stream import SECTOR, DirectReader, Memory

ROOM = (1 << 20) + 2 * SECTOR


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def opened(folder):
    packs = OpenPacks(folder)
    yield packs
    packs.close()


def pack(folder, *sizes):
    """Write one pack; return where its blobs lie, and their bytes by oid."""
    noise = random.Random(repr(sizes))
    blobs = [noise.randbytes(size) for size in sizes]
    with Scratch(folder / "tmp") as scratch:
        writer = PackWriter(scratch, lambda _: set())
        for blob in blobs:
            writer.add(blob, digest_bytes(blob))
        (done,) = writer.close()
        os.rename(done.path, folder / f"{done.name}.pack")
    return [Placed(done.name, e) for e in done.entries], {oid_of(blob): blob for blob in blobs}


def brought(opened, places):
    """The blobs that come, by oid, and how many came at a time."""
    memory, found, counts = Memory(ROOM), {}, []
    for blobs, piece, run in opened.spans(places, memory):
        found.update((oid, bytes(view)) for oid, view in blobs)
        assert run is None or bytes(run) == b"".join(view for _, view in blobs)
        counts.append(len(blobs))
        memory.give(piece)
    return found, counts


SIZES = {
    "one": [5],
    "empty": [0],
    "one behind an empty one": [0, 388],
    "small ones": [1, 4095, 4096, 0, 4097, 20_000] * 3,
    "the longest": [(1 << 20) - 1] * 3,
    "mixed": [random.Random(n).choice([3, 4096, 20_000, 1_048_575]) for n in range(60)],
}


@pytest.mark.parametrize("name", SIZES)
def test_every_blob_comes(folder, opened, name):
    places, blobs = pack(folder, *SIZES[name])
    assert brought(opened, reversed(places))[0] == blobs


def test_an_empty_blob_is_read_first_of_all(folder, opened):
    places, blobs = pack(folder, 5000, 0, 388)
    assert [opened.read(places[number]) for number in (1, 0, 1, 2)] == [
        *(blobs[places[number].entry.oid] for number in (1, 0, 1, 2)),
    ]


def test_of_several_packs(folder, opened):
    first, blobs = pack(folder, 10, 20)
    second, more = pack(folder, 30, 40)
    assert brought(opened, [second[0], first[1], second[1], first[0]])[0] == blobs | more


def test_what_lies_between_is_read_only_if_it_is_little(folder, opened):
    places, blobs = pack(folder, 10, 100_000, 20, 600_000, 30)
    found, counts = brought(opened, [places[0], places[2], places[4]])
    assert found == {each.entry.oid: blobs[each.entry.oid] for each in places[::2]}
    assert counts == [2, 1]


def test_what_follows_each_other_comes_as_one_run_too(folder, opened):
    places, blobs = pack(folder, 10, 0, 5000, 20, 30)
    (span,) = opened.spans(places[:4], Memory(ROOM))
    assert bytes(span.run) == b"".join(blobs[each.entry.oid] for each in places[:4])
    (span,) = opened.spans([places[0], *places[3:]], Memory(ROOM))
    assert span.run is None


def test_few_reads_bring_many(folder, opened, monkeypatch):
    places, blobs = pack(folder, *range(3000, 3500))
    reads = []
    read = DirectReader.read

    def counted(self, view, at):
        reads.append(at)
        return read(self, view, at)

    monkeypatch.setattr(DirectReader, "read", counted)
    assert brought(opened, places)[0] == blobs
    assert len(reads) == 2


def test_a_disk_that_cannot_go_past_the_cache(folder, opened, monkeypatch):
    monkeypatch.setattr("gitmodel.stream._bypass_cache", lambda _, **__: False)
    places, blobs = pack(folder, 4096, 5000, 20_000)
    assert brought(opened, places)[0] == blobs


def test_a_pack_that_is_cut_short(folder, opened):
    places, _ = pack(folder, 4000, 5000)
    os.truncate(folder / f"{places[0].pack}.pack", 8000)
    with pytest.raises(IntegrityError, match="cut short"):
        brought(opened, places)


def test_a_pack_that_is_gone(folder, opened):
    first, second = sorted((pack(folder, 4000)[0], pack(folder, 5000)[0]))
    (folder / f"{second[0].pack}.pack").unlink()
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(MissingError, match="has gone from the cache"):
        brought(opened, [*first, *second])
    assert set(os.listdir("/proc/self/fd")) == before


def test_who_stops_early_leaves_no_file_open(folder, opened):
    places, _ = pack(folder, *[500_000] * 9)
    before = set(os.listdir("/proc/self/fd"))
    spans = opened.spans(places, Memory(ROOM))
    next(spans)
    spans.close()
    assert set(os.listdir("/proc/self/fd")) == before
