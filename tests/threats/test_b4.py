"""B4: a forged twin has the size and the XXH3-128 of a blob; only its oid tells that it is none."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import gitmodel
from gitmodel.cache import store
from gitmodel.digest import fingerprint_of, oid_of
from gitmodel.errors import IntegrityError
from gitmodel.progress import Meter
from tests.helpers.formats import opened_cache
from tests.helpers.repo import Repo, noise
from tests.helpers.twins import SHORTEST, twin

_EVIL = b"EVIL"
_LARGE = (1 << 20) + 200
_MODEL = noise("model 2", _LARGE)
_IMAGE = noise("b again", 4100)


def _swap(path: Path, good: bytes) -> None:
    """Put the twin of a blob in its place in a file of the cache, as one who may write there."""
    data = path.read_bytes()
    assert data.count(good) == 1
    path.chmod(0o644)
    path.write_bytes(data.replace(good, twin(good, _EVIL)))
    path.chmod(0o444)


def _swap_all(cache: Path) -> None:
    """Swap the model, which is a file of its own in a cache, and an image in a pack."""
    files = [*cache.rglob("blobs/*/*/*"), *cache.rglob("packs/*.pack")]
    for good in (_MODEL, _IMAGE):
        [place] = [path for path in files if good in path.read_bytes()]
        _swap(place, good)


@pytest.mark.parametrize("size", [SHORTEST, 5000, _LARGE])
def test_b4_a_twin_can_be_made(size: int) -> None:
    # The helper compares both by xxhash itself.
    assert twin(noise("any", size), _EVIL).startswith(_EVIL)


@pytest.mark.parametrize("path", ["model.pt", "data/train"])
def test_b4_no_twin_goes_from_the_cache_to_the_tree(story: Repo, path: str) -> None:
    _swap_all(story.home)
    files = [story.path / path] if path == "model.pt" else [*(story.path / path).iterdir()]
    good = {file: file.read_bytes() for file in files}
    for file in files:
        file.unlink()
    done = story.gitmodel("checkout", "--", path, code=7)
    assert "its bytes are not those its name says" in done.err
    assert not any(file.exists() for file in files)
    assert len(re.findall("damaged, now in quarantine", story.gitmodel("verify", code=7).out)) == 2
    assert len([*(story.home / "quarantine").iterdir()]) == 2
    story.gitmodel("fetch")
    story.gitmodel("checkout", "--", path)
    assert {file: file.read_bytes() for file in files} == good
    assert story.status()[path]["work"] == "clean"


def test_b4_no_twin_is_delivered_read_or_exported(
    story: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(name: str, target: str, code: int) -> None:
        arguments = ("../origin.git", f"{name}@main", "-o", f"../{target}", "--cache", "../kept")
        story.gitmodel("get", *arguments, code=code)

    for name in ("model", "data/train"):
        get(name, f"{name}-first", 0)
    _swap_all(tmp_path / "kept")
    for name in ("model", "data/train"):
        get(name, f"{name}-second", 7)
        assert not (tmp_path / f"{name}-second").exists()
    _swap_all(story.home)
    story.gitmodel("export", "hf-folder", "model-v1.1", "-o", "../hf", code=7)
    assert not (tmp_path / "hf").exists()
    for name, value in story.env.items():
        monkeypatch.setenv(name, value)
    for read in (gitmodel.open, gitmodel.read, gitmodel.path):
        for path in ("model.pt", "data/train/b.png"):
            with pytest.raises(IntegrityError):
                read(path, repo=story.path)


@pytest.mark.parametrize("algorithm", ["blake3", "sha256"])
def test_b4_no_twin_is_pushed_under_a_name_that_is_not_its_own(repo: Repo, algorithm: str) -> None:
    repo.write(".gitmodel.yaml", repo.read(".gitmodel.yaml") + f"hash: {algorithm}\n".encode())
    small = [noise(f"small {number}", 300_000) for number in range(30)]
    for number, data in enumerate(small):
        repo.write(f"data/{number}", data)
    repo.write("model.pt", _MODEL)
    repo.gitmodel("add", "data", "model.pt")
    repo.commit()
    [loose] = repo.home.glob("blobs/*/*/*")
    [pack] = [path for path in repo.home.glob("packs/*") if small[0] in path.read_bytes()]
    for place, good in ((loose, _MODEL), (pack, small[0])):
        before = place.read_bytes()
        _swap(place, good)
        assert "damaged and was not pushed" in repo.gitmodel("push", code=7).err
        assert not [*repo.remote.glob("index/*")]
        place.chmod(0o644)
        place.write_bytes(before)
    repo.gitmodel("push")
    repo.gitmodel("verify", "--remote")


@pytest.mark.parametrize("shared", [True, False], ids=["shares blocks", "copies"])
@pytest.mark.parametrize("algorithm", ["blake3", "sha256"])
def test_b4_no_twin_is_copied_out_or_adopted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str, *, shared: bool
) -> None:
    def clone(source: int, target: int) -> bool:
        """Do what a disk does whose files can share their blocks."""
        return shared and os.pwrite(target, os.pread(source, _LARGE, 0), 0) == _LARGE

    monkeypatch.setattr(store, "clone", clone)
    (tmp_path / "evil").write_bytes(twin(_MODEL, _EVIL))
    with opened_cache(tmp_path / "cache") as cache, (tmp_path / "evil").open("rb") as evil:
        oid = oid_of(_MODEL, algorithm)
        with pytest.raises(IntegrityError):
            cache.adopt_file(evil.fileno(), oid, Meter())
        assert not cache.present([oid])
        cache.put(_MODEL, algorithm)
        with (tmp_path / "out").open("w+b") as out:
            assert cache.copy_loose(oid, out.fileno(), Meter()).oid == oid
        _swap(cache.loose_path(oid), _MODEL)
        with (tmp_path / "other").open("w+b") as out, pytest.raises(IntegrityError):
            cache.copy_loose(oid, out.fileno(), Meter())


def test_b4_the_oid_decides_of_a_blob_in_a_pack_whatever_its_length(tmp_path: Path) -> None:
    """Of what is short, as the target of a symlink, no twins are known; it is not relied on."""
    with opened_cache(tmp_path) as cache:
        oid = cache.put(b"../target").oid
        [pack] = tmp_path.glob("packs/*")
        pack.chmod(0o644)
        pack.write_bytes(pack.read_bytes().replace(b"../target", b"../forged"))
        [placed] = cache.places([oid]).values()
        entry = placed.entry._replace(fingerprint=fingerprint_of(b"../forged"))
        with pytest.raises(IntegrityError):
            cache.read_packed(placed._replace(entry=entry))


def test_b4_a_twin_in_the_working_tree_is_not_what_the_pointer_says(repo: Repo) -> None:
    good = {"model.pt": _MODEL, "data/a": _IMAGE, "data/run": noise("run", 2000)}
    evil = {path: twin(data, _EVIL) for path, data in good.items()}

    def add(files: dict[str, bytes]) -> None:
        for path, data in files.items():
            repo.write(path, data)
        (repo.path / "data/run").chmod(0o755)
        repo.gitmodel("add", "model.pt", "data")
        repo.commit()

    add(good)
    repo.git("tag", "-a", "model-v1.0", "-m", "signed by whom one trusts")
    repo.git("switch", "--quiet", "-c", "branch")
    add(evil)
    # What no index knows: files were touched, or came by `cp -a`, or the index was lost.
    for path in evil:
        os.utime(repo.path / path)
    for left in repo.home.glob("index.db*"):
        left.unlink()
    repo.gitmodel("checkout", "model-v1.0")
    assert {path: repo.read(path) for path in good} == good
    for path, data in evil.items():
        repo.write(path, data)
    (repo.path / "data/run").chmod(0o755)
    found = repo.status()
    assert [found[path]["work"] for path in ("model.pt", "data")] == ["modified", "modified"]
    assert found["data"]["modified"] == ["a", "run"]
    # It was not only said: nothing was remembered of these bytes but what they are.
    assert "unchanged" not in repo.gitmodel("add", "-u").out
    assert repo.git("diff", "branch", "--", "*.gitmodel") == ""


def test_b4_all_that_compares_tells_twins_apart(story: Repo) -> None:
    evil = twin(_MODEL, _EVIL)
    story.write("model.pt", evil)
    story.write("data/train/b.png", twin(_IMAGE, _EVIL))
    out = story.gitmodel("diff").out
    assert "model.pt" in out
    assert "b.png" in out
    assert "modified: model.pt" in story.gitmodel("verify", "--quick").out
    story.write("train.py", "open('out.bin', 'wb').write(open('model.pt', 'rb').read())\n")
    story.gitmodel("run", "--use", "model.pt", "--save", "out.bin", "--", "python", "train.py")
    lineage = story.read("out.lineage.yaml").decode()
    assert oid_of(evil) in lineage
    assert oid_of(_MODEL) not in lineage


def test_b4_a_move_does_not_vouch_for_what_was_touched(story: Repo) -> None:
    before = os.stat(story.path / "model.pt")
    with open(story.path / "model.pt", "r+b") as file:
        file.write(_EVIL)
    os.utime(story.path / "model.pt", ns=(before.st_atime_ns, before.st_mtime_ns))
    story.gitmodel("mv", "model.pt", "moved.pt")
    assert story.status()["moved.pt"]["work"] == "modified"
