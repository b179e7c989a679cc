"""`gitmodel pull`."""

from __future__ import annotations

import click

from gitmodel.cli.checkout import report
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
from gitmodel.porcelain.checkout import checkout
from gitmodel.porcelain.fetch import fetch
from gitmodel.progress import Work


@click.command()
@paths_argument
@click.option(
    "--force", "-f", is_flag=True, help="Replace work that is saved nowhere; it is kept for a day."
)
@remote_option
@jobs_option
@rate_option
@quiet_option
def command(
    paths: tuple[str, ...], force: bool, remote: str, jobs: int, limit_rate: int, quiet: bool
) -> None:
    """Bring what the pointers here name from the remote into the working tree.

    PATH is an artifact, or a file or glob inside one; without any, all artifacts are pulled.
    """
    with opened() as project, progress_bar(quiet=quiet) as progress:
        wanted = from_root(project, paths)
        work = Work(progress, jobs, limit_rate)
        fetched = fetch(project, wanted, remote, work)
        done = checkout(project, "", wanted, work, force=force)
    if not quiet:
        warn_of_moved(fetched.moved)
        report(done)
