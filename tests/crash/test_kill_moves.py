"""`resolve`, `mv` and `rm`, killed at any call: no byte is lost, and the same command finishes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.faults import CALLS, kill_at, needs_strace, remove
from tests.helpers.merging import branch, merge, set_up
from tests.helpers.repo import Repo, copied, new_repo, noise

_MOST = 120
_COMMANDS = {
    "resolve": ("resolve", "--theirs", "data"),
    "mv": ("mv", "data", "sets/data"),
    "mv-file": ("mv", "model.pt", "best.pt"),
    "rm": ("rm", "--sidecars", "data", "model.pt"),
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In the middle of a merge, for `resolve`; nothing else is in conflict."""
    folder = tmp_path_factory.mktemp("moves")
    repo = new_repo(folder)
    files = {f"data/{name}": noise(name, 2000) for name in "abc"}
    files |= {"model.pt": noise("model", 3000), "data.metrics.json": b"{}"}
    set_up(repo, files, "data", "model.pt")
    branch(repo, "theirs", {"data/a": "theirs", "data/d": "new"})
    branch(repo, "ours", {"data/a": "ours", "data/b": "ours"})
    return folder


def _start(template: Path, folder: Path, name: str) -> Repo:
    repo = copied(template, folder)
    if name == "resolve":
        merge(repo, "merge", "--no-edit", "theirs", conflict=True)
    return repo


@needs_strace
@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.torture)])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", _COMMANDS)
def test_killed_at_a_call(template: Path, tmp_path: Path, name: str, call: str, step: int) -> None:
    whole = _start(template, tmp_path / "whole", name)
    before = whole.tree()
    whole.gitmodel(*_COMMANDS[name])
    after = whole.tree()
    staged = whole.git("write-tree")
    for number in range(1, _MOST, step):
        repo = _start(template, tmp_path / str(number), name)
        if not kill_at(repo, _COMMANDS[name], call, number).hit:
            return
        here = {p: d for p, d in repo.tree().items() if not p.endswith((".gitmodel", ".gitignore"))}
        assert set(here.values()) <= {*before.values(), *after.values(), "d"}
        _finish(repo, name)
        assert repo.tree() == after
        assert repo.git("write-tree") == staged
        repo.gitmodel("status", "--exit-code")
        repo.gitmodel("verify")
        assert repo.leftovers() == []
        remove(tmp_path / str(number))
    pytest.fail("the command never ran to its end")


def _finish(repo: Repo, name: str) -> None:
    """Run the command again, unless all of it was done and only its end was lost."""
    for lock in repo.path.glob(".git/*.lock"):
        # What Git asks its user to do after it was killed itself.
        if lock.name != "gitmodel.lock":
            lock.unlink()
    done = repo.run("gitmodel", *_COMMANDS[name])
    assert done.code in (0, 2), done.err
    if done.code == 2:
        assert "not a tracked artifact" in done.err or "not in conflict" in done.err
