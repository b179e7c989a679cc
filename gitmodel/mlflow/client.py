"""Write to a store by way of MLflow itself, which alone knows how its database is laid out."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitmodel.errors import GitmodelError, UsageError
from gitmodel.mlflow.facts import Points

_AT_ONCE = 100
"""What MLflow takes in one call of params or tags; of metrics it takes ten times as many."""
_NOISY = ("mlflow", "alembic")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A run that is to be recorded; `time`, when it began and ended, is in milliseconds.

    `files` is a folder whose content becomes its artifacts.
    """

    experiment: str
    name: str
    time: int
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Points
    files: Path


@dataclass(frozen=True, slots=True)
class Recorded:
    """The ids of a new run and of its experiment, and where its artifacts went."""

    run: str
    experiment: str
    artifacts: str


def record(uri: str, artifacts: str | None, outgoing: Outgoing) -> Recorded:
    """Record a run in the store at a URI, whole or not at all; return what it is called there.

    A new experiment has its artifacts below the URI `artifacts`, if one is given.  Raises
    `UsageError` if MLflow is not installed, `GitmodelError` if it fails.
    """
    with _translating():
        client = _load().MlflowClient(tracking_uri=uri)
        experiment = _experiment(client, outgoing.experiment, artifacts)
        tags = {"mlflow.runName": outgoing.name, **outgoing.tags}
        run = client.create_run(experiment, outgoing.time, tags, outgoing.name)
        id: str = run.info.run_id
        try:
            _fill(client, id, outgoing)
        except BaseException:
            with suppress(Exception):
                client.delete_run(id)
            raise
        client.set_terminated(id, "FINISHED", outgoing.time)
        return Recorded(id, experiment, run.info.artifact_uri)


def _load() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = importlib.import_module("mlflow")
    except ImportError as error:
        raise UsageError(
            "an export to MLflow needs mlflow, which is not installed beside gitmodel",
            hint="pip install mlflow",
        ) from error
    # Loading it has set them.
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    return module


def _experiment(client: Any, name: str, artifacts: str | None) -> str:
    found = client.get_experiment_by_name(name)
    id: str = found.experiment_id if found else client.create_experiment(name, artifacts)
    return id


def _fill(client: Any, id: str, outgoing: Outgoing) -> None:
    entities = importlib.import_module("mlflow.entities")
    metrics = [
        entities.Metric(name, point.value, point.time, point.step)
        for name, points in outgoing.metrics.items()
        for point in points
    ]
    params = [entities.Param(name, value) for name, value in outgoing.params.items()]
    for some in _parts(metrics, 10 * _AT_ONCE):
        client.log_batch(id, metrics=some)
    for some in _parts(params, _AT_ONCE):
        client.log_batch(id, params=some)
    client.log_artifacts(id, str(outgoing.files))


def _parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[at : at + size] for at in range(0, len(items), size))


@contextmanager
def _translating() -> Iterator[None]:
    """Show no warnings of MLflow's, and turn what it raises into words."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except GitmodelError:
        raise
    # MLflow lets through what its database, its drivers and its own validation raise.
    except Exception as error:
        words = " ".join(str(error).split())[:500] or type(error).__name__
        raise GitmodelError(f"MLflow refused: {words}") from error
