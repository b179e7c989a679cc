"""`gitmodel merge-driver`, which Git runs (see `porcelain.drivers`)."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import click

from gitmodel.cli.common import extent
from gitmodel.cli.printer import say, say_hint
from gitmodel.cli.resolve import describe, next_hint
from gitmodel.errors import GitmodelError, IntegrityError
from gitmodel.paths import POINTER_SUFFIX
from gitmodel.porcelain.conflicts import MAX_TEXT, Conflict
from gitmodel.porcelain.resolution import Resolved, merge_file, write_conflict
from gitmodel.printable import shown
from gitmodel.project import open_project

_WIDTH = 7
_HEAD = "GITHEAD_"
_SIDES = ("ours", "theirs")


@click.command(hidden=True)
@click.option("--marker-size", type=int, default=_WIDTH)
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("ours", type=click.Path(path_type=Path))
@click.argument("theirs", type=click.Path(path_type=Path))
@click.argument("path")
@click.argument("labels", nargs=-1)
def command(
    marker_size: int, base: Path, ours: Path, theirs: Path, path: str, labels: tuple[str, ...]
) -> int:
    """Merge OURS and THEIRS, which both come from BASE, into OURS; PATH is the pointer's.

    Exits with 1 if there is a conflict; OURS then holds all three, between Git's markers.
    """
    texts = [_read(file) for file in (base, ours, theirs)]
    conflict = Conflict(path.removesuffix(POINTER_SUFFIX), *texts)
    try:
        with open_project(Path.cwd(), "HEAD", _allowed) as project:
            done = merge_file(project, conflict, ours, _heads())
    except (GitmodelError, OSError) as error:
        _tell_error(conflict.artifact, error)
    else:
        if not done.clashes:
            # Git merges several bases first, with longer markers; nobody asked about those.
            if marker_size <= _WIDTH:
                _tell_merged(done)
            return 0
        say(*describe(done), err=True)
        say_hint(next_hint(done))
    write_conflict(ours, conflict, _labels(labels), max(marker_size, _WIDTH))
    return 1


def _read(path: Path) -> bytes:
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise IntegrityError(f"{str(path)!r} is not a regular file")
        data = file.read(MAX_TEXT + 1)
    if len(data) > MAX_TEXT:
        raise IntegrityError(f"{str(path)!r} is longer than {MAX_TEXT} bytes: not a pointer")
    return data


def _allowed(name: str, url: str) -> bool:
    """Nobody is asked in the middle of a merge."""
    return os.environ.get("GITMODEL_TRUST_REMOTE") == "1"


def _heads() -> list[str]:
    """Return the commits that `git merge` says it merges."""
    return [name.removeprefix(_HEAD) for name in os.environ if name.startswith(_HEAD)]


def _labels(labels: tuple[str, ...]) -> tuple[str, str]:
    """Return Git's names of both sides; before 2.45 it leaves the placeholders as they are."""
    given = [label for label in labels[:2] if label and not label.startswith("%")]
    ours, theirs = given if len(given) == len(_SIDES) else _SIDES
    return ours, theirs


def _tell_error(artifact: str, error: GitmodelError | OSError) -> None:
    say(f"{shown(artifact)} is in conflict: {error}", err=True)
    hint = error.hint if isinstance(error, GitmodelError) else ""
    say_hint(hint or command("gitmodel resolve {}", artifact))


def _tell_merged(done: Resolved) -> None:
    if done.pointer:
        what = extent(done.pointer.size, done.pointer.files)
        say(
            f"merged {shown(done.artifact)}: {what}; gitmodel checkout brings the files here",
            err=True,
        )
