"""`gitmodel fetch`."""

from __future__ import annotations

import click

from gitmodel.cli.common import (
    from_root,
    jobs_option,
    opened,
    paths_argument,
    progress_bar,
    quiet_option,
    rate_option,
    remote_option,
)
from gitmodel.cli.moved import warn_of_moved
from gitmodel.cli.printer import say
from gitmodel.porcelain.fetch import fetch
from gitmodel.progress import Work
from gitmodel.words import plural


@click.command()
@paths_argument
@remote_option
@jobs_option
@rate_option
@quiet_option
def command(paths: tuple[str, ...], remote: str, jobs: int, limit_rate: int, quiet: bool) -> None:
    """Bring blobs from the remote to the cache, and change nothing else.

    PATH is an artifact, or a file or glob inside one; without any, all artifacts are fetched.
    """
    with opened() as project, progress_bar(quiet=quiet) as progress:
        done = fetch(project, from_root(project, paths), remote, Work(progress, jobs, limit_rate))
    if not quiet:
        warn_of_moved(done.moved)
        say(f"fetched {plural(done.fetched, 'blob')} of {done.wanted:,} wanted")
