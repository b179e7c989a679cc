"""Writes pointers and the rules that make Git ignore artifacts, and tells Git."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gitmodel.atomic import Scratch, write_file
from gitmodel.git.command import Git
from gitmodel.pointer import Pointer, format_pointer
from gitmodel.snapshot import pointer_path
from gitmodel.worktree.scan import open_folder, read_small


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


def rules_path(artifact: str) -> str:
    """Return the path of the rules that make Git ignore an artifact."""
    folder = artifact.rpartition("/")[0]
    return f"{folder}/.gitignore".lstrip("/")


def with_rule(old: bytes, artifact: str) -> bytes:
    """Return rules with one for an artifact in their folder, which may be there already."""
    name = artifact.rpartition("/")[2]
    rule = ("/" + "".join(f"\\{c}" if c in "\\*?[ " else c for c in name)).encode()
    if rule in old.splitlines():
        return old
    end = b"" if not old or old.endswith(b"\n") else b"\n"
    return old + end + rule + b"\n"


def _ignore(root: Path, artifact: str, scratch: Scratch) -> str:
    """Make Git ignore an artifact; return the path of the rules."""
    path = rules_path(artifact)
    with open_folder(root, artifact.rpartition("/")[0]) as fd:
        old = read_small(fd, ".gitignore", path)
    new = with_rule(old, artifact)
    if new != old:
        write_file(root / path, new, scratch)
    return path
