"""The process that `tests.helpers.forked` starts: it has gitmodel imported, and forks for commands.

It runs no thread and opens nothing, so that a child of it is what a new process is after its
imports: it gets the folder, environment and files of its command, and calls what the installed
command calls.
"""

from __future__ import annotations

import array
import atexit
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import botocore.session

import gitmodel
from gitmodel.cli.main import main
from tests.helpers.models import share

_SET_PTRACER = 0x59616D61
"""Of `prctl`: who may trace this process."""
_FILES = 3
"""How many come with a request: where it is told on (by the door: its input), output and error."""


def serve(control: socket.socket, door: socket.socket) -> bool:
    """Fork for each request; return whether this is a child, which has its command to run."""
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        ready, _, _ = select.select([control, door, *running], [], [])
        for ended in running.keys() & set(ready):
            pid, caller = running.pop(ended)
            os.close(ended)
            _, status = os.waitpid(pid, 0)
            _tell(caller, os.waitstatus_to_exitcode(status))
            caller.close()
        if control in ready or door in ready:
            if control in ready:
                files = _accept(control)
                if not files:
                    return False
                caller = socket.socket(fileno=files.pop(0))
            else:
                caller, _ = door.accept()
                files = _accept(caller)
            request = json.loads(caller.makefile("rb").read())
            pid = os.fork()
            if not pid:
                for inherited in (control, door, caller, *(other for _, other in running.values())):
                    inherited.close()
                for end in running:
                    os.close(end)
                _become(request, files)
                return True
            for end in files:
                os.close(end)
            # Ready as soon as the child has ended, also if it has become another program.
            running[os.pidfd_open(pid)] = (pid, caller)
            _tell(caller, pid)


def _accept(control: socket.socket) -> list[int]:
    found = array.array("i")
    _, extra, _, _ = control.recvmsg(1, socket.CMSG_SPACE(_FILES * found.itemsize))
    for _, _, data in extra:
        found.frombytes(data)
    return found.tolist()


def _tell(caller: socket.socket, number: int) -> None:
    try:
        caller.sendall(b"%d\n" % number)
    except OSError:
        # Who asked does not wait any longer.
        return


def _become(request: dict[str, Any], files: list[int]) -> None:
    for number, file in enumerate(files, _FILES - len(files)):
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["cwd"])
    os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    sys.argv[:] = request["arguments"]
    if request.get("traced"):
        os.setsid()
        # Where only a parent may trace (Linux with Yama), anybody may trace this.
        ctypes.CDLL(None).prctl(_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)


def _run() -> NoReturn:
    """Run the command; end as Python does, but without taking all apart that is in memory."""
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _import_all() -> None:
    share()
    # It parses what all clients of S3 need.
    key = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    botocore.session.Session().create_client("s3", region_name="us-east-1", **key)
    for module in pkgutil.walk_packages(gitmodel.__path__, "gitmodel."):
        # A command that needs an extra will say so.
        with suppress(ImportError):
            importlib.import_module(module.name)


if __name__ == "__main__":
    sys.path[0] = str(Path(sys.executable).parent)
    _import_all()
    gc.freeze()
    listened, door = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
    with listened, door:
        child = serve(listened, door)
    if child:
        _run()
