"""Local packs are read whole where all that they hold is wanted, and nothing is wrong with them."""

import os
import random
from pathlib import Path

import pytest

from gitmodel.cache.packs import PackWriter
from gitmodel.cache.wholepacks import part_whole, read_whole
from gitmodel.digest import digest_bytes
from gitmodel.errors import MissingError
from gitmodel.pack import Placed
from gitmodel.scratch import Scratch
from gitmodel.stream import DirectReader, Memory

LONG = [900_000] * 10
SHORT = [900_000] * 9
MOST = 24 << 20


def pack(folder: Path, *sizes: int, seed: int = 0) -> list[Placed]:
    """Write one pack; return where its blobs lie."""
    numbers = random.Random(seed)
    with Scratch(folder / "tmp") as scratch:
        writer = PackWriter(scratch, lambda _: set())
        for size in sizes:
            blob = numbers.randbytes(size)
            writer.add(blob, digest_bytes(blob))
        (done,) = writer.close()
        os.rename(done.path, folder / f"{done.name}.pack")
    return [Placed(done.name, entry) for entry in done.entries]


def path_of(folder: Path, places: list[Placed]) -> Path:
    return folder / f"{places[0].pack}.pack"


def read(folder: Path, places: list[Placed]) -> dict[str, bytes]:
    """The bytes of the packs that come whole, by name."""
    packs, _ = part_whole(folder, places, MOST)
    memory, found = Memory(MOST), {}
    for name, entries, data, piece in read_whole(folder, packs, memory):
        assert entries == [placed.entry for placed in places if placed.pack == name]
        found[name] = bytes(data)
        memory.give(piece)
    return found


def test_packs_that_are_wanted_whole_come_whole(tmp_path):
    first, second = pack(tmp_path, *LONG, 0, seed=1), pack(tmp_path, 7, *LONG, seed=2)
    third = pack(tmp_path, *LONG, seed=3)
    assert read(tmp_path, first + second + third) == {
        each[0].pack: path_of(tmp_path, each).read_bytes() for each in (first, second, third)
    }


def test_in_whatever_order_they_are_asked_for(tmp_path):
    places = pack(tmp_path, *LONG)
    shuffled = random.Random(1).sample(places, len(places))
    (entries,) = part_whole(tmp_path, shuffled, MOST)[0].values()
    assert entries == [placed.entry for placed in places]


@pytest.mark.parametrize(
    ("sizes", "wanted", "most"),
    [
        ([*LONG, 10], slice(0, 10), MOST),
        (LONG, slice(1, None), MOST),
        (SHORT[:8], slice(None), MOST),
        (LONG, slice(None), 9_000_000),
    ],
    ids=["not its last blob", "not its first blob", "too short", "too long"],
)
def test_what_is_left_to_be_read_blob_by_blob(tmp_path, sizes, wanted, most):
    places = pack(tmp_path, *sizes)[wanted]
    assert part_whole(tmp_path, places, most) == ({}, places)


def test_a_pack_that_is_gone(tmp_path):
    places = pack(tmp_path, *LONG)
    packs, _ = part_whole(tmp_path, places, MOST)
    path_of(tmp_path, places).unlink()
    assert part_whole(tmp_path, places, MOST) == ({}, places)
    with pytest.raises(MissingError, match="has gone from the cache"):
        list(read_whole(tmp_path, packs, Memory(MOST)))


@pytest.mark.parametrize("at", [0, 4_500_000, -1, -65, -700])
def test_one_that_is_not_what_its_name_says_is_left_out(tmp_path, at):
    good, bad = pack(tmp_path, *LONG, seed=1), pack(tmp_path, *LONG, seed=2)
    path = path_of(tmp_path, bad)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    assert read(tmp_path, bad + good).keys() == {good[0].pack}


def test_one_that_holds_something_else_than_was_thought_is_left_out(tmp_path):
    places = pack(tmp_path, *LONG)
    other = digest_bytes(b"other").oid
    wrong = [*places[:3], Placed(places[3].pack, places[3].entry._replace(oid=other)), *places[4:]]
    packs, _ = part_whole(tmp_path, wrong, MOST)
    assert list(read_whole(tmp_path, packs, Memory(MOST))) == []


def test_one_that_was_cut_short_meanwhile_is_left_out(tmp_path):
    places = pack(tmp_path, *LONG)
    packs, _ = part_whole(tmp_path, places, MOST)
    os.truncate(path_of(tmp_path, places), 5_000_000)
    assert list(read_whole(tmp_path, packs, Memory(MOST))) == []


def test_memory_is_given_back_for_what_is_left_out(tmp_path, monkeypatch):
    places = pack(tmp_path, *LONG)
    packs, _ = part_whole(tmp_path, places, MOST)
    monkeypatch.setattr(DirectReader, "read", lambda *_: 0)
    memory = Memory(MOST)
    piece = memory.take()
    memory.give(piece)
    assert list(read_whole(tmp_path, packs, memory)) == []
    assert memory.take() is piece


def test_each_is_read_at_once(tmp_path, monkeypatch):
    places = pack(tmp_path, *LONG)
    reads = []
    real = DirectReader.read
    monkeypatch.setattr(
        DirectReader, "read", lambda self, view, at: reads.append(at) or real(self, view, at)
    )
    assert len(read(tmp_path, places)) == 1
    assert reads == [0]


def test_who_stops_early_leaves_no_file_open(tmp_path):
    places = [placed for seed in range(4) for placed in pack(tmp_path, *LONG, seed=seed)]
    packs, _ = part_whole(tmp_path, places, MOST)
    before = set(os.listdir("/proc/self/fd"))
    whole = read_whole(tmp_path, packs, Memory(MOST))
    next(whole)
    whole.close()
    assert set(os.listdir("/proc/self/fd")) == before
