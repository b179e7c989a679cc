"""Record a run in Python: `gitmodel.run`."""

from __future__ import annotations

import os
import platform
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from gitmodel.curves import Curves
from gitmodel.digest import oid_of
from gitmodel.errors import IntegrityError, UsageError
from gitmodel.hints import note
from gitmodel.lineage import Input, Named
from gitmodel.paths import check_path
from gitmodel.porcelain.add import absent, check_outputs
from gitmodel.porcelain.inputs import is_path, read_inputs, read_version
from gitmodel.porcelain.keep import KeptRun, keep
from gitmodel.porcelain.origin import Origin, read_origin
from gitmodel.porcelain.read import path as path_in_cache
from gitmodel.porcelain.recorded import Params, Recorded, hand_over
from gitmodel.porcelain.values import as_params, as_point, as_step, check_text, flatten
from gitmodel.progress import silent
from gitmodel.project import Project, open_project, path_from_top
from gitmodel.sidecar import Goal, Metric, metric_of, parse_params
from gitmodel.strict_yaml import Value
from gitmodel.version import parse_version
from gitmodel.worktree.files import read_file

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
                    hint=note("use their folder: {}", os.path.dirname(path) or "."),
                )
        return path_in_cache(found[0].path, commit, self._setting.repo) if commit else Path(path)

    def preprocessing(self, step: str) -> None:
        """Record in words how inputs were prepared."""
        self._check_running()
        check_text(step, "a preprocessing step")
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
        values = dict(flatten({**(metrics or {}), **more}))
        if step is None:
            logged = {name: self._metric(name, value) for name, value in values.items()}
            with self._lock:
                self._metrics |= logged
            return
        number = as_step(step)
        points = {name: as_point(name, value) for name, value in values.items()}
        with self._lock:
            for name, point in points.items():
                self._curves.add(name, number, point)

    def save(self, path: Where) -> Path:
        """Record an output, which is tracked when the run ends; return its path.

        It need not be there yet.  Raises `GitmodelError` if it could not be tracked then.
        """
        self._check_running()
        with self._opened() as project:
            inside = _from_top(project, path)
            check_outputs(project, [inside])
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
                _warn(keep(project, recorded, origin, silent))


def find_inputs(project: Project, path: Where, role: str) -> tuple[list[Input], str]:
    """Return what a path or a version means as inputs, and the commit of a version."""
    if role:
        check_text(role, "a role")
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
        return Params(as_params(params))
    path = _from_top(project, params)
    check_path(path)
    data = read_file(project.root, path)
    if data is None:
        raise absent(project.root, path)
    return Params(parse_params(data, path), Named(path, oid_of(data, project.config.algorithm)))


def _warn(kept: KeptRun) -> None:
    for each in kept.replaced:
        text = f"{each.path!r}: what was there is saved nowhere else, and kept for a day in"
        warnings.warn(f"{text} {str(each.where)!r}", stacklevel=5)
    for name in kept.masked:
        text = f"the parameter {name!r} looks like a secret, and was not written"
        warnings.warn(text, stacklevel=5)


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
