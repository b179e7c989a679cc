"""Weak: what Git calls for gitmodel is found by PATH, in which `.` may stand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.helpers.repo import BIN, GITMODEL, Repo, noise
from tests.helpers.traps import Trap

_NAMES = (
    *("gitmodel", "git-model", "git", "sh", "cat", "grep", "ps", "python", "python3", "env", "rm"),
    *("ssh", "gpg", "ssh-keygen", "git-upload-pack", "git-remote-https"),
)
_PATHS = {
    "first": "{dot}:{path}",
    "empty": ":{path}",
    "last": "{path}:{dot}",
    "folder": "tools:{path}",
}


@pytest.fixture
def trap(story: Repo) -> Trap:
    """Programs in the working tree by the names of all that may be called."""
    story.gitmodel("install", "--tag-guard")
    found = Trap(story.path.parent / "trap")
    for name in _NAMES:
        found.at(story.path / name)
        found.at(story.path / "tools" / name)
    return found


def _work(repo: Repo, path: str) -> None:
    env = {**repo.env, "PATH": path}

    def git(*arguments: str) -> None:
        done = repo.run(_git(repo), *arguments, env=env)
        assert done.code == 0, done.err

    git("log", "-p", "--all", "--", "*.gitmodel")
    git("checkout", "--quiet", "v1.0")
    git("checkout", "--quiet", "-b", "other")
    repo.write("data/train/other.png", noise("other", 100))
    repo.gitmodel("add", "data/train", env=env)
    git("commit", "--quiet", "-m", "other")
    git("tag", "v3.0")
    git("merge", "--quiet", "-m", "merge", "main")
    git("push", "--quiet", "origin", "other")
    for command in ("status", "pull", "versions", "show v1.0", "diff v1.0 main"):
        repo.gitmodel(*command.split(), env=env)


def _git(repo: Repo) -> str:
    return repo.run("which", "git").out.strip()


@pytest.mark.parametrize("path", _PATHS.values(), ids=_PATHS)
def test_weak_no_program_of_the_working_tree_is_run_by_git_or_gitmodel(
    story: Repo, trap: Trap, path: str
) -> None:
    _work(story, path.format(dot=".", path=story.env["PATH"]))
    assert trap.sprung == []


@pytest.fixture
def gone(story: Repo) -> Repo:
    """A clone that was set up by an environment which was removed since."""
    story.gitmodel("install", "--tag-guard")
    story.git("config", "gitmodel.program", "/gone/bin/gitmodel")
    return story


def test_weak_the_program_is_named_in_the_configuration_of_the_clone_alone(story: Repo) -> None:
    story.gitmodel("install")
    assert story.git("config", "--local", "gitmodel.program") == str(GITMODEL)
    assert str(GITMODEL).encode() not in b"".join(
        path.read_bytes() for path in (story.path / ".git/hooks").iterdir()
    )
    story.gitmodel("uninstall")
    assert story.run("git", "config", "gitmodel.program").code == 1


def test_weak_where_that_vanished_the_one_on_path_serves(gone: Repo) -> None:
    trap = Trap(gone.path.parent / "trap")
    trap.at(gone.path / "gitmodel")
    _work(gone, f".:{gone.env['PATH']}")
    assert trap.sprung == []
    done = gone.gitmodel("install", "--check", code=1)
    assert "gitmodel.program is '/gone/bin/gitmodel', which is gone" in done.out
    gone.gitmodel("install")
    assert gone.git("config", "gitmodel.program") == str(GITMODEL)


def test_weak_where_there_is_none_it_is_said_and_none_of_the_tree_is_run(gone: Repo) -> None:
    trap = Trap(gone.path.parent / "trap")
    trap.at(gone.path / "gitmodel")
    without = [folder for folder in gone.env["PATH"].split(os.pathsep) if Path(folder) != BIN]
    without = [folder for folder in without if not (Path(folder) / "gitmodel").exists()]
    env = {**gone.env, "PATH": os.pathsep.join((".", *without))}
    git = _git(gone)
    done = gone.run(git, "log", "-p", "--", "*.gitmodel", env=env)
    assert (done.code, "gitmodel: 1" in done.out) == (0, True), done.err
    assert "'gitmodel' is not on PATH" in done.err
    done = gone.run(git, "checkout", "v1.0", env=env)
    assert "not on PATH, nor any more at /gone/bin/gitmodel" in done.err
    assert gone.run(git, "push", "origin", "HEAD:refs/heads/x", env=env).code
    assert trap.sprung == []
