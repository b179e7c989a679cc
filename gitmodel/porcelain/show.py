"""Show one version in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gitmodel.git import refs, revisions
from gitmodel.git.revisions import Story
from gitmodel.git.signature import Signature
from gitmodel.history import History
from gitmodel.pointer import Pointer
from gitmodel.porcelain.resolve import Resolved, resolve
from gitmodel.porcelain.verify_tag import look_at_tag, replaced_in
from gitmodel.record import Record
from gitmodel.snapshot import not_imported


@dataclass(frozen=True, slots=True)
class Shown:
    """What a reference means, what Git says of it, and what its commit says of the artifact.

    `others` are the artifacts of the commit that the version is not of, such as the data that a
    model was made from.  `signature` is that of the tag, None for what is no tag or where it was
    not asked for; `problems` are those of record and tag, in words.
    """

    resolved: Resolved
    story: Story
    record: Record
    others: Mapping[str, Pointer]
    problems: tuple[str, ...]
    signature: Signature | None = None


def show(history: History, reference: str) -> Shown:
    """Return all that is known of a version; only Git's objects are read.

    Raises `UsageError` if the reference means nothing.
    """
    found = resolve(history, reference)
    record = history.reader.read(found.commit, found.name)
    everything = history.reader.artifacts(found.commit)
    others = {path: everything[path] for path in sorted(everything.keys() - record.artifacts)}
    story = revisions.story(history.git, found.commit, found.tag)
    problems = problems_of(history, record)
    if hidden := replaced_in(history.git, found.commit):
        problems = (*problems, f"Git shows another object instead of {hidden} (git replace)")
    return Shown(found, story, record, others, problems)


def problems_of(history: History, record: Record) -> tuple[str, ...]:
    """Return in words what cannot be read of a version, and what DVC has of it."""
    foreign = history.objects.foreign(record.commit)
    return (*record.problems, *([not_imported(foreign)] if foreign else ()))


def with_signature(history: History, found: Shown) -> Shown:
    """Return a version with who vouches for its tag; nothing is run where nobody does."""
    tag = found.resolved.tag
    if found.story.kind != "annotated tag":
        return replace(found, signature=Signature("unsigned") if tag else None)
    oid = refs.tag_objects(history.git)[tag]
    signed = look_at_tag(history.git, history.objects, tag, oid)
    problems = (*found.problems, *signed.problems)
    return replace(found, signature=signed.signature, problems=problems)
