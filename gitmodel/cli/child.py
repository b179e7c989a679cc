"""How the user's own commands are started, by `gitmodel run` and `gitmodel bisect`."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from gitmodel.errors import UsageError


def start(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path | None = None,
    stdout: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command; raise `UsageError` if there is none of that name, or it cannot be run."""
    # That hooks are skipped is said for the Git that gitmodel runs, not for the command's.
    own = {key: value for key, value in environment.items() if key != "GITMODEL_SKIP_HOOKS"}
    try:
        return subprocess.Popen(arguments, cwd=folder, env=own, stdout=stdout)
    except FileNotFoundError as error:
        raise UsageError(f"there is no command {arguments[0]!r}", hint="check PATH") from error
    except PermissionError as error:
        raise UsageError(
            f"{arguments[0]!r} cannot be run", hint=f"chmod +x {arguments[0]}"
        ) from error


def exit_code(code: int) -> int:
    """Return the exit code that a shell would give for that of a process."""
    return code if code >= 0 else 128 - code
