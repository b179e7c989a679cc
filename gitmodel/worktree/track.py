"""Writes pointers and the rules that make Git ignore artifacts, and tells Git."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gitmodel.atomic import Scratch, write_file
from gitmodel.git.command import Git
from gitmodel.pointer import Pointer, format_pointer
from gitmodel.snapshot import pointer_path
from gitmodel.worktree.rules import add_rules, ignore_rule


def track(
    git: Git, pointers: Mapping[str, Pointer], before: Mapping[str, Pointer], scratch: Scratch
) -> dict[str, int]:
    """Make `pointers` those of the working tree and of Git's index; `before` is what was there.

    What Git itself tracks of an artifact leaves its index.  Returns how many files that were,
    by artifact.  Git hears of everything each time: an earlier run may have died before it did.
    """
    stage = []
    for artifact, pointer in pointers.items():
        if before.get(artifact) != pointer:
            path = git.worktree / pointer_path(artifact)
            write_file(path, format_pointer(pointer), scratch)
        stage += [pointer_path(artifact), _ignore(git.worktree, artifact, scratch)]
    raw = git.tracked(list(pointers))
    git.unstage(raw)
    git.stage(dict.fromkeys(stage))
    return {
        artifact: sum(name == artifact or name.startswith(f"{artifact}/") for name in raw)
        for artifact in pointers
    }


def _ignore(root: Path, artifact: str, scratch: Scratch) -> str:
    """Make Git ignore an artifact; return the path of the rules."""
    path, rule = ignore_rule(artifact)
    add_rules(root, path, [rule], scratch)
    return path
