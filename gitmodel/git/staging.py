"""Git's index: the files that Git tracks, and as what."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gitmodel.git import revisions, trees
from gitmodel.git.command import Git, checked, operand
from gitmodel.paths import POINTER_SUFFIX

_COMPANIONS = (f"*{POINTER_SUFFIX}", "*.dvc", "*dvc.lock", "*dvc.yaml", ".gitmodel.imported")
_FILE_MODES = ("100644", "100755")
_SHA1_DIGITS = 40


@dataclass(frozen=True, slots=True)
class Staged:
    """A file in Git's index, its size in bytes, and the blob that HEAD has there, if any."""

    path: str
    size: int
    before: str


def pointers(git: Git) -> dict[str, dict[int, str]]:
    """Return the pointers in Git's index, relative to the working tree: path to its stages.

    A stage leads to a Git blob: 0, or in a conflict 1 (the base), 2 (ours) and 3 (theirs).
    """
    return _stages(git, f"*{POINTER_SUFFIX}")


def companions(git: Git) -> dict[str, dict[int, str]]:
    """Return the pointers in Git's index, and what DVC has there, as `pointers` does."""
    return _stages(git, *_COMPANIONS)


def unmerged(git: Git, paths: Sequence[str]) -> list[str]:
    """Return which of the files are in conflict in Git's index."""
    stages = _stages(git, *(f":(literal){path}" for path in paths)) if paths else {}
    return [path for path, found in stages.items() if 0 not in found]


def _stages(git: Git, *patterns: str) -> dict[str, dict[int, str]]:
    found: dict[str, dict[int, str]] = {}
    for line in git.names("ls-files", "--stage", "-z", "--", *patterns):
        facts, path = line.split("\t", 1)
        _, oid, stage = facts.split(" ")
        found.setdefault(path, {})[int(stage)] = oid
    return found


def left_out(git: Git) -> set[str]:
    """Return the pointers that a sparse checkout leaves out of the working tree."""
    lines = git.names("ls-files", "-t", "-z", "--", f"*{POINTER_SUFFIX}")
    return {line[2:] for line in lines if line.startswith("S ")}


def tracked(git: Git, paths: Sequence[str]) -> list[str]:
    """Return which files Git tracks among `paths` and below them."""
    return git.names("--literal-pathspecs", "ls-files", "-z", "--", *paths) if paths else []


def submodules(git: Git) -> set[str]:
    """Return where Git has commits of other repositories, whether they are checked out or not."""
    if not os.path.lexists(git.worktree / ".gitmodules"):
        return set()
    lines = git.names("ls-files", "--stage", "-z")
    rows = (line.split("\t", 1) for line in lines)
    return {path for facts, path in rows if facts.startswith("160000 ")}


def blobs(git: Git, paths: Sequence[str]) -> dict[str, str]:
    """Return which files Git tracks among `paths` and below them, and as which blobs."""
    lines = git.names("--literal-pathspecs", "ls-files", "--stage", "-z", "--", *paths)
    rows = (line.split("\t", 1) for line in lines)
    return {path: facts.split(" ")[1] for facts, path in rows}


def is_blob(oid: str, data: bytes) -> bool:
    """Return whether a name in Git is that of a blob of just these bytes."""
    algorithm = "sha1" if len(oid) == _SHA1_DIGITS else "sha256"
    hasher = hashlib.new(algorithm, b"blob %d\0" % len(data), usedforsecurity=False)
    hasher.update(data)
    return hasher.hexdigest() == oid


def keeps(oid: str, data: bytes) -> bool:
    """Return whether a blob is what Git keeps of a work file of these bytes.

    Git may give files other line ends than it keeps.
    """
    return any(is_blob(oid, each) for each in {data, data.replace(b"\r\n", b"\n")})


def matching(git: Git, patterns: Sequence[str]) -> list[str]:
    """Return which files Git tracks that match one of the patterns."""
    return git.names("ls-files", "-z", "--", *patterns)


def filtered(git: Git, name: str) -> dict[str, tuple[str, str]]:
    """Return the files in Git's index that a filter is set for: path to mode and blob.

    What counts are the attributes that Git's index has.
    """
    lines = (line.split("\t", 1) for line in git.names("ls-files", "--stage", "-z"))
    facts = {path: fact.split(" ") for fact, path in lines}
    files = {path: (mode, oid) for path, (mode, oid, stage) in facts.items() if stage == "0"}
    return {path: files[path] for path in _with_filter(git, name, files, "--cached")}


def still_filtered(git: Git, name: str, paths: Iterable[str]) -> list[str]:
    """Return the files that a filter is set for by the attributes of the working tree."""
    return _with_filter(git, name, paths)


def _with_filter(git: Git, name: str, paths: Iterable[str], *options: str) -> list[str]:
    feed = os.fsencode("\0".join(paths))
    done = git.checked("check-attr", *options, "-z", "--stdin", "filter", feed=feed)
    words = os.fsdecode(done.stdout).split("\0")
    return [path for path, value in zip(words[::3], words[2::3], strict=False) if value == name]


def staged(git: Git) -> dict[str, str]:
    """Return what is in Git's index and in no conflict: path to blob."""
    return {path: found[0] for path, found in _stages(git).items() if 0 in found}


def staged_files(git: Git) -> list[Staged]:
    """Return the files that the next commit adds or changes; links and submodules are none.

    What a merge brings as one of its sides has it is no change.
    """
    head = revisions.resolve(git, "HEAD") or git.checked("hash-object", "-t", "tree", "--stdin")
    base = head if isinstance(head, str) else head.stdout.decode().strip()
    files = [row for row in _since(git, base) if row[1] in _FILE_MODES]
    for side in _merged_in(git):
        changed = {row[5] for row in _since(git, side)}
        files = [row for row in files if row[5] in changed]
    now = trees.sizes_of(git, [row[3] for row in files])
    return [
        Staged(row[5], size, "" if row[4] == "A" else row[2])
        for row, size in zip(files, now, strict=True)
    ]


def _since(git: Git, base: str) -> list[tuple[str, ...]]:
    """Return Git's rows of what the index adds to a tree or changes of it, paths at the end."""
    done = git.checked(
        *("diff-index", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames"),
        *("--diff-filter=AMT", operand(base), "--"),
    )
    fields = os.fsdecode(done.stdout).split("\0")[:-1]
    return [(*row.split(" "), path) for row, path in zip(fields[::2], fields[1::2], strict=True)]


def _merged_in(git: Git) -> list[str]:
    """Return the commits that the next one will have as parents beside HEAD."""
    try:
        return (git.git_dir / "MERGE_HEAD").read_text("ascii").split()
    except FileNotFoundError:
        return []


def left_to_lfs(git: Git, paths: Iterable[str]) -> set[str]:
    """Return the files that Git LFS is to store, whether or not it did."""
    feed = os.fsencode("".join(f"{path}\0" for path in paths))
    done = git.checked("check-attr", "-z", "--stdin", "filter", feed=feed)
    words = iter(os.fsdecode(done.stdout).split("\0")[:-1])
    rows = zip(words, words, words, strict=True)
    return {path for path, _, value in rows if value == "lfs"}


def stage(git: Git, paths: Iterable[str]) -> None:
    """Add the files to Git's index, also where a rule ignores them."""
    _feed(git, ["--literal-pathspecs", "add", "--force", "--sparse"], paths)


def unstage(git: Git, paths: Iterable[str]) -> None:
    """Take files out of Git's index and leave them on the disk."""
    options = ["--cached", "--quiet", "--ignore-unmatch", "--sparse"]
    _feed(git, ["--literal-pathspecs", "rm", *options], paths)


def remove(git: Git, paths: Sequence[str], *, force: bool) -> list[str]:
    """Remove tracked files from Git's index and the disk; return those that Git does not track."""
    known = tracked(git, paths)
    options = ["--force"] if force else []
    _feed(git, ["--literal-pathspecs", "rm", "--quiet", "--sparse", *options], known)
    there = set(known)
    return [path for path in paths if path not in there]


def _feed(git: Git, arguments: Sequence[str], paths: Iterable[str]) -> None:
    data = "\0".join(paths)
    if data:
        options = ("--pathspec-from-file=-", "--pathspec-file-nul")
        checked(git, git.act(*arguments, *options, feed=os.fsencode(data)))
