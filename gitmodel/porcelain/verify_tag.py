"""Prove that a version tag still leads to what it was made for, and by whom it was signed."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gitmodel.contents import root_of
from gitmodel.describe import items_of
from gitmodel.errors import IntegrityError, UsageError
from gitmodel.git import refs, transport, trees
from gitmodel.git.command import Git, open_repository
from gitmodel.git.objects import Objects
from gitmodel.git.signature import Signature, check_signature
from gitmodel.hints import command
from gitmodel.history import open_history
from gitmodel.porcelain.resolve import resolve
from gitmodel.tag_object import TagObject, parse_tag_object, stated_root


@dataclass(frozen=True, slots=True)
class Signed:
    """What an annotated tag says, who vouches for that, and what is wrong with it, in words."""

    made: TagObject
    signature: Signature
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VerifiedTag:
    """What a tag says and what is so.

    `stated` is the root that its message states, empty if it states none; `found` is that of the
    commit that it leads to.  `problems` are in words; with one, the version is not what it was.
    """

    tag: str
    commit: str
    annotated: bool
    signature: Signature
    stated: str
    found: str
    problems: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing speaks against the tag; that may mean that nothing speaks for it."""
        return not self.problems and self.signature.state != "bad"

    @property
    def vouched(self) -> bool:
        """Whether somebody who is trusted here signed it, and all is as it was then."""
        return self.sound and self.signature.state == "trusted"


def find_tag(folder: Path, reference: str) -> tuple[Git, str]:
    """Return the repository that a folder is in, and the tag that a reference leads to there.

    The name of a tag is that tag, whatever else it could mean, and nothing else is read then.
    Raises `UsageError` for what leads to none.
    """
    git = open_repository(folder)
    name = reference.removeprefix("refs/tags/")
    if name in refs.tag_objects(git):
        return git, name
    with open_history(folder) as history:
        found = resolve(history, reference)
    if not found.tag:
        raise UsageError(f"{reference!r} is no tag, but a commit", hint="gitmodel versions")
    return git, found.tag


def verify_tag(git: Git, name: str) -> VerifiedTag:
    """Recompute the root from the commit's own Git objects, and check the signature.

    Raises `UsageError` if the tag leads to no commit.
    """
    oid = refs.tag_objects(git)[name]
    kind = trees.kind(git, oid)
    with closing(Objects(git)) as objects:
        if kind == "tag":
            return _verify(git, objects, name, oid)
        if kind != "commit":
            raise UsageError(
                f"the tag {name!r} leads to a {kind}, not to a commit", hint="gitmodel versions"
            )
        found, problems = _look_at(git, objects, oid, "")
        return VerifiedTag(name, oid, False, Signature("unsigned"), "", found, tuple(problems))


def look_at_tag(git: Git, objects: Objects, name: str, oid: str) -> Signed:
    """Read the annotated tag `name`; only where it is signed, Git checks it.

    Raises `IntegrityError` if it is malformed.
    """
    made = parse_tag_object(objects.tag(oid))
    signature = Signature("unsigned")
    if made.signature:
        signature = check_signature(git, oid, made.signature)
    problems = []
    if made.name != name:
        # A signature that is good for one version must not serve for another.
        problems.append(f"the tag was made as {made.name!r}, not as {name!r}")
    if made.rest:
        problems.append("the tag has text after its signature, which nobody signed")
    return Signed(made, signature, tuple(problems))


def _verify(git: Git, objects: Objects, name: str, oid: str) -> VerifiedTag:
    signed = look_at_tag(git, objects, name, oid)
    made = signed.made
    if made.type != "commit":
        raise UsageError(
            f"the tag {name!r} leads to a {made.type}, not to a commit", hint="gitmodel versions"
        )
    stated, problems = _stated(made)
    found, more = _look_at(git, objects, made.target, oid)
    if stated and found and stated != found:
        more.append("the commit does not hold what the tag was made for: its root is another")
    told = (*problems, *signed.problems, *more)
    return VerifiedTag(name, made.target, True, signed.signature, stated, found, told)


def _stated(made: TagObject) -> tuple[str, list[str]]:
    try:
        return stated_root(made.message), []
    except IntegrityError as error:
        return "", [error.message]


def _look_at(git: Git, objects: Objects, commit: str, tag: str) -> tuple[str, list[str]]:
    """Return the root of a commit, and what is wrong with the commit."""
    problems = []
    if hidden := replaced_in(git, commit, tag):
        hint = command("git replace -d {}", hidden)
        problems.append(f"Git shows another object instead of {hidden} ({hint})")
    try:
        _bring_blobs(git, objects, commit)
        return root_of(items_of(objects, commit)), problems
    except IntegrityError as error:
        return "", [*problems, error.message]


def _bring_blobs(git: Git, objects: Objects, commit: str) -> None:
    """Fetch what a partial clone lacks; what comes is checked against its name when it is read."""
    for promisor in transport.promisors(git):
        if lacking := objects.lacking(objects.companions(commit).values()):
            transport.bring_objects(git, promisor, lacking)


def replaced_in(git: Git, commit: str, tag: str = "") -> str:
    """Return an object of a version that `git replace` hides, or nothing.

    gitmodel reads the objects themselves, but what `git checkout` writes would be another
    version.
    """
    replaced = trees.replaced(git)
    if not replaced:
        return ""
    return min(replaced & {tag, *trees.objects_of(git, commit)}, default="")
