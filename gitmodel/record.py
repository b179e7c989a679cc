"""What one version says: its artifacts, its metrics and its params, read from a commit.

Nothing is checked out, and no blob of gitmodel's is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from gitmodel.config import CONFIG_NAME, REPOSITORY, Config, parse_config
from gitmodel.errors import IntegrityError
from gitmodel.paths import POINTER_SUFFIX, name_of, stem_path
from gitmodel.pointer import NotAPointerError, Pointer, parse_pointer
from gitmodel.sidecar import (
    KINDS,
    SUFFIXES,
    Kind,
    Metric,
    masked_metrics,
    masked_params,
    parse_metrics,
    sidecar_names,
)
from gitmodel.strict_yaml import Value

_T = TypeVar("_T")
_BROKEN = IntegrityError, NotAPointerError


class Files(Protocol):
    """The files of commits."""

    def companions(self, commit: str) -> dict[str, str]:
        """Return pointers, the configuration and sidecars of a commit: path to Git blob."""

    def written(self, commit: str) -> dict[str, str]:
        """Return those of them that Git has, and none that stands for what DVC tracks."""

    def find(self, commit: str, path: str) -> str | None:
        """Return the Git blob of any file, or None."""

    def blob(self, oid: str, path: str) -> bytes:
        """Return the content of a Git blob, which is that of a file at `path`."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a commit says about one artifact, or about the whole repository.

    `artifacts` are the pointers by the path of their artifact; `metrics` and `params` go by dotted
    name, what looks like a secret as `***`; `sidecars` maps the paths of the files that they were
    read from to Git blobs.  `problems` says what could not be read, in words that name file and
    line.
    """

    commit: str
    artifacts: Mapping[str, Pointer]
    metrics: Mapping[str, Metric]
    params: Mapping[str, Value]
    sidecars: Mapping[str, str]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """The part of a record that versions are listed by."""

    metrics: Mapping[str, Metric]
    params: Mapping[str, Value]
    problems: tuple[str, ...] = ()


def is_measure(path: str) -> bool:
    """Return whether a file is read to list versions: the configuration, metrics or params."""
    stem, _, suffix = path.rpartition("/")[2].rpartition(".")
    kind = stem.rpartition(".")[2]
    return path == CONFIG_NAME or (kind in KINDS and f".{suffix}" in SUFFIXES)


class Reader:
    """Reads records; a file that is the same in many commits is parsed once.

    `current` is the configuration of the working tree: its goals count for all versions, the rest
    of it for commits that have none of their own.
    """

    def __init__(self, files: Files, current: Config | None) -> None:
        self.files = files
        self._current = current or Config("")
        self._parsed: dict[tuple[str, str, Callable[[bytes, str], Any]], Any] = {}

    def read(self, commit: str, name: str = "") -> Record:
        """Return what a commit says of the artifact `name`, or of the whole repository.

        An artifact without sidecars of its own has those of the repository.
        """
        reading = _Reading(self, commit)
        artifacts = reading.pointers(name)
        metrics, params = self._read(reading, artifacts, name)
        problems = tuple(reading.problems)
        return Record(commit, artifacts, metrics, params, reading.used, problems)

    def artifacts(self, commit: str) -> dict[str, Pointer]:
        """Return all pointers of a commit by the path of their artifact, but for broken ones."""
        return _Reading(self, commit).pointers("")

    def measure(self, commit: str, name: str = "") -> Measured:
        """Return the metrics and params that `read` does, without reading pointers."""
        reading = _Reading(self, commit)
        metrics, params = self._read(reading, reading.artifacts(name), name)
        return Measured(metrics, params, tuple(reading.problems))

    def config(self, blob: str | None) -> Config:
        """Return the configuration of a commit, given its blob."""
        if blob is None:
            return self._current
        return self.parsed(CONFIG_NAME, blob, _parse_config)

    def parsed(self, path: str, blob: str, parse: Callable[[bytes, str], _T]) -> _T:
        """Return what a file says; raises the error of `parse` if it is broken."""
        # One file may hold both metrics and params.
        key = path, blob, parse
        if key not in self._parsed:
            try:
                self._parsed[key] = parse(self.files.blob(blob, path), path)
            except _BROKEN as error:
                self._parsed[key] = error
        found = self._parsed[key]
        if isinstance(found, _BROKEN):
            raise found
        result: _T = found
        return result

    def _read(
        self, reading: _Reading, artifacts: Iterable[str], name: str
    ) -> tuple[dict[str, Metric], dict[str, Value]]:
        read = reading.of_artifact if name else reading.of_repository
        return read(artifacts, "metrics", self._metrics), read(artifacts, "params", masked_params)

    def _metrics(self, data: bytes, path: str) -> dict[str, Metric]:
        return masked_metrics(parse_metrics(data, path, self._current.goals))


class _Reading:
    """One commit that is being read."""

    def __init__(self, reader: Reader, commit: str) -> None:
        self.problems: list[str] = []
        self.used: dict[str, str] = {}
        self._reader = reader
        self._commit = commit
        self._files = reader.files.companions(commit)
        self.config = reader.config(None)
        with self._noting():
            self.config = reader.config(self._files.get(CONFIG_NAME))

    def artifacts(self, name: str) -> dict[str, str]:
        """Return the Git blobs of the pointers by the path of their artifact.

        Only those of the artifact `name`, unless that is empty.
        """
        return {
            path.removesuffix(POINTER_SUFFIX): blob
            for path, blob in self._files.items()
            if path.endswith(POINTER_SUFFIX)
            and name in ("", name_of(path.removesuffix(POINTER_SUFFIX), self.config.artifacts))
        }

    def pointers(self, name: str) -> dict[str, Pointer]:
        """Return the pointers by the path of their artifact."""
        found: dict[str, Pointer] = {}
        for artifact, blob in self.artifacts(name).items():
            with self._noting():
                found[artifact] = self._reader.parsed(
                    artifact + POINTER_SUFFIX, blob, parse_pointer
                )
        return found

    def of_artifact(
        self, artifacts: Iterable[str], kind: Kind, parse: Callable[[bytes, str], dict[str, _T]]
    ) -> dict[str, _T]:
        """Return the metrics or params of an artifact, else those of the repository."""
        sidecars = self._sidecars_of(artifacts, kind)
        if not sidecars:
            return self._merged(self._common(kind), parse)
        return self._joined({}, sidecars, parse)

    def of_repository(
        self, artifacts: Iterable[str], kind: Kind, parse: Callable[[bytes, str], dict[str, _T]]
    ) -> dict[str, _T]:
        """Return the metrics or params of the repository and of all artifacts.

        A name that several artifacts have says which one's it is.
        """
        common = self._merged(self._common(kind), parse)
        return self._joined(common, self._sidecars_of(artifacts, kind), parse)

    def _joined(
        self,
        found: dict[str, _T],
        sidecars: Mapping[str, Mapping[str, str]],
        parse: Callable[[bytes, str], dict[str, _T]],
    ) -> dict[str, _T]:
        """Return what is found already, and what sidecars say, by whose they are."""
        owned: dict[str, dict[str, _T]] = {}
        for owner, paths in sidecars.items():
            for name, value in self._merged(paths, parse).items():
                owned.setdefault(name, {})[owner] = value
        for name, values in owned.items():
            if len(values) == 1 and name not in found:
                found[name] = next(iter(values.values()))
            else:
                found.update((f"{owner}.{name}", value) for owner, value in values.items())
        return found

    def _sidecars_of(self, artifacts: Iterable[str], kind: Kind) -> dict[str, dict[str, str]]:
        """Return the sidecars of artifacts by whose they are: path to blob.

        That is the artifact's name, or, where another of this name has others, its path.
        """
        named: dict[str, dict[tuple[str, ...], str]] = {}
        for artifact in artifacts:
            if paths := tuple(self._own(artifact, kind)):
                name = name_of(artifact, self.config.artifacts)
                named.setdefault(name, {}).setdefault(paths, artifact)
        return {
            name if len(owners) == 1 else artifact: self._own(artifact, kind)
            for name, owners in named.items()
            for artifact in owners.values()
        }

    def _own(self, artifact: str, kind: Kind) -> dict[str, str]:
        """Return the sidecars that belong to an artifact: path to blob."""
        name = name_of(artifact, self.config.artifacts)
        if given := self.config.sidecars.get(name, {}).get(kind):
            return self._given(given)
        return self._first(sidecar_names(stem_path(artifact), kind))

    def _common(self, kind: Kind) -> dict[str, str]:
        """Return the sidecars of the whole repository."""
        if given := self.config.sidecars.get(REPOSITORY, {}).get(kind):
            return self._given(given)
        return self._first(sidecar_names("", kind))

    def _given(self, paths: Iterable[str]) -> dict[str, str]:
        found = {path: self._reader.files.find(self._commit, path) for path in paths}
        return {path: blob for path, blob in found.items() if blob}

    def _first(self, paths: Iterable[str]) -> dict[str, str]:
        return next(({path: self._files[path]} for path in paths if path in self._files), {})

    def _merged(
        self, paths: Mapping[str, str], parse: Callable[[bytes, str], dict[str, _T]]
    ) -> dict[str, _T]:
        merged: dict[str, _T] = {}
        for path, blob in paths.items():
            self.used[path] = blob
            with self._noting():
                values = self._reader.parsed(path, blob, parse)
                if twice := merged.keys() & values.keys():
                    raise IntegrityError(f"{path!r} says {min(twice)!r} again")
                merged |= values
        return merged

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Go on when one file is broken: the rest of a version is still worth knowing."""
        try:
            yield
        except _BROKEN as error:
            if error.message not in self.problems:
                self.problems.append(error.message)


def _parse_config(data: bytes, path: str) -> Config:
    return parse_config(data)
