"""The tags and branches of a repository."""

from __future__ import annotations

import os
from dataclasses import dataclass

from gitmodel.errors import ConflictError, DiskError, GitmodelError
from gitmodel.git import revisions
from gitmodel.git.command import Git, checked, failure, lines_of, operand, said

_MIX = "refs/worktree/gitmodel-mix"
"""A ref of one working tree alone."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A tag, or a branch: its short name, the commit it leads to, when and by whom it was made.

    When is in Unix time; for a branch it is that of the commit.
    """

    name: str
    commit: str
    time: int
    author: str


def branch(git: Git) -> str | None:
    """Return the full name of the branch that HEAD is on, or None."""
    done = git.run("symbolic-ref", "--quiet", "HEAD")
    return os.fsdecode(done.stdout).strip() if done.returncode == 0 else None


def tags(git: Git) -> list[Ref]:
    """Return the tags that lead to a commit."""
    return _read(git, "refs/tags/")


def heads(git: Git) -> list[Ref]:
    """Return the ends of the branches, and when and by whom their commits were made."""
    return _read(git, "refs/heads/")


def _read(git: Git, folder: str) -> list[Ref]:
    fields = ("refname", "objectname", "*objectname", "*objecttype", "objecttype")
    people = ("creatordate:unix", "creator")
    form = "%00".join(f"%({field})" for field in (*fields, *people))
    done = git.checked("for-each-ref", f"--format={form}", operand(folder))
    refs = []
    for line in os.fsdecode(done.stdout).split("\n")[:-1]:
        name, own, peeled, peeled_kind, kind, time, author = line.split("\0")
        if "commit" in (kind, peeled_kind):
            who = author.rpartition(" <")[0]
            refs.append(Ref(name.removeprefix(folder), peeled or own, int(time or 0), who))
    return refs


def tags_before(git: Git, commit: str) -> set[str]:
    """Return the tags, by short name, of a commit and of all that came before it."""
    done = git.checked("for-each-ref", f"--merged={commit}", "--format=%(refname)", "refs/tags")
    return {name.removeprefix("refs/tags/") for name in lines_of(done.stdout)}


def tag_objects(git: Git) -> dict[str, str]:
    """Return the tags here: short name to the oid of the tag or commit."""
    done = git.checked("for-each-ref", "--format=%(objectname) %(refname)", "refs/tags")
    pairs = (line.split(" ", 1) for line in lines_of(done.stdout))
    return {name.removeprefix("refs/tags/"): oid for oid, name in pairs}


def make_tag(git: Git, name: str, commit: str, message: str, *, sign: bool) -> str:
    """Make an annotated tag, as the user and with the key that Git is set up for.

    Returns what Git said.  Raises `ConflictError` if there is one of that name: no tag is
    ever moved.
    """
    kind = "--sign" if sign else "--annotate"
    done = git.act(
        *("tag", kind, "--cleanup=verbatim", "--file=-", "--end-of-options", name, commit),
        feed=message.encode("utf-8", "surrogateescape"),
    )
    if done.returncode == 0:
        return said(done)
    if name in tag_objects(git):
        raise ConflictError(
            f"there is a tag {name!r} already; a version never moves", hint="gitmodel versions"
        )
    if isinstance(known := failure(git, done), (ConflictError, DiskError)):
        raise known
    raise GitmodelError(
        f"Git did not make the tag {name!r}: {said(done)}",
        hint="git config user.signingKey" if sign else "git config user.email",
    )


def delete_tag(git: Git, name: str) -> None:
    """Delete a tag of this clone."""
    checked(git, git.act("tag", "--delete", "--end-of-options", name))


def mix(git: Git) -> str | None:
    """Return the commit that `set_mix` made, or None."""
    return revisions.resolve(git, _MIX)


def set_mix(git: Git, tree: str, base: str, what: str) -> None:
    """Note that the working tree is brought from a commit to a tree, which is kept for as long.

    `what` says which tree that is.
    """
    checked(git, git.act("update-ref", "--", _MIX, _commit_tree(git, tree, base, what)))


def _commit_tree(git: Git, tree: str, parent: str, message: str) -> str:
    names = {f"GIT_{who}_NAME": "gitmodel" for who in ("AUTHOR", "COMMITTER")}
    mails = {f"GIT_{who}_EMAIL": "" for who in ("AUTHOR", "COMMITTER")}
    done = git.checked(
        *("commit-tree", "-p", operand(parent), "-m", message, operand(tree)),
        env={**names, **mails},
    )
    return done.stdout.decode().strip()


def unset_mix(git: Git) -> None:
    """Forget what `set_mix` noted."""
    checked(git, git.act("update-ref", "-d", "--", _MIX))
