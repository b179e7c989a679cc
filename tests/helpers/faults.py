"""Makes system calls of a command fail, or kills it at one, by way of strace.

Only calls of gitmodel itself: none while Python starts or it is imported.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.helpers.forked import run_forked
from tests.helpers.repo import GITMODEL, Repo

_MOST = 300
_PATIENCE = 120

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not here")


CALLS = {
    "fsync": "fsync,fdatasync",
    "link": "link,linkat",
    "rename": "rename,renameat,renameat2",
    "mkdir": "mkdir",
    "mkdirat": "mkdirat",
    "unlink": "unlink,rmdir",
    "unlinkat": "unlinkat",
}
"""What is counted together is not: strace counts each system call of each thread on its own."""


class Injected(NamedTuple):
    """How a command ended that a fault was put into.

    `hit`: the fault happened at all.
    """

    code: int
    err: str
    hit: bool
    log: str


def kill_at(repo: Repo, command: tuple[str, ...], call: str, number: int) -> Injected:
    """Run gitmodel; at the N-th such system call of one of its threads, SIGKILL it."""
    return _inject(repo, command, call, f"signal=KILL:when={number}")


def until_one_lives(lives: Callable[[int], bool], step: int) -> None:
    """Kill runs of a command at the first call, then `step` calls later, until one ends by itself.

    `lives` is given the number of the call, and returns whether the run never came to it.  Two run
    at a time, for most of it is waiting.
    """
    with ThreadPoolExecutor(2) as pool:
        for start in range(1, _MOST, 2 * step):
            if any(list(pool.map(lives, (start, start + step)))):
                return
    pytest.fail("the command never ran to its end")


def fail_at(repo: Repo, command: tuple[str, ...], call: str, error: str, number: int) -> Injected:
    """Run gitmodel; let the N-th such system call of one of its threads fail."""
    return _inject(repo, command, call, f"error={error}:when={number}")


def until_up(process: subprocess.Popen[bytes]) -> None:
    """Wait until a gitmodel that was started hears of signals, or has ended.

    Before that, Python starts and imports, for as long as the machine likes.
    """
    caught = re.compile(r"^SigCgt:\t(\w+)$", re.MULTILINE)
    while process.poll() is None:
        found = caught.search(Path(f"/proc/{process.pid}/status").read_text())
        if found and int(found[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.005)


def _inject(repo: Repo, command: tuple[str, ...], call: str, fault: str) -> Injected:
    log = repo.path.parent / "strace.log"
    calls = CALLS[call]
    # Not into the git that it starts: what that leaves is for Git to mend.
    tracer = ("strace", "-f", "-b", "execve", "-y", "-q", "-o", str(log))
    inject = ("-e", f"trace={calls}", "-e", f"inject={calls}:{fault}", "-p")
    arguments = (str(GITMODEL), *command)
    done = run_forked(arguments, repo.env, repo.path, _PATIENCE, (*tracer, *inject))
    text = log.read_text(errors="replace")
    return Injected(
        done.returncode,
        done.stderr.decode(errors="replace"),
        "killed by SIGKILL" in text or "(INJECTED)" in text,
        text,
    )


def faulty_path(folder: Path, call: str, fault: str) -> str:
    """Return a PATH on which `gitmodel` meets a fault, for a Git that starts it in a hook.

    What strace saw is in `folder / "strace.log"`.
    """
    folder.mkdir(exist_ok=True)
    calls = CALLS[call]
    program = folder / "gitmodel"
    program.write_text(
        "#!/bin/sh\n"
        f"exec strace -f -b execve -y -q -o '{folder}/strace.log' -e trace={calls}"
        f" -e inject={calls}:{fault} '{GITMODEL}' \"$@\"\n"
    )
    program.chmod(0o755)
    return os.pathsep.join((str(folder), os.environ["PATH"]))


def remove(folder: Path) -> None:
    """Free the room of a copy that served."""
    shutil.rmtree(folder, ignore_errors=True)
