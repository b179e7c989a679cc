"""MLflow's database, as SQLite: `mlflow.db`.

The tables are those of `mlflow/store/tracking/dbmodels/models.py` and
`mlflow/store/model_registry/dbmodels/models.py`.
"""

from __future__ import annotations

import math
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from gitmodel.errors import ConflictError, IntegrityError
from gitmodel.mlflow.facts import (
    Dataset,
    Head,
    Model,
    Point,
    Points,
    Run,
    Version,
    number_of,
    where_stored,
)
from gitmodel.mlflow.place import Place

_LARGEST = 1 << 24
"""Bytes of one value."""
_HEAD = ("run_uuid", "name", "experiment_id", "lifecycle_stage")
_MODEL = ("model_id", "name", "experiment_id", "source_run_id", "artifact_location")


class Database:
    """Reads a database, of MLflow 1 to 3: a column that it does not have is empty.

    It may be a stranger's, so only tables are asked, never a view, which could do anything.
    """

    def __init__(self, place: Place) -> None:
        self._path = str(place.path)
        self._tables: dict[str, set[str]] = {}
        with self._reading():
            self._file = sqlite3.connect(f"{place.path.as_uri()}?mode=ro", uri=True)
            self._file.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST)
            self._file.execute("PRAGMA trusted_schema = OFF")
        if "run_uuid" not in self._columns("runs"):
            raise self._refuse("is not a database of MLflow")

    def heads(self) -> Iterator[Head]:
        """Return what all runs are found by."""
        # MLflow 1 kept the name in a tag.
        names = dict(self._pairs("tags", ("run_uuid", "value"), key="mlflow.runName"))
        for id, name, experiment, stage in self._texts("runs", _HEAD):
            yield Head(id, name or names.get(id, ""), experiment, stage == "deleted")

    def run(self, id: str) -> Run | None:
        """Return the run that has this id."""
        columns = (*_HEAD, "artifact_uri", "start_time", "end_time")
        for row in self._texts("runs", columns, run_uuid=id):
            tags = dict(self._pairs("tags", ("key", "value"), run_uuid=id))
            name = row[1] or tags.get("mlflow.runName", "")
            return Run(
                Head(id, name, row[2], row[3] == "deleted"),
                row[4],
                number_of(row[5]),
                number_of(row[6]),
                dict(self._pairs("params", ("key", "value"), run_uuid=id)),
                tags,
                self._metrics(id),
                tuple(self._datasets(id)),
            )
        return None

    def model(self, id: str) -> Model | None:
        """Return the logged model that has this id."""
        return next(self._models(model_id=id), None)

    def models_of(self, run: Head) -> list[Model]:
        """Return the logged models that a run made."""
        return list(self._models(source_run_id=run.id))

    def names(self) -> list[str]:
        """Return the names of the registered models."""
        return sorted({name for (name,) in self._texts("registered_models", ("name",))})

    def versions(self, name: str) -> list[Version]:
        """Return the versions of a registered model, the newest last."""
        columns = ("version", "storage_location", "source", "run_id", "current_stage")
        found = [
            Version(name, number_of(version) or 0, where_stored(source, location), run, stage)
            for version, location, source, run, stage in self._texts(
                "model_versions", columns, name=name
            )
            if stage != "Deleted_Internal"
        ]
        return sorted(found, key=lambda version: version.number)

    def aliases(self, name: str) -> dict[str, int]:
        """Return the numbers of the versions that have an alias."""
        pairs = self._pairs("registered_model_aliases", ("alias", "version"), name=name)
        return {alias: number_of(version) or 0 for alias, version in pairs}

    def close(self) -> None:
        """Close what is open."""
        self._file.close()

    def _models(self, **where: str) -> Iterator[Model]:
        for row in self._texts("logged_models", (*_MODEL, "lifecycle_stage"), **where):
            id, name, experiment, run, artifacts, stage = row
            params = self._pairs("logged_model_params", ("param_key", "param_value"), model_id=id)
            yield Model(
                id,
                name,
                experiment,
                run,
                artifacts,
                stage == "deleted",
                dict(params),
                self._metrics_of_model(id),
            )

    def _datasets(self, run: str) -> Iterator[Dataset]:
        where = {"destination_id": run, "source_type": "DATASET"}
        for link, dataset in self._pairs("inputs", ("input_uuid", "source_id"), **where):
            tags = dict(self._pairs("input_tags", ("name", "value"), input_uuid=link))
            columns = ("name", "digest", "dataset_source")
            for name, digest, source in self._texts("datasets", columns, dataset_uuid=dataset):
                yield Dataset(name, digest, source, tags.get("mlflow.data.context", ""))

    def _metrics(self, run: str) -> Points:
        columns = ("key", "step", "timestamp", "value", "is_nan")
        return self._points(self._rows("metrics", columns, run_uuid=run))

    def _metrics_of_model(self, model: str) -> Points:
        columns = ("metric_name", "metric_step", "metric_timestamp_ms", "metric_value")
        rows = self._rows("logged_model_metrics", columns, model_id=model)
        return self._points((*row, 0) for row in rows)

    def _points(self, rows: Iterable[Sequence[object]]) -> Points:
        found: dict[str, list[Point]] = {}
        for key, step, time, value, is_nan in rows:
            if not isinstance(key, str):
                raise self._refuse(f"has a metric whose name is {key!r}")
            found.setdefault(key, []).append(self._point(key, step, time, value, nan=bool(is_nan)))
        return {key: tuple(sorted(points)) for key, points in found.items()}

    def _point(self, key: str, step: object, time: object, value: object, *, nan: bool) -> Point:
        value = math.nan if nan or value is None else value
        # The step came with MLflow 1.
        step = 0 if step is None else step
        if isinstance(step, int) and isinstance(time, int) and isinstance(value, int | float):
            return Point(step, time, _unbounded(value))
        raise self._refuse(f"has a point of the metric {key!r} that is none")

    def _pairs(
        self, table: str, columns: tuple[str, str], **where: str
    ) -> Iterator[tuple[str, str]]:
        return ((key, value) for key, value in self._texts(table, columns, **where))

    def _texts(self, table: str, columns: Sequence[str], **where: str) -> Iterator[list[str]]:
        """Yield rows as texts; what is not there is empty."""
        for row in self._rows(table, columns, **where):
            if any(isinstance(cell, bytes) for cell in row):
                raise self._refuse(f"has bytes where a text belongs, in {table!r}")
            yield ["" if cell is None else str(cell) for cell in row]

    def _rows(self, table: str, columns: Sequence[str], **where: str) -> list[Sequence[object]]:
        """Return the rows of a table that have these values; none if there is no such table."""
        known = self._columns(table)
        if not known or not known.issuperset(where):
            return []
        chosen = ", ".join(each if each in known else "NULL" for each in columns)
        condition = " AND ".join(f"{key} = ?" for key in where) or "1"
        with self._reading():
            query = f"SELECT {chosen} FROM {table} WHERE {condition}"
            return self._file.execute(query, tuple(where.values())).fetchall()

    def _columns(self, table: str) -> set[str]:
        if table not in self._tables:
            with self._reading():
                # A virtual table, which has no page of its own, would run its module.
                kind = (
                    "SELECT 1 FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND name = ?"
                )
                real = self._file.execute(kind, (table,)).fetchone()
                rows = self._file.execute(f"PRAGMA table_info({table})") if real else ()
                self._tables[table] = {row[1] for row in rows}
        return self._tables[table]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY:
                raise ConflictError(
                    f"{self._path!r} is being written to", hint="wait until MLflow is done"
                ) from error
            raise self._refuse(f"cannot be read: {error}") from error

    def _refuse(self, why: str) -> IntegrityError:
        return IntegrityError(f"{self._path!r} {why}", hint="--store names another")


def _unbounded(value: float) -> float:
    """Return infinity for the largest number, which MLflow keeps in its stead."""
    return math.copysign(math.inf, value) if abs(value) == sys.float_info.max else float(value)
