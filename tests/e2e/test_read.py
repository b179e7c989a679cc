"""gitmodel.open, gitmodel.path and gitmodel.read."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gitmodel
from gitmodel.errors import GitmodelError, IntegrityError, MissingError, UsageError
from tests.helpers.repo import Repo, flip, noise, tree
from tests.helpers.story import FIRST, SECOND


@pytest.fixture
def here(clone: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A fresh clone, which is the current folder; set up as `Repo` sets up its commands."""
    monkeypatch.chdir(clone.path)
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_"))]:
        monkeypatch.delenv(name)
    for name in ("HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"):
        monkeypatch.setenv(name, clone.env[name])
    return clone


@pytest.mark.parametrize("name", ["model.pt", "model", "./model.pt"])
@pytest.mark.parametrize(
    ("rev", "expected"),
    [
        (None, SECOND),
        ("v1.1", SECOND),
        ("model-v1.1", SECOND),
        ("v1.0", FIRST),
        ("v1.0.0", FIRST),
        ("main", SECOND),
        ("HEAD~1", FIRST),
    ],
)
def test_open_reads_without_fetching_all(
    here: Repo, name: str, rev: str | None, expected: bytes
) -> None:
    with gitmodel.open(name, rev, verify="chunks") as file:
        file.seek(-100, io.SEEK_END)
        assert file.read() == expected[-100:]
        file.seek(1000)
        assert file.read(500_000) == expected[1000:501_000]
        assert isinstance(file, io.BufferedReader)
    assert here.blobs == []
    assert here.leftovers() == []


def test_a_file_inside_a_folder(here: Repo) -> None:
    with gitmodel.open("data/train/b.png") as file:
        assert file.read() == noise("b again", 4100)
    with gitmodel.open("data/train/deep/c.png", "v1.0") as file:
        assert file.read() == noise("deep/c.png", 4000)
    for wrong in ("data/train", "data/train/none", "none"):
        with pytest.raises(UsageError, match=wrong.rpartition("/")[2]):
            gitmodel.open(wrong)


def test_what_is_in_the_cache_is_read_from_there(here: Repo) -> None:
    assert gitmodel.read("model.pt") == SECOND
    assert gitmodel.read("data/train/a.png") == noise("a.png", 4000)
    shutil.rmtree(here.remote)
    with gitmodel.open("model.pt") as file, gitmodel.open("data/train/a.png") as small:
        assert file.read() == SECOND
        assert small.read() == noise("a.png", 4000)
        assert not file.writable()
        assert not small.writable()
    with pytest.raises(MissingError):
        gitmodel.read("data/train/b.png")


def test_all_is_fetched_and_checked_first(here: Repo) -> None:
    with gitmodel.open("model.pt") as file:
        assert len(here.blobs) == 1
        shutil.rmtree(here.remote)
        assert file.read() == SECOND


def test_a_path_is_a_read_only_copy_with_the_right_name(here: Repo) -> None:
    path = gitmodel.path("model.pt")
    assert (path.name, path.read_bytes()) == ("model.pt", SECOND)
    assert path.stat().st_mode & 0o777 == 0o444
    assert gitmodel.path("model.pt") == path
    old = gitmodel.path("model.pt", "v1.0")
    assert (old.name, old.read_bytes(), old == path) == ("model.pt", FIRST, False)
    assert here.git("status", "--porcelain") == ""
    here.gitmodel("pull")
    here.gitmodel("verify")


def test_a_path_of_a_folder(here: Repo, story: Repo) -> None:
    path = gitmodel.path("data/train")
    assert path.name == "train"
    assert tree(path) == story.tree("data/train")
    assert all(each.stat().st_mode & 0o777 == 0o444 for each in path.rglob("*.png"))
    shutil.rmtree(here.remote)
    assert gitmodel.path("data/train") == path


def test_a_path_inside_a_folder_brings_only_that(here: Repo) -> None:
    path = gitmodel.path("data/train/deep", "v1.0")
    assert tree(path).keys() == {"c.png"}
    assert tree(path.parent).keys() == {"deep/c.png"}
    assert gitmodel.path("data/train/a.png", "v1.0").read_bytes() == noise("a.png", 4000)


@pytest.mark.parametrize("name", ["model.pt", "data/train"])
def test_a_copy_that_was_changed_is_not_given_out(here: Repo, name: str) -> None:
    path = gitmodel.path(name)
    before = tree(path.parent)
    for each in path.rglob("*") if path.is_dir() else ():
        flip(each)
    if path.is_dir():
        (path / "more").write_bytes(b"more")
    else:
        path.unlink()
        path.write_bytes(b"other")
    assert gitmodel.path(name) == path
    assert {p: what for p, what in tree(path.parent).items() if p in before} == before


def test_a_copy_is_no_second_name_of_the_blob_unless_that_is_asked_for(here: Repo) -> None:
    for link in (False, True, False):
        path = gitmodel.path("model.pt", link=link)
        assert (path.stat().st_nlink == 2) == link
    flip(path)
    assert gitmodel.path("model.pt").read_bytes() == SECOND
    here.gitmodel("pull")
    here.gitmodel("verify")


def test_damage_in_the_cache_is_found(here: Repo) -> None:
    path = gitmodel.path("model.pt", link=True)
    flip(path)
    with pytest.raises(IntegrityError):
        gitmodel.path("model.pt", link=True)
    with pytest.raises(IntegrityError):
        gitmodel.open("model.pt")
    with pytest.raises(IntegrityError):
        gitmodel.read("model.pt")


def test_damage_on_the_remote_is_found_when_it_is_read(here: Repo) -> None:
    for pack in here.remote.glob("packs/*/*"):
        for at in range(0, pack.stat().st_size - 2000, 997):
            flip(pack, at)
    with (
        gitmodel.open("model.pt", verify="chunks") as file,
        pytest.raises(IntegrityError, match="damaged"),
    ):
        file.read(1)
    for read in (gitmodel.open, gitmodel.read, gitmodel.path):
        with pytest.raises(IntegrityError):
            read("model.pt")
    assert here.blobs == []


def test_another_repository(here: Repo, story: Repo) -> None:
    origin = here.path.parent / "origin.git"
    assert gitmodel.read("model", repo=origin) == SECOND
    assert gitmodel.read("model", "v1.0", repo=str(origin), cache="kept") == FIRST
    assert [path.name[:7] for path in (here.path / "kept").iterdir()] == ["origin-"]
    assert (here.path.parent / "home/.cache/gitmodel").is_dir()
    with gitmodel.open("data/train/new.png", "main", repo=f"file://{origin}") as file:
        assert file.read() == noise("new", 500)
    assert gitmodel.path("train", repo=origin).is_dir()
    # A clone is read as it is, with its own cache.
    shutil.rmtree(here.remote)
    assert gitmodel.read("model", "v1.0", repo=story.path) == FIRST
    with pytest.raises(UsageError):
        gitmodel.read("model", repo=here.path.parent / "home")
    with pytest.raises(UsageError):
        gitmodel.read("model", "v7.0", repo=origin)
    with pytest.raises(UsageError):
        gitmodel.read("model", "v7.0")


def test_a_repository_that_is_named_counts_in_a_hook_of_another(
    here: Repo, story: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.git("init", "--quiet", str(tmp_path / "other"))
    monkeypatch.chdir(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other/.git/index.lock"))
    for repo in (story.path, here.path.parent / "origin.git"):
        assert gitmodel.read("model", "v1.0", repo=repo) == FIRST
        assert gitmodel.resolve("v1.0", repo).tag == "v1.0"
        assert "v1.0" in [each.tag for each in gitmodel.versions(repo=repo)]
    assert gitmodel.read("model", repo=story.path) == SECOND
    assert gitmodel.compare("v1.0", "model-v1.1", repo=story.path).versions
    with pytest.raises(UsageError):
        gitmodel.resolve("v1.0")


def test_an_endpoint_is_not_contacted_unasked(here: Repo) -> None:
    url = b"s3://bucket/x?endpoint=http://127.0.0.1:9&region=us-east-1"
    here.write(".gitmodel.yaml", here.read(".gitmodel.yaml").replace(b"../remote", url))
    with pytest.raises(IntegrityError, match="not confirmed"):
        gitmodel.open("model.pt")


def test_a_file_that_nobody_closed_is_closed(here: Repo) -> None:
    file = gitmodel.open("model.pt", verify="chunks")
    assert file.read(10) == SECOND[:10]
    del file


def test_unknown_names_are_no_attributes() -> None:
    with pytest.raises(AttributeError, match="'nothing'"):
        _ = gitmodel.nothing
    assert {"open", "path", "read"} <= set(gitmodel.__all__)
    assert issubclass(IntegrityError, GitmodelError)


def test_import_is_light() -> None:
    script = "import gitmodel, sys; print([n for n in sys.modules if n.startswith('gitmodel.')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
