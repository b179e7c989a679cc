"""A repository whose history holds an artifact as a plain file of Git, before it became one."""

from __future__ import annotations

from tests.helpers.repo import Repo

OLD, NEW = b"old weights" * 999, b"new weights" * 999


def converted(repo: Repo) -> None:
    repo.write("model.pt", OLD)
    repo.write("data/a.csv", "1,2\n")
    repo.write("data/b.csv", "3,4\n")
    repo.commit("raw")
    repo.git("tag", "raw")
    repo.gitmodel("add", "model.pt", "data")
    repo.commit("tracked by gitmodel")
    repo.git("tag", "v1.0")
    repo.write("model.pt", NEW)
    repo.gitmodel("add", "model.pt")
    repo.commit("second")
    repo.git("tag", "v2.0")


def test_going_back_leaves_what_git_holds_and_forth_restores_the_artifact(repo: Repo) -> None:
    converted(repo)
    before = repo.tree()
    repo.gitmodel("checkout", "raw")
    assert repo.read("model.pt") == OLD
    assert repo.read("data/b.csv") == b"3,4\n"
    assert repo.git("status", "--short") == ""
    repo.gitmodel("checkout", "v1.0")
    assert repo.read("model.pt") == OLD
    assert repo.read("data/a.csv") == b"1,2\n"
    repo.gitmodel("checkout", "raw")
    repo.gitmodel("checkout", "v2.0")
    assert repo.tree() == before
    assert all(each["work"] == "clean" for each in repo.status().values())


def test_changes_to_what_git_holds_are_not_overwritten(repo: Repo) -> None:
    converted(repo)
    repo.gitmodel("checkout", "raw")
    repo.write("model.pt", b"precious")
    repo.gitmodel("checkout", "v2.0", code=4)
    assert repo.read("model.pt") == b"precious"


def test_unsaved_changes_of_an_artifact_block_the_way_back(repo: Repo) -> None:
    converted(repo)
    repo.write("model.pt", b"precious")
    repo.gitmodel("checkout", "raw", code=4)
    assert repo.read("model.pt") == b"precious"
