"""`gitmodel import`: each source of data is a command of its own."""

from __future__ import annotations

import click

from gitmodel.cli.family import Family

_SOURCES = {
    "dvc": "Turn what DVC tracks into artifacts.",
    "lfs": "Turn files of Git LFS into artifacts.",
    "mlflow": "Take over a run or a model of MLflow's.",
}


@click.group(cls=Family, prefix="import", members=_SOURCES)
def command() -> None:
    """Take over what another tool tracks: nothing is lost, and you commit when you have looked."""
