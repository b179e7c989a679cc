"""`gitmodel checkout`."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from gitmodel import hints
from gitmodel.cli.common import (
    DashedCommand,
    behind_dashes,
    from_root,
    jobs_option,
    opened,
    progress_bar,
    quiet_option,
    rate_option,
)
from gitmodel.cli.printer import say
from gitmodel.errors import UsageError
from gitmodel.porcelain.checkout import CheckedOut, checkout, checkout_mix
from gitmodel.porcelain.mix import Mix, Part
from gitmodel.printable import shown
from gitmodel.progress import Work
from gitmodel.words import human, plural, some
from gitmodel.worktree.replaced import Kept

_SHOWN = 10


@click.command(cls=DashedCommand, options_metavar="[OPTIONS]")
@click.argument("revision", nargs=-1, metavar="[REV] [-- PATH...]")
@click.option("--code", default="", metavar="REV", help="Take the code from there.")
@click.option("--data", default="", metavar="REV", help="Take the data from there.")
@click.option(
    "--force", "-f", is_flag=True, help="Replace work that is saved nowhere; it is kept for a day."
)
@jobs_option
@rate_option
@quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    revision: tuple[str, ...],
    code: str,
    data: str,
    force: bool,
    jobs: int,
    limit_rate: int,
    quiet: bool,
) -> None:
    """Move to a version or another revision, and restore the artifacts that it names.

    REV is a version (v1.0, model@v1.1, model@best:accuracy), or any revision of Git. With paths
    behind --, only those are restored, from REV or from the pointers that are here; a path may be
    a file or a glob inside an artifact. What is missing is fetched.

    --code and --data put a working tree together from several versions, to find out which part of
    one matters: the rest is that of REV, or of HEAD. Data are the artifacts that REV is not a
    version of; of a version of the whole repository, those that are folders; or the PATHs. All
    that is not REV's is staged, and `gitmodel checkout REV` takes it back.
    """
    if len(revision) > 1:
        raise UsageError(
            "one revision at most",
            hint=hints.command("gitmodel checkout {} -- {}", revision[0], revision[1:]),
        )
    with opened("".join(revision)) as project, progress_bar(quiet=quiet) as progress:
        paths = from_root(project, behind_dashes(ctx))
        work = Work(progress, jobs, limit_rate)
        if mix := Mix(code, data, paths) if code or data else None:
            done = checkout_mix(project, "".join(revision), mix, work, force=force)
        else:
            done = checkout(project, "".join(revision), paths, work, force=force)
    if not quiet:
        report(done)


def report(done: CheckedOut) -> None:
    """Say what a checkout did."""
    head = f"at {shown(done.revision)} ({done.commit[:12]}): " if done.commit else ""
    removed = f", {done.removed:,} removed" if done.removed else ""
    say(
        f"{head}{plural(done.artifacts, 'artifact')}, {plural(done.written, 'file')} written"
        f" ({human(done.bytes)}){removed}"
    )
    if done.odd:
        say(
            f"note: {plural(len(done.odd), 'new file')} may be run or have a hidden name:"
            f" {some(done.odd, shown)}",
            err=True,
        )
    for part in done.parts:
        say(f"{part.kind} of {shown(part.label)} ({part.commit[:12]}): {_said(part)}")
    if done.parts:
        say("git status shows what differs; the next gitmodel checkout takes it back", err=True)
    if done.carried:
        say(f"not committed, and left as it is: {some(done.carried, shown)}", err=True)
    if done.kept:
        say(
            f"kept {plural(len(done.kept), 'file')} that the version does not have:"
            f" {some(done.kept, shown)}",
            err=True,
        )
    tell_kept(done.replaced)


def tell_kept(kept: Sequence[Kept]) -> None:
    """Say on stderr where something is that had to go and is saved nowhere."""
    for each in kept[:_SHOWN]:
        say(
            f"{shown(each.path)}: what was there is saved nowhere else, and kept for a day in"
            f" {shown(os.path.relpath(each.where))}",
            err=True,
        )
    if rest := kept[_SHOWN:]:
        folder = os.path.commonpath([each.where.parent for each in rest])
        more = plural(len(rest), "more file")
        say(f"{more} kept for a day in {shown(os.path.relpath(folder))}", err=True)


def _said(part: Part) -> str:
    paths = some(part.paths, shown)
    if part.kind == "code":
        differ = f"{plural(len(part.paths), 'file')} changed"
        return f"{differ}: {paths}" if part.paths else "no file changed"
    return paths or "nothing"
