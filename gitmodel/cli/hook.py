"""`gitmodel hook`: what the scripts in `hooks/` call; nobody types it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import click

from gitmodel import hints
from gitmodel.cli.checkout import tell_kept
from gitmodel.cli.common import confirm, opened, progress_bar
from gitmodel.cli.framework import ALONG
from gitmodel.cli.printer import say, say_hint
from gitmodel.cli.push import check_complete
from gitmodel.errors import GateError, GitmodelError, UnsavedError, UsageError
from gitmodel.git import gitconfig, revisions
from gitmodel.git.command import open_git
from gitmodel.porcelain.hooks import (
    Update,
    before_commit,
    before_push,
    before_tag,
    parse_updates,
    push_along,
)
from gitmodel.porcelain.restore import Restored, restore_moved
from gitmodel.printable import shown
from gitmodel.progress import Work
from gitmodel.project import Project, open_project
from gitmodel.words import plural, some

_SHOWN = 5
_STALE_KEY = "gitmodel.stale"
_POLICIES = ("warn", "block", "ignore")


@click.command(hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(name: str, arguments: tuple[str, ...]) -> int:
    """Do what one of Git's hooks asks for."""
    if name not in _HOOKS:
        raise UsageError(f"there is no hook {name!r}", hint="gitmodel install")
    return _HOOKS[name](arguments)


def _restore(arguments: Sequence[str], *, rebased: bool = False) -> int:
    old = arguments[0] if arguments else "ORIG_HEAD"
    with opened() as project, progress_bar() as progress:
        fetch = gitconfig.enabled(project.git, "gitmodel.fetch", default=True)
        touched = revisions.touched(project.git, old, "HEAD") if rebased else set[str]()
        found = restore_moved(project, old, Work(progress), fetch=fetch, touched=touched)
    _report(found)
    return 0


def _report(found: Restored) -> None:
    written, removed = sum(d.written for d in found.done), sum(d.removed for d in found.done)
    if written or removed:
        tail = f", {removed:,} removed" if removed else ""
        _say(f"{plural(written, 'file')} written{tail}")
    for done in found.done:
        tell_kept(done.replaced)
    for path, error in list(found.failed.items())[:_SHOWN]:
        _say(f"{shown(path)} was left as it is: {error.message}")
        if hint := _hint(path, error):
            say_hint(hint)
    if len(found.failed) > _SHOWN:
        _say(f"{len(found.failed) - _SHOWN} more were left as they are: gitmodel status")


def _hint(path: str, error: GitmodelError) -> str:
    if isinstance(error, UnsavedError):
        return hints.note(
            "gitmodel add {} keeps it, gitmodel checkout --force -- {} replaces it", path, path
        )
    return error.hint


def _pre_push(arguments: Sequence[str]) -> int:
    updates = parse_updates(os.fsdecode(sys.stdin.buffer.read()))
    where = Path.cwd()
    try:
        with (
            open_project(where, _revision(where, updates), confirm) as project,
            progress_bar() as progress,
        ):
            work = Work(progress, os.cpu_count() or 2)
            done = before_push(project, updates, work)
            if done is None:
                return 0
            if done.sent.blobs:
                _say(f"{plural(done.sent.blobs, 'blob')} pushed to {shown(done.remote)}")
            check_complete(done)
            if ALONG in arguments:
                _push_along(project, updates, work)
            return 0
    except GitmodelError as error:
        if not isinstance(error, GateError):
            _say("Git pushes nothing, for the data is not on the remote")
        raise


def _push_along(project: Project, updates: Sequence[Update], work: Work) -> None:
    for problem in push_along(project, updates, work):
        _say(f"{shown(problem)}: do not push that tag")


def _revision(where: Path, updates: Sequence[Update]) -> str:
    """Return a commit of the push that has a configuration: the working tree may have none."""
    git = open_git(where)
    oids = [oid for update in updates for oid in (update.here, update.there) if oid]
    return next(
        (oid for oid in oids if revisions.read_file(git, oid, ".gitmodel.yaml") is not None), ""
    )


def _pre_commit(arguments: Sequence[str]) -> int:
    with opened() as project, progress_bar() as progress:
        policy = (gitconfig.values(project.git, _STALE_KEY) or ["warn"])[-1]
        if policy not in _POLICIES:
            raise UsageError(
                f"{_STALE_KEY} is {policy!r}", hint=hints.command("git config {} warn", _STALE_KEY)
            )
        stale = before_commit(project, progress)
    if stale.paths and policy != "ignore":
        names = some(stale.paths, shown, _SHOWN)
        text = f"changed since gitmodel add, so this commit has the old state: {names}"
        if policy == "block":
            raise GateError(text, hint="gitmodel add --update, then commit again")
        if stale.commits:
            _say(text)
            say_hint("gitmodel add --update, then git commit --amend --no-edit")
        else:
            # Git will say that there is nothing to commit: to amend would change an earlier one.
            _say(f"changed since gitmodel add: {names}")
            say_hint("gitmodel add --update, then git commit")
    return 0


def _reference_transaction(arguments: Sequence[str]) -> int:
    text = os.fsdecode(sys.stdin.buffer.read())
    with opened() as project, progress_bar() as progress:
        before_tag(project, text, Work(progress))
    return 0


def _say(text: str) -> None:
    say(f"gitmodel: {text}", err=True)


_HOOKS: dict[str, Callable[[Sequence[str]], int]] = {
    "post-checkout": _restore,
    "post-commit": _restore,
    "post-merge": _restore,
    "post-rewrite": partial(_restore, rebased=True),
    "pre-commit": _pre_commit,
    "pre-push": _pre_push,
    "reference-transaction": _reference_transaction,
}
