"""What the names in a condition stand for: metrics, params and fields of one version, or others."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from gitmodel.errors import UsageError
from gitmodel.expression import Scalar
from gitmodel.history import History
from gitmodel.porcelain.resolve import Resolved, resolve
from gitmodel.record import Measured
from gitmodel.reference import Stage, parse_wanted, stages_of

_METRICS, _PARAMS = "metrics.", "params."


class Others:
    """The versions that a condition compares with; each is looked up once."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._stages = stages_of(history.config.gates)
        self._found: dict[tuple[str, str], Resolved | None] = {}
        self._measured: dict[tuple[str, str], Measured] = {}

    def find(self, reference: str, name: str) -> Resolved | None:
        """Return the version that a reference means to the artifact `name`, if it is one."""
        if (reference, name) not in self._found:
            stage = isinstance(parse_wanted(reference, self._stages), Stage)
            self._found[reference, name] = None
            with suppress(UsageError):
                self._found[reference, name] = resolve(
                    self._history, reference, name if stage else ""
                )
        return self._found[reference, name]

    def metric(self, reference: str, name: str, metric: str) -> Scalar | None:
        """Return the value of a metric of that version."""
        found = self.find(reference, name)
        if found is None:
            return None
        key = found.commit, found.name or name
        if key not in self._measured:
            self._measured[key] = self._history.reader.measure(*key)
        there = self._measured[key].metrics.get(metric)
        return there.value if there else None


@dataclass(frozen=True, slots=True)
class Subject:
    """A version that a condition is about.

    `name` is its artifact, empty for the whole repository; `fields` are texts such as its tag.
    """

    others: Others
    name: str
    measured: Measured
    fields: Mapping[str, str]

    def value(self, name: str) -> Scalar | None:
        """Return a field, a metric or, behind `params.`, a param."""
        if name in self.fields:
            return self.fields[name]
        if metric := self.measured.metrics.get(name) or self.measured.metrics.get(
            name.removeprefix(_METRICS)
        ):
            return metric.value
        param = (
            self.measured.params.get(name.removeprefix(_PARAMS))
            if name.startswith(_PARAMS)
            else None
        )
        return param if isinstance(param, bool | int | float | str) else None

    def elsewhere(self, reference: str, metric: str) -> Scalar | None:
        """Return the value that another version has of a metric."""
        plain = metric if metric in self.measured.metrics else metric.removeprefix(_METRICS)
        return self.others.metric(reference, self.name, plain)
