"""Writes pointers and the rules that make Git ignore artifacts, and tells Git."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from gitmodel.errors import IntegrityError
from gitmodel.git import staging
from gitmodel.git.command import Git
from gitmodel.hints import command, either
from gitmodel.paths import parents
from gitmodel.pointer import Pointer, format_pointer
from gitmodel.scratch import Scratch
from gitmodel.snapshot import pointer_path
from gitmodel.worktree.files import remove_file, write_files
from gitmodel.worktree.opening import look
from gitmodel.worktree.rules import add_rules, ignore_rule, remove_rule


def track(
    git: Git, pointers: Mapping[str, Pointer], before: Mapping[str, Pointer], scratch: Scratch
) -> dict[str, int]:
    """Make `pointers` those of the working tree and of Git's index; `before` is what was there.

    What Git itself tracks of an artifact leaves its index.  Returns how many files that were,
    by artifact.  Git hears of everything each time: an earlier run may have died before it did.
    """
    root = git.worktree
    files = {
        pointer_path(artifact): format_pointer(pointer)
        for artifact, pointer in pointers.items()
        # One that stands for what DVC tracks is in no file yet.
        if before.get(artifact) != pointer or not look(root, pointer_path(artifact))
    }
    write_files(root, files, scratch)
    rules: dict[str, list[bytes]] = {}
    for path, rule in map(ignore_rule, pointers):
        rules.setdefault(path, []).append(rule)
    for path, lines in rules.items():
        add_rules(root, path, lines, scratch)
    mine = dict.fromkeys(map(pointer_path, pointers))
    staging.stage(git, [*mine, *rules])
    found = staging.blobs(git, [*pointers, *mine]) if mine else {}
    _check_staged(git, mine, found)
    raw = [path for path in found if path not in mine]
    # Last: until then, whoever was killed finds what there is to be done.
    staging.unstage(git, raw)
    owners = (each for path in raw for each in (path, *parents(path)) if each in pointers)
    counts = Counter(owners)
    return {artifact: counts[artifact] for artifact in pointers}


def _check_staged(git: Git, paths: Iterable[str], found: Mapping[str, str]) -> None:
    """Raise `IntegrityError` if Git has something else of a pointer than is in its file."""
    for path in paths:
        data = (git.worktree / path).read_bytes()
        if path not in found or not staging.keeps(found[path], data):
            raise IntegrityError(
                f"Git did not take {path!r} as it is: an attribute makes something else of it, or"
                " it is assumed to be unchanged",
                hint=either(
                    command("git check-attr -a {}", path),
                    command("git update-index --no-assume-unchanged {}", path),
                ),
            )


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
