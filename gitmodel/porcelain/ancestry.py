"""Everything that versions and branches say of what was made from what, read once.

Only Git's own objects are read: pointers and lineages.  The same bytes are one thing, whatever
they are called and wherever they are tagged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from gitmodel.errors import GitmodelError
from gitmodel.git import refs, revisions
from gitmodel.history import History
from gitmodel.lineage import SUFFIX, Lineage, parse_lineage
from gitmodel.masking import masked
from gitmodel.paths import POINTER_SUFFIX
from gitmodel.pointer import Pointer, parse_pointer
from gitmodel.snapshot import name_of
from gitmodel.version import Version


@dataclass(frozen=True, slots=True)
class Place:
    """Where an artifact was seen: its path, at a tag (a version) or at a branch, in a commit.

    `own` says that the version is one of this artifact, and not of another or of all.
    """

    path: str
    commit: str
    tag: str = ""
    branch: str = ""
    own: bool = False

    @property
    def label(self) -> str:
        """The name of the tag or branch."""
        return self.tag or self.branch


@dataclass(frozen=True, slots=True)
class Ancestry:
    """What was made from what.

    `places` and `pointers` go by the oid of an artifact, `made` by that of an output; an artifact's
    own versions come first, newest first.  `commits` are the artifacts of a commit, path to oid,
    and `recorded` the lineages in it.  `problems` says what could not be read.
    """

    places: Mapping[str, list[Place]]
    pointers: Mapping[str, Pointer]
    made: Mapping[str, list[Lineage]]
    commits: Mapping[str, dict[str, str]]
    recorded: Mapping[str, list[Lineage]]
    problems: tuple[str, ...]

    def version_of(self, path: str, oid: str) -> str:
        """Return the newest version at which an artifact is this; its own come first."""
        places = self.places.get(oid, ())
        return next((each.tag for each in places if each.tag and each.path == path), "")

    def as_of(self, commit: str) -> Ancestry:
        """Return the same, but what a commit says of how its artifacts were made is all of that.

        The same bytes may have been made twice, and from something else.
        """
        own: dict[str, list[Lineage]] = {}
        there = set(self.commits.get(commit, {}).values())
        for lineage in self.recorded.get(commit, ()):
            for output in lineage.outputs:
                if output.oid in there:
                    own.setdefault(output.oid, []).append(lineage)
        return replace(self, made={**self.made, **own})


def read_ancestry(history: History, *commits: str) -> Ancestry:
    """Return what the versions and the branches of a repository say, and some commits besides."""
    reading = _Reading(history)
    tags = {version.tag: history.tags[version.tag].commit for version in history.versions}
    branches = _branches(history)
    # What is still not here then is named as it is met.
    with suppress(GitmodelError):
        history.bring({*tags.values(), *branches.values(), *commits}, _is_read)
    for version in sorted(history.versions, key=lambda version: version.key, reverse=True):
        reading.read(tags[version.tag], version)
    for branch, commit in branches.items():
        reading.read(commit, branch=branch)
    for commit in commits:
        if commit not in reading.commits:
            reading.read(commit)
    return reading.done()


def _is_read(path: str) -> bool:
    return path.endswith((POINTER_SUFFIX, SUFFIX))


def _branches(history: History) -> dict[str, str]:
    found = {ref.name: ref.commit for ref in refs.heads(history.git)}
    head = revisions.resolve(history.git, "HEAD")
    return found if not head or head in found.values() else {**found, "HEAD": head}


class _Reading:
    """What was read so far; a file that many commits share is parsed once."""

    def __init__(self, history: History) -> None:
        self.commits: dict[str, dict[str, str]] = {}
        self._places: dict[str, list[Place]] = {}
        self._pointers: dict[str, Pointer] = {}
        self._made: dict[str, list[Lineage]] = {}
        self._recorded: dict[str, list[Lineage]] = {}
        # A dictionary, for it keeps the order.
        self._problems: dict[str, None] = {}
        self._reader = history.reader
        self._names = history.config.artifacts
        self._read: set[str] = set()

    def read(self, commit: str, version: Version | None = None, branch: str = "") -> None:
        """Read a commit that a version or branch leads to."""
        if commit not in self.commits:
            self.commits[commit] = self._artifacts(commit)
        for path, oid in self.commits[commit].items():
            own = version is not None and version.name == name_of(path, self._names)
            tag = version.tag if version else ""
            self._places.setdefault(oid, []).append(Place(path, commit, tag, branch, own))

    def done(self) -> Ancestry:
        """Return all that was read."""
        places = {
            oid: sorted(found, key=lambda place: not place.own)
            for oid, found in self._places.items()
        }
        parts = places, self._pointers, self._made, self.commits, self._recorded
        return Ancestry(*parts, tuple(self._problems))

    def _artifacts(self, commit: str) -> dict[str, str]:
        try:
            files = self._reader.files.companions(commit)
        except GitmodelError as error:
            self._problems[error.message] = None
            return {}
        for path, blob in files.items():
            if path.endswith(SUFFIX):
                self._read_lineage(commit, path, blob)
        return dict(self._read_pointers(files))

    def _read_pointers(self, files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        for path, blob in files.items():
            if path.endswith(POINTER_SUFFIX):
                try:
                    pointer = self._reader.parsed(path, blob, parse_pointer)
                except GitmodelError as error:
                    self._problems[error.message] = None
                else:
                    self._pointers[pointer.oid] = pointer
                    yield path.removesuffix(POINTER_SUFFIX), pointer.oid

    def _read_lineage(self, commit: str, path: str, blob: str) -> None:
        try:
            lineage = self._reader.parsed(path, blob, parse_lineage)
        except GitmodelError as error:
            self._problems[error.message] = None
            return
        self._recorded.setdefault(commit, []).append(lineage)
        if blob not in self._read:
            self._read.add(blob)
            for output in lineage.outputs:
                self._made.setdefault(output.oid, []).append(lineage)


def as_shown(lineage: Lineage) -> Lineage:
    """Return a lineage without secrets or absolute paths in its steps and command."""
    return replace(lineage, steps=masked(lineage.steps, "/"), command=masked(lineage.command, "/"))
