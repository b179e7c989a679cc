"""Which sides were chosen so far in conflicts, until these are resolved.

JSON in Git's own folder: artifact to the digest of its three sides, and clash to side.  What was
noted for another conflict of the same artifact does not count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gitmodel.atomic import write_file
from gitmodel.merge import Side
from gitmodel.scratch import Scratch


@dataclass(frozen=True, slots=True)
class Choices:
    """The sides that were chosen in the conflict with a digest, by path of the clash."""

    digest: str
    sides: Mapping[str, Side] = field(default_factory=dict)


def read_choices(path: Path, artifact: str, digest: str) -> Choices:
    """Return what was chosen in a conflict so far."""
    noted = _read(path).get(artifact)
    if not isinstance(noted, list) or len(noted) != 2 or noted[0] != digest:
        return Choices(digest)
    sides: dict[str, Side] = {}
    for name, side in noted[1].items() if isinstance(noted[1], dict) else ():
        if side in ("ours", "theirs"):
            sides[name] = "ours" if side == "ours" else "theirs"
    return Choices(digest, sides)


def write_choices(path: Path, artifact: str, choices: Choices | None, scratch: Scratch) -> None:
    """Note what was chosen, or with None forget it."""
    noted = _read(path)
    noted.pop(artifact, None)
    if choices:
        noted[artifact] = [choices.digest, dict(choices.sides)]
    if noted:
        write_file(path, json.dumps(noted).encode(), scratch)
    else:
        path.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
