"""A run that is stopped: each file beside an artifact is the old one or the new one, whole."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from gitmodel.curves import parse_curves
from gitmodel.digest import oid_of
from gitmodel.lineage import parse_lineage
from gitmodel.pointer import parse_pointer
from tests.helpers.faults import fail_at, kill_at, needs_strace, remove
from tests.helpers.repo import Repo, copied, new_repo

TRAIN = """
import gitmodel, sys
with gitmodel.run("model", params={"lr": int(sys.argv[1])}) as run:
    run.log(step=0, loss=float(sys.argv[1]))
    run.save("model.pt").write_text(sys.argv[1])
"""
RUN = ("run", "--", "python", "train.py", "2")
OLD, NEW = (1, 2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the first run in it."""
    folder = tmp_path_factory.mktemp("trained")
    repo = new_repo(folder)
    repo.write("train.py", TRAIN)
    repo.gitmodel("run", "--", "python", "train.py", "1")
    repo.commit()
    return folder


def said(repo: Repo) -> list[int]:
    """Which run each file is of; what is not whole does not parse."""
    lineage = parse_lineage(repo.read("model.lineage.yaml"), "lineage")
    pointer = parse_pointer(repo.read("model.pt.gitmodel"), "pointer")
    names = {oid_of(str(run).encode()): run for run in (OLD, NEW)}
    curve = parse_curves(repo.read("model.curves.csv"), "curves").points("loss")
    return [
        names[pointer.oid],
        names[lineage.outputs[0].oid],
        int(json.loads(repo.read("model.metrics.json"))["loss"]),
        int(repo.read("model.params.yaml").removeprefix(b"lr: ")),
        int(curve[0]),
    ]


@needs_strace
@pytest.mark.parametrize(("call", "step"), [("rename", 1), ("fsync", 2)])
def test_killed_at_a_call(trained: Path, tmp_path: Path, call: str, step: int) -> None:
    hits = 0
    for number in range(1, 100, step):
        repo = copied(trained, tmp_path / str(number))
        done = kill_at(repo, RUN, call, number)
        if not done.hit:
            assert said(repo) == [NEW] * 5
            break
        hits += 1
        assert set(said(repo)) <= {OLD, NEW}
        repo.gitmodel("verify")
        for lock in repo.path.glob(".git/*.lock"):
            if lock.name != "gitmodel.lock":
                lock.unlink()
        repo.gitmodel(*RUN)
        assert said(repo) == [NEW] * 5
        assert repo.leftovers() == []
        remove(repo.path.parent)
    assert hits > 3


@needs_strace
def test_a_full_disk_leaves_the_old_files(trained: Path, tmp_path: Path) -> None:
    repo = copied(trained, tmp_path)
    done = fail_at(repo, RUN, "fsync", "ENOSPC", 1)
    assert done.code == 8, done.err
    assert said(repo)[1:] == [OLD] * 4


def test_ctrl_c_is_the_commands_and_nothing_is_recorded(trained: Path, tmp_path: Path) -> None:
    repo = copied(trained, tmp_path)
    before = repo.tree()
    process = repo.start("run", "--save", "model.pt", "--", "sh", "-c", "echo $$; exec sleep 60")
    assert process.stdout
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"nothing recorded" in err
    assert repo.tree() == before


def test_a_command_ends_with_the_one_that_started_it(trained: Path, tmp_path: Path) -> None:
    repo = copied(trained, tmp_path)
    process = repo.start("run", "--save", "model.pt", "--", "sh", "-c", "echo $$; exec sleep 60")
    assert process.stdout
    child = int(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert repo.leftovers() == []
