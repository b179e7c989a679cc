"""`gitmodel impact`."""

from __future__ import annotations

from dataclasses import asdict

import click

from gitmodel.cli.common import json_option, opened, say_json
from gitmodel.cli.drawing import format_option, name_of_place, value
from gitmodel.cli.lineage import draw, warn
from gitmodel.errors import UsageError
from gitmodel.history import history_of
from gitmodel.porcelain.ancestry import Place
from gitmodel.porcelain.impact import impact
from gitmodel.words import plural, some


@click.command()
@click.argument("thing", metavar="PATH|OID|VERSION", default="")
@click.option(
    "--file",
    default="",
    metavar="OID|PATH",
    help="A file inside datasets: those that are named, or all.",
)
@format_option
@json_option
def command(thing: str, file: str, form: str, as_json: bool) -> None:
    """Show what was made from something, over all versions and branches.

    A path, or the name of an artifact, stands for all that it ever was; it may lie inside a
    dataset. What runs declared comes first; what was only committed together is dashed.
    """
    if not thing and not file:
        raise UsageError("nothing was named", hint="gitmodel impact data/train")
    with opened("HEAD") as project, history_of(project.git, project.config) as history:
        found = impact(project, history, thing, file)
    warn(found.problems)
    if found.unread:
        warn([_unread(found.unread)])
    if as_json or form == "json":
        unread = [asdict(place) for place in found.unread]
        said = {"label": found.label, **value(found.graph), "unread": unread}
        say_json("impact", {**said, "problems": found.problems})
    elif found.graph.roots:
        draw(found.graph, form)


def _unread(places: tuple[Place, ...]) -> str:
    """Say which datasets may hold the file as well."""
    names = [f"{place.path} at {name_of_place(place)}" for place in places]
    manifests = plural(len(places), "manifest")
    return f"{manifests} not in the cache, so not looked into: {some(names, str)}"
