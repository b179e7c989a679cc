"""`gitmodel add`."""

from __future__ import annotations

import click

from gitmodel.cli.common import PATH, extent, from_root, opened, progress_bar, quiet_option
from gitmodel.cli.printer import say
from gitmodel.errors import UsageError
from gitmodel.porcelain.add import Added, add, modified_artifacts
from gitmodel.printable import shown
from gitmodel.words import plural, some


@click.command()
@click.argument("paths", nargs=-1, type=PATH)
@click.option("--update", "-u", is_flag=True, help="Bring all tracked artifacts up to date.")
@quiet_option
def command(paths: tuple[str, ...], update: bool, quiet: bool) -> None:
    """Track files and folders, or bring their pointers up to date.

    Each PATH is a model or a dataset, or a file inside a tracked folder. Its bytes go to the
    cache; a pointer takes its place in Git and is staged.
    """
    with opened() as project, progress_bar(quiet=quiet) as progress:
        wanted = from_root(project, paths)
        if update:
            wanted += modified_artifacts(project)
        elif not paths:
            raise UsageError(
                "nothing to add", hint="gitmodel add PATH..., or gitmodel add --update"
            )
        done = add(project, list(dict.fromkeys(wanted)), progress)
    if not quiet:
        for each in done:
            say(_line(each))
        if odd := [path for each in done if each.changed for path in each.odd]:
            say(
                f"note: {plural(len(odd), 'name')} cannot exist on Windows: {some(odd, shown)}",
                err=True,
            )


def _line(added: Added) -> str:
    what = extent(added.pointer.size, added.pointer.files)
    verb = "added" if added.changed else "unchanged"
    tail = f"; Git no longer tracks {plural(added.untracked, 'file')}" if added.untracked else ""
    return f"{verb} {shown(added.path)} ({what}){tail}"
