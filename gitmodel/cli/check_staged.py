"""`gitmodel check-staged`: what the ids of `.pre-commit-hooks.yaml` call; nobody types it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path

import click

from gitmodel import hints
from gitmodel.cli.common import opened
from gitmodel.cli.main import INHERITED, SKIP_HOOKS, fail
from gitmodel.cli.printer import say
from gitmodel.errors import GateError, UsageError
from gitmodel.git import gitconfig
from gitmodel.git.command import Git, open_git
from gitmodel.porcelain.staged import (
    LARGE,
    LARGE_KEY,
    Problem,
    broken_pointers,
    broken_sidecars,
    check_large,
    large_files,
    new_large_files,
    raw_artifacts,
    secrets_in,
)
from gitmodel.printable import shown

_SHOWN = 20
_WITH_OPTIONS = "large-files"
_MAXKB = "--maxkb="
_ALL = "--enforce-all"


@click.command(
    hidden=True, add_help_option=False, context_settings={"allow_interspersed_args": False}
)
@click.argument("name")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(name: str, arguments: tuple[str, ...]) -> int:
    """Look for one kind of mistake in staged files; all behind `--` are names from the top."""
    if name not in _CHECKS:
        raise UsageError(f"there is no check {name!r}", hint=hints.note("one of {}", [*_CHECKS]))
    if os.environ.get(SKIP_HOOKS) == INHERITED:
        return 0
    options = tuple(takewhile(lambda each: each.startswith("-") and each != "--", arguments))
    if options and name != _WITH_OPTIONS:
        raise UsageError(f"the check {name!r} has no options", hint='args: ["--"]')
    names = arguments[len(options) :]
    # A file may be called `--help`.
    return _CHECKS[name](options, names[1:] if names[:1] == ("--",) else names)


def _large(options: Sequence[str], names: Sequence[str]) -> int:
    git, wanted = open_git(Path.cwd()), frozenset(names)
    limit = _limit(git, options)
    look = large_files if _ALL in options else new_large_files
    check_large(git, [file for file in look(git, limit) if file.path in wanted])
    return 0


def _limit(git: Git, options: Sequence[str]) -> int:
    """Return the bytes that a file may have."""
    sizes = [option.removeprefix(_MAXKB) for option in options if option.startswith(_MAXKB)]
    unknown = [each for each in options if not each.startswith(_MAXKB) and each != _ALL]
    if unknown or len(sizes) > 1 or not all(size.isdecimal() for size in sizes):
        raise UsageError(
            f"these options are not understood: {' '.join(map(shown, options))}",
            hint='args: ["--maxkb=500", "--"]',
        )
    return int(sizes[0]) << 10 if sizes else gitconfig.number(git, LARGE_KEY, LARGE)


def _pointers(options: Sequence[str], names: Sequence[str]) -> int:
    with opened() as project:
        return _tell(broken_pointers(project, names))


def _raw(options: Sequence[str], names: Sequence[str]) -> int:
    return _tell(raw_artifacts(open_git(Path.cwd()), names))


def _sidecars(options: Sequence[str], names: Sequence[str]) -> int:
    return _tell(broken_sidecars(open_git(Path.cwd()), names))


def _secrets(options: Sequence[str], names: Sequence[str]) -> int:
    return _tell(secrets_in(open_git(Path.cwd()), names))


def _tell(problems: Sequence[Problem]) -> int:
    """Print all problems, the next command once behind those that it helps against."""
    told = problems[:_SHOWN]
    for number, problem in enumerate(told, start=1):
        again = number < len(told) and told[number].hint == problem.hint
        fail(GateError(shown(problem.message), hint="" if again else problem.hint))
    if len(problems) > _SHOWN:
        say(f"{len(problems) - _SHOWN:,} more", err=True)
    return GateError.exit_code if problems else 0


_CHECKS: dict[str, Callable[[Sequence[str], Sequence[str]], int]] = {
    _WITH_OPTIONS: _large,
    "no-raw-artifact": _raw,
    "pointers": _pointers,
    "secrets": _secrets,
    "sidecars": _sidecars,
}
