"""The conditions that a version must meet before it may be one, or may come into a stage."""

from __future__ import annotations

from collections.abc import Iterable

from gitmodel.errors import UsageError
from gitmodel.expression import Scalar, judge, parse_expression
from gitmodel.history import History
from gitmodel.porcelain.resolve import resolve
from gitmodel.record import Record

_PARAMS = "params."


def unmet(history: History, record: Record, name: str, conditions: Iterable[str]) -> list[str]:
    """Return those conditions that a commit does not meet, each with what its names stand for.

    A condition that cannot be read is not met.
    """
    problems = []
    for condition in conditions:
        try:
            verdict = judge(parse_expression(condition), _Values(history, record, name))
        except UsageError as error:
            # The first line: below it the place is pointed at.
            problems.append(f"gate {condition!r}: {error.message.splitlines()[0]}")
            continue
        if not verdict.met:
            problems.append(f"gate {condition!r} is not met: {verdict.words}")
    return problems


class _Values:
    """What names stand for in a commit: metrics, and params by `params.` or by their own name."""

    def __init__(self, history: History, record: Record, name: str) -> None:
        self._history = history
        self._record = record
        self._name = name

    def value(self, name: str) -> Scalar | None:
        if name in self._record.metrics:
            return self._record.metrics[name].value
        params = self._record.params
        found = params.get(name.removeprefix(_PARAMS), params.get(name))
        return found if isinstance(found, Scalar) else None

    def elsewhere(self, reference: str, metric: str) -> Scalar | None:
        try:
            found = resolve(self._history, reference, self._name)
        except UsageError:
            return None
        metrics = self._history.reader.read(found.commit, self._name).metrics
        return metrics[metric].value if metric in metrics else None
