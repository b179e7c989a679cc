from __future__ import annotations

from pathlib import Path

import pytest

from gitmodel.errors import IntegrityError
from gitmodel.git.command import Git, open_git
from gitmodel.porcelain.drivers import check_drivers, set_attributes, set_drivers, unset_drivers
from gitmodel.scratch import Scratch
from tests.helpers.repo import Repo, new_repo


@pytest.fixture
def git(repo: Repo) -> Git:
    return open_git(repo.path)


def test_init_writes_and_stages_the_attributes(tmp_path: Path) -> None:
    fresh = Repo(tmp_path / "fresh")
    fresh.path.mkdir()
    fresh.git("init", "--quiet")
    fresh.write(".gitattributes", "*.py text")
    assert ".gitattributes" in fresh.gitmodel("init").out
    assert fresh.git("diff", "--cached", "--name-only").split() == [
        ".gitattributes",
        ".gitmodel.yaml",
    ]
    lines = fresh.read(".gitattributes").splitlines()
    assert lines[0] == b"*.py text"
    assert fresh.git(
        "check-attr", "merge", "diff", "text", "--", "a/m.pt.gitmodel"
    ).splitlines() == [
        "a/m.pt.gitmodel: merge: gitmodel",
        "a/m.pt.gitmodel: diff: gitmodel",
        "a/m.pt.gitmodel: text: unset",
    ]


def test_drivers_are_set_once_checked_and_taken_away(repo: Repo, git: Git) -> None:
    assert check_drivers(git) == [
        "merge.gitmodel.name is not set",
        "merge.gitmodel.driver is not set",
        "diff.gitmodel.textconv is not set",
        "diff.gitmodel.cachetextconv is not set",
        "gitmodel.program is not set",
    ]
    assert set_drivers(git)
    assert check_drivers(git) == []
    assert set_drivers(git) == []
    repo.git("config", "merge.gitmodel.driver", "something else")
    assert check_drivers(git) == ["merge.gitmodel.driver is 'something else'"]
    assert set_drivers(git) == ["merge.gitmodel.driver"]
    assert len(unset_drivers(git)) == 5
    assert unset_drivers(git) == []
    assert "gitmodel:" not in repo.read(".git/config").decode()


def test_attributes_that_were_taken_out_come_back(repo: Repo, git: Git, tmp_path: Path) -> None:
    repo.write(".gitattributes", "*.png binary\n")
    assert len([each for each in check_drivers(git) if ".gitattributes lacks" in each]) == 2
    with Scratch(tmp_path / "scratch") as scratch:
        assert set_attributes(git, scratch)
        assert not set_attributes(git, scratch)
    assert repo.read(".gitattributes").startswith(b"*.png binary\n*.gitmodel ")


def test_attributes_behind_a_symlink_are_refused(repo: Repo, git: Git, tmp_path: Path) -> None:
    (repo.path / ".gitattributes").unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine\n")
    (repo.path / ".gitattributes").symlink_to(elsewhere)
    with Scratch(tmp_path / "scratch") as scratch, pytest.raises(IntegrityError, match="symlink"):
        set_attributes(git, scratch)
    assert elsewhere.read_text() == "mine\n"


def test_two_branches_that_each_track_something_in_one_folder_merge(tmp_path: Path) -> None:
    repo = new_repo(tmp_path)
    repo.commit("start")
    for branch in ("one", "two"):
        repo.git("checkout", "--quiet", "-b", branch, "main")
        repo.write(f"models/{branch}.pt", branch)
        repo.gitmodel("add", f"models/{branch}.pt")
        repo.commit(branch)
    repo.git("merge", "--quiet", "--no-edit", "one")
    assert sorted(repo.read("models/.gitignore").split()) == [b"/one.pt", b"/two.pt"]
    assert repo.git("status", "--porcelain") == ""
