"""The conflicts of pointers that Git left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gitmodel.errors import IntegrityError
from gitmodel.git import staging, trees
from gitmodel.git.command import Git
from gitmodel.merge import split_conflict
from gitmodel.paths import POINTER_SUFFIX
from gitmodel.worktree.files import read_file

MAX_TEXT = 1 << 16
"""Bytes of the longest side that is looked at; a base may hold sides of its own."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """The texts of an artifact's pointer in a merge; empty where there is none.

    `base` is None if nobody knows it.
    """

    artifact: str
    base: bytes | None
    ours: bytes
    theirs: bytes


def read_conflicts(git: Git) -> dict[str, Conflict]:
    """Return the conflicts of the working tree by artifact: those that Git's index has.

    Pointers that were staged with the markers in them count too.
    """
    stages = staging.pointers(git)
    open_ones = {path: found for path, found in stages.items() if 0 not in found}
    oids = (oid for found in open_ones.values() for oid in found.values())
    texts = trees.blobs(git, oids, MAX_TEXT)
    conflicts = {}
    for path, found in stages.items():
        artifact = path.removesuffix(POINTER_SUFFIX)
        if path in open_ones:
            if len(texts.keys() & set(found.values())) < len(set(found.values())):
                raise IntegrityError(f"{path!r} is longer than a pointer may be", hint="git status")
            sides = (texts[found[stage]] if stage in found else b"" for stage in (1, 2, 3))
            conflicts[artifact] = Conflict(artifact, *sides)
        elif marked := _marked(git.worktree, path):
            conflicts[artifact] = Conflict(artifact, *marked)
    return conflicts


def _marked(root: Path, path: str) -> tuple[bytes | None, bytes, bytes] | None:
    try:
        return split_conflict(read_file(root, path) or b"")
    except (IntegrityError, OSError):
        return None
