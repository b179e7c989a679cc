"""`gitmodel uninstall`."""

from __future__ import annotations

from pathlib import Path

import click

from gitmodel.cli.printer import say
from gitmodel.git.command import open_git
from gitmodel.porcelain.install import uninstall
from gitmodel.printable import shown


@click.command()
def command() -> None:
    """Remove what `gitmodel install` set up, and nothing else."""
    paths = uninstall(open_git(Path.cwd()))
    for path in paths:
        say(f"removed from {shown(str(path))}")
    if not paths:
        say("nothing of gitmodel is set up; nothing to do")
