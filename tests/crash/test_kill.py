"""Killed at any moment: no byte is lost, and the same command run again finishes the work."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from gitmodel.scratch import scratch_in
from tests.crash.scenes import Scene, Scenes
from tests.helpers.faults import CALLS, kill_at, needs_strace, remove, until_one_lives, until_up
from tests.helpers.repo import Repo
from tests.helpers.scratch import leave

NAMES = ("add", "add-raw", "push", "pull", "checkout", "mix")
_SOME = 20
_KILLS = max(_SOME, int(os.environ.get("GITMODEL_KILLS", "0")))


@needs_strace
@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.torture)])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", NAMES)
def test_killed_at_a_call(scenes: Scenes, tmp_path: Path, name: str, call: str, step: int) -> None:
    """Every ninth call, or every one."""
    scene = scenes[name]

    def lives(number: int) -> bool:
        return _survives(scene, tmp_path / str(number), call, number)

    until_one_lives(lives, step)


def _survives(scene: Scene, folder: Path, call: str, number: int) -> bool:
    repo = scene.copy(folder)
    done = kill_at(repo, scene.command, call, number)
    if not done.hit:
        assert done.code == 0, done.err
        return True
    scene.check_between(repo)
    scene.check_again(repo)
    remove(folder)
    return False


@pytest.mark.parametrize(
    "seed",
    [
        *range(_SOME),
        *(pytest.param(seed, marks=pytest.mark.torture) for seed in range(_SOME, _KILLS)),
    ],
)
def test_killed_at_a_random_time(scenes: Scenes, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    scene = scenes[NAMES[seed % len(NAMES)]]
    repo = scene.copy(tmp_path)
    process = repo.start(*scene.command)
    time.sleep(chance.uniform(0.02, 0.4))
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    scene.check_between(repo, git_died=True)
    scene.check_again(repo)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", NAMES)
def test_a_signal_is_obeyed_and_cleaned_up_after(
    scenes: Scenes, tmp_path: Path, name: str, number: signal.Signals
) -> None:
    scene = scenes[name]
    repo = scene.copy(tmp_path)
    process = repo.start(*scene.command)
    until_up(process)
    time.sleep(0.06)
    process.send_signal(number)
    _, said = process.communicate()
    # 0: it was done before the signal came; negative: it had only to end.
    assert process.returncode in (0, 128 + number, -number), said
    assert b"Traceback" not in said
    assert repo.leftovers() == []
    # Git was let finish.
    scene.check_between(repo)
    scene.check_again(repo)


# Where the import system itself looks after a module, no exception gets out.
_WHILE_IMPORTING = """
import os, signal, sys, weakref

class Key:
    pass

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["AT"] and not gone:
            key = Key()
            gone.append(weakref.ref(key, lambda _: os.kill(os.getpid(), int(os.environ["NUMBER"]))))

gone = []
# Started in the background, a process is deaf to it.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Finder())
"""


def test_ctrl_c_before_there_is_a_command(scenes: Scenes, tmp_path: Path) -> None:
    repo = scenes["pull"].copy(tmp_path)
    (tmp_path / "click.py").write_text(
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "signal.raise_signal(signal.SIGINT)\n"
    )
    done = repo.gitmodel("pull", code=-signal.SIGINT, env={"PYTHONPATH": str(tmp_path)})
    assert done.err == "interrupted; nothing is half written\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_python_imports_is_obeyed(
    scenes: Scenes, tmp_path: Path, number: signal.Signals
) -> None:
    repo = scenes["pull"].copy(tmp_path)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(_WHILE_IMPORTING)
    env = {"PYTHONPATH": str(tmp_path / "site"), "NUMBER": str(number.value)}
    for module in ("gitmodel.cli.pull", "gitmodel.remote.folder"):
        repo.gitmodel("pull", code=128 + number, env={**env, "AT": module})
        assert repo.leftovers() == []


@pytest.mark.parametrize("name", ["checkout", "mix"])
def test_ctrl_c_waits_until_git_has_moved(scenes: Scenes, tmp_path: Path, name: str) -> None:
    scene = scenes[name]
    repo = scene.copy(tmp_path)
    process = _started_slowly(scene, repo, seconds=1)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert repo.leftovers() == []
    assert not (repo.path / ".git/index.lock").exists()
    assert repo.run("git", "diff", "--quiet").code == 0
    scene.check_between(repo)
    scene.check_again(repo)


def test_a_second_ctrl_c_does_not_wait(scenes: Scenes, tmp_path: Path) -> None:
    scene = scenes["checkout"]
    repo = scene.copy(tmp_path)
    process = _started_slowly(scene, repo, seconds=120)
    # Two that come together are one.
    for patience in (0.3, 10, 10):
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            break
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert not (repo.path / ".git/index.lock").exists()
    assert repo.leftovers() == []


def _started_slowly(scene: Scene, repo: Repo, seconds: int) -> subprocess.Popen[bytes]:
    """Start a scene's command, and return when Git is at a file that takes it so many seconds."""
    begun = repo.path.parent / "begun"
    # What Git starts must hold none of our pipes open once Git is gone.
    slow = f"touch {begun}; sleep {seconds} 2>&- ; cat"
    repo.git("config", "filter.slow.smudge", f"sh -c '{slow}'")
    repo.write(".git/info/attributes", "train.py filter=slow\n")
    process = repo.start(*scene.command)
    while not begun.exists():
        assert process.poll() is None
        time.sleep(0.01)
    return process


def test_the_next_command_removes_what_a_killed_one_left(scenes: Scenes, tmp_path: Path) -> None:
    repo = scenes["add"].copy(tmp_path)
    leave(scratch_in(repo.home))
    repo.gitmodel("add", "model.pt")
    assert repo.leftovers() == []
