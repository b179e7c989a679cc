"""MLflow's file store, the folder `mlruns`: what MLflow kept runs in before version 3.7."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

from gitmodel.errors import IntegrityError
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
from gitmodel.strict_yaml import Value, parse_yaml
from gitmodel.worktree.opening import look, open_folder, read_small
from gitmodel.worktree.scan import scan

_META = "meta.yaml"
_REGISTRY = "models"
_ID = re.compile(r"[0-9A-Za-z][\w-]{0,255}", re.ASCII)
_LARGEST = 1 << 24
"""Bytes of one file: what `read_small` reads at most."""


class FileStore:
    """Reads a folder of experiments; nothing is followed out of it."""

    def __init__(self, place: Place) -> None:
        self._root = place.path

    def heads(self) -> Iterator[Head]:
        """Return what all runs are found by."""
        for experiment in self._experiments():
            for name in self._folders(experiment):
                if self._has(f"{experiment}/{name}/{_META}"):
                    yield self._head(experiment, name)

    def run(self, id: str) -> Run | None:
        """Return the run that has this id."""
        home = self._home(id)
        if not home:
            return None
        meta = self._yaml(f"{home}/{_META}")
        return Run(
            self._head(*home.split("/")),
            _text(meta, "artifact_uri"),
            _number(meta, "start_time"),
            _number(meta, "end_time"),
            self._values(f"{home}/params"),
            self._values(f"{home}/tags"),
            self._metrics(f"{home}/metrics"),
            tuple(self._datasets(home)),
        )

    def model(self, id: str) -> Model | None:
        """Return the logged model that has this id."""
        homes = (f"{each}/{_REGISTRY}/{id}" for each in self._experiments() if _ID.fullmatch(id))
        home = next((each for each in homes if self._has(f"{each}/{_META}")), "")
        return self._model(home) if home else None

    def models_of(self, run: Head) -> list[Model]:
        """Return the logged models that a run made."""
        home = f"{run.experiment}/{_REGISTRY}"
        found = [
            self._model(f"{home}/{name}")
            for name in self._folders(home)
            if self._has(f"{home}/{name}/{_META}")
        ]
        return [model for model in found if model.run == run.id]

    def names(self) -> list[str]:
        """Return the names of the registered models."""
        names = self._folders(_REGISTRY)
        return [name for name in names if self._has(f"{_REGISTRY}/{name}/{_META}")]

    def versions(self, name: str) -> list[Version]:
        """Return the versions of a registered model, the newest last."""
        home = f"{_REGISTRY}/{name}"
        folders = [each for each in self._folders(home) if re.fullmatch(r"version-\d{1,9}", each)]
        return sorted(
            (self._version(name, f"{home}/{each}/{_META}") for each in folders),
            key=lambda version: version.number,
        )

    def aliases(self, name: str) -> dict[str, int]:
        """Return the numbers of the versions that have an alias."""
        values = self._values(f"{_REGISTRY}/{name}/aliases")
        return {alias: number_of(text) or 0 for alias, text in values.items()}

    def close(self) -> None:
        """Close what is open."""

    def _experiments(self) -> list[str]:
        names = self._folders("")
        return [name for name in names if name != _REGISTRY and self._has(f"{name}/{_META}")]

    def _home(self, id: str) -> str:
        """Return the folder of a run, or nothing."""
        homes = (f"{each}/{id}" for each in self._experiments() if _ID.fullmatch(id))
        return next((each for each in homes if self._has(f"{each}/{_META}")), "")

    def _head(self, experiment: str, id: str) -> Head:
        home = f"{experiment}/{id}"
        meta = self._yaml(f"{home}/{_META}")
        name = _text(meta, "run_name") or self._small(f"{home}/tags/mlflow.runName")
        return Head(id, name, experiment, meta.get("lifecycle_stage") == "deleted")

    def _model(self, home: str) -> Model:
        meta = self._yaml(f"{home}/{_META}")
        experiment, _, id = home.split("/")
        return Model(
            id,
            _text(meta, "name"),
            experiment,
            _text(meta, "source_run_id"),
            _text(meta, "artifact_location"),
            meta.get("lifecycle_stage") == "deleted",
            self._values(f"{home}/params"),
            self._metrics(f"{home}/metrics"),
        )

    def _version(self, name: str, path: str) -> Version:
        meta = self._yaml(path)
        number = _number(meta, "version")
        source = where_stored(_text(meta, "source"), _text(meta, "storage_location"))
        if number is None:
            raise IntegrityError(f"{str(self._root / path)!r} says no version")
        return Version(name, number, source, _text(meta, "run_id"), _text(meta, "current_stage"))

    def _datasets(self, home: str) -> Iterator[Dataset]:
        """Yield the datasets of a run, by the links to them that it has."""
        experiment = home.partition("/")[0]
        for name in self._folders(f"{home}/inputs"):
            link = self._yaml(f"{home}/inputs/{name}/{_META}")
            id = _text(link, "source_id")
            if _ID.fullmatch(id) and self._has(path := f"{experiment}/datasets/{id}/{_META}"):
                meta = self._yaml(path)
                tags = link.get("tags")
                context = tags.get("mlflow.data.context") if isinstance(tags, dict) else ""
                yield Dataset(
                    _text(meta, "name"),
                    _text(meta, "digest"),
                    _text(meta, "source"),
                    context if isinstance(context, str) else "",
                )

    def _metrics(self, path: str) -> Points:
        values = self._values(path).items()
        found = {name: _points(text, str(self._root / path / name)) for name, text in values}
        return {name: points for name, points in found.items() if points}

    def _values(self, path: str) -> dict[str, str]:
        """Return the files below a folder as texts; a name may have slashes in it."""
        return {
            found.path: self._text_of(read_small(found.folder, found.name, found.full), found.full)
            for found in scan(self._root, path, {})
            if found.name
        }

    def _yaml(self, path: str) -> Mapping[str, Value]:
        folder, _, name = path.rpartition("/")
        with open_folder(self._root, folder) as fd:
            value = parse_yaml(read_small(fd, name, path), str(self._root / path))
        if not isinstance(value, dict):
            raise IntegrityError(f"{str(self._root / path)!r} is not a mapping")
        return value

    def _small(self, path: str) -> str:
        folder, _, name = path.rpartition("/")
        with suppress(FileNotFoundError), open_folder(self._root, folder) as fd:
            return self._text_of(read_small(fd, name, path), path)
        return ""

    def _text_of(self, data: bytes, path: str) -> str:
        if len(data) >= _LARGEST:
            raise IntegrityError(f"{str(self._root / path)!r} is longer than {_LARGEST} bytes")
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise IntegrityError(f"{str(self._root / path)!r} is not UTF-8") from error

    def _folders(self, path: str) -> list[str]:
        """Return the names of the folders in one, none if it is not there."""
        with suppress(FileNotFoundError), open_folder(self._root, path) as fd:
            with os.scandir(fd) as entries:
                found = [each.name for each in entries if each.is_dir(follow_symlinks=False)]
            return sorted(name for name in found if not name.startswith("."))
        return []

    def _has(self, path: str) -> bool:
        return look(self._root, path) is not None


def _text(meta: Mapping[str, Value], key: str) -> str:
    """Return a text; an id that is all digits is a number in YAML."""
    value = meta.get(key)
    return str(value) if isinstance(value, str | int | float) else ""


def _number(meta: Mapping[str, Value], key: str) -> int | None:
    return number_of(_text(meta, key))


def _points(text: str, path: str) -> tuple[Point, ...]:
    points = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            # What follows the step names the dataset and the model.
            time, value, *more = line.split()
            points.append(Point(int(more[0]) if more else 0, int(time), float(value)))
        except ValueError as error:
            raise IntegrityError(f"{path!r}, line {number}, is not a point of a metric") from error
    return tuple(sorted(points))
