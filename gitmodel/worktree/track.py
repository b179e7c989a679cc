"""Writes pointers and the rules that make Git ignore artifacts, and tells Git."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from gitmodel.atomic import Scratch
from gitmodel.git import staging
from gitmodel.git.command import Git
from gitmodel.pointer import Pointer, format_pointer
from gitmodel.snapshot import pointer_path
from gitmodel.worktree.files import remove_file, write_file
from gitmodel.worktree.rules import add_rules, ignore_rule, remove_rule
from gitmodel.worktree.scan import look


def track(
    git: Git, pointers: Mapping[str, Pointer], before: Mapping[str, Pointer], scratch: Scratch
) -> dict[str, int]:
    """Make `pointers` those of the working tree and of Git's index; `before` is what was there.

    What Git itself tracks of an artifact leaves its index.  Returns how many files that were,
    by artifact.  Git hears of everything each time: an earlier run may have died before it did.
    """
    stage = []
    for artifact, pointer in pointers.items():
        path = pointer_path(artifact)
        # One that stands for what DVC tracks is in no file yet.
        if before.get(artifact) != pointer or not look(git.worktree, path):
            write_file(git.worktree, path, format_pointer(pointer), scratch)
        stage += [path, _ignore(git.worktree, artifact, scratch)]
    raw = staging.tracked(git, list(pointers))
    staging.stage(git, dict.fromkeys(stage))
    # Last: until then, whoever was killed finds what there is to be done.
    staging.unstage(git, raw)
    return {
        artifact: sum(name == artifact or name.startswith(f"{artifact}/") for name in raw)
        for artifact in pointers
    }


def untrack(git: Git, artifacts: Sequence[str], scratch: Scratch) -> None:
    """Take pointers, and the rules that hide artifacts, out of the working tree and Git's index."""
    files = [ignore_rule(artifact) for artifact in artifacts]
    for path, rule in files:
        remove_rule(git.worktree, path, rule, scratch)
    rules = list(dict.fromkeys(path for path, _ in files))
    there = [path for path in rules if look(git.worktree, path)]
    staging.stage(git, staging.tracked(git, there))
    pointers = [pointer_path(artifact) for artifact in artifacts]
    for path in pointers:
        remove_file(git.worktree, path)
    # The pointers last: who was killed before this finds them in the index, and goes on.
    staging.unstage(git, [*(path for path in rules if path not in there), *pointers])


def _ignore(root: Path, artifact: str, scratch: Scratch) -> str:
    """Make Git ignore an artifact; return the path of the rules."""
    path, rule = ignore_rule(artifact)
    add_rules(root, path, [rule], scratch)
    return path
