"""How commands wait for locks: whom they tell, and the option `--lock-timeout`."""

from __future__ import annotations

import math
from pathlib import Path

import click

from gitmodel.cli.printer import say
from gitmodel.errors import UsageError
from gitmodel.git.command import run_in
from gitmodel.hints import command as hint
from gitmodel.locks import Patience, set_patience

_KEY = "gitmodel.lockTimeout"
_LOCKING = frozenset(
    {"add", "bisect", "checkout", "import", "mv", "pull", "remote", "resolve", "rm", "run"}
)


def add_to(command: click.Command, name: str) -> None:
    """Have a command say whom it waits for, and give it the option if it takes a lock."""
    set_patience(Patience(f"gitmodel {name}", _configured, _tell))
    if name in _LOCKING:
        _add_option(command)


def _add_option(command: click.Command) -> None:
    if isinstance(command, click.Group):
        for member in command.commands.values():
            _add_option(member)
    elif _OPTION not in command.params:
        command.params.append(_OPTION)


def _tell(text: str) -> None:
    say(text, err=True)


def _configured() -> float:
    """Return the seconds of Git's configuration: nobody asks for them who need not wait."""
    done = run_in(Path(), "config", "--get", _KEY)
    if done.returncode:
        return math.inf
    text = done.stdout.decode(errors="replace").strip()
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not seconds >= 0:
        raise UsageError(
            f"{_KEY} is {text!r}, not a number of seconds", hint=hint("git config {} 60", _KEY)
        )
    return seconds


def _set(ctx: click.Context, param: click.Parameter, value: float | None) -> None:
    if value is not None:
        set_patience(Patience(ctx.command_path, lambda: value, _tell))


_OPTION = click.Option(
    ["--lock-timeout"],
    type=click.FloatRange(min=0),
    expose_value=False,
    callback=_set,
    metavar="SECONDS",
    help="Wait at most so long for another gitmodel in this clone; by default gitmodel.lockTimeout"
    " of Git's configuration, else for ever.",
)
