"""`import dvc` and `import lfs`, killed at any call: the same command finishes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.faults import CALLS, kill_at, needs_strace, remove
from tests.helpers.migrating import dvc_repo, lfs_repo, needs_lfs
from tests.helpers.repo import Repo, copied

_MOST = 200
_COMMANDS = {"dvc": ("import", "dvc", "--all-tags"), "lfs": ("import", "lfs")}


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {name: tmp_path_factory.mktemp(name) for name in _COMMANDS}
    dvc_repo(folders["dvc"])
    lfs_repo(folders["lfs"])
    return folders


@needs_strace
@needs_lfs
@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.torture)])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", _COMMANDS)
def test_killed_at_a_call(
    templates: dict[str, Path], tmp_path: Path, name: str, call: str, step: int
) -> None:
    whole = copied(templates[name], tmp_path / "whole")
    before = _data(whole)
    whole.gitmodel(*_COMMANDS[name])
    staged = whole.git("write-tree")
    for number in range(1, _MOST, step):
        repo = copied(templates[name], tmp_path / str(number))
        if not kill_at(repo, _COMMANDS[name], call, number).hit:
            return
        assert _data(repo) == before
        _finish(repo, name)
        assert repo.git("write-tree") == staged
        assert _data(repo) == before
        assert repo.git("diff", "--name-only") == ""
        repo.gitmodel("status", "--exit-code")
        repo.gitmodel("verify")
        assert repo.leftovers() == []
        remove(tmp_path / str(number))
    pytest.fail("the command never ran to its end")


def _data(repo: Repo) -> dict[str, str]:
    """Return what neither DVC nor gitmodel nor Git wrote."""
    ours = (".gitmodel", ".gitignore", ".dvc", ".gitattributes", ".gitmodel.imported")
    return {
        p: d for p, d in repo.tree().items() if not p.startswith(".dvc/") and not p.endswith(ours)
    }


def _finish(repo: Repo, name: str) -> None:
    """Run the command again, unless all of it was done and only its end was lost."""
    for lock in repo.path.glob(".git/*.lock"):
        if lock.name != "gitmodel.lock":
            lock.unlink()
    done = repo.run("gitmodel", *_COMMANDS[name])
    assert done.code in (0, 2), done.err
    if done.code == 2:
        assert "nothing here" in done.err
