"""`gitmodel init`."""

from __future__ import annotations

from pathlib import Path

import click

from gitmodel.cli.printer import say, say_hint
from gitmodel.digest import ALGORITHMS, BLAKE3
from gitmodel.porcelain.drivers import ATTRIBUTES_NAME
from gitmodel.porcelain.init import init


@click.command()
@click.option(
    "--hash",
    "algorithm",
    type=click.Choice(ALGORITHMS),
    default=BLAKE3,
    show_default=True,
    help="The digest that names content.",
)
def command(algorithm: str) -> None:
    """Set up the Git repository in the current folder for gitmodel."""
    done = init(Path.cwd(), algorithm)
    if not done.created:
        say(f"{done.path.name} exists already; nothing to do")
        return
    say(f"wrote and staged {done.path.name} and {ATTRIBUTES_NAME}")
    say_hint("gitmodel remote add origin PATH_OR_URL, then gitmodel add PATH")
