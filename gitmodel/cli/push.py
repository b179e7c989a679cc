"""`gitmodel push`."""

from __future__ import annotations

import click

from gitmodel.cli.common import (
    jobs_option,
    opened,
    progress_bar,
    quiet_option,
    rate_option,
    remote_option,
)
from gitmodel.cli.moved import warn_of_moved
from gitmodel.cli.printer import say
from gitmodel.errors import MissingError
from gitmodel.porcelain.moved import Moved
from gitmodel.porcelain.push import Pushed, Request, push
from gitmodel.printable import shown
from gitmodel.progress import Work
from gitmodel.words import human, plural, some


@click.command()
@click.argument("tags", nargs=-1, metavar="[TAG]...")
@click.option("--no-git", is_flag=True, help="Push no tags to the Git remote.")
@remote_option
@jobs_option
@rate_option
@quiet_option
def command(
    tags: tuple[str, ...], no_git: bool, remote: str, jobs: int, limit_rate: int, quiet: bool
) -> int:
    """Send the blobs of HEAD and of all versions, then the version tags.

    With TAGs, only theirs. Blobs go to the remote before a tag goes to the Git remote, so nobody
    ever sees a tag without its data.
    """
    with opened() as project, progress_bar(quiet=quiet) as progress:
        done = push(project, Request(tags, remote, not no_git), Work(progress, jobs, limit_rate))
    if not quiet:
        _report(done, asked_for_git=not no_git)
    return check_complete(done)


def _report(done: Pushed, *, asked_for_git: bool) -> None:
    sent = done.sent
    if sent.blobs:
        reused = f", {plural(sent.reused, 'chunk')} reused" if sent.reused else ""
        say(
            f"pushed {plural(sent.blobs, 'blob')} to {done.remote}: {human(sent.new_bytes)} new,"
            f" {human(sent.sent_bytes)} sent{reused}"
        )
    refs = [ref.removeprefix("refs/tags/").removeprefix("refs/heads/") for ref in done.complete]
    if refs:
        say(f"complete on {done.remote}: {', '.join(map(shown, refs))}")
    elif not done.incomplete and not done.foreign:
        say(f"everything is on {done.remote} already")
    if done.git_tags:
        say(f"pushed to Git remote {done.git_remote}: {', '.join(map(shown, done.git_tags))}")
    elif asked_for_git and not done.git_remote:
        say("no Git remote is configured, so no tags were pushed", err=True)
    warn_of_foreign(done)
    warn_of_moved(Moved(done.git_remote, done.moved))
    if done.almost:
        say(
            f"not pushed, for these tags are not versions: {some(done.almost, shown)}"
            "  (a version looks like v1.0 or model-v1.0)",
            err=True,
        )
    if done.uncommitted:
        names = some(done.uncommitted, shown)
        say(f"not pushed, for no commit has it yet: {names}  (git commit)", err=True)


def warn_of_foreign(done: Pushed) -> None:
    """Tell of what is DVC's to push."""
    if done.foreign:
        names = [ref.removeprefix("refs/tags/").removeprefix("refs/heads/") for ref in done.foreign]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        say(
            f"not pushed, for their data is DVC's: {', '.join(map(shown, names[:5]))}{more}"
            "  (gitmodel import dvc --all-tags)",
            err=True,
        )


def check_complete(done: Pushed) -> int:
    """Raise `MissingError` if a ref was not pushed for want of its blobs."""
    if not done.incomplete:
        return 0
    ref, absent = next(iter(done.incomplete.items()))
    more = f" (and {len(done.incomplete) - 1} more)" if len(done.incomplete) > 1 else ""
    be = "is" if len(absent[0].oids) == 1 else "are"
    raise MissingError(
        f"{ref!r}{more} was not pushed: {plural(len(absent[0].oids), 'blob')} of"
        f" {absent[0].artifact!r} {be} neither in the cache nor on remote {done.remote!r}",
        hint="gitmodel push, in the clone that has the data",
    )
