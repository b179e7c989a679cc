"""Things of others, in places that gitmodel looks at, and proof that they were not touched."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
OTHER = 12345
"""The number of a user who is nobody here."""


def victim(folder: Path) -> Path:
    """Make a home folder with things in it that nobody may touch; return it."""
    for path in (".ssh/id_rsa", "docs/ch1/t.tex", "docs/w", "f" * 64, f"{'e' * 64}.pack"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"precious: {path}")
    (folder / "link").symlink_to("docs")
    return folder


def seen(*folders: Path, apart: Sequence[str] = ()) -> dict[str, tuple[object, ...]]:
    """Return all that is in folders: owner, mode, time of change, and content.

    Of a folder that is named in `apart` the time does not count: gitmodel works in it.
    """
    found: dict[str, tuple[object, ...]] = {}
    for folder in folders:
        for here, names, files in os.walk(folder):
            for path in (here, *(os.path.join(here, name) for name in (*names, *files))):
                found[path] = _seen(path, timed=path not in apart)
    return found


def _seen(path: str, *, timed: bool) -> tuple[object, ...]:
    status = os.lstat(path)
    content: object = None
    if stat.S_ISLNK(status.st_mode):
        content = os.readlink(path)
    elif stat.S_ISREG(status.st_mode):
        content = Path(path).read_bytes()
    return status.st_mode, status.st_uid, timed and status.st_mtime_ns, content
