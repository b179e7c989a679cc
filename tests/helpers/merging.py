"""Branches of a repository in which Git merges pointers by way of gitmodel."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from gitmodel.git.command import open_git
from gitmodel.porcelain.drivers import set_drivers
from tests.helpers.repo import Done, Repo

Files = Mapping[str, str | bytes | None]
"""Path to content; None removes the file."""


def set_up(repo: Repo, files: Files, *artifacts: str) -> None:
    """Set the drivers, and commit a base with these artifacts."""
    set_drivers(open_git(repo.path))
    write(repo, files)
    repo.gitmodel("add", *artifacts)
    repo.commit("base")


def branch(repo: Repo, name: str, files: Files, start: str = "main") -> str:
    """Commit changes of tracked artifacts on a new branch; return the commit."""
    repo.git("checkout", "--quiet", "-b", name, start)
    repo.gitmodel("checkout")
    return change(repo, files, name)


def change(repo: Repo, files: Files, message: str) -> str:
    """Commit changes of tracked artifacts on the branch that is checked out."""
    write(repo, files)
    repo.gitmodel("add", "--update")
    return repo.commit(message)


def write(repo: Repo, files: Files) -> None:
    """Write and remove files."""
    for path, data in files.items():
        target = repo.path / path
        if data is not None:
            if target.is_dir():
                shutil.rmtree(target)
            repo.write(path, data)
        elif target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink()
            if not any(target.parent.iterdir()):
                target.parent.rmdir()


def merge(repo: Repo, *arguments: str, conflict: bool = False) -> Done:
    """Run a command of Git that merges; check whether it met a conflict."""
    done = repo.run("git", *arguments)
    assert (done.code == 1) == conflict, done
    assert done.code in (0, 1), done
    assert "bug in gitmodel" not in done.err
    return done


def contents(repo: Repo, folder: str) -> dict[str, bytes]:
    """Return the files below a folder."""
    top = repo.path / folder
    return {str(p.relative_to(top)): p.read_bytes() for p in sorted(top.rglob("*")) if p.is_file()}
