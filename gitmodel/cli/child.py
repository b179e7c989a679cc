"""How the user's own commands are started, by `gitmodel run` and `gitmodel bisect`."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from gitmodel import hints
from gitmodel.errors import UsageError
from gitmodel.signals import waiting


def finish(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path | None = None,
    stdout: int | None = None,
) -> int:
    """Run a command to its end, and return the exit code that a shell would.

    It ends with this process, if that is told to.  Raises `UsageError` if there is none of that
    name, or it cannot be run.
    """
    process = None
    try:
        # A signal while it starts would leave it running, and nobody would know its process.
        with waiting():
            process = _start(arguments, environment, folder, stdout)
        code = process.wait()
    except BaseException:
        if process:
            process.terminate()
            process.wait()
        raise
    return code if code >= 0 else 128 - code


def _start(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path | None,
    stdout: int | None,
) -> subprocess.Popen[bytes]:
    # That hooks are skipped is said for the Git that gitmodel runs, not for the command's.
    own = {key: value for key, value in environment.items() if key != "GITMODEL_SKIP_HOOKS"}
    try:
        return subprocess.Popen(arguments, cwd=folder, env=own, stdout=stdout)
    except FileNotFoundError as error:
        raise UsageError(f"there is no command {arguments[0]!r}", hint="check PATH") from error
    except PermissionError as error:
        raise UsageError(
            f"{arguments[0]!r} cannot be run", hint=hints.command("chmod +x {}", arguments[0])
        ) from error
