"""Commands that consist of others, which are imported only when they are run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from gitmodel.cli.verbose import add_to


class Family(click.Group):
    """A command of which each member is a module of its own, `<prefix>_<member>`."""

    def __init__(self, prefix: str, members: Mapping[str, str], **more: Any) -> None:
        """`members` are names and what they do, in one line."""
        super().__init__(**more)
        self._prefix = prefix
        self._members = members

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return sorted(self._members)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in self._members:
            return None
        name = f"{self._prefix}_{cmd_name.replace('-', '_')}"
        return add_to(importlib.import_module(f"gitmodel.cli.{name}").command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self._members.items()))
