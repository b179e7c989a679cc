"""What the names in a condition stand for: metrics, params and fields of one version, or others."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from gitmodel.errors import UsageError
from gitmodel.expression import Scalar
from gitmodel.git import revisions
from gitmodel.history import History
from gitmodel.porcelain.resolve import Resolved, resolve
from gitmodel.record import Measured, Record
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
            self._found[reference, name] = self._look_up(reference, name)
        return self._found[reference, name]

    def _look_up(self, reference: str, name: str) -> Resolved | None:
        """A version of the same artifact comes first: `v1.0` means the model's to the model."""
        stage = isinstance(parse_wanted(reference, self._stages), Stage)
        for owner in (name,) if stage else dict.fromkeys((name, "")):
            with suppress(UsageError):
                return resolve(self._history, reference, owner)
        return None

    def metric(self, reference: str, name: str, metric: str) -> Scalar | None:
        """Return the value of a metric of that version."""
        found = self.find(reference, name)
        if found is None:
            return None
        key = found.commit, found.name or name
        if key not in self._measured:
            self._measured[key] = self._history.measure([key])[key]
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
        metrics = self.measured.metrics
        if metric := metrics.get(name) or metrics.get(name.removeprefix(_METRICS)):
            return metric.value
        if not name.startswith(_PARAMS):
            return None
        param = self.measured.params.get(name.removeprefix(_PARAMS))
        return param if isinstance(param, bool | int | float | str) else None

    def elsewhere(self, reference: str, metric: str) -> Scalar | None:
        """Return the value that another version has of a metric."""
        plain = metric if metric in self.measured.metrics else metric.removeprefix(_METRICS)
        return self.others.metric(reference, self.name, plain)


def subject_of(history: History, record: Record, name: str, tag: str) -> Subject:
    """Return what a commit says of the artifact `name` as a version, to judge it.

    `tag` is that of the version, which need not be there yet, or empty; author and date are the
    tag's if it is there, else the commit's.
    """
    story = revisions.story(history.git, record.commit, tag if tag in history.tags else "")
    fields = {"tag": tag, "name": name, "author": story.author, "date": moment_of(story.time)}
    return Subject(Others(history), name, Measured(record.metrics, record.params), fields)


def moment_of(time: int, form: str = "%Y-%m-%d") -> str:
    """Return a Unix time (UTC) in a form of `strftime`; nothing if no calendar has it."""
    try:
        return datetime.fromtimestamp(time, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):
        return ""
