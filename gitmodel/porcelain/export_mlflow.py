"""Record a version as a run of MLflow's."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gitmodel.curves import Curves, curves_path, parse_curves
from gitmodel.history import History, history_of
from gitmodel.mlflow.client import Outgoing, Recorded, record
from gitmodel.mlflow.facts import Point, Points
from gitmodel.mlflow.place import Place
from gitmodel.mlflow.translate import OURS, TAGS
from gitmodel.porcelain.export import bring_files
from gitmodel.porcelain.show import Shown, show
from gitmodel.porcelain.supply import bring_blobs
from gitmodel.progress import Work
from gitmodel.project import Project
from gitmodel.snapshot import name_of
from gitmodel.worktree.deliver import prepared

_ODD = re.compile(r"[^/\w.-]")
"""What MLflow has in no name of a tag."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was recorded: the version, and what it is called in MLflow."""

    shown: Shown
    experiment: str
    recorded: Recorded
    files: int
    size: int


def export_mlflow(
    project: Project, reference: str, place: Place, experiment: str, work: Work
) -> Exported:
    """Record a version as a run in a store: files, metrics, curves, params and tags.

    The run is in the experiment of this name, else of the artifact's.  Blobs that the cache lacks
    are fetched.  Raises what `gitmodel.mlflow.client.record` does.
    """
    with history_of(project.git, project.config) as history:
        shown = show(history, reference)
        curves = _curves(history, shown)
    entries = bring_files(project, shown, work)
    bring_blobs(project, entries.values(), "", work)
    experiment = experiment or _name(project, shown)
    with prepared(project.scratch.new_path(), entries, project.cache, work.progress) as new:
        outgoing = Outgoing(
            experiment,
            shown.resolved.label,
            shown.story.time * 1000,
            _params(shown),
            _tags(shown),
            _metrics(shown, curves),
            new.path,
        )
        recorded = record(_uri(place), _artifacts(place, experiment), outgoing)
    size = sum(entry.size for entry in entries.values())
    return Exported(shown, experiment, recorded, len(entries), size)


def _curves(history: History, shown: Shown) -> Curves:
    """Return the curves of the first artifact that has any."""
    commit = shown.resolved.commit
    for artifact in shown.record.artifacts:
        path = curves_path(artifact)
        if blob := history.objects.find(commit, path):
            return parse_curves(history.objects.blob(blob, path), path)
    return Curves()


def _name(project: Project, shown: Shown) -> str:
    """Return the name of the artifact, else of the repository's folder."""
    names = [name_of(path, project.config.artifacts) for path in shown.record.artifacts]
    return shown.resolved.name or (names[0] if len(names) == 1 else project.root.name)


def _params(shown: Shown) -> dict[str, str]:
    params = shown.record.params
    return {name: str(value) for name, value in params.items() if not name.startswith(TAGS)}


def _tags(shown: Shown) -> dict[str, str]:
    """Return what were tags when they were imported, and what leads back to the version."""
    params, resolved = shown.record.params, shown.resolved
    given = {
        name.removeprefix(TAGS): str(value)
        for name, value in params.items()
        if name.startswith(TAGS)
    }
    oids = {
        f"{OURS}oid.{_ODD.sub('_', path)}": pointer.oid
        for path, pointer in shown.record.artifacts.items()
    }
    commit = {"mlflow.source.git.commit": resolved.commit, f"{OURS}commit": resolved.commit}
    return {**given, **oids, **commit, f"{OURS}version": resolved.label}


def _metrics(shown: Shown, curves: Curves) -> Points:
    """Return the points of each metric; the last is its value, which need not be the curve's."""
    now = shown.story.time * 1000
    found = {
        name: [Point(step, now, value) for step, value in curves.points(name).items()]
        for name in curves.names
    }
    for name, metric in shown.record.metrics.items():
        points = found.setdefault(name, [])
        if not points or points[-1].value != metric.value:
            points.append(Point(points[-1].step if points else 0, now + 1, float(metric.value)))
    return {name: tuple(points) for name, points in found.items()}


def _uri(place: Place) -> str:
    return f"sqlite:///{place.path}" if place.database else place.path.as_uri()


def _artifacts(place: Place, experiment: str) -> str | None:
    """Return where a new experiment keeps artifacts: beside the database, wherever one is.

    In a store of files MLflow itself knows.
    """
    name = re.sub(r"[^\w-]", "_", experiment)
    return (place.base / "mlruns" / name).as_uri() if place.database else None
