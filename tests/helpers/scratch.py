"""What is in scratch folders."""

from __future__ import annotations

import shutil
from pathlib import Path

from gitmodel.scratch import MARKER, OWN, Place, Scratch


def held(scratch: Scratch) -> list[str]:
    """Return the names of what is in a scratch folder, apart from its marker."""
    return sorted(path.name for path in scratch.path.iterdir() if path.name != MARKER)


def leave(parent: Path, place: Place = OWN) -> Path:
    """Leave a scratch folder in `parent` with a file in it, as a killed process does; return it."""
    with Scratch(parent, place) as scratch:
        (scratch.path / "half").write_bytes(b"half")
        (left,) = (path for path in parent.iterdir() if path.samefile(scratch.path))
        kept = shutil.copytree(left, parent / "kept")
    return kept.rename(left)


def finished(scratch: Scratch, data: bytes) -> Path:
    """A scratch file, written and closed."""
    fd, path = scratch.new_file()
    with open(fd, "wb") as file:
        file.write(data)
    return path
