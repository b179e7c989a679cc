"""What Git says of commits: what names them, what came before them, what lies between them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from gitmodel.git.command import Git

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


def read_file(git: Git, revision: str, path: str) -> bytes | None:
    """Return the content of a file of a revision, or None."""
    commit = resolve(git, revision)
    done = git.run("cat-file", "blob", f"{commit}:{path}")
    return done.stdout if commit and done.returncode == 0 else None


def has_file(git: Git, commit: str, path: str) -> bool:
    """Return whether a commit has a file at `path`, be its content here or not."""
    return bool(git.names("ls-tree", "-z", "--full-tree", commit, "--", path))


def is_ancestor(git: Git, commit: str, of: str) -> bool:
    """Return whether a commit is another, or one that this descends from."""
    return git.run("merge-base", "--is-ancestor", commit, of).returncode == 0


def ancestors(git: Git, commit: str, without: str = "") -> list[tuple[str, list[str]]]:
    """Return a commit and its ancestors with their parents, parents first.

    `without` is another commit that is left out with its own ancestors.
    """
    limit = [f"^{without}"] if without else []
    options = ("--topo-order", "--reverse", "--parents")
    lines = git.names("rev-list", *options, commit, *limit, "--", separator="\n")
    return [(first, parents) for first, *parents in map(str.split, lines)]


def between(git: Git, before: str, after: str) -> Between:
    """Return what lies between two commits."""
    done = git.checked("rev-list", "--left-right", "--count", f"{before}...{after}", "--")
    behind, ahead = map(int, done.stdout.split())
    words = git.names("diff-tree", "-r", "-z", "--name-status", "--no-renames", before, after, "--")
    files = dict(zip(words[1::2], words[::2], strict=True))
    shallow = git.checked("rev-parse", "--is-shallow-repository").stdout == b"true\n"
    return Between(ahead, behind, files, shallow)


def story(git: Git, commit: str, tag: str = "") -> Story:
    """Return what Git says of a tag and the commit that it leads to, or of the commit alone."""
    form = "--format=%at%x00%an%x00%s"
    git = replace(git, options=(*git.options, *_UTF8))
    done = git.checked("log", "-1", "--no-show-signature", form, commit, "--")
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
