"""What most end-to-end tests begin from: a model and a folder, and two versions of both."""

from __future__ import annotations

from tests.helpers.repo import Repo, noise

FIRST = noise("model 1", (1 << 20) + 100)
SECOND = noise("model 2", (1 << 20) + 200)
"""The model in both versions."""


def tell(repo: Repo) -> None:
    """Make and push v1.0 and model-v1.1."""
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
    repo.write("model.pt", FIRST)
    for name in ("a.png", "b.png", "deep/c.png"):
        repo.write(f"data/train/{name}", noise(name, 4000))


def write_second(repo: Repo) -> None:
    repo.write("train.py", "print(2)\n")
    repo.write("model.pt", SECOND)
    repo.write("data/train/b.png", noise("b again", 4100))
    repo.write("data/train/new.png", noise("new", 500))
    (repo.path / "data/train/deep/c.png").unlink()
    (repo.path / "data/train/deep").rmdir()
