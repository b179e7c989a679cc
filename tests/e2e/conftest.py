from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.repo import Repo, copied, new_repo, noise


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty repository, one with two versions that were pushed, and a clone of that."""
    folder = tmp_path_factory.mktemp("templates")
    (folder / "empty").mkdir()
    (folder / "story").mkdir()
    new_repo(folder / "empty")
    _tell(new_repo(folder / "story"))
    return folder


@pytest.fixture
def repo(templates: Path, tmp_path: Path) -> Repo:
    """A repository with an origin and a remote, and nothing in it."""
    return copied(templates / "empty", tmp_path)


@pytest.fixture
def story(templates: Path, tmp_path: Path) -> Repo:
    """A repository with v1.0 and model-v1.1, both pushed; it is at the second."""
    return copied(templates / "story", tmp_path)


@pytest.fixture
def clone(story: Repo) -> Repo:
    """A fresh clone of the story: pointers only."""
    return story.clone("clone")


def _tell(repo: Repo) -> None:
    write_first(repo)
    repo.gitmodel("add", "model.pt", "data/train")
    repo.commit("first")
    repo.git("tag", "v1.0")
    repo.gitmodel("push")
    write_second(repo)
    repo.gitmodel("add", "model.pt", "data/train")
    repo.commit("second")
    repo.git("tag", "-a", "model-v1.1", "-m", "better")
    repo.gitmodel("push")
    repo.git("push", "--quiet", "origin", "main")


def write_first(repo: Repo) -> None:
    repo.write("train.py", "print(1)\n")
    repo.write("model.pt", noise("model 1", (1 << 20) + 100))
    for name in ("a.png", "b.png", "deep/c.png"):
        repo.write(f"data/train/{name}", noise(name, 4000))


def write_second(repo: Repo) -> None:
    repo.write("train.py", "print(2)\n")
    repo.write("model.pt", noise("model 2", (1 << 20) + 200))
    repo.write("data/train/b.png", noise("b again", 4100))
    repo.write("data/train/new.png", noise("new", 500))
    (repo.path / "data/train/deep/c.png").unlink()
    (repo.path / "data/train/deep").rmdir()
