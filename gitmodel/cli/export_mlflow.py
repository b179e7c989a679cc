"""`gitmodel export mlflow`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gitmodel import hints
from gitmodel.cli.common import jobs_option, opened, progress_bar, quiet_option, rate_option
from gitmodel.cli.import_mlflow import store_option, tracking_uri
from gitmodel.cli.printer import say, say_hint
from gitmodel.mlflow.place import Place, place_to_write
from gitmodel.porcelain.export_mlflow import Exported, export_mlflow
from gitmodel.printable import shown
from gitmodel.progress import Work
from gitmodel.words import human, plural


@click.command()
@click.argument("version")
@store_option
@click.option(
    "--experiment",
    default="",
    metavar="NAME",
    help="The experiment that the run belongs to; by default that of the artifact's name.",
)
@jobs_option
@rate_option
@quiet_option
def command(
    version: str, store: str, experiment: str, jobs: int, limit_rate: int, quiet: bool
) -> None:
    """Record VERSION as a run in an MLflow store on this machine.

    The run has the version's metrics, curves and params, its files as artifacts, and tags that lead
    back to it. If there is no store, mlflow.db is made in the current folder. What the cache lacks
    is fetched. This needs MLflow itself: pip install mlflow.
    """
    with opened() as project, progress_bar(quiet=quiet) as progress:
        place = place_to_write(store or tracking_uri(), Path.cwd(), project.root)
        _prepare(place)
        work = Work(progress, jobs, limit_rate)
        done = export_mlflow(project, version, place, experiment, work)
    if not quiet:
        _report(done, place)


def _prepare(place: Place) -> None:
    """Say to MLflow, which reads the environment when it is loaded, what is meant here."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    if not place.database:
        # From 3.13 on it refuses such stores, unless somebody wants one: here, who named it.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")


def _report(done: Exported, place: Place) -> None:
    label = shown(done.shown.resolved.label)
    say(
        f"recorded {label} as run {done.recorded.run} of the experiment {shown(done.experiment)}"
        f" ({plural(done.files, 'file')}, {human(done.size)})"
    )
    uri = f"sqlite:///{place.path}" if place.database else str(place.path)
    say_hint(hints.command("mlflow ui --backend-store-uri {}", uri))
