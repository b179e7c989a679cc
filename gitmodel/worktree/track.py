"""Writes pointers and the rules that make Git ignore artifacts, and tells Git."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from gitmodel.atomic import Scratch, write_file
from gitmodel.git import staging
from gitmodel.git.command import Git
from gitmodel.pointer import Pointer, format_pointer
from gitmodel.snapshot import pointer_path
from gitmodel.worktree.rules import add_rules, ignore_rule, remove_rule
from gitmodel.worktree.scan import open_folder


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
    raw = staging.tracked(git, list(pointers))
    staging.unstage(git, raw)
    staging.stage(git, dict.fromkeys(stage))
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
    there = [path for path in rules if (git.worktree / path).exists()]
    staging.stage(git, staging.tracked(git, there))
    pointers = [pointer_path(artifact) for artifact in artifacts]
    for path in pointers:
        remove_file(git.worktree, path)
    # The pointers last: who was killed before this finds them in the index, and goes on.
    staging.unstage(git, [*(path for path in rules if path not in there), *pointers])


def remove_file(root: Path, path: str) -> None:
    """Remove a file, if it is there, without following a symlink on the way."""
    folder, _, name = path.rpartition("/")
    with suppress(FileNotFoundError), open_folder(root, folder) as fd:
        os.unlink(name, dir_fd=fd)


def _ignore(root: Path, artifact: str, scratch: Scratch) -> str:
    """Make Git ignore an artifact; return the path of the rules."""
    path, rule = ignore_rule(artifact)
    add_rules(root, path, [rule], scratch)
    return path
