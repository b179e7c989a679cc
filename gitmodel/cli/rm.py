"""`gitmodel rm`."""

from __future__ import annotations

import click

from gitmodel.cli.checkout import tell_kept
from gitmodel.cli.common import PATH, from_root, opened, progress_bar, quiet_option
from gitmodel.cli.printer import say
from gitmodel.porcelain.remove import Removal, Removed, remove
from gitmodel.printable import shown
from gitmodel.progress import Work
from gitmodel.words import plural, some


@click.command()
@click.argument("paths", nargs=-1, type=PATH, required=True, metavar="PATH...")
@click.option("--cached", is_flag=True, help="Keep the files; only stop tracking them.")
@click.option("--sidecars", is_flag=True, help="Remove the metrics, params and cards beside too.")
@click.option(
    "--force",
    "-f",
    is_flag=True,
    help="Remove work that is saved nowhere, too; it is kept for a day.",
)
@quiet_option
def command(paths: tuple[str, ...], cached: bool, sidecars: bool, force: bool, quiet: bool) -> None:
    """Stop tracking artifacts, and remove their files.

    Pointers, rules in .gitignore and names in .gitmodel.yaml go too; the change is staged. What
    was committed and pushed stays in the versions that have it.
    """
    with opened() as project, progress_bar(quiet=quiet) as progress:
        removal = Removal(not cached, sidecars, force)
        done = remove(project, from_root(project, paths), removal, Work(progress))
    if quiet:
        return
    for artifact in done.artifacts:
        tail = " from Git; what is on the disk stays" if cached else ""
        say(f"removed {shown(artifact)}{tail}")
    for path in done.sidecars:
        say(f"removed {shown(path)}")
    for line in _kept(done, sidecars=sidecars):
        say(line, err=True)
    tell_kept(done.replaced)


def _kept(done: Removed, *, sidecars: bool) -> list[str]:
    lines = []
    if done.kept:
        count = plural(len(done.kept), "file")
        lines.append(f"kept {count} that no version has: {some(done.kept, shown)}")
    if done.kept_sidecars:
        why = "which Git does not track (--force)" if sidecars else "(--sidecars removes that too)"
        lines.append(f"kept {some(done.kept_sidecars, shown)} {why}")
    return lines
