"""`gitmodel mv`."""

from __future__ import annotations

import click

from gitmodel.cli.common import PATH, from_root, opened, quiet_option
from gitmodel.cli.printer import say
from gitmodel.porcelain.move import Moved, move
from gitmodel.printable import shown


@click.command()
@click.argument("source", type=PATH)
@click.argument("target", type=PATH)
@quiet_option
def command(source: str, target: str, quiet: bool) -> None:
    """Move or rename the artifact SOURCE to TARGET, or into the folder TARGET.

    Its file or folder, its pointer, the rule in .gitignore, a name in .gitmodel.yaml and the
    sidecars beside it go along; the change is staged. Nothing is overwritten.
    """
    with opened() as project:
        done = move(project, *from_root(project, (source, target)))
    if quiet:
        return
    say(f"moved {shown(done.source)} to {shown(done.target)}")
    for path in done.sidecars:
        say(f"moved along: {shown(path)}")
    if done.old_name != done.new_name:
        say(_renamed(done), err=True)


def _renamed(done: Moved) -> str:
    old, new = shown(done.old_name), shown(done.new_name)
    return (
        f"its versions are now called {new}-v..., no longer {old}-v...; to keep that name:"
        f" 'artifacts: {{{old}: {shown(done.target)}}}' in .gitmodel.yaml"
    )
