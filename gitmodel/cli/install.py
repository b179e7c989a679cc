"""`gitmodel install`."""

from __future__ import annotations

from pathlib import Path

import click

from gitmodel import hints
from gitmodel.cli.common import json_option, say_json
from gitmodel.cli.printer import say, say_hint, style
from gitmodel.git import gitconfig
from gitmodel.git.command import Git, open_git
from gitmodel.porcelain.install import GUARD, Hook, SetUp, check, install, shared_folder
from gitmodel.printable import shown


@click.command()
@click.option(
    "--check", "only_check", is_flag=True, help="Change nothing; exit 1 if not all is set up."
)
@click.option("--tag-guard", is_flag=True, help="Also refuse version tags without their data.")
@json_option
def command(only_check: bool, tag_guard: bool, as_json: bool) -> int:
    """Set up the Git hooks, so that plain git moves data too.

    Hooks of others stay and run after gitmodel's. What Git pushes is uploaded first; what it
    checks out, merges or rebases is restored. Datasets are merged file by file.
    """
    git = open_git(Path.cwd())
    act = check if only_check else install
    found = act(git, git.version_number(), tag_guard=tag_guard)
    if as_json:
        hooks = [_value(git, hook) for hook in found.hooks]
        say_json("install", {"good": found.good, "hooks": hooks, "lacking": found.lacking})
    else:
        for hook in found.hooks:
            say(_line(git, hook))
        for problem in found.lacking:
            say(f"{style('missing  ', colour='yellow')}  {shown(problem)}")
        _hint(git, found, only_check=only_check)
    return 0 if found.good else 1


def _value(git: Git, hook: Hook) -> dict[str, str]:
    return {
        "name": hook.name,
        "state": hook.state,
        "path": _path(git, hook),
        "note": hook.note,
    }


def _line(git: Git, hook: Hook) -> str:
    colour = "green" if hook.state == "installed" else "yellow"
    state = style(f"{hook.state:<9}", colour=colour)
    note = f": {shown(hook.note)}" if hook.note else ""
    return f"{state}  {hook.name:<{len(GUARD)}}  {shown(_path(git, hook))}{note}"


def _path(git: Git, hook: Hook) -> str:
    """Return the path as the user would type it at the top of the working tree."""
    top = git.worktree.resolve()
    return str(hook.path.relative_to(top) if hook.path.is_relative_to(top) else hook.path)


def _hint(git: Git, found: SetUp, *, only_check: bool) -> None:
    for hook in found.hooks:
        if hook.note:
            say_hint(
                hints.note(
                    "move {} away, or make it an executable shell script; then gitmodel install",
                    _path(git, hook),
                )
            )
    if only_check and not found.good and not any(hook.note for hook in found.hooks):
        say_hint("gitmodel install")
    if shared_folder(git):
        say(
            f"{shown(str(gitconfig.hooks_folder(git)))} (core.hooksPath) may serve other"
            " repositories too; there, the hooks do nothing unless they are set up for gitmodel",
            err=True,
        )
