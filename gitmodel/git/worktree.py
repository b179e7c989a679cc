"""The files of the working tree as Git sees them, and what moves them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from gitmodel.errors import ConflictError
from gitmodel.git.command import Git, checked, failure, operand

_NEW = ("--others", "--exclude-standard")
_IGNORED = ("--ignored", *_NEW)


def modified(git: Git, tree: str, *, staged: bool = False) -> list[str]:
    """Return which tracked files are not as in a tree: the work files, or what is staged."""
    options = ("--name-only", "-z", "--no-renames", "--no-ext-diff")
    return git.names("diff", *options, *(["--cached"] if staged else []), operand(tree), "--")


def unsaved(git: Git, paths: Sequence[str]) -> list[str]:
    """Return which of the files are tracked and other than in the last commit."""
    if not paths:
        return []
    arguments = ("--literal-pathspecs", "status", "--porcelain", "-z", "--no-renames")
    lines = git.names(*arguments, "--untracked-files=no", "--", *paths)
    return [line[3:] for line in lines]


def literal(paths: Iterable[str]) -> list[str]:
    """Return paths from the top as patterns that match nothing else."""
    return [f":(top,literal){path}" for path in paths]


def uncommitted(git: Git, patterns: Sequence[str], *, ignored: bool = False) -> list[str]:
    """Return the files that match a pattern and are not what HEAD says, or not in it.

    Those that Git ignores count only if `ignored` is true.
    """
    fields = git.names(
        *("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all"),
        *("--ignore-submodules=all", "--", *patterns),
    )
    hidden = git.names("ls-files", "-z", *_IGNORED, "--", *patterns) if ignored else []
    return [*(field[3:] for field in fields), *hidden]


def others(git: Git) -> set[str]:
    """Return all that Git does not track; a folder in which it tracks nothing as one, with `/`."""
    return set(git.names("ls-files", "-z", "--others", "--directory"))


def untracked(git: Git, without: Iterable[str]) -> list[str]:
    """Return the files that Git neither tracks nor ignores, but for those that match globs."""
    arguments = ("ls-files", "-z", "--others", "--exclude-standard", "--", *_but(without))
    return git.names(*arguments)


def unstaged(git: Git, patterns: Sequence[str]) -> list[str]:
    """Return the files that match and are other than in Git's index, or not in it.

    Those that are gone do not count.
    """
    options = ("--name-only", "-z", "--no-renames", "--no-ext-diff", "--diff-filter=d")
    changed = git.names("diff", *options, "--", *patterns)
    return [*changed, *git.names("ls-files", "-z", *_NEW, "--", *patterns)]


def ignored(git: Git, paths: Iterable[str]) -> set[str]:
    """Return which of the paths a rule of Git ignores, unless it tracks them all the same."""
    data = os.fsencode("\0".join(paths))
    done = git.run("check-ignore", "-z", "--stdin", feed=data) if data else None
    return set(os.fsdecode(done.stdout).split("\0")) - {""} if done else set()


def patch(git: Git, without: Iterable[str]) -> bytes:
    """Return what differs from HEAD in what Git tracks, as a patch.

    Files of which the name matches one of the globs `without` are left out.
    """
    _refresh(git)
    done = git.checked(
        *("diff-index", "-p", "--binary", "--full-index", "--no-ext-diff", "--no-textconv"),
        *("HEAD", "--", *_but(without)),
    )
    return done.stdout


def checkout(git: Git, revision: str) -> None:
    """Move HEAD and the working tree to a revision; raises `ConflictError` if Git refuses."""
    options = ("-c", "advice.detachedHead=false")
    done = git.finish(*options, "checkout", "--quiet", operand(revision), "--")
    if done.returncode:
        raise failure(git, done, ConflictError)


def put_head(git: Git, commit: str) -> list[str]:
    """Put HEAD, on no branch, and Git's index at a commit; return which work files differ from it.

    The working tree stays as it is.  What Git is told to look away from does not count.
    """
    git.checked("update-ref", "--no-deref", "HEAD", operand(commit))
    git.checked("reset", "--quiet")
    options = ("--name-only", "-z", "--no-renames", "--no-ext-diff", "--ignore-submodules=all")
    return git.names("diff", *options, "--")


def write_absent(git: Git, paths: Sequence[str]) -> None:
    """Write files as Git's index has them, where nothing is."""
    feed = os.fsencode("\0".join(paths))
    if feed:
        checked(git, git.act("checkout-index", "--quiet", "-z", "--stdin", feed=feed))


def move_tree(git: Git, before: str, after: str, *, dry_run: bool = False) -> None:
    """Bring Git's index and the working tree from one tree to another, and leave HEAD.

    Changes that no tree has are carried; raises `ConflictError` if they are in the way.
    """
    _refresh(git)
    options = ["--dry-run"] if dry_run else []
    done = git.finish("read-tree", "-m", "-u", *options, operand(before), operand(after))
    if done.returncode:
        raise failure(git, done, ConflictError)


def _refresh(git: Git) -> None:
    """Let files of which only the times differ count as unchanged."""
    git.act("update-index", "-q", "--refresh")


def _but(globs: Iterable[str]) -> list[str]:
    """Return what tells Git everything but files with names that match."""
    return [":(top)", *(f":(top,exclude,glob)**/{glob}" for glob in globs)]
