"""What an MLflow store knows: runs, logged models, registered versions.

The words are MLflow's; see https://mlflow.org/docs/latest/ml/tracking.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

MODELS = "models:/"
MODEL_ID = re.compile(r"m-[0-9a-f]{32}", re.ASCII)
"""The id of a logged model."""


class Point(NamedTuple):
    """A value of a metric; `time` is in milliseconds.

    In the order of these fields: the last of a metric's points is what MLflow calls its latest.
    """

    step: int
    time: int
    value: float


Points = Mapping[str, tuple[Point, ...]]
"""The points of each metric, in their order."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a run says that it used; `digest` is MLflow's own and names no bytes."""

    name: str
    digest: str
    source: str
    context: str


@dataclass(frozen=True, slots=True)
class Head:
    """What a run is found by; `experiment` is the id of its experiment."""

    id: str
    name: str
    experiment: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class Run:
    """A run; `artifacts` is the URI of its artifacts, times are milliseconds since 1970."""

    head: Head
    artifacts: str
    started: int | None
    ended: int | None
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Points
    datasets: tuple[Dataset, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A logged model of MLflow 3, which a run makes beside its artifacts; `run` is the run's id."""

    id: str
    name: str
    experiment: str
    run: str
    artifacts: str
    deleted: bool
    params: Mapping[str, str]
    metrics: Points


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a registered model: the URI of its artifacts, and the id of its run.

    The latter may be empty.  `stage` is what MLflow 2 called production or staging.
    """

    name: str
    number: int
    source: str
    run: str
    stage: str

    @property
    def model(self) -> str:
        """The id of the logged model that it is, if it is one."""
        id = self.source.removeprefix(MODELS)
        return id if MODEL_ID.fullmatch(id) else ""


def where_stored(source: str, location: str) -> str:
    """Return where a version's artifacts are: a logged model, else where they are stored."""
    return source if MODEL_ID.fullmatch(source.removeprefix(MODELS)) else location or source


def number_of(text: str) -> int | None:
    """Return the number of milliseconds, or of a version, that a text says."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


class Store(Protocol):
    """Reads one MLflow store.  Raises `IntegrityError` for what is not as MLflow writes it."""

    def heads(self) -> Iterable[Head]:
        """Return what all runs are found by."""

    def run(self, id: str) -> Run | None:
        """Return the run that has this id."""

    def model(self, id: str) -> Model | None:
        """Return the logged model that has this id."""

    def models_of(self, run: Head) -> list[Model]:
        """Return the logged models that a run made."""

    def names(self) -> list[str]:
        """Return the names of the registered models."""

    def versions(self, name: str) -> list[Version]:
        """Return the versions of a registered model, the newest last."""

    def aliases(self, name: str) -> dict[str, int]:
        """Return the numbers of the versions that have an alias."""

    def close(self) -> None:
        """Close what is open."""
