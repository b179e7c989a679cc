"""Locks: one process holds one until it ends, however it ends, and others learn who does."""

from __future__ import annotations

import errno
import fcntl
import math
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from gitmodel.disk import share
from gitmodel.errors import ConflictError
from gitmodel.hints import command

HOST = "".join(
    each if each.isascii() and (each.isalnum() or each == ".") else "_"
    for each in os.uname().nodename[:64] or "localhost"
)
"""This host, in letters that a name of a file may have."""

_MOST = 4096
"""Bytes that are read of a lock file: ours are shorter."""
_WITHOUT = (errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)
"""Errors of a file system without locks, on which nobody else can hold one either."""
SILENT = 1.0
"""Seconds of waiting before anybody is told."""
_STEP = 0.05


def lock(fd: int) -> bool:
    """Lock an open file until it is closed; return False if another holds the lock."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class Patience(NamedTuple):
    """How a process waits for locks.

    `command` is what others are told who wait for this one; `limit` gives the seconds to wait at
    most, and is asked only when there is somebody to wait for; `tell` is told for whom.
    """

    command: str = "gitmodel"
    limit: Callable[[], float] = lambda: math.inf
    tell: Callable[[str], object] = len


_patience = [Patience()]


def set_patience(patience: Patience) -> None:
    """Say how this process waits for locks from now on."""
    _patience[:] = [patience]


def tell_waiting(words: str) -> None:
    """Say for whom this process waits; before that it should have waited `SILENT` seconds."""
    _patience[0].tell(f"waiting for {words}")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, waiting for whoever holds it now.

    Raises `ConflictError` if that takes longer than `Patience` says.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        with suppress(PermissionError):
            share(path.parent.stat().st_mode, fd)
        _wait(fd, path)
        # It is only for those who wait: a full disk is no reason to do nothing.
        with suppress(OSError):
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{identity()}command {_patience[0].command}\n".encode(), 0)
        yield
    finally:
        os.close(fd)


def _wait(fd: int, path: Path) -> None:
    begun, limit, told = time.monotonic(), -1.0, ""
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - begun
        except OSError as error:
            if error.errno not in _WITHOUT:
                raise
            return
        else:
            return
        holder = _read_holder(fd)
        limit = _patience[0].limit() if limit < 0 else limit
        if waited >= limit:
            raise _held(holder, path)
        if waited >= SILENT and holder.words != told:
            told = holder.words
            tell_waiting(told)
        time.sleep(min(_STEP, limit - waited))


class _Holder(NamedTuple):
    """Who holds a lock: in words, and its process, if that is on this host."""

    words: str
    pid: str


_NOTE = (
    rb"pid (?P<pid>[0-9]{1,10})\nhost (?P<host>[A-Za-z0-9._]{1,64})\n"
    rb"since (?P<since>[0-9: -]{19})\n(?:command (?P<command>[a-z -]{1,60})\n)?"
)


def _read_holder(fd: int) -> _Holder:
    """Return who holds a lock file, by what is in it."""
    found = re.fullmatch(_NOTE, os.pread(fd, _MOST, 0))
    if found is None:
        return _Holder("another process", "")
    pid, host, since, verb = (each.decode() for each in found.groups(b"gitmodel"))
    if host == HOST:
        return _Holder(f"{verb} (process {pid}, since {since})", pid)
    return _Holder(f"{verb} (process {pid} on {host}, since {since})", "")


def _held(holder: _Holder, path: Path) -> ConflictError:
    message = f"{holder.words} holds {str(path)!r}"
    if holder.pid:
        return ConflictError(message, hint=command("ps -o pid,stat,args -p {}", holder.pid))
    return ConflictError(message, hint="run the same command again")


def identity() -> str:
    """Return who this process is, for others to read."""
    return f"pid {os.getpid()}\nhost {HOST}\nsince {time.strftime('%Y-%m-%d %H:%M:%S')}\n"
