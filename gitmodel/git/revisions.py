"""What Git says of commits: what names them, what came before them, what lies between them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from gitmodel.errors import IntegrityError
from gitmodel.git.command import Git, lines_of, operand
from gitmodel.hints import command
from gitmodel.paths import longest_at

_BLOB = re.compile(r"blob (?P<size>[0-9]+) (?P<oid>[0-9a-f]{40,64})", re.ASCII)
_UTF8 = ("-c", "i18n.logOutputEncoding=UTF-8")


@dataclass(frozen=True, slots=True)
class Story:
    """What Git says of a revision: what kind of thing it is, when, by whom and why it was made.

    `subject` is the first line of the commit's message; `message` is that of an annotated tag.
    """

    kind: Literal["annotated tag", "lightweight tag", "commit"]
    commit: str
    time: int
    author: str
    subject: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Between:
    """What lies between two commits.

    `ahead` counts the commits that only the second has, `behind` those that only the first has;
    `files` maps the paths that differ to Git's letter for it: A, D, M or T.  `shallow` says that
    older history is not here, so that there may be more commits.
    """

    ahead: int
    behind: int
    files: Mapping[str, str]
    shallow: bool


def resolve(git: Git, revision: str) -> str | None:
    """Return the commit that a revision names, or None."""
    if revision.startswith("-"):
        return None
    done = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return done.stdout.decode().strip() if done.returncode == 0 else None


def check_size(path: str, size: int) -> None:
    """Raise `IntegrityError` if a file that Git has is longer than any at its path may be."""
    if size > (limit := longest_at(path)):
        raise IntegrityError(
            f"{path!r} has {size} bytes in Git, more than {limit}",
            hint=command("git log -- {}", path),
        )


def read_file(git: Git, revision: str, path: str) -> bytes | None:
    """Return the content of a file of a revision, or None.

    Raises `IntegrityError` if it is longer than it may be.
    """
    found = _look_at(git, [f"{revision}^{{commit}}:{path}"], path)
    return _blob(git, path, found[0]) if found[0] else None


def read_staged(git: Git, path: str) -> bytes:
    """Return the content of a file in Git's index, empty if there is none; see `read_file`."""
    found = _look_at(git, [f":{path}"], path)
    return _blob(git, path, found[0]) if found[0] else b""


def _look_at(git: Git, names: list[str], path: str) -> list[re.Match[str] | None]:
    """Return what Git says of the blobs with these names, None for any other."""
    if any("\n" in name for name in names):
        raise IntegrityError(f"{path!r} has a line break in its name", hint="git mv it")
    feed = os.fsencode("".join(f"{name}\n" for name in names))
    form = "--batch-check=%(objecttype) %(objectsize) %(objectname)"
    lines = lines_of(git.run("cat-file", form, feed=feed).stdout)
    return [_BLOB.fullmatch(line) for line in lines] or [None] * len(names)


def _blob(git: Git, path: str, found: re.Match[str]) -> bytes:
    check_size(path, int(found["size"]))
    return git.checked("cat-file", "blob", operand(found["oid"])).stdout


def find_carried(git: Git, path: str) -> tuple[str, bytes] | None:
    """Return a commit that has a file, and the file: HEAD, else a branch, the newest first.

    Of what was fetched only the default branch of `origin` counts: a branch that somebody else
    pushed is not to say how other commits are read.
    """
    heads = ("refs/heads", "refs/remotes/origin/HEAD")
    form = ("for-each-ref", "--sort=-committerdate", "--format=%(objectname)", *heads)
    commits = ["HEAD", *dict.fromkeys(git.checked(*form).stdout.decode().split())]
    looked = _look_at(git, [f"{commit}:{path}" for commit in commits], path)
    for commit, found in zip(commits, looked, strict=False):
        if found:
            return commit, _blob(git, path, found)
    return None


def has_file(git: Git, commit: str, path: str) -> bool:
    """Return whether a commit has a file at `path`, be its content here or not."""
    return bool(git.names("ls-tree", "-z", "--full-tree", operand(commit), "--", path))


def is_ancestor(git: Git, commit: str, of: str) -> bool:
    """Return whether a commit is another, or one that this descends from."""
    return git.run("merge-base", "--is-ancestor", "--", commit, of).returncode == 0


def ancestors(git: Git, commit: str, without: str = "") -> list[tuple[str, list[str]]]:
    """Return a commit and its ancestors with their parents, parents first.

    `without` is another commit that is left out with its own ancestors.
    """
    limit = [f"^{without}"] if without else []
    options = ("--topo-order", "--reverse", "--parents")
    lines = git.names("rev-list", *options, operand(commit), *limit, "--", separator="\n")
    return [(first, parents) for first, *parents in map(str.split, lines)]


def between(git: Git, before: str, after: str) -> Between:
    """Return what lies between two commits."""
    done = git.checked("rev-list", "--left-right", "--count", f"{operand(before)}...{after}", "--")
    behind, ahead = map(int, done.stdout.split())
    options = ("-r", "-z", "--name-status", "--no-renames")
    words = git.names("diff-tree", *options, operand(before), operand(after), "--")
    files = dict(zip(words[1::2], words[::2], strict=True))
    return Between(ahead, behind, files, is_shallow(git))


def touched(git: Git, one: str, other: str) -> set[str]:
    """Return the pointers that commits changed to which only one of two commits leads."""
    options = ("-z", "--format=", "--name-only", "--no-renames")
    return set(git.names("log", *options, f"{operand(one)}...{other}", "--", "*.gitmodel"))


def is_shallow(git: Git) -> bool:
    """Return whether older history is not here."""
    return git.checked("rev-parse", "--is-shallow-repository").stdout == b"true\n"


def merge_base(git: Git, one: str, other: str) -> str | None:
    """Return the newest commit that two commits have in common, or None."""
    done = git.run("merge-base", "--", one, other)
    return done.stdout.decode().strip() if done.returncode == 0 else None


def story(git: Git, commit: str, tag: str = "") -> Story:
    """Return what Git says of a tag and the commit that it leads to, or of the commit alone."""
    form = "--format=%at%x00%an%x00%s"
    git = replace(git, options=(*git.options, *_UTF8))
    done = git.checked("log", "-1", "--no-show-signature", form, operand(commit), "--")
    time, author, subject = _text(done).rstrip("\n").split("\0")
    if not tag:
        return Story("commit", commit, int(time or 0), author, subject)
    fields = ("objecttype", "creatordate:unix", "taggername", "contents:subject")
    form = "%00".join(f"%({field})" for field in (*fields, "contents:body"))
    done = git.checked("for-each-ref", f"--format={form}", f"refs/tags/{tag}")
    kind, tagged, tagger, head, body = _text(done).rstrip("\n").split("\0")
    if kind != "tag":
        return Story("lightweight tag", commit, int(time or 0), author, subject)
    message = f"{head}\n\n{body}".strip()
    return Story("annotated tag", commit, int(tagged or time or 0), tagger, subject, message)


def _text(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stdout.decode("utf-8", "replace")
