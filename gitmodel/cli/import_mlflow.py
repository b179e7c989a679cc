"""`gitmodel import mlflow`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from gitmodel import hints
from gitmodel.cli.checkout import tell_kept
from gitmodel.cli.common import from_root, opened, progress_bar, quiet_option
from gitmodel.cli.printer import say, say_hint
from gitmodel.errors import UsageError
from gitmodel.mlflow.place import Place, find_place
from gitmodel.paths import POINTER_SUFFIX
from gitmodel.porcelain.import_mlflow import Imported, Wish, import_mlflow
from gitmodel.printable import shown
from gitmodel.progress import Work
from gitmodel.words import human, plural

store_option = click.option(
    "--store",
    default="",
    metavar="URI|DIR",
    help="The MLflow store: a folder, or sqlite:///mlflow.db; by default MLFLOW_TRACKING_URI, then"
    " mlruns or mlflow.db in the current folder, then at the top.",
)


@click.command()
@click.argument("reference", metavar="RUN|MODEL")
@store_option
@click.option("--to", default="", metavar="PATH", help="What it becomes, or a folder.")
@click.option(
    "--artifacts",
    multiple=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Another folder that artifacts of the store may lie in.",
)
@click.option(
    "--force", "-f", is_flag=True, help="Replace work that is saved nowhere; it is kept for a day."
)
@quiet_option
def command(
    reference: str, store: str, to: str, artifacts: tuple[Path, ...], force: bool, quiet: bool
) -> None:
    """Take over an artifact of a run, or a version of a registered model, from a local store.

    RUN is the id of a run, the beginning of one, its name, or runs:/ID/ARTIFACT. MODEL is NAME (its
    newest version), NAME/VERSION, NAME@ALIAS, or any models:/ URI. The files become an artifact;
    metrics, params, tags, curves, and where it came from become its sidecars. All is staged.
    MLflow need not be installed, and nothing of the model is loaded.
    """
    with opened() as project, progress_bar(quiet=quiet) as progress:
        place = _find_place(store or tracking_uri(), project.root, artifacts)
        inside = os.path.isdir(to) and not os.path.lexists(f"{to.rstrip('/')}{POINTER_SUFFIX}")
        target = "" if inside or not to else from_root(project, [to])[0]
        folder = from_root(project, [to if inside else "."])[0]
        wish = Wish(place, reference, target, folder)
        done = import_mlflow(project, wish, Work(progress), force=force)
    tell_kept(done.replaced)
    if not quiet:
        _report(done)


def tracking_uri() -> str:
    """Return the store that the environment names."""
    return os.environ.get("MLFLOW_TRACKING_URI", "")


def _find_place(text: str, top: Path, artifacts: Sequence[Path]) -> Place:
    """Return the store that was named, else that of the current folder, else of the top one."""
    here = Path.cwd()
    try:
        return find_place(text, here, artifacts)
    except UsageError:
        if text or here == top:
            raise
    return find_place("", top, artifacts)


def _report(done: Imported) -> None:
    what = human(done.pointer.size)
    if done.pointer.files is not None:
        what = f"{plural(done.pointer.files, 'file')}, {what}"
    say(f"imported {shown(done.label)} as {shown(done.artifact)} ({what})")
    counts = _counts(done)
    say(f"wrote {', '.join(map(shown, done.files))}{f' ({counts})' if counts else ''}")
    for each in done.said.left:
        say(f"left out: {shown(each)}", err=True)
    for other in done.others:
        say(f"not taken: {shown(other)}", err=True)
    say_hint(_hint(done))


def _counts(done: Imported) -> str:
    said = done.said
    counts = {
        "metric": len(said.metrics),
        "curve": len(said.curves.names),
        "param": len(said.params),
    }
    return ", ".join(plural(count, noun) for noun, count in counts.items() if count)


def _hint(done: Imported) -> str:
    message = f"import {done.label} from MLflow"
    if done.tag:
        return hints.command("git commit -m {} && gitmodel tag {}", message, done.tag)
    return hints.command("git commit -m {} && gitmodel tag {} --bump auto", message, done.name)
