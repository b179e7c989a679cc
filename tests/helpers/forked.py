"""Runs gitmodel without its start-up, which is most of the time that a command takes.

A process of each test worker has gitmodel imported, and forks for each command; see `zygote`.  The
child is a process of its own, with its own locks, signals and exit code.  A test of what happens
while Python starts or gitmodel is imported has to run the installed command.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

_ROOT = Path(__file__).parents[2]
_PART = 1 << 16
_OURS = {"LC_ALL": "C.UTF-8"}
_PROGRAM = """\
#!{python} -IS
import _socket, array, json, os, sys
arguments = ["{bin}/gitmodel", *sys.argv[1:]]
umask = os.umask(0o77)
os.umask(umask)
request = dict(arguments=arguments, env=dict(os.environ), cwd=os.getcwd(), umask=umask)
zygote = _socket.socket(_socket.AF_UNIX)
zygote.connect("{door}")
files = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", (0, 1, 2)))
zygote.sendmsg([b"!"], [files])
zygote.sendall(json.dumps(request).encode())
zygote.shutdown(_socket.SHUT_WR)
answer = b""
while part := zygote.recv(100):
    answer += part
code = int(answer.split()[1])
os._exit(code if code >= 0 else 128 - code)
"""
"""It starts no gitmodel, and loads no more of Python than it must."""
_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "FSSPEC_", "S3FS_", "OMP_", "OPENBLAS_", "COVERAGE_")
"""How the names of variables begin that count while Python starts and imports."""


def can_fork(arguments: Sequence[str], env: Mapping[str, str], folder: Path) -> bool:
    """Return whether a forked command would do what the installed one does."""
    return (
        sys.platform == "linux"
        and folder.is_dir()
        and not any("\0" in argument for argument in arguments)
        and _at_start(env) == _at_start({**os.environ, **_OURS})
    )


def run_forked(
    arguments: Sequence[str],
    env: Mapping[str, str],
    folder: Path,
    patience: float,
    tracer: Sequence[str] = (),
) -> subprocess.CompletedProcess[bytes]:
    """Run gitmodel as `subprocess.run` does: nothing to read, and what it says is kept.

    With a tracer, which is called with the number of the process behind its arguments, the command
    leads a session of its own and begins when it is traced.
    """
    request = {
        "arguments": arguments,
        "env": env,
        "cwd": str(folder),
        "umask": _umask(),
        **({"traced": True} if tracer else {}),
    }
    with ExitStack() as stack:
        caller, told = (stack.enter_context(end) for end in socket.socketpair())
        readers, writers = [], []
        for _ in ("out", "err"):
            read, write = os.pipe()
            readers.append(stack.enter_context(open(read, "rb", buffering=0)))
            writers.append(stack.enter_context(open(write, "wb", buffering=0)))
        socket.send_fds(_zygote().control, [b"!"], [end.fileno() for end in (told, *writers)])
        for end in (told, *writers):
            end.close()
        caller.sendall(json.dumps(request).encode())
        caller.shutdown(socket.SHUT_WR)
        answer = stack.enter_context(caller.makefile("rb"))
        pid = int(answer.readline())
        if tracer:
            stack.enter_context(_traced(tracer, pid))
        try:
            out, err = _read(readers, patience)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(arguments, patience) from None
        return subprocess.CompletedProcess(arguments, int(answer.readline()), out, err)


def forking_program() -> Path:
    """Return a program that does what the installed command does, for a Git that calls it."""
    return _zygote().program


@contextmanager
def _traced(tracer: Sequence[str], pid: int) -> Iterator[None]:
    """Let a process that stops itself go on as soon as it is traced."""
    while _state(pid)["State"][0] != "T":
        time.sleep(0.001)
    with subprocess.Popen([*tracer, str(pid)], stdin=subprocess.DEVNULL) as process:
        while _state(pid)["TracerPid"] == "0":
            if process.poll() is not None:
                os.kill(pid, signal.SIGKILL)
                raise AssertionError("it cannot be traced")
            time.sleep(0.001)
        # Whatever the tracer has done until now, it hears of this before the process goes on.
        os.kill(pid, signal.SIGCONT)
        yield
    _wait_for_all(pid)


def _state(pid: int) -> dict[str, str]:
    text = Path(f"/proc/{pid}/status").read_text()
    return dict(re.findall(r"^(\w+):\t(.*)$", text, re.MULTILINE))


def _wait_for_all(group: int) -> None:
    """A git that outlives the gitmodel that started it still works on the repository."""
    for _ in range(1000):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    raise AssertionError("a process never ended")


def _read(readers: Sequence[IO[bytes]], patience: float) -> list[bytes]:
    """Read all pipes to their ends; raises `TimeoutError`."""
    ends = time.monotonic() + patience
    found: dict[int, list[bytes]] = {reader.fileno(): [] for reader in readers}
    with selectors.DefaultSelector() as selector:
        for number in found:
            selector.register(number, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0, ends - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                if part := os.read(key.fd, _PART):
                    found[key.fd].append(part)
                else:
                    selector.unregister(key.fd)
    return [b"".join(parts) for parts in found.values()]


def _at_start(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_AT_START)}


def _umask() -> int:
    # Asking the system for it would set it, for other threads too.
    found = re.search(r"^Umask:\s*(\d+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1], 8)


class _Zygote(NamedTuple):
    """The socket on which the process that forks hears of commands, and a program that asks it."""

    control: socket.socket
    program: Path


@functools.cache
def _zygote() -> _Zygote:
    """Start the process that forks."""
    folder = Path(tempfile.mkdtemp(prefix="gitmodel-tests-"))
    atexit.register(shutil.rmtree, folder)
    control, listened = socket.socketpair()
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(folder / "door"))
    door.listen()
    numbers = (listened.fileno(), door.fileno())
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.helpers.zygote", *map(str, numbers)],
        cwd=_ROOT,
        env={**os.environ, **_OURS},
        stdin=subprocess.DEVNULL,
        # As a command has it; nothing comes.
        stdout=subprocess.PIPE,
        pass_fds=numbers,
    )
    listened.close()
    door.close()
    atexit.register(_end, control, process)
    program = folder / "gitmodel"
    values = {"python": sys.executable, "door": folder / "door", "bin": Path(sys.executable).parent}
    program.write_text(_PROGRAM.format(**values))
    program.chmod(0o755)
    return _Zygote(control, program)


def _end(control: socket.socket, process: subprocess.Popen[bytes]) -> None:
    with process, control:
        # It ends when nobody can ask any more.
        control.shutdown(socket.SHUT_RDWR)
