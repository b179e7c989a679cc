"""Show one version in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gitmodel.git import revisions
from gitmodel.git.revisions import Story
from gitmodel.history import History
from gitmodel.pointer import Pointer
from gitmodel.porcelain.resolve import Resolved, resolve
from gitmodel.record import Record


@dataclass(frozen=True, slots=True)
class Shown:
    """What a reference means, what Git says of it, and what its commit says of the artifact.

    `others` are the artifacts of the commit that the version is not of, such as the data that a
    model was made from.
    """

    resolved: Resolved
    story: Story
    record: Record
    others: Mapping[str, Pointer]


def show(history: History, reference: str) -> Shown:
    """Return all that is known of a version; only Git's objects are read.

    Raises `UsageError` if the reference means nothing.
    """
    found = resolve(history, reference)
    record = history.reader.read(found.commit, found.name)
    everything = history.reader.artifacts(found.commit)
    others = {path: everything[path] for path in sorted(everything.keys() - record.artifacts)}
    return Shown(found, revisions.story(history.git, found.commit, found.tag), record, others)
