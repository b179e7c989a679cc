"""What differs between versions: metrics, params, artifacts and the files of datasets.

Every version is compared with the first one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeVar

from gitmodel.manifest import Entry
from gitmodel.pointer import Pointer
from gitmodel.sidecar import Goal, Metric
from gitmodel.strict_yaml import Value

State = Literal["same", "changed", "added", "removed", "absent"]
"""How something stands to what it was in the first version; absent in both is `absent`."""
Verdict = Literal["better", "worse", "same", "added", "removed", "absent"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Change:
    """How a metric stands to the first version's; `difference` is None if one of them lacks it."""

    difference: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric in all versions; `changes` are those of all but the first.

    `goal` is that of the last version that has the metric, `guessed` as in `Metric`.
    """

    name: str
    goal: Goal
    guessed: bool
    values: tuple[Metric | None, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class ParamRow:
    """One param in all versions: its values, and how all but the first stand to the first."""

    name: str
    values: tuple[Value, ...]
    present: tuple[bool, ...]
    states: tuple[State, ...]


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """One artifact in all versions, and how all but the first stand to the first.

    `own` says that it is the artifact that the versions are of.
    """

    path: str
    own: bool
    pointers: tuple[Pointer | None, ...]
    states: tuple[State, ...]


@dataclass(frozen=True, slots=True)
class FileChanges:
    """Which files of a folder were added, removed and changed, by path."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def compare_metrics(sides: Sequence[Mapping[str, Metric]]) -> tuple[MetricRow, ...]:
    """Return all metrics of the versions, in the order in which they are first told of."""
    return tuple(_metric(name, [side.get(name) for side in sides]) for name in _names(sides))


def compare_params(sides: Sequence[Mapping[str, Value]]) -> tuple[ParamRow, ...]:
    """Return all params of the versions, in the order in which they are first told of."""
    rows = []
    for name in _names(sides):
        values = tuple(side.get(name) for side in sides)
        present = tuple(name in side for side in sides)
        keyed = [_key(value) if here else None for value, here in zip(values, present, strict=True)]
        rows.append(ParamRow(name, values, present, _states(keyed)))
    return tuple(rows)


def compare_artifacts(
    sides: Sequence[Mapping[str, Pointer]], own: Callable[[str], bool]
) -> tuple[ArtifactRow, ...]:
    """Return all artifacts of the versions by path, those first that the versions are of.

    Two are the same if their oids are: nothing of them is read.
    """
    rows = []
    for path in sorted(_names(sides), key=lambda path: (not own(path), path)):
        pointers = tuple(side.get(path) for side in sides)
        keyed = [
            pointer and (pointer.kind, pointer.oid, pointer.executable) for pointer in pointers
        ]
        rows.append(ArtifactRow(path, own(path), pointers, _states(keyed)))
    return tuple(rows)


def compare_files(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> FileChanges:
    """Return what differs between two lists of files."""
    return FileChanges(
        tuple(sorted(after.keys() - before.keys())),
        tuple(sorted(before.keys() - after.keys())),
        tuple(
            path
            for path in sorted(before.keys() & after.keys())
            if (before[path].oid, before[path].type) != (after[path].oid, after[path].type)
        ),
    )


def difference_of(before: float, after: float) -> float | None:
    """Return how much more `after` is, as a person would reckon it: 0.94 is 0.03 more than 0.91.

    None if that is more than fits.
    """
    found = float(Decimal(repr(after)) - Decimal(repr(before)))
    return found if math.isfinite(found) else None


def _names(sides: Sequence[Mapping[str, _T]]) -> list[str]:
    return list(dict.fromkeys(name for side in sides for name in side))


def _metric(name: str, values: Sequence[Metric | None]) -> MetricRow:
    last = next(metric for metric in reversed(values) if metric)
    first, *others = values
    changes = tuple(_change(first, other, last.goal) for other in others)
    return MetricRow(name, last.goal, last.guessed, tuple(values), changes)


def _change(before: Metric | None, after: Metric | None, goal: Goal) -> Change:
    if before is None:
        return Change(None, "absent" if after is None else "added")
    if after is None:
        return Change(None, "removed")
    if before.value == after.value:
        return Change(0, "same")
    more = after.value > before.value
    better = more == (goal == "max")
    return Change(difference_of(before.value, after.value), "better" if better else "worse")


def _states(keyed: Sequence[Hashable]) -> tuple[State, ...]:
    return tuple(_state(keyed[0], other) for other in keyed[1:])


def _state(before: Hashable, after: Hashable) -> State:
    if before is None or after is None:
        return "absent" if before is after else "added" if before is None else "removed"
    return "same" if before == after else "changed"


def _key(value: Value) -> Hashable:
    """Return what is equal for equal values: for Python, 1 is True, and NaN is not NaN."""
    if isinstance(value, list):
        return ("list", *map(_key, value))
    if isinstance(value, dict):
        return ("dict", *((key, _key(value[key])) for key in sorted(value)))
    if isinstance(value, float) and math.isnan(value):
        return ("nan",)
    return (isinstance(value, bool), value)
