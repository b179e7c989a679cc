"""The option `--verbose` of every command."""

from __future__ import annotations

import click

from gitmodel import trace
from gitmodel.cli.printer import say
from gitmodel.printable import shown


def add_to(command: click.Command) -> click.Command:
    """Give a command, and those that it consists of, the option; return it."""
    if isinstance(command, click.Group):
        for member in command.commands.values():
            add_to(member)
    elif _OPTION not in command.params:
        command.params.append(_OPTION)
    return command


def _begin(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        trace.start(lambda line: say(shown(line), err=True))
        ctx.call_on_close(trace.stop)


_OPTION = click.Option(
    ["--verbose", "-v"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_begin,
    help="Tell what Git and remotes are asked, and how long that takes.",
)
