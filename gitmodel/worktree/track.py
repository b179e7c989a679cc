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
    """Make `pointers` those of the working tree and of Git's index, where `before` differs.

    What Git itself tracks of a new artifact leaves its index.  Returns how many files that were,
    by artifact.
    """
    changed: dict[str, None] = {}
    for artifact, pointer in pointers.items():
        path = pointer_path(artifact)
        if before.get(artifact) != pointer:
            write_file(git.worktree / path, format_pointer(pointer), scratch)
            changed[path] = None
        if rules := _ignore(git.worktree, artifact, scratch):
            changed[rules] = None
    raw = {artifact: git.tracked([artifact]) for artifact in pointers if artifact not in before}
    git.unstage(name for names in raw.values() for name in names)
    git.stage(changed)
    return {artifact: len(names) for artifact, names in raw.items()}


def _ignore(root: Path, artifact: str, scratch: Scratch) -> str | None:
    """Make Git ignore an artifact; return the path of the rules if they changed."""
    folder, _, name = artifact.rpartition("/")
    path = f"{folder}/.gitignore".lstrip("/")
    rule = ("/" + "".join(f"\\{c}" if c in "\\*?[ " else c for c in name)).encode()
    with open_folder(root, folder) as fd:
        old = read_small(fd, ".gitignore", path)
    if rule in old.splitlines():
        return None
    end = b"" if not old or old.endswith(b"\n") else b"\n"
    write_file(root / path, old + end + rule + b"\n", scratch)
    return path
