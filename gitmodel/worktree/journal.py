"""The journal of a checkout: what was there before Git moved, in case the rest never happens.

One line per artifact: a JSON array of its path and the text of its pointer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from gitmodel.atomic import write_file
from gitmodel.errors import GitmodelError
from gitmodel.pointer import Pointer, format_pointer, parse_pointer
from gitmodel.scratch import Scratch


def write_journal(path: Path, pointers: Mapping[str, Pointer], scratch: Scratch) -> None:
    """Note the pointers that a checkout leaves."""
    lines = [
        json.dumps([artifact, format_pointer(pointer).decode()]) + "\n"
        for artifact, pointer in pointers.items()
    ]
    write_file(path, "".join(lines).encode(), scratch)


def read_journal(path: Path) -> dict[str, Pointer]:
    """Return what a checkout that died was leaving; empty if none did."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return {}
    pointers = {}
    for line in lines:
        try:
            artifact, text = json.loads(line)
            pointers[str(artifact)] = parse_pointer(str(text).encode(), str(artifact))
        except (ValueError, TypeError, RecursionError, GitmodelError):
            # Whoever wrote into Git's own folder: less is known, and more is kept.
            continue
    return pointers
