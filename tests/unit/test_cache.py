import os
import random
import shutil
import stat

import pytest

from gitmodel.cache import SMALL
from gitmodel.digest import digest_bytes, fingerprint_of, hex_of, oid_of
from gitmodel.errors import IntegrityError, MissingError
from gitmodel.progress import Meter
from tests.helpers.foreign import seen, victim
from tests.helpers.formats import opened_cache

LARGE = random.Random(5).randbytes(SMALL + 17)
EDGE = random.Random(6).randbytes(SMALL)
SMALL_BLOBS = [b"", b"x", b"small one", b"small two" * 1000, EDGE[:-1]]


@pytest.fixture
def home(tmp_path):
    return tmp_path / "gitmodel"


@pytest.fixture
def cache(home):
    with opened_cache(home) as cache:
        yield cache


def loose(home, data: bytes):
    """Where a large blob lies."""
    digits = oid_of(data)[7:]
    return home / "blobs" / "blake3" / digits[:2] / digits


def only_pack(home):
    [path] = (home / "packs").iterdir()
    return path


def flip(path, offset: int) -> None:
    """Flip a bit of a file that is read-only, as a failing disk does."""
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 4]))
    path.chmod(0o444)


def put_all(cache, blobs) -> list[str]:
    with cache.writer() as writer:
        for data in blobs:
            writer.add(data, digest_bytes(data))
    return [oid_of(data) for data in blobs]


@pytest.mark.parametrize("data", [*SMALL_BLOBS, EDGE, LARGE], ids=len)
@pytest.mark.parametrize("algorithm", ["blake3", "sha256"])
def test_what_was_put_can_be_read(cache, data, algorithm):
    digests = cache.put(data, algorithm)
    assert digests == digest_bytes(data, algorithm)
    assert cache.read(digests.oid, limit=len(data)) == data
    assert cache.present([digests.oid, oid_of(b"other")]) == {digests.oid}


def test_small_blobs_share_a_pack_and_large_ones_are_files(home, cache):
    put_all(cache, [*SMALL_BLOBS, EDGE, LARGE])
    assert only_pack(home).suffix == ".pack"
    assert loose(home, EDGE).read_bytes() == EDGE
    assert loose(home, LARGE).read_bytes() == LARGE
    for path in (only_pack(home), loose(home, LARGE)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_the_same_blob_again_takes_no_room(home, cache):
    put_all(cache, [*SMALL_BLOBS, LARGE])
    size = cache.size()
    put_all(cache, [*SMALL_BLOBS, LARGE, *SMALL_BLOBS])
    assert cache.size() == size


def test_put_file_keeps_the_bytes_and_both_digests(tmp_path, cache):
    path = tmp_path / "model.pt"
    path.write_bytes(LARGE)
    with path.open("rb") as file:
        assert cache.put_file(file.fileno(), "sha256", Meter()) == digest_bytes(LARGE, "sha256")
    assert cache.read(oid_of(LARGE, "sha256"), limit=len(LARGE)) == LARGE


@pytest.mark.parametrize("algorithm", ["blake3", "sha256"])
def test_copy_loose_returns_the_digests_of_what_it_wrote(home, tmp_path, cache, algorithm):
    expected = cache.put(LARGE, algorithm)
    with (tmp_path / "out").open("w+b") as target:
        assert cache.copy_loose(expected.oid, target.fileno(), Meter()) == expected
    assert (tmp_path / "out").read_bytes() == LARGE
    flip(next(home.glob("blobs/*/*/*")), 1000)
    with (tmp_path / "other").open("w+b") as target, pytest.raises(IntegrityError):
        cache.copy_loose(expected.oid, target.fileno(), Meter())


def test_a_blob_that_is_not_here_is_missing(cache):
    with pytest.raises(MissingError) as caught:
        cache.read(oid_of(b"nowhere"), limit=100)
    assert (caught.value.exit_code, caught.value.hint) == (5, "gitmodel fetch")


def test_a_blob_longer_than_allowed_is_not_read(cache):
    cache.put(LARGE)
    with pytest.raises(IntegrityError, match="longer than"):
        cache.read(oid_of(LARGE), limit=len(LARGE) - 1)


def test_a_writer_that_fails_leaves_nothing(home, cache):
    def blobs():
        yield b"one"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put_all(cache, blobs())
    assert not cache.present([oid_of(b"one")])
    assert not list(home.glob("packs/*"))
    assert put_all(cache, [b"one"])
    assert cache.read(oid_of(b"one"), limit=3) == b"one"


def test_many_blobs_fill_many_packs(home, cache):
    blobs = [random.Random(n).randbytes(SMALL - 1) for n in range(50)]
    oids = put_all(cache, blobs)
    assert len(list(home.glob("packs/*.pack"))) == 3
    assert all(cache.read(o, limit=SMALL) == b for o, b in zip(oids, blobs, strict=True))


# What others do to the folder


def test_an_index_that_was_lost_is_rebuilt_from_the_packs(home):
    with opened_cache(home) as cache:
        oids = put_all(cache, SMALL_BLOBS)
    (home / "index.db").unlink()
    with opened_cache(home) as cache:
        assert cache.present(oids) == set(oids)


@pytest.mark.parametrize("what", ["packs", "the pack"])
def test_a_pack_that_was_removed_is_forgotten(home, what):
    with opened_cache(home) as cache:
        oids = put_all(cache, SMALL_BLOBS)
    shutil.rmtree(home / "packs") if what == "packs" else only_pack(home).unlink()
    with opened_cache(home) as cache:
        assert not cache.present(oids)
        put_all(cache, SMALL_BLOBS)
        assert cache.present(oids) == set(oids)


def test_a_blob_in_two_packs_survives_the_loss_of_one(home):
    with opened_cache(home) as cache:
        put_all(cache, [b"both", b"one"])
    first = only_pack(home)
    kept = first.rename(home / "kept")
    with opened_cache(home) as cache:
        put_all(cache, [b"both", b"two"])
    kept.rename(first)
    with opened_cache(home) as cache:
        assert len(cache.present(map(oid_of, (b"both", b"one", b"two")))) == 3
    first.unlink()
    with opened_cache(home) as cache:
        assert cache.read(oid_of(b"both"), limit=9) == b"both"
        assert not cache.present([oid_of(b"one")])


def test_a_damaged_pack_is_no_reason_not_to_open(home):
    with opened_cache(home) as cache:
        put_all(cache, SMALL_BLOBS)
    (home / "index.db").unlink()
    flip(only_pack(home), only_pack(home).stat().st_size - 20)
    with opened_cache(home) as cache:
        assert not cache.present([oid_of(b"x")])
        assert cache.put(b"x").oid == oid_of(b"x")
        assert cache.read(oid_of(b"x"), limit=1) == b"x"


# Verify


def test_a_sound_cache_has_no_damage(cache):
    put_all(cache, [*SMALL_BLOBS, EDGE, LARGE])
    seen = []
    assert cache.verify({}, lambda phase, done, total, note: seen.append((done, total))) == []
    assert seen[-1] == (cache.size(), cache.size())


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("offset", [0, 12345, len(LARGE) - 1])
def test_a_flipped_bit_in_a_loose_blob_is_found(home, cache, quick, offset):
    put_all(cache, [LARGE, EDGE])
    flip(loose(home, LARGE), offset)
    with pytest.raises(IntegrityError):
        cache.read(oid_of(LARGE), limit=len(LARGE))
    fingerprints = {oid_of(data): fingerprint_of(data) for data in (LARGE, EDGE)}
    damages = cache.verify(fingerprints, quick=quick)
    assert [damage.name for damage in damages] == [oid_of(LARGE)]
    assert cache.present([oid_of(LARGE), oid_of(EDGE)]) == {oid_of(EDGE)}
    assert (home / "quarantine" / oid_of(LARGE)[7:]).exists()
    assert cache.verify({}) == []
    cache.put(LARGE)
    assert cache.read(oid_of(LARGE), limit=len(LARGE)) == LARGE


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("victim", range(1, len(SMALL_BLOBS)))
def test_a_flipped_bit_in_a_pack_costs_one_blob_and_the_rest_is_saved(home, cache, quick, victim):
    oids = put_all(cache, SMALL_BLOBS)
    pack = only_pack(home)
    flip(pack, sum(map(len, SMALL_BLOBS[:victim])))
    with pytest.raises(IntegrityError):
        cache.read(oids[victim], limit=SMALL)
    with pytest.raises(IntegrityError):
        cache.read_packed(cache.places(oids)[oids[victim]])
    assert [damage.name for damage in cache.verify({}, quick=quick)] == [oids[victim]]
    assert cache.present(oids) == set(oids) - {oids[victim]}
    assert (home / "quarantine" / pack.name).exists()
    for oid, data in zip(oids, SMALL_BLOBS, strict=True):
        if oid != oids[victim]:
            assert cache.read(oid, limit=SMALL) == data
    assert cache.verify({}) == []


@pytest.mark.parametrize("change", ["cut short", "extended", "emptied", "noise", "table"])
def test_a_pack_that_is_no_pack_is_put_away(home, cache, change):
    oids = put_all(cache, SMALL_BLOBS)
    pack = only_pack(home)
    pack.chmod(0o644)
    size = pack.stat().st_size
    if change == "table":
        flip(pack, size - 100)
    else:
        new = {"cut short": pack.read_bytes()[:-1], "extended": pack.read_bytes() + b"x"}
        pack.write_bytes({**new, "emptied": b"", "noise": os.urandom(size)}[change])
    [damage] = cache.verify({})
    assert damage.name == pack.name
    assert not cache.present(oids)
    assert (home / "quarantine" / pack.name).exists()
    assert cache.verify({}) == []


@pytest.mark.parametrize("change", ["cut short", "extended", "emptied"])
def test_a_loose_blob_of_another_length_is_found(home, cache, change):
    cache.put(LARGE)
    new = {"cut short": LARGE[:-1], "extended": LARGE + b"x", "emptied": b""}[change]
    loose(home, LARGE).chmod(0o644)
    loose(home, LARGE).write_bytes(new)
    assert [damage.name for damage in cache.verify({})] == [oid_of(LARGE)]


def test_swapped_blobs_are_both_found(home, cache):
    put_all(cache, [LARGE, EDGE])
    one, other = loose(home, LARGE), loose(home, EDGE)
    one.rename(home / "aside")
    other.rename(one)
    (home / "aside").rename(other)
    damages = cache.verify({oid_of(LARGE): fingerprint_of(LARGE)}, quick=True)
    assert {damage.name for damage in damages} == {oid_of(LARGE), oid_of(EDGE)}


@pytest.mark.parametrize("what", ["moved", "symlink", "dangling", "loop", "folder", "fifo"])
def test_what_is_no_blob_is_put_away_and_the_rest_is_checked(home, cache, what):
    put_all(cache, [LARGE, EDGE])
    path = loose(home, LARGE)
    flip(loose(home, EDGE), 0)
    if what == "moved":
        (path.parents[1] / "zz").mkdir()
        path.rename(path.parents[1] / "zz" / path.name)
    else:
        path.rename(home / "elsewhere")
        if what == "symlink":
            path.symlink_to(home / "elsewhere")
        elif what == "dangling":
            path.symlink_to(home / "nowhere")
        elif what == "loop":
            path.symlink_to(path.name)
        elif what == "folder":
            path.mkdir()
        else:
            os.mkfifo(path)
    damages = cache.verify({})
    assert len(damages) == 2
    assert oid_of(EDGE) in {damage.name for damage in damages}
    assert cache.verify({}) == []


def test_what_has_no_name_of_ours_is_left_alone(home, cache):
    put_all(cache, [LARGE, *SMALL_BLOBS])
    strangers = [
        victim(folder)
        for folder in (home / "blobs" / "x", home / "packs" / "x", loose(home, LARGE).parent / "x")
    ]
    for folder in (home / "packs", loose(home, LARGE).parent):
        for name in ("notes.txt", "notes.pack", "f" * 63):
            (folder / name).write_text("precious")
        (folder / "link").symlink_to(strangers[0])
    (home / "blobs" / "blake3" / "link").symlink_to(strangers[0])
    before = seen(home)
    assert cache.verify({}) == []
    assert seen(home) == before


@pytest.mark.parametrize("name", ["blobs", "blobs/blake3", "packs", "partial", "quarantine"])
def test_a_symlink_in_the_place_of_a_folder_is_refused(home, name):
    strangers = victim(home.parent / "strangers")
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(strangers)
    before = seen(strangers)
    with pytest.raises(IntegrityError, match="is a symlink") as failed, opened_cache(home):
        pass
    assert failed.value.hint == f"ls -ld {path}"
    assert seen(strangers) == before


def test_a_quarantine_takes_no_name_twice(home, cache):
    for _ in range(3):
        cache.put(LARGE)
        flip(loose(home, LARGE), 0)
        assert len(cache.verify({})) == 1
    name = loose(home, LARGE).name
    assert {path.name for path in (home / "quarantine").iterdir()} == {
        name,
        f"{name}.2",
        f"{name}.3",
    }


def test_of_partial_blobs_only_ours_are_given_up(home, cache):
    folder = home / "partial"
    folder.mkdir()
    (folder / "notes").write_text("precious")
    os.link(folder / "notes", folder / "again")
    (folder / "link").symlink_to("notes")
    ours = f"blake3-{'0' * 64}"
    for name in ("notes", ours):
        (folder / name).touch()
        os.utime(folder / name, (0, 0))
    os.close(cache.open_partial(oid_of(LARGE))[0])
    assert {path.name for path in folder.iterdir()} == {
        *("notes", "again", "link"),
        f"blake3-{hex_of(oid_of(LARGE))}",
    }


@pytest.mark.parametrize("make", ["link", "symlink", "mkdir"])
def test_a_partial_blob_that_may_be_somebodys_is_not_written_to(home, cache, make):
    folder, notes = home / "partial", home / "notes"
    folder.mkdir()
    notes.write_text("precious")
    path = folder / f"blake3-{hex_of(oid_of(LARGE))}"
    {"link": os.link, "symlink": os.symlink, "mkdir": lambda _, path: path.mkdir()}[make](
        notes, path
    )
    fd, spare = cache.open_partial(oid_of(LARGE))
    os.write(fd, b"new")
    os.close(fd)
    assert notes.read_text() == "precious"
    assert (spare == path) is (make == "link")


def test_blobs_and_packs_are_as_private_as_the_umask_says(home, cache):
    before = os.umask(0o027)
    try:
        put_all(cache, [LARGE, *SMALL_BLOBS])
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (only_pack(home), loose(home, LARGE))}
    assert modes == {0o440}


def test_a_blob_that_became_a_fifo_does_not_hang(home, cache):
    cache.put(LARGE)
    path = loose(home, LARGE)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(IntegrityError):
        cache.read(oid_of(LARGE), limit=len(LARGE))
