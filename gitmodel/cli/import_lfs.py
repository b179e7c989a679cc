"""`gitmodel import lfs`."""

from __future__ import annotations

import click

from gitmodel.cli.common import opened, progress_bar, quiet_option
from gitmodel.cli.printer import say, say_hint
from gitmodel.errors import MissingError
from gitmodel.porcelain.import_lfs import ImportedLfs, import_lfs
from gitmodel.printable import shown
from gitmodel.progress import Work
from gitmodel.words import human, plural

_SHOWN = 10


@click.command()
@quiet_option
def command(quiet: bool) -> None:
    """Turn files of Git LFS into artifacts.

    They keep the SHA-256 that LFS knows them by. Pointers take the place of those of LFS, and its
    lines leave .gitattributes. All of it is staged and nothing is committed: look at it, then
    commit. Older commits stay as they are, for LFS to read.
    """
    with opened() as project, progress_bar(quiet=quiet) as progress:
        done = import_lfs(project, Work(progress))
    if done.missing:
        raise _missing(done)
    if quiet:
        return
    for path, pointer in done.pointers.items():
        say(f"imported {shown(path)} ({human(pointer.size)})")
    _report(done)


def _missing(done: ImportedLfs) -> MissingError:
    for path in done.missing[:_SHOWN]:
        say(f"missing  {shown(path)}", err=True)
    if len(done.missing) > _SHOWN:
        say(f"missing  … and {len(done.missing) - _SHOWN:,} more", err=True)
    return MissingError(
        f"Git LFS does not have {plural(len(done.missing), 'file')} here; nothing was changed",
        hint="git lfs fetch, then gitmodel import lfs",
    )


def _report(done: ImportedLfs) -> None:
    if done.attributes:
        say(f"removed the lines of Git LFS from {', '.join(map(shown, done.attributes))}")
    say("everything is staged; nothing is committed yet")
    if done.raw:
        some = ", ".join(map(shown, done.raw[:5]))
        more = f" and {len(done.raw) - 5} more" if len(done.raw) > 5 else ""
        say(f"left {some}{more}: LFS was to hold them, but Git does", err=True)
    if done.absent:
        say(f"not in the working tree: {', '.join(map(shown, done.absent[:5]))}", err=True)
        say("       gitmodel checkout brings them there", err=True)
    say_hint("git status, then git commit -m 'Move from Git LFS to gitmodel', then gitmodel push")
