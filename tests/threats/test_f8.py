"""F8: who waits for another gitmodel says for whom, and need not wait for ever."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.helpers.holding import held_by_another
from tests.helpers.repo import Repo


@pytest.fixture
def stopped(story: Repo) -> Iterator[tuple[Repo, subprocess.Popen[bytes]]]:
    """A repository whose lock is held by a process that was stopped, as by Ctrl-Z."""
    with held_by_another(story.path / ".git" / "gitmodel.lock") as holder:
        holder.send_signal(signal.SIGSTOP)
        yield story, holder


def _holder(pid: int) -> str:
    return rf"gitmodel checkout \(process {pid}, since [\d-]+ [\d:]+\)"


def test_f8_who_waits_says_for_whom(stopped: tuple[Repo, subprocess.Popen[bytes]]) -> None:
    repo, holder = stopped
    waiting = repo.start("add", "-u")
    assert waiting.stderr is not None
    said = waiting.stderr.readline().decode()
    assert re.fullmatch(rf"waiting for {_holder(holder.pid)}\n", said)
    holder.kill()
    waiting.communicate()
    assert waiting.returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        ("add", "-u"),
        ("checkout", "v1.0"),
        ("pull",),
        ("mv", "model.pt", "m.pt"),
        ("rm", "model.pt"),
        ("remote", "add", "other", "../other"),
    ],
    ids=lambda command: command[0],
)
def test_f8_nobody_need_wait_for_ever(
    stopped: tuple[Repo, subprocess.Popen[bytes]], command: tuple[str, ...]
) -> None:
    repo, holder = stopped
    done = repo.gitmodel(*command, "--lock-timeout", "0", code=4)
    hint = f"next:  ps -o pid,stat,args -p {holder.pid}"
    assert re.fullmatch(rf"error: {_holder(holder.pid)} holds .*gitmodel.lock'\n{hint}\n", done.err)


def test_f8_a_hook_waits_as_long_as_git_is_configured(
    stopped: tuple[Repo, subprocess.Popen[bytes]],
) -> None:
    repo, _ = stopped
    repo.git("config", "gitmodel.lockTimeout", "0.1")
    assert "holds" in repo.gitmodel("add", "-u", code=4).err
    repo.git("config", "gitmodel.lockTimeout", "soon")
    assert "not a number of seconds" in repo.gitmodel("add", "-u", code=2).err


def test_f8_who_waits_for_the_index_says_so(story: Repo) -> None:
    story.write("model.pt", "new")
    with closing(sqlite3.connect(story.home / "index.db")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        waiting = story.start("add", "-u")
        assert waiting.stderr is not None
        said = waiting.stderr.readline().decode()
        writer.rollback()
    assert said == "waiting for another process that writes to the index of the cache\n"
    waiting.communicate()
    assert waiting.returncode == 0
    assert story.status()["model.pt"]["work"] == "clean"


def test_f8_a_lock_says_nothing_that_may_be_secret(story: Repo) -> None:
    story.gitmodel("add", "-u")
    said = (story.path / ".git" / "gitmodel.lock").read_text()
    assert said.endswith("command gitmodel add\n")
    assert f"host {os.uname().nodename}" in said
    assert time.strftime("since %Y-") in said
