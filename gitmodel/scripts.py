"""The scripts of the Git hooks, and the program that they call."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path


def find_program() -> Path | None:
    """Return where the command `gitmodel` of this Python is, or None if it has none."""
    user = sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user"))
    for folder in (Path(sys.executable).parent, sysconfig.get_path("scripts"), user):
        path = Path(folder, "gitmodel")
        if path.is_absolute() and path.is_file() and os.access(path, os.X_OK):
            return path
    return None


def hook_script(name: str) -> Path:
    """Return where the script of a hook is: in the package, or beside it in a clone of gitmodel."""
    package = Path(__file__).parent
    folder = package / "hooks"
    return (folder if folder.is_dir() else package.parent / "hooks") / name
