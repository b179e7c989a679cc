"""`gitmodel import lfs`, on repositories that Git LFS itself made."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from tests.helpers.migrating import BIG, lfs_repo, needs_lfs
from tests.helpers.repo import Repo, copied, flip

pytestmark = needs_lfs


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lfs")
    lfs_repo(folder)
    return folder


@pytest.fixture
def lfs(template: Path, tmp_path: Path) -> Repo:
    repo = copied(template, tmp_path)
    repo.git("status")
    return repo


def _data(repo: Repo) -> dict[str, str]:
    names = ("models/ranker.pt", "models/tool.bin", "data/x.npy", "my file.dat", "empty.bin")
    return {path: what for path, what in repo.tree().items() if path in names}


def test_pointers_take_the_place_of_those_of_lfs(lfs: Repo) -> None:
    before = _data(lfs)
    done = lfs.gitmodel("import", "lfs")
    assert "imported models/ranker.pt (1.0 MB)\n" in done.out
    assert "removed the lines of Git LFS from .gitattributes, data/.gitattributes" in done.out
    digest = hashlib.sha256(BIG).hexdigest()
    assert f'oid: "sha256:{digest}"'.encode() in lfs.read("models/ranker.pt.gitmodel")
    assert lfs.read("data/.gitattributes") == b"*.csv text\n"
    assert b"lfs" not in lfs.read(".gitattributes")
    assert _data(lfs) == before
    assert {each["work"] for each in lfs.status().values()} == {"clean"}
    lfs.commit("moved")
    assert lfs.git("lfs", "ls-files") == ""
    assert lfs.git("cat-file", "blob", "HEAD:models/tool.bin.gitmodel").endswith('mode: "0755"')
    shutil.rmtree(lfs.path / ".git/lfs")
    lfs.gitmodel("verify")
    lfs.gitmodel("push")
    lfs.git("push", "--quiet", "--no-verify", "origin", "main")
    clone = lfs.clone("clone")
    clone.gitmodel("pull")
    assert _data(clone) == before
    assert clone.git("status", "--porcelain") == ""
    assert lfs.leftovers() == []


def test_pointers_that_nobody_smudged_become_files(lfs: Repo) -> None:
    before = _data(lfs)
    lfs.git("push", "--quiet", "origin", "main")
    clone = lfs.clone("clone")
    assert clone.read("models/ranker.pt").startswith(b"version https://git-lfs")
    done = clone.gitmodel("import", "lfs", code=5)
    assert "missing  models/ranker.pt\n" in done.err
    assert "git lfs fetch, then gitmodel import lfs" in done.err
    assert clone.git("status", "--porcelain") == ""
    clone.git("lfs", "fetch")
    clone.gitmodel("import", "lfs")
    assert _data(clone) == before


def test_a_damaged_object_is_missing_unless_the_work_file_is_sound(lfs: Repo) -> None:
    digest = hashlib.sha256(BIG).hexdigest()
    flip(lfs.path / f".git/lfs/objects/{digest[:2]}/{digest[2:4]}/{digest}")
    mine = lfs.path / "models/ranker.pt"
    mine.write_bytes(b"work that nobody saved")
    assert "missing  models/ranker.pt" in lfs.gitmodel("import", "lfs", code=5).err
    assert mine.read_bytes() == b"work that nobody saved"
    mine.write_bytes(BIG)
    lfs.gitmodel("import", "lfs")
    lfs.gitmodel("verify")


def test_work_that_is_not_saved_stays(lfs: Repo) -> None:
    lfs.write("data/x.npy", b"mine")
    lfs.gitmodel("import", "lfs")
    assert lfs.read("data/x.npy") == b"mine"
    assert lfs.status()["data/x.npy"]["work"] == "modified"


def test_an_import_that_was_killed_is_begun_again(lfs: Repo) -> None:
    before = _data(lfs)
    attributes = lfs.read(".gitattributes")
    lfs.gitmodel("import", "lfs")
    # As if Git had not heard of it: what is written lies about, and Git's index is the old one.
    lfs.git("read-tree", "HEAD")
    lfs.gitmodel("import", "lfs")
    # And as if only the last step were to be done.
    lfs.git("reset", "--quiet", "HEAD", "--", ".gitattributes")
    assert lfs.git("show", ":.gitattributes") == attributes.decode().strip()
    assert "removed the lines" in lfs.gitmodel("import", "lfs").out
    lfs.commit("moved")
    assert lfs.git("status", "--porcelain") == ""
    assert _data(lfs) == before
    assert "Git LFS holds nothing here" in lfs.gitmodel("import", "lfs", code=2).err


def test_attributes_that_git_does_not_track_are_in_the_way(lfs: Repo) -> None:
    lfs.write(".git/info/attributes", "models/** filter=lfs\n")
    staged = lfs.git("write-tree")
    done = lfs.gitmodel("import", "lfs", code=2)
    assert "'models/ranker.pt.gitmodel' would go to Git LFS" in done.err
    assert lfs.git("write-tree") == staged
    (lfs.path / ".git/info/attributes").unlink()
    lfs.gitmodel("import", "lfs")
    assert lfs.read("models/ranker.pt.gitmodel").startswith(b"gitmodel: 1")
