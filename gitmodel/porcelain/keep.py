"""Write what a run said beside the artifacts that it made, and track these."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from gitmodel.config import CONFIG_NAME
from gitmodel.curves import curves_path, format_curves
from gitmodel.digest import oid_of
from gitmodel.document import format_document
from gitmodel.errors import ConflictError, IntegrityError, UsageError
from gitmodel.git import staging
from gitmodel.hints import command, note
from gitmodel.lineage import Input, Lineage, Named, format_lineage, lineage_path
from gitmodel.masking import masked
from gitmodel.paths import parents, stem_of, stem_path
from gitmodel.porcelain.add import Added, add, check_own
from gitmodel.porcelain.inputs import with_versions
from gitmodel.porcelain.origin import Origin, utc_now
from gitmodel.porcelain.recorded import Params, Recorded
from gitmodel.progress import Progress
from gitmodel.project import Project
from gitmodel.sidecar import (
    Kind,
    Metric,
    format_metrics,
    metric_of,
    parse_metrics,
    sidecar_names,
    without_secrets,
)
from gitmodel.snapshot import find_artifact, name_of, read_worktree
from gitmodel.worktree.files import not_in_git, read_file, write_files
from gitmodel.worktree.opening import look
from gitmodel.worktree.replaced import Kept

_NEW: dict[Kind, int] = {"metrics": 0, "params": 1}
"""Which of the names of a sidecar a new one gets: metrics are JSON, params YAML."""


@dataclass(frozen=True, slots=True)
class KeptRun:
    """What was recorded of a run: the artifacts that it made, and the files beside them.

    `artifact` is the one that metrics and params belong to.  `masked` are the names of parameters
    that look like a secret and so were not written, `replaced` tells where edits of files are
    that were written anew.
    """

    artifact: str
    added: tuple[Added, ...]
    inputs: tuple[Input, ...]
    metrics: Mapping[str, Metric]
    files: tuple[str, ...]
    masked: tuple[str, ...] = ()
    replaced: tuple[Kept, ...] = ()


def keep(project: Project, recorded: Recorded, origin: Origin, progress: Progress) -> KeptRun:
    """Track what a run made and write its sidecars; Git is told of both.

    A run that made nothing is a measurement of the artifact that it is named after: its metrics are
    added to those that are there.  Raises `UsageError` if there is no such artifact.
    """
    if not recorded.outputs:
        return _keep_measured(project, recorded)
    used = [*recorded.inputs] or _tracked(project, recorded.outputs)
    inputs = with_versions(project, used)
    added = add(project, recorded.outputs, progress)
    artifact = _main(project, [each.path for each in added], recorded.name)
    params, files, hidden = _params_files(project, artifact, recorded.params)
    files |= _metrics_files(project, artifact, recorded)
    lineage = Lineage(
        tuple(Named(each.path, each.pointer.oid) for each in added),
        inputs,
        masked(recorded.steps, os.path.realpath(project.root)),
        params,
        origin.code,
        replace(origin.environment, python=recorded.python or origin.environment.python),
        origin.command,
        origin.started,
        utc_now(),
    )
    files |= {lineage_path(each.path): format_lineage(lineage) for each in added}
    replaced = write_beside(project, files)
    metrics = final_metrics(recorded)
    return KeptRun(artifact, tuple(added), inputs, metrics, tuple(files), hidden, replaced)


def final_metrics(recorded: Recorded) -> dict[str, Metric]:
    """Return the metrics of a run: those without a step, and the last values of the others.

    A curve that ends in no finite number gives none: the run diverged.
    """
    final = dict(recorded.metrics)
    for name in recorded.curves.names:
        *_, last = recorded.curves.points(name).values()
        if name not in final and math.isfinite(last):
            final[name] = metric_of(name, last, {})
    return final


def _keep_measured(project: Project, recorded: Recorded) -> KeptRun:
    snapshot = read_worktree(project.git)
    if not recorded.name or not (recorded.metrics or recorded.curves.names):
        raise UsageError(
            "the run saved nothing, so there is nothing to record",
            hint="run.save(PATH) in Python, or gitmodel run --save PATH",
        )
    artifact, _ = find_artifact(snapshot, project.config.artifacts, recorded.name)
    path = sidecar_at(project, artifact, "metrics")
    metrics = {**_read_metrics(project, path), **final_metrics(recorded)}
    files = {path: format_metrics(metrics, path)}
    if recorded.curves.names:
        files[curves_path(artifact)] = format_curves(recorded.curves)
    replaced = write_beside(project, files)
    return KeptRun(artifact, (), recorded.inputs, metrics, tuple(files), replaced=replaced)


def _tracked(project: Project, outputs: Sequence[str]) -> list[Input]:
    """Return all that is tracked but for what was made: where nobody said what was used."""
    pointers = read_worktree(project.git).pointers
    made = {path for output in outputs for path in (output, *parents(output))}
    return [
        Input(path, pointer.oid, declared=False)
        for path, pointer in sorted(pointers.items())
        if path not in made
    ]


def _main(project: Project, artifacts: Sequence[str], name: str) -> str:
    """Return the artifact that a run is named after, else the first."""
    names = project.config.artifacts
    named = (path for path in artifacts if name in (path, name_of(path, names)))
    return next(named, artifacts[0])


def _metrics_files(project: Project, artifact: str, recorded: Recorded) -> dict[str, bytes]:
    """Return metrics and curves; none if nothing was logged, for a script may write its own."""
    files: dict[str, bytes] = {}
    if recorded.metrics or recorded.curves.names:
        path = sidecar_at(project, artifact, "metrics")
        files[path] = format_metrics(final_metrics(recorded), path)
        path = curves_path(artifact)
        # Those of an earlier run would be taken for this one's.
        if recorded.curves.names or look(project.root, path):
            files[path] = format_curves(recorded.curves)
    return files


def _params_files(
    project: Project, artifact: str, params: Params | None
) -> tuple[Named | None, dict[str, bytes], tuple[str, ...]]:
    """Return the file that params came from, the sidecar that they belong into, and what is masked.

    Where that is the same file, or one that is read in its stead, it is left as it is.
    """
    if params is None:
        return None, {}, ()
    path = sidecar_at(project, artifact, "params")
    if params.file:
        common = sidecar_names("", "params")
        same = params.file.path == path
        if same or (params.file.path in common and look(project.root, path) is None):
            return params.file, {}, ()
    values, hidden = without_secrets(params.values)
    data = format_document(values, path)
    file = params.file or Named(path, oid_of(data, project.config.algorithm))
    return file, {path: data}, hidden


def sidecar_at(project: Project, artifact: str, kind: Kind) -> str:
    """Return the path of a sidecar: the one that is configured, or there, or would be made."""
    name = name_of(artifact, project.config.artifacts)
    if given := project.config.sidecars.get(name, {}).get(kind):
        _check_is_sidecar(given[0], artifact, kind)
        check_own(project, given)
        return given[0]
    beside = sidecar_names(stem_path(artifact), kind)
    there = (path for path in beside if look(project.root, path))
    return next(there, beside[_NEW[kind]])


def _check_is_sidecar(path: str, artifact: str, kind: Kind) -> None:
    """Raise `IntegrityError` if a clone's configuration has a run write over something else."""
    folder, _, name = path.rpartition("/")
    beside = folder == artifact.rpartition("/")[0]
    named = stem_of(name) == kind or stem_of(name).endswith(f".{kind}")
    if any(part.startswith(".") for part in path.split("/")) or not (beside or named):
        raise IntegrityError(
            f"{CONFIG_NAME!r} gives {artifact!r} {kind} in {path!r}, which is not beside it",
            hint=note(
                "edit {}: a file beside the artifact, or one called {}.json", CONFIG_NAME, kind
            ),
        )


def _read_metrics(project: Project, path: str) -> dict[str, Metric]:
    data = read_file(project.root, path)
    return parse_metrics(data, path, project.config.goals) if data else {}


def write_beside(project: Project, files: Mapping[str, bytes]) -> tuple[Kept, ...]:
    """Write sidecars, all or none, and tell Git; paths are relative to the top.

    What stands in their place, and Git has not, is kept aside: return what and where.
    """
    rest = _unlike(project, files)
    changed = _there(project, rest)
    for path in changed:
        status = look(project.root, path)
        if status and stat.S_ISDIR(status.st_mode):
            raise ConflictError(
                f"{path!r} is a folder, where a file is to be",
                hint=command("mv {} ANOTHER_NAME", path),
            )
    kept = tuple(map(project.places.set_aside, not_in_git(project.git, changed)))
    write_files(project.root, rest, project.beside)
    staging.stage(project.git, files)
    return kept


def differing(project: Project, files: Mapping[str, bytes]) -> list[str]:
    """Return which of the files are there with other bytes."""
    return _there(project, _unlike(project, files))


def _there(project: Project, paths: Iterable[str]) -> list[str]:
    return [path for path in paths if look(project.root, path)]


def _unlike(project: Project, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return those of the files that are not there with just these bytes."""
    return {path: data for path, data in files.items() if _read(project, path) != data}


def _read(project: Project, path: str) -> bytes | None:
    """Return the content of a file, or None if it is not a small regular one."""
    with suppress(IntegrityError):
        return read_file(project.root, path)
    return None
