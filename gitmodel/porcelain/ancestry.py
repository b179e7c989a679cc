"""Everything that versions and branches say of what was made from what, read once.

Only Git's own objects are read: pointers and lineages.  The same bytes are one thing, whatever
they are called and wherever they are tagged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gitmodel.errors import GitmodelError, IntegrityError
from gitmodel.history import History
from gitmodel.lineage import SUFFIX, Lineage, parse_lineage
from gitmodel.paths import POINTER_SUFFIX
from gitmodel.pointer import Pointer, parse_pointer
from gitmodel.snapshot import name_of


@dataclass(frozen=True, slots=True)
class Place:
    """Where an artifact was seen: its path, at a tag (a version) or at a branch, in a commit."""

    path: str
    commit: str
    tag: str = ""
    branch: str = ""

    @property
    def label(self) -> str:
        """The name of the tag or branch."""
        return self.tag or self.branch


@dataclass(frozen=True, slots=True)
class Ancestry:
    """What was made from what.

    `places` and `pointers` go by the oid of an artifact, `made` by that of an output; places of
    versions come first, newest first.  `commits` are the artifacts of a commit: path to oid.
    `problems` says what could not be read.
    """

    places: Mapping[str, list[Place]]
    pointers: Mapping[str, Pointer]
    made: Mapping[str, list[Lineage]]
    commits: Mapping[str, dict[str, str]]
    problems: tuple[str, ...]

    def version_of(self, path: str, oid: str, names: Mapping[str, str]) -> str:
        """Return the newest version at which an artifact is this; its own come first."""
        tags = [each.tag for each in self.places.get(oid, ()) if each.tag and each.path == path]
        own = f"{name_of(path, names)}-v"
        return next((tag for tag in tags if tag.startswith(own)), tags[0] if tags else "")


def read_ancestry(history: History) -> Ancestry:
    """Return what the versions and the branches of a repository say."""
    reading = _Reading(history)
    for version in sorted(history.versions, key=lambda version: version.key, reverse=True):
        reading.read(history.tags[version.tag].commit, tag=version.tag)
    for branch, commit in _branches(history).items():
        reading.read(commit, branch=branch)
    return Ancestry(
        reading.places, reading.pointers, reading.made, reading.commits, tuple(reading.problems)
    )


def _branches(history: History) -> dict[str, str]:
    found = history.git.branches()
    head = history.git.resolve("HEAD")
    return found if not head or head in found.values() else {**found, "HEAD": head}


class _Reading:
    """What was read so far; a file that many commits share is parsed once."""

    def __init__(self, history: History) -> None:
        self.places: dict[str, list[Place]] = {}
        self.pointers: dict[str, Pointer] = {}
        self.made: dict[str, list[Lineage]] = {}
        self.commits: dict[str, dict[str, str]] = {}
        # A dictionary, for it keeps the order.
        self.problems: dict[str, None] = {}
        self._reader = history.reader
        self._lineages: set[str] = set()

    def read(self, commit: str, tag: str = "", branch: str = "") -> None:
        """Read a commit that a tag or branch leads to."""
        if commit not in self.commits:
            self.commits[commit] = self._artifacts(commit)
        for path, oid in self.commits[commit].items():
            self.places.setdefault(oid, []).append(Place(path, commit, tag, branch))

    def _artifacts(self, commit: str) -> dict[str, str]:
        try:
            files = self._reader.files.companions(commit)
        except GitmodelError as error:
            self.problems[error.message] = None
            return {}
        for path, blob in files.items():
            if path.endswith(SUFFIX) and blob not in self._lineages:
                self._lineages.add(blob)
                self._read_lineage(path, blob)
        return dict(self._read_pointers(files))

    def _read_pointers(self, files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        for path, blob in files.items():
            if path.endswith(POINTER_SUFFIX):
                try:
                    pointer = self._reader.parsed(path, blob, parse_pointer)
                except GitmodelError as error:
                    self.problems[error.message] = None
                else:
                    self.pointers[pointer.oid] = pointer
                    yield path.removesuffix(POINTER_SUFFIX), pointer.oid

    def _read_lineage(self, path: str, blob: str) -> None:
        try:
            lineage = self._reader.parsed(path, blob, parse_lineage)
        except IntegrityError as error:
            self.problems[error.message] = None
            return
        for output in lineage.outputs:
            known = self.made.setdefault(output.oid, [])
            if lineage not in known:
                known.append(lineage)
