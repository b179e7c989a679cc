"""How it is told that a version moved."""

from __future__ import annotations

import shlex

import click

from gitmodel.cli.common import shown
from gitmodel.porcelain.moved import Moved


def warn_of_moved(found: Moved) -> None:
    """Say on stderr which versions moved on the Git remote."""
    remote = shown(found.git_remote)
    if found.problem:
        click.echo(f"versions were not compared: {shown(found.problem)}", err=True)
    for tag in found.tags:
        command = f"git ls-remote {shlex.quote(remote)} {shlex.quote(shown(f'refs/tags/{tag}'))}"
        click.echo(
            f"warning: version {shown(tag)!r} is another tag on Git remote {remote!r}"
            f" than when it was last seen; a version never moves  ({command})",
            err=True,
        )
