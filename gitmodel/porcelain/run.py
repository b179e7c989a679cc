"""Record a run in Python: `gitmodel.run`."""

from __future__ import annotations

import math
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from gitmodel.curves import MAX_STEP, STEP, Curves
from gitmodel.digest import oid_of
from gitmodel.errors import IntegrityError, UsageError
from gitmodel.lineage import Input, Named
from gitmodel.paths import check_path
from gitmodel.porcelain.inputs import is_path, read_inputs, read_version
from gitmodel.porcelain.keep import keep
from gitmodel.porcelain.origin import Origin, read_origin
from gitmodel.porcelain.read import path as path_in_cache
from gitmodel.porcelain.recorded import Params, Recorded, hand_over
from gitmodel.progress import silent
from gitmodel.project import Project, open_project, path_from_top
from gitmodel.sidecar import Goal, Metric, is_metric, metric_of, parse_params
from gitmodel.strict_yaml import MAX_DEPTH, Value
from gitmodel.version import parse_version
from gitmodel.worktree.scan import open_folder, read_small

VARIABLE = "GITMODEL_RUN"
"""Names the folder in which a run leaves what it said for the command that started it."""

MAX_INPUTS = 1000
"""So that a lineage stays a file that one reads."""

Where = str | os.PathLike[str]


@contextmanager
def run(
    name: str = "", *, params: Mapping[str, Any] | Where | None = None, repo: Where | None = None
) -> Iterator[Run]:
    """Record what a run uses, logs and saves; all of it is written when the block ends well.

    `name` is the artifact that metrics and params belong to, by name or path; by default the first
    that is saved.  `params` are the parameters, or the file with them.  `repo` is a folder of the
    repository, None that of the current folder; paths are relative to the current folder.

    An exception in the block leaves everything as it was.  A run that saves nothing is a
    measurement: its metrics are added to those of the artifact `name`.  Raises `GitmodelError`.
    """
    folder = Path.cwd()
    where = Path(repo or ".").absolute()
    with open_project(where, named=repo is not None) as project:
        origin = read_origin(project, folder, sys.orig_argv, platform.python_version())
        given = read_params(project, params)
        goals = project.config.goals
    running = Run(_Setting(where, repo is not None, goals), name, given)
    try:
        yield running
        running._finish(origin)
    finally:
        running._ended = True


@dataclass(frozen=True, slots=True)
class _Setting:
    repo: Path
    named: bool
    goals: Mapping[str, Goal]


class Run:
    """A run that is being recorded; `gitmodel.run` makes one."""

    def __init__(self, setting: _Setting, name: str, params: Params | None) -> None:
        self._setting = setting
        self._name = name
        self._params = params
        self._metrics: dict[str, Metric] = {}
        self._curves = Curves()
        self._inputs: list[Input] = []
        self._outputs: list[str] = []
        self._steps: list[str] = []
        self._ended = False
        # Some training loops log from threads of their own.
        self._lock = Lock()

    def use(self, path: Where, role: str = "") -> Path:
        """Record an input as it is now; return the path to read it from.

        `path` is an artifact, a file or folder inside one, a plain file, or a version such as
        `train@v1.0`, of which a copy is fetched to the cache.  The role `base` is the model that
        training begins with.
        """
        self._check_running()
        with self._opened() as project:
            found, commit = find_inputs(project, path, role)
        with self._lock:
            self._inputs += found
            if len(self._inputs) > MAX_INPUTS:
                raise UsageError(
                    f"the run uses more than {MAX_INPUTS} inputs",
                    hint=f"use their folder: {os.path.dirname(path) or '.'}",
                )
        return path_in_cache(found[0].path, commit, self._setting.repo) if commit else Path(path)

    def preprocessing(self, step: str) -> None:
        """Record in words how inputs were prepared."""
        self._check_running()
        _check_text(step, "a preprocessing step")
        with self._lock:
            self._steps.append(step)

    def log(
        self,
        metrics: Mapping[str, Any] | None = None,
        /,
        *,
        step: int | None = None,
        **more: Any,
    ) -> None:
        """Record metrics: `log(accuracy=0.9)`, or `log({"loss": 0.3}, step=5)` for a curve.

        Groups may be nested and read as dotted names.  A metric with steps also counts with its
        last value.  Without a step it must be finite; a curve may hold NaN and infinities.
        """
        self._check_running()
        values = dict(_leaves({**(metrics or {}), **more}))
        if step is None:
            logged = {name: self._metric(name, value) for name, value in values.items()}
            with self._lock:
                self._metrics |= logged
            return
        number = _step(step)
        points = {name: _point(name, value) for name, value in values.items()}
        with self._lock:
            for name, point in points.items():
                self._curves.add(name, number, point)

    def save(self, path: Where) -> Path:
        """Record an output, which is tracked when the run ends; return its path.

        It need not be there yet.
        """
        self._check_running()
        with self._opened() as project:
            inside = _from_top(project, path)
        with self._lock:
            if inside not in self._outputs:
                self._outputs.append(inside)
        return Path(path)

    def _metric(self, name: str, value: Value) -> Metric:
        try:
            return metric_of(name, value, self._setting.goals)
        except IntegrityError as error:
            hint = "log finite numbers; with step=N, NaN and infinities are kept in the curve"
            raise UsageError(error.message, hint=hint) from error

    def _check_running(self) -> None:
        if self._ended:
            raise UsageError("the run has ended", hint="call it inside the with block")

    def _opened(self) -> AbstractContextManager[Project]:
        # Not kept open: training may fork, and the index must not be used on both sides.
        return open_project(self._setting.repo, named=self._setting.named)

    def _finish(self, origin: Origin) -> None:
        recorded = Recorded(
            self._name,
            self._params,
            self._metrics,
            self._curves,
            tuple(self._inputs),
            tuple(self._outputs),
            tuple(self._steps),
            platform.python_version(),
        )
        with self._opened() as project:
            if folder := _started_by(project):
                hand_over(recorded, folder, project.scratch)
            else:
                keep(project, recorded, origin, silent)


def find_inputs(project: Project, path: Where, role: str) -> tuple[list[Input], str]:
    """Return what a path or a version means as inputs, and the commit of a version."""
    if role:
        _check_text(role, "a role")
    text = os.fspath(path)
    inside = _from_top(project, text)
    reference = "@" in text or parse_version(text)
    if not reference or (inside and is_path(project, inside)):
        return read_inputs(project, inside, role), ""
    found, version = read_version(project, text, role)
    return [found], version.commit


def read_params(project: Project, params: Mapping[str, Any] | Where | None) -> Params | None:
    """Return the parameters that were given, or those in a file; raises an error if one is none."""
    if params is None:
        return None
    if isinstance(params, Mapping):
        plain = _plain(params, "params")
        _check_finite(plain, "params")
        return Params(plain if isinstance(plain, dict) else {})
    path = _from_top(project, params)
    check_path(path)
    folder, _, name = path.rpartition("/")
    with open_folder(project.root, folder) as fd:
        data = read_small(fd, name, path)
    if not data:
        raise UsageError(f"{path!r} is empty, or not there", hint=f"ls {path}")
    return Params(parse_params(data, path), Named(path, oid_of(data, project.config.algorithm)))


def _started_by(project: Project) -> Path | None:
    """Return the folder of the `gitmodel run` that started this process for this repository."""
    # A program that was started by another can be handed something in no other way.
    named = os.environ.get(VARIABLE, "")
    if not named or not os.path.isdir(named):
        return None
    home = os.path.realpath(project.git.common_dir / "gitmodel")
    folder = Path(os.path.realpath(named))
    return folder if folder.is_relative_to(home) else None


def _from_top(project: Project, path: Where) -> str:
    here = os.path.realpath(os.getcwd())
    return path_from_top(os.fspath(path), here, os.path.realpath(project.root))


def _leaves(metrics: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Value]]:
    for key, value in metrics.items():
        _check_text(key, "the name of a metric")
        name = f"{above}{key}"
        plain = _plain(value, name)
        if isinstance(plain, dict) and not is_metric(plain):
            yield from _leaves(plain, f"{name}.")
        else:
            yield name, plain


def _point(name: str, value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"'metrics': {name!r} is not a number", hint="log numbers with step=N")
    if name == STEP:
        raise UsageError(f"{STEP!r} cannot be the name of a metric with steps", hint="rename it")
    return float(value)


def _step(step: Any) -> int:
    plain = _plain(step, "step")
    if type(plain) is not int or not 0 <= plain <= MAX_STEP:
        raise UsageError(f"step is {step!r}", hint="count steps from 0 in whole numbers")
    return plain


def _check_text(text: Any, what: str) -> None:
    if not isinstance(text, str) or not text or not text.isprintable():
        raise UsageError(f"{text!r} is not {what}", hint="give a text of one line")


def _plain(value: Any, name: str, depth: int = 0) -> Value:
    """Return a value of a program as plain data; raise `UsageError` if it is none."""
    if depth > MAX_DEPTH:
        raise UsageError(f"{name!r} nests deeper than {MAX_DEPTH}")
    if isinstance(value, Mapping):
        items = ((_key(key, name), each) for key, each in value.items())
        return {key: _plain(each, f"{name}.{key}", depth + 1) for key, each in items}
    if isinstance(value, list | tuple):
        return [_plain(each, name, depth + 1) for each in value]
    if isinstance(value, str | Path):
        return _text(str(value), name)
    if value is None or isinstance(value, int | float):
        known: int | float | None = value
        return known
    # Scalars and arrays of NumPy, PyTorch, JAX and the like.
    listed: Callable[[], Any] | None = getattr(value, "tolist", None)
    if listed is None:
        raise UsageError(
            f"{name!r} is of type {type(value).__name__}",
            hint="give numbers, texts, booleans, lists or mappings",
        )
    return _plain(listed(), name, depth + 1)


def _key(key: Any, name: str) -> str:
    if not isinstance(key, str):
        raise UsageError(f"{name!r} has the key {key!r}, which is no text")
    return _text(key, name)


def _text(text: str, name: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{name!r} is not valid Unicode") from error
    return text


def _check_finite(value: Value, name: str) -> None:
    """Raise `UsageError` for what no reader of JSON or YAML would read again."""
    if isinstance(value, dict):
        for key, each in value.items():
            _check_finite(each, f"{name}.{key}")
    elif isinstance(value, list):
        for each in value:
            _check_finite(each, name)
    elif isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{name!r} is not a finite number", hint="leave it out, or use None")
