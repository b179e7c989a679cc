"""`gitmodel framework`: runs a script of `hooks/` as Git would, for https://pre-commit.com.

That keeps what Git says on standard input and in arguments to itself, and tells part of it in the
environment.  Nobody types this command.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

import click

from gitmodel import hints
from gitmodel.cli.main import INHERITED, SKIP_HOOKS
from gitmodel.cli.printer import say
from gitmodel.errors import GateError, UsageError
from gitmodel.git.command import open_git
from gitmodel.git.revisions import resolve
from gitmodel.scripts import hook_script

ALONG = "--along"
"""Behind what Git tells `pre-push`: there may be more refs than those that it tells of."""

_NOTHING = "0" * 40


class _Told(NamedTuple):
    """What Git would have told a hook: its arguments, and its standard input."""

    arguments: tuple[str, ...]
    text: str = ""


@click.command(hidden=True)
@click.argument("name")
def command(name: str) -> int:
    """Do what one of Git's hooks would."""
    if name not in _EVENTS:
        raise UsageError(f"there is no hook {name!r}", hint=hints.note("one of {}", [*_EVENTS]))
    if os.environ.pop(SKIP_HOOKS, "") == INHERITED:
        return 0
    told = _EVENTS[name]()
    if told is None:
        say("gitmodel: nothing is being pushed", err=True)
        return 0
    return _become(hook_script(name), told)


def _become(script: Path, told: _Told) -> NoReturn:
    """Go on as the script; it is short enough for a pipe."""
    here, there = os.pipe()
    os.write(there, told.text.encode("utf-8", "surrogateescape"))
    os.close(there)
    os.dup2(here, 0)
    os.execvp("sh", ("sh", str(script), *told.arguments))


def _pre_push() -> _Told | None:
    """Tell of the one ref that pre-commit tells of, and that there may be others."""
    here, ref = _of("LOCAL_BRANCH"), _of("REMOTE_BRANCH")
    if not ref:
        return None
    git = open_git(Path.cwd())
    # The first is always told; the second may be left from a push that this one is part of.
    commit = resolve(git, here) or resolve(git, _of("TO_REF"))
    if commit is None:
        raise GateError(
            f"{here!r} is no commit, so its data cannot be pushed",
            hint="gitmodel push, then git push --no-verify",
        )
    # What is there is not told; a version that would move is found by its root on the remote.
    text = f"{here.replace(' ', '_')} {commit} {ref} {_NOTHING}\n"
    return _Told((_of("REMOTE_NAME"), _of("REMOTE_URL"), ALONG), text)


def _post_checkout() -> _Told | None:
    return _Told((_of("FROM_REF"), _of("TO_REF"), _of("CHECKOUT_TYPE")))


def _post_merge() -> _Told | None:
    return _Told((_of("IS_SQUASH_MERGE"),))


def _post_rewrite() -> _Told | None:
    return _Told((_of("REWRITE_COMMAND"),))


def _post_commit() -> _Told | None:
    return _Told(())


def _of(name: str) -> str:
    return os.environ.get(f"PRE_COMMIT_{name}", "")


_EVENTS: dict[str, Callable[[], _Told | None]] = {
    "post-checkout": _post_checkout,
    "post-commit": _post_commit,
    "post-merge": _post_merge,
    "post-rewrite": _post_rewrite,
    "pre-push": _pre_push,
}
