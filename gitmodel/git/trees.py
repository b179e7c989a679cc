"""Trees and blobs as `git` reads and writes them; `objects` reads them faster, in great numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from gitmodel.errors import GitmodelError
from gitmodel.git.command import Git, operand, said


class Change(NamedTuple):
    """What one tree has at a path and another has not; all zeros if it has nothing there."""

    mode: str
    oid: str
    path: str

    @property
    def is_submodule(self) -> bool:
        """Whether it is a commit of another repository."""
        return self.mode == "160000"


def changes(git: Git, before: str, after: str) -> list[Change]:
    """Return what `after` has, file by file, where it differs from `before`; both commits."""
    return _differences(git, before, after)


def empty(git: Git) -> str:
    """Return the name of the tree that has no files."""
    return git.checked("hash-object", "-t", "tree", "--stdin", feed=b"").stdout.decode().strip()


def added(git: Git, before: str, after: str) -> list[Change]:
    """Return the files that `after` has and `before` has not; both are commits or trees."""
    return _differences(git, before, after, "--diff-filter=A")


def _differences(git: Git, before: str, after: str, *options: str) -> list[Change]:
    words = iter(
        git.names(
            *("diff-tree", "-r", "-z", "--raw", "--no-renames", *options),
            *(operand(before), operand(after)),
        )
    )
    found = []
    for facts, path in zip(words, words, strict=True):
        _, mode, _, oid, _ = facts.split()
        found.append(Change(mode, oid, path))
    return found


def blobs(git: Git, oids: Iterable[str], limit: int) -> dict[str, bytes]:
    """Return the content of Git blobs, but for those of more than `limit` bytes."""
    wanted = list(dict.fromkeys(oids))
    if not wanted:
        return {}
    feed = "".join(f"{oid}\n" for oid in wanted).encode()
    lines = git.checked("cat-file", "--batch-check", feed=feed).stdout.decode().splitlines()
    known = [line.split(" ") for line in lines]
    sizes = {words[0]: int(words[2]) for words in known if words[1] == "blob"}
    small = [oid for oid in wanted if sizes.get(oid, limit + 1) <= limit]
    feed = "".join(f"{oid}\n" for oid in small).encode()
    data = git.checked("cat-file", "--batch", feed=feed).stdout
    found, at = {}, 0
    for oid in small:
        start = data.index(b"\n", at) + 1
        found[oid] = data[start : start + sizes[oid]]
        at = start + sizes[oid] + 1
    return found


def sizes_of(git: Git, oids: Sequence[str]) -> list[int]:
    """Return the sizes of Git objects in bytes, 0 for one that is not here."""
    if not oids:
        return []
    feed = "\n".join(oids).encode() + b"\n"
    done = git.checked("cat-file", "--batch-check=%(objectsize)", feed=feed)
    lines = done.stdout.decode().splitlines()
    return [int(line) if line.isdigit() else 0 for line in lines]


def kind(git: Git, oid: str) -> str:
    """Return what an object is: commit, tag, tree or blob."""
    done = git.ask("cat-file", "-t", operand(oid))
    if done.returncode:
        raise GitmodelError(f"git cat-file: {said(done)}", hint="git fsck")
    return done.stdout.decode("ascii").strip()


def objects_of(git: Git, commit: str) -> set[str]:
    """Return a commit, its trees and the blobs of all its files, by their own names."""
    done = git.ask("ls-tree", "-r", "-t", "-z", "--full-tree", operand(commit))
    top = git.ask("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}")
    if done.returncode or top.returncode:
        raise GitmodelError(f"git ls-tree: {said(done)}", hint="git fsck")
    heads = (row.split(b"\t", 1)[0] for row in done.stdout.split(b"\0") if row)
    below = {head.split(b" ")[2].decode("ascii") for head in heads}
    return {commit, top.stdout.decode("ascii").strip(), *below}


def replaced(git: Git) -> set[str]:
    """Return the objects that Git shows others instead of (`git replace`)."""
    return set(git.names("replace", "--list", separator="\n"))


def write_blob(git: Git, data: bytes) -> str:
    """Store bytes as a blob; return its oid."""
    return git.checked("hash-object", "-w", "--stdin", feed=data).stdout.decode().strip()


def write_tree(git: Git, base: str, changes: Iterable[Change], index: Path) -> str:
    """Store the tree that a commit becomes by some changes; return its oid.

    `index` is a path where nothing is; a file of Git's is there for a moment.
    """
    env = {"GIT_INDEX_FILE": str(index)}
    # A file that becomes a folder goes first.
    ordered = sorted(changes, key=lambda change: int(change.mode, 8) != 0)
    lines = (f"{change.mode} {change.oid}\t{change.path}\0" for change in ordered)
    try:
        git.checked("read-tree", operand(base), env=env)
        feed = os.fsencode("".join(lines))
        git.checked("update-index", "-z", "--index-info", feed=feed, env=env)
        return git.checked("write-tree", env=env).stdout.decode().strip()
    finally:
        index.unlink(missing_ok=True)
