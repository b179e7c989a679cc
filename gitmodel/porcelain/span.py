"""The versions between a good one and a bad one, in which the first bad one is looked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gitmodel.bisection import Line, make_line
from gitmodel.errors import UsageError
from gitmodel.git import revisions
from gitmodel.history import History
from gitmodel.porcelain.resolve import Resolved, resolve
from gitmodel.version import versions_of


@dataclass(frozen=True, slots=True)
class Ends:
    """What to look between, as references; an empty one is for us to choose.

    `artifact` is the name or path of what the versions are of.
    """

    artifact: str = ""
    good: str = ""
    bad: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """The versions in question: `good` is known, and not in the line; the line ends with `bad`."""

    name: str
    good: Resolved
    bad: Resolved
    line: Line
    labels: Mapping[str, Resolved]

    @property
    def ordered(self) -> list[Resolved]:
        """All of them, in the order of history."""
        return [self.good, *(self.labels[commit] for commit in self.line.names)]


def find_owner(history: History, ends: Ends) -> str:
    """Return the name of what the versions are of; empty for the whole repository."""
    if ends.artifact:
        found = resolve(history, ends.artifact)
        if not found.name:
            raise UsageError(f"{ends.artifact!r} is no artifact", hint="gitmodel versions")
        return found.name
    owners = {version.name for version in history.versions}
    if len(owners) > 1:
        ended = [resolve(history, end) for end in (ends.good, ends.bad) if end]
        owners = {found.name for found in ended if found.name or found.tag} or owners
    if len(owners) == 1:
        return owners.pop()
    if not owners:
        raise UsageError("there is no version yet", hint="git tag v1.0")
    known = ", ".join(sorted(owner or "the whole repository" for owner in owners))
    raise UsageError(f"there are versions of {known}", hint="gitmodel bisect NAME ...")


def find_span(history: History, name: str, ends: Ends, is_told: Callable[[Resolved], bool]) -> Span:
    """Return the versions between the ends.

    The bad end is the newest version if none is given, the good one the first of those that it
    descends from of which the metric is known.
    """
    tags = [version.tag for version in versions_of(history.versions, name)]
    bad = resolve(history, ends.bad or (tags[0] if tags else "HEAD"), name)
    labels: dict[str, Resolved] = {}
    for tag in tags:
        commit = history.tags[tag].commit
        labels.setdefault(commit, Resolved(commit, name, tag, tag))
    labels[bad.commit] = labels.get(bad.commit, bad)
    if ends.good:
        good = resolve(history, ends.good, name)
    else:
        line = make_line(revisions.ancestors(history.git, bad.commit), labels)
        good = _first(line, labels, is_told, bad)
    if good.commit == bad.commit:
        raise UsageError(
            f"there is nothing before {bad.label!r} to compare it with",
            hint="gitmodel bisect --good OLDER --bad NEWER",
        )
    if not revisions.is_ancestor(history.git, good.commit, bad.commit):
        raise UsageError(
            f"{bad.label!r} does not descend from {good.label!r}",
            hint="gitmodel bisect --good OLDER --bad NEWER",
        )
    labels[good.commit] = labels.get(good.commit, good)
    line = make_line(revisions.ancestors(history.git, bad.commit, good.commit), labels)
    return Span(name, labels[good.commit], labels[bad.commit], line, labels)


def _first(
    line: Line, labels: Mapping[str, Resolved], is_told: Callable[[Resolved], bool], bad: Resolved
) -> Resolved:
    for commit in line.names:
        if is_told(labels[commit]):
            return labels[commit]
    raise UsageError(
        f"no version that {bad.label!r} descends from has the metric", hint="gitmodel versions"
    )
