"""What is known of the sides of a conflict: which commits they are, and what their metrics say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from gitmodel.config import Config
from gitmodel.git import revisions
from gitmodel.git.command import Git
from gitmodel.git.objects import Objects
from gitmodel.pointer import Pointer
from gitmodel.porcelain.conflicts import Conflict
from gitmodel.porcelain.merge import Attempt
from gitmodel.record import Reader
from gitmodel.sidecar import Metric
from gitmodel.snapshot import name_of, pointer_path

_OURS = ("HEAD",)
_THEIRS = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD", "REVERT_HEAD^", "refs/stash")


@dataclass(frozen=True, slots=True)
class SideFacts:
    """One side of a conflict: its pointer, None if it has none, its commit, empty if not known."""

    pointer: Pointer | None
    commit: str = ""
    metrics: Mapping[str, Metric] = field(default_factory=dict)


def describe_sides(
    git: Git, config: Config, conflict: Conflict, found: Attempt, heads: Sequence[str] = ()
) -> tuple[SideFacts, SideFacts]:
    """Return what is known of ours and theirs; `heads` are more commits that theirs may be.

    A commit is only believed if it has that very pointer: in a rebase, a revert or a stash the
    sides are not what one would think.
    """
    with closing(Objects(git)) as objects:
        search = _Search(git, objects, Reader(objects, config), config)
        return (
            search.side(conflict, found.ours, conflict.ours, _OURS),
            search.side(conflict, found.theirs, conflict.theirs, (*heads, *_THEIRS)),
        )


@dataclass(frozen=True, slots=True)
class _Search:
    """Looks for the commit of a side."""

    git: Git
    objects: Objects
    reader: Reader
    config: Config

    def side(
        self, conflict: Conflict, pointer: Pointer | None, text: bytes, candidates: Sequence[str]
    ) -> SideFacts:
        """Return what is known of a side with a pointer of a certain text."""
        for candidate in candidates:
            commit = revisions.resolve(self.git, candidate)
            if commit and self._text(commit, conflict.artifact) == text:
                name = name_of(conflict.artifact, self.config.artifacts)
                return SideFacts(pointer, commit, self.reader.read(commit, name).metrics)
        return SideFacts(pointer)

    def _text(self, commit: str, artifact: str) -> bytes:
        path = pointer_path(artifact)
        blob = self.objects.find(commit, path)
        return self.objects.blob(blob, path) if blob else b""
