"""Report what a push, a version or a request to merge changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gitmodel.history import History
from gitmodel.porcelain.ci import Event
from gitmodel.porcelain.compare import Comparison, Entries, Side, compare_versions
from gitmodel.porcelain.diff import Diff
from gitmodel.porcelain.show import Shown, show


@dataclass(frozen=True, slots=True)
class Report:
    """What an event changed; `first` is what is there, where nothing was before.

    `inside` is what changed inside of files, if somebody looked.
    """

    event: Event
    comparison: Comparison
    first: Shown | None
    inside: Diff | None = None


def report_of(
    history: History, event: Event, name: str, entries: Entries, gates: Sequence[str]
) -> Report:
    """Compare what an event is about with what was there before.

    `name`, the name or path of an artifact, is what the metrics are read of; empty for the whole
    repository, or of a version for what it is of.  `gates` are conditions for what is there now.
    Of a version those count too that the configuration has for tags.
    """
    references = [_reference(name, event.since or event.before or event.after)]
    references.append(_reference(name, event.version or event.after))
    if event.kind == "tag":
        gates = (*history.config.gates.get("tag", ()), *gates)
    found = compare_versions(history, references, entries, gates)
    roles = ("base", "head") if event.kind == "request" else ("before", "after")
    sides = [
        _called(side, tag or role)
        for side, tag, role in zip(found.versions, (event.since, event.version), roles, strict=True)
    ]
    first = None if event.before else show(history, references[-1])
    return Report(event, replace(found, versions=tuple(sides)), first)


def _reference(name: str, revision: str) -> str:
    return f"{name}@{revision}" if name else revision


def _called(side: Side, label: str) -> Side:
    return replace(side, resolved=replace(side.resolved, label=label))
