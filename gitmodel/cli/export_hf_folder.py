"""`gitmodel export hf-folder`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gitmodel import hints
from gitmodel.cli.card import render
from gitmodel.cli.common import jobs_option, opened, progress_bar, quiet_option, rate_option
from gitmodel.cli.facts import finite
from gitmodel.cli.printer import say, say_hint
from gitmodel.history import history_of
from gitmodel.porcelain.card import card_of
from gitmodel.porcelain.export import export_folder
from gitmodel.porcelain.show import Shown
from gitmodel.printable import shown
from gitmodel.progress import Work
from gitmodel.sidecar import format_metrics
from gitmodel.words import human, plural

_CARD = "README.md"
_FACTS = "gitmodel.json"


@click.command()
@click.argument("version")
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DEST",
    help="The folder to write; there must be nothing there, or an empty folder.",
)
@jobs_option
@rate_option
@quiet_option
def command(version: str, output: Path, jobs: int, limit_rate: int, quiet: bool) -> None:
    """Write VERSION as a folder in the form of Hugging Face.

    It has the files of the artifact, the model card as README.md, and gitmodel.json with metrics,
    params and oids. Of a version of the whole repository, each artifact keeps its path. What the
    cache lacks is fetched. Hugging Face's own tools can then upload it.
    """
    with (
        opened() as project,
        history_of(project.git, project.config) as history,
        progress_bar(quiet=quiet) as progress,
    ):
        found = card_of(history, version)
        work = Work(progress, jobs, limit_rate)
        texts = {_CARD: render(found, version).encode(), _FACTS: _facts(found.shown)}
        done = export_folder(project, found.shown, texts, output, work)
    for path in done.replaced:
        say(f"left out: {shown(path)} of the artifact, in whose place is ours", err=True)
    if not quiet:
        size = f"{plural(done.files, 'file')}, {human(done.size)}"
        label = shown(found.shown.resolved.label)
        say(f"exported {label} to {shown(str(output))} ({size})")
        say_hint(hints.command("hf upload ACCOUNT/NAME {}", str(output)))


def _facts(version: Shown) -> bytes:
    """Return what a program may want to know of a version."""
    record, resolved = version.record, version.resolved
    artifacts = [
        {"path": path, "oid": pointer.oid, "size": pointer.size}
        for path, pointer in record.artifacts.items()
    ]
    facts = {
        "schema": "gitmodel/export/1",
        "version": resolved.label,
        "tag": resolved.tag,
        "commit": resolved.commit,
        "artifacts": artifacts,
        "metrics": json.loads(format_metrics(record.metrics, _FACTS)),
        "params": finite(dict(record.params)),
    }
    return (json.dumps(facts, indent=2) + "\n").encode()
