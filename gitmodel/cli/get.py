"""`gitmodel get`."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import click

from gitmodel.cli.common import (
    confirm,
    jobs_option,
    json_option,
    progress_bar,
    quiet_option,
    rate_option,
    remote_option,
    say_json,
)
from gitmodel.cli.printer import say
from gitmodel.porcelain.get import Got, Wish, get
from gitmodel.porcelain.mirror import Mirrors, default_cache
from gitmodel.printable import shown
from gitmodel.progress import Work
from gitmodel.words import human, plural


@click.command()
@click.argument("repository", metavar="REPO")
@click.argument("artifact", metavar="ARTIFACT[@VERSION]")
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DEST",
    help="The file or folder that it becomes.",
)
@click.option("--force", "-f", is_flag=True, help="Replace something else that is at DEST.")
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where to keep what is fetched; by default gitmodel.cache of Git's configuration, then"
    " $XDG_CACHE_HOME/gitmodel, then ~/.cache/gitmodel.",
)
@remote_option
@jobs_option
@rate_option
@json_option
@quiet_option
def command(
    repository: str,
    artifact: str,
    output: Path,
    force: bool,
    cache: Path | None,
    remote: str,
    jobs: int,
    limit_rate: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Deliver one artifact of the Git repository REPO, a path or URL, without a clone of it.

    ARTIFACT is a path in it, also of something inside an artifact, or the name of an artifact.
    VERSION is a version (v1.1 of model is the tag model-v1.1, else v1.1), another tag, a branch
    or a whole commit id; without it, the newest release of the artifact, else of the repository,
    else the tip of the default branch. What is fetched stays in the cache, so that a run that was
    stopped goes on where it was.
    """
    # A path may hold an @, a version is what follows the last one.
    name, at, version = artifact.rpartition("@")
    wish = Wish(repository, name if at else artifact, version if at else "", remote)
    with progress_bar(quiet=quiet) as progress:
        work = Work(progress, jobs, limit_rate)
        mirrors = Mirrors(cache or default_cache(_user_cache()), confirm)
        done = get(wish, output, mirrors, work, force=force)
    if as_json:
        say_json("get", {**asdict(done), "output": str(output)})
    elif not quiet:
        say(_line(done, output))


def _user_cache() -> str:
    home = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG base directory specification has relative paths ignored.
    return os.path.join(home, "gitmodel") if os.path.isabs(home) else ""


def _line(done: Got, output: Path) -> str:
    size = human(done.size)
    if done.files != 1:
        size = f"{plural(done.files, 'file')}, {size}"
    commit = done.commit[:12]
    where = f"{shown(done.revision)} ({commit})" if done.revision else commit
    verb = "got" if done.written else "already there:"
    return f"{verb} {shown(done.artifact)} at {where}: {size} in {shown(str(output))}"
