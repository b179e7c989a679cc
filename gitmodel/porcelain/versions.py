"""The versions of a repository: its tags that fit the grammar, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gitmodel.errors import UsageError
from gitmodel.expression import Expression, judge
from gitmodel.git import refs
from gitmodel.git.refs import Ref
from gitmodel.history import History
from gitmodel.porcelain.conditions import Others, Subject, moment_of
from gitmodel.porcelain.resolve import find_name
from gitmodel.record import Measured
from gitmodel.reference import near
from gitmodel.sidecar import Metric
from gitmodel.strict_yaml import Value

_OWN_BRANCHES = "gitmodel/"
_FIELDS = ("tag", "name", "author", "date")


@dataclass(frozen=True, slots=True)
class Listed:
    """A version: its tag, the name of its artifact, its commit, its metrics and params.

    `name` is empty for a version of the whole repository; `time` (Unix) and `author` are those of
    the tag, or of the commit if the tag is lightweight.  The end of a branch has no tag, but a
    `branch`.  `problems` says what of it could not be read.
    """

    tag: str
    name: str
    branch: str
    commit: str
    time: int
    author: str
    metrics: Mapping[str, Metric]
    params: Mapping[str, Value]
    problems: tuple[str, ...] = ()

    @property
    def date(self) -> str:
        """The day (UTC), such as `2026-03-01`; empty if the tag has none, or one in no calendar."""
        return self.moment("%Y-%m-%d")

    def moment(self, form: str) -> str:
        """Return the time (UTC) in a form of `strftime`."""
        return moment_of(self.time, form) if self.time else ""


def versions(history: History, name: str = "", *, heads: bool = False) -> list[Listed]:
    """Return all versions, or those of one artifact, by name and then newest version first.

    With `heads`, the ends of the branches follow.  `name` is the name or path of an artifact.
    Raises `UsageError` if it means none.
    """
    name = _check_name(history, name)
    wanted = [version for version in history.versions if version.name == name or not name]
    wanted.sort(key=lambda version: (version.key, version.tag), reverse=True)
    wanted.sort(key=lambda version: version.name)
    found = [(history.tags[version.tag], version.name) for version in wanted]
    branches = _heads(history) if heads else []
    found += [(ref, name) for ref in branches]
    measured = history.measure([(ref.commit, owner) for ref, owner in found])
    return [
        _listed(ref, owner, measured[ref.commit, owner], is_branch=number >= len(wanted))
        for number, (ref, owner) in enumerate(found)
    ]


def filter_versions(
    history: History, listed: Sequence[Listed], condition: Expression
) -> list[Listed]:
    """Return the versions that meet a condition.

    Raises `UsageError` for a name in it that no version knows and that is no version either.
    """
    others = Others(history)
    _check_names(others, listed, condition)
    return [each for each in listed if judge(condition, _subject(others, each)).met]


def sort_versions(listed: Sequence[Listed], key: str) -> list[Listed]:
    """Return the versions by `version`, `date`, a metric or a param; `-` in front reverses.

    The best metric comes first, and so do the newest version and date; versions that lack it
    come last in either order.
    """
    plain = key.removeprefix("-")
    backwards = plain != key
    if plain == "version":
        return list(reversed(listed)) if backwards else list(listed)
    if plain == "date":
        return sorted(listed, key=lambda each: each.time, reverse=not backwards)
    if goal := goal_of(listed, plain):
        values = {
            n: each.metrics[plain].value for n, each in enumerate(listed) if plain in each.metrics
        }
        less_first = (goal.goal == "min") != backwards
    else:
        values = _params(listed, plain)
        less_first = not backwards
    order = sorted(values, key=lambda n: values[n], reverse=not less_first)
    return [listed[n] for n in order] + [e for n, e in enumerate(listed) if n not in values]


def goal_of(listed: Iterable[Listed], metric: str) -> Metric | None:
    """Return the first that versions have of a metric: it says whether more or less is better."""
    return next((each.metrics[metric] for each in listed if metric in each.metrics), None)


def metric_names(listed: Iterable[Listed]) -> list[str]:
    """Return the metrics that occur, in the order of the versions and of their files."""
    return list(dict.fromkeys(name for each in listed for name in each.metrics))


def check_metric(listed: Iterable[Listed], metric: str) -> str:
    """Return a metric; raise `UsageError` if no version has it."""
    known = metric_names(listed)
    if metric not in known:
        raise _unknown(metric, known, "metric")
    return metric


def _check_name(history: History, name: str) -> str:
    found = find_name(history, name) if name else ""
    if name and not found:
        known = {version.name for version in history.versions} | {*history.artifacts.values()}
        raise UsageError(
            f"{name!r} is not the name of an artifact here{near(name, known - {''})}",
            hint="gitmodel versions",
        )
    return found


def _heads(history: History) -> list[Ref]:
    return [ref for ref in refs.heads(history.git) if not ref.name.startswith(_OWN_BRANCHES)]


def _listed(ref: Ref, owner: str, measured: Measured, *, is_branch: bool) -> Listed:
    return Listed(
        "" if is_branch else ref.name,
        owner,
        ref.name if is_branch else "",
        ref.commit,
        ref.time,
        ref.author,
        measured.metrics,
        measured.params,
        measured.problems,
    )


def _subject(others: Others, listed: Listed) -> Subject:
    fields = {
        "tag": listed.tag,
        "name": listed.name,
        "author": listed.author,
        "date": listed.date,
    }
    return Subject(others, listed.name, Measured(listed.metrics, listed.params), fields)


def _check_names(others: Others, listed: Sequence[Listed], condition: Expression) -> None:
    metrics = metric_names(listed)
    params = list(dict.fromkeys(f"params.{name}" for each in listed for name in each.params))
    known = {*_FIELDS, *metrics, *(f"metrics.{name}" for name in metrics), *params}
    for name in condition.names:
        if listed and name not in known and others.find(name, "") is None:
            raise _unknown(name, [*_FIELDS, *metrics, *params], "metric")


def _params(listed: Sequence[Listed], name: str) -> dict[int, float]:
    """Return the numbers that versions have of a param, by place in the list."""
    found = {}
    for number, each in enumerate(listed):
        value = each.params.get(name.removeprefix("params."))
        if isinstance(value, int | float):
            found[number] = value
    if not found and listed:
        raise _unknown(name, ["version", "date", *metric_names(listed)], "metric")
    return found


def _unknown(name: str, known: Iterable[str], what: str) -> UsageError:
    return UsageError(
        f"no version has the {what} {name!r}{near(name, known)}", hint="gitmodel versions --json"
    )
