"""How it is told that a version moved."""

from __future__ import annotations

import shlex

from gitmodel.cli.printer import say
from gitmodel.porcelain.moved import Moved
from gitmodel.printable import shown


def warn_of_moved(found: Moved) -> None:
    """Say on stderr which versions moved on the Git remote."""
    remote = shown(found.git_remote)
    if found.problem:
        say(f"versions were not compared: {shown(found.problem)}", err=True)
    for tag in found.tags:
        command = f"git ls-remote {shlex.quote(remote)} {shlex.quote(shown(f'refs/tags/{tag}'))}"
        say(
            f"warning: version {shown(tag)!r} is another tag on Git remote {remote!r}"
            f" than when it was last seen; a version never moves  ({command})",
            err=True,
        )
