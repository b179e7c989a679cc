"""`gitmodel import`: each source of data is a command of its own."""

from __future__ import annotations

import importlib

import click

_SOURCES = {
    "dvc": "Turn what DVC tracks into artifacts.",
    "lfs": "Turn files of Git LFS into artifacts.",
}


class _Sources(click.Group):
    """Imports a command only when it is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return sorted(_SOURCES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in _SOURCES:
            return None
        command: click.Command = importlib.import_module(f"gitmodel.cli.import_{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_SOURCES.items()))


@click.group(cls=_Sources)
def command() -> None:
    """Take over what another tool tracks: nothing is lost, and you commit when you have looked."""
