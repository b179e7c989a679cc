"""gitmodel get, killed at any moment: the old thing or all of the new one, and the next ends it."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.helpers.faults import CALLS, kill_at, needs_strace, remove, until_one_lives, until_up
from tests.helpers.repo import Repo, copied, new_repo, noise, tree

_FILE = ("get", "../origin.git", "model", "-o", "out/thing", "--force", "--cache", "../cache")
_FOLDER = ("get", "../origin.git", "train", "-o", "out/thing", "--force", "--cache", "../cache")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("get")
    repo = new_repo(folder)
    repo.write("model.pt", noise("model", (1 << 20) + 4096))
    for name in ("a", "b", "c/d"):
        repo.write(f"data/train/{name}", noise(name, 3000))
    repo.gitmodel("add", "model.pt", "data/train")
    repo.commit()
    repo.gitmodel("push")
    repo.git("push", "--quiet", "origin", "main")
    (folder / "user").mkdir()
    return folder


def _user(template: Path, folder: Path, command: tuple[str, ...]) -> Repo:
    """Return somebody who has an older thing where the new one is to be."""
    user = copied(template, folder, "user")
    user.write("out/thing" if command is _FILE else "out/thing/old", "old")
    return user


def _new(template: Path, command: tuple[str, ...]) -> dict[str, str]:
    found = tree(template / "work")
    if command is _FILE:
        return {"thing": found["model.pt"]}
    start = "data/train/"
    return {f"thing/{p[len(start) :]}": what for p, what in found.items() if p.startswith(start)}


def _check(user: Repo, template: Path, command: tuple[str, ...]) -> None:
    old = "thing" if command is _FILE else "thing/old"
    here = {p: what for p, what in user.tree("out").items() if ".gitmodel-tmp" not in p}
    new = _new(template, command)
    assert here == new or here.keys() == {old}
    if here != new:
        assert user.read(f"out/{old}") == b"old"
    user.gitmodel(*command)
    assert user.tree("out") == new
    cache = user.path.parent / "cache"
    assert not list(cache.glob("*/scratch-*/*"))
    # Another name of a finished blob, killed before it was taken away: the next one that is fetched
    # takes it along.
    assert all(path.stat().st_nlink == 2 for path in cache.glob("*/partial/*"))


@needs_strace
@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.torture)])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("command", [_FILE, _FOLDER], ids=["file", "folder"])
def test_killed_at_a_call(
    template: Path, tmp_path: Path, command: tuple[str, ...], call: str, step: int
) -> None:
    def lives(number: int) -> bool:
        folder = tmp_path / str(number)
        user = _user(template, folder, command)
        done = kill_at(user, command, call, number)
        if not done.hit:
            assert done.code == 0, done.err
        _check(user, template, command)
        remove(folder)
        return not done.hit

    until_one_lives(lives, step)


@pytest.mark.parametrize("seed", range(12))
def test_killed_at_a_random_time(template: Path, tmp_path: Path, seed: int) -> None:
    command = (_FILE, _FOLDER)[seed % 2]
    user = _user(template, tmp_path / "at", command)
    process = user.start(*command)
    time.sleep(random.Random(seed).uniform(0.05, 0.6))
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    _check(user, template, command)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_behind(
    template: Path, tmp_path: Path, number: signal.Signals
) -> None:
    user = _user(template, tmp_path / "at", _FOLDER)
    process = user.start(*_FOLDER)
    until_up(process)
    time.sleep(0.12)
    process.send_signal(number)
    _, said = process.communicate()
    assert process.returncode in (0, 128 + number, -number), said
    assert b"Traceback" not in said
    assert not list(user.path.rglob("*.gitmodel-tmp"))
    _check(user, template, _FOLDER)
