"""How it is told that a version moved."""

from __future__ import annotations

from gitmodel import hints
from gitmodel.cli.printer import say
from gitmodel.porcelain.moved import Moved
from gitmodel.printable import shown


def warn_of_moved(found: Moved) -> None:
    """Say on stderr which versions moved on the Git remote."""
    if found.problem:
        say(f"versions were not compared: {shown(found.problem)}", err=True)
    for tag in found.tags:
        hint = hints.command("git ls-remote {} refs/tags/{}", found.git_remote, tag)
        say(
            f"warning: version {tag!r} is another tag on Git remote {found.git_remote!r}"
            f" than when it was last seen; a version never moves  ({hint})",
            err=True,
        )
