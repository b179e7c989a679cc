"""`gitmodel checkout`."""

from __future__ import annotations

import click

from gitmodel.cli.common import (
    from_root,
    human,
    jobs_option,
    opened,
    plural,
    progress_bar,
    quiet_option,
    rate_option,
    shown,
)
from gitmodel.errors import UsageError
from gitmodel.porcelain.checkout import CheckedOut, checkout
from gitmodel.progress import Work

_SHOWN = 5


class _DashedCommand(click.Command):
    """Keeps apart what stands before and behind `--`, which click itself forgets."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["behind"] = []
        if "--" in args:
            at = args.index("--")
            ctx.meta["behind"] = args[at + 1 :]
            args = args[:at]
        return super().parse_args(ctx, args)


@click.command(cls=_DashedCommand, options_metavar="[OPTIONS]")
@click.argument("revision", nargs=-1, metavar="[REV] [-- PATH...]")
@click.option("--force", "-f", is_flag=True, help="Overwrite work that is saved nowhere.")
@jobs_option
@rate_option
@quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    revision: tuple[str, ...],
    force: bool,
    jobs: int,
    limit_rate: int,
    quiet: bool,
) -> None:
    """Move to a version or another revision, and restore the artifacts that it names.

    REV is a version (v1.0, model@v1.1, model@best:accuracy), or any revision of Git. With paths
    behind --, only those are restored, from REV or from the pointers that are here; a path may be
    a file or a glob inside an artifact. What is missing is fetched.
    """
    if len(revision) > 1:
        raise UsageError(
            "one revision at most",
            hint=f"gitmodel checkout {revision[0]} -- {' '.join(revision[1:])}",
        )
    behind: list[str] = ctx.meta["behind"]
    with opened("".join(revision)) as project, progress_bar(quiet=quiet) as progress:
        paths = from_root(project, behind)
        done = checkout(
            project, "".join(revision), paths, Work(progress, jobs, limit_rate), force=force
        )
    if not quiet:
        report(done)


def report(done: CheckedOut) -> None:
    """Say what a checkout did."""
    head = f"at {shown(done.revision)} ({done.commit[:12]}): " if done.commit else ""
    removed = f", {done.removed:,} removed" if done.removed else ""
    click.echo(
        f"{head}{plural(done.artifacts, 'artifact')}, {plural(done.written, 'file')} written"
        f" ({human(done.bytes)}){removed}"
    )
    if done.kept:
        some = ", ".join(map(shown, done.kept[:_SHOWN]))
        more = f" and {len(done.kept) - _SHOWN} more" if len(done.kept) > _SHOWN else ""
        click.echo(
            f"kept {plural(len(done.kept), 'file')} that the version does not have: {some}{more}",
            err=True,
        )
