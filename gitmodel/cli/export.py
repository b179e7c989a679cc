"""`gitmodel export`: each form is a command of its own."""

from __future__ import annotations

import click

from gitmodel.cli.family import Family

_FORMS = {
    "hf-folder": "Write a version as a folder in the form of Hugging Face.",
    "mlflow": "Record a version as a run of MLflow's.",
}


@click.group(cls=Family, prefix="export", members=_FORMS)
def command() -> None:
    """Hand a version to another tool, with its files, metrics and params."""
