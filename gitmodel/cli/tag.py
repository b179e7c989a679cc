"""`gitmodel tag`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Literal

import click

from gitmodel.cli.common import from_root, json_option, opened, progress_bar, quiet_option, say_json
from gitmodel.cli.printer import say, say_hint, style
from gitmodel.paths import POINTER_SUFFIX
from gitmodel.porcelain.tag import Plan, Request, make_tag, plan_tag, refusal
from gitmodel.porcelain.tag_checks import Check
from gitmodel.printable import shown
from gitmodel.progress import Work
from gitmodel.project import Project


@click.command()
@click.argument("name", required=False, default="", metavar="[NAME|VERSION]")
@click.option(
    "--bump",
    type=click.Choice(["auto", "major", "minor", "patch"]),
    help="Which number to raise; auto looks at what changed.",
)
@click.option("--message", "-m", "messages", multiple=True, help="What the version is about.")
@click.option("--sign", "-s", is_flag=True, help="Sign the tag, as Git is set up to.")
@click.option(
    "--remote",
    "-r",
    is_flag=False,
    flag_value="-",
    default=None,
    metavar="[NAME]",
    help="Ask the remote for blobs that the cache lacks.",
)
@click.option("--dry-run", is_flag=True, help="Show the checks and the tag, and make none.")
@json_option
@quiet_option
def command(
    name: str,
    bump: Literal["auto", "major", "minor", "patch"] | None,
    messages: tuple[str, ...],
    sign: bool,
    remote: str | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Make a version of HEAD, unless it would be a broken one.

    NAME is the name or the path of an artifact; without any, or with a dot, it is a version of
    the whole repository. VERSION is a tag such as model-v2.0, which needs no --bump.

    Refuses with exit code 3 if a pointer or a sidecar is not committed, an artifact was changed,
    a blob is nowhere, a sidecar cannot be read, a gate is not met, or the bytes are those of
    another version; with 4 if there is such a version already. The tag is annotated, and signed
    with -s; its message says what the version consists of.
    """
    with opened() as project, progress_bar(quiet=quiet) as progress:
        asked = remote if remote is None else remote.removeprefix("-")
        request = Request(_wanted(project, name), bump, "\n\n".join(messages), asked)
        plan = plan_tag(project, request, Work(progress))
        made = not dry_run and not plan.refused
        if made:
            make_tag(project, plan, sign=sign)
    if as_json:
        say_json("tag", {**asdict(plan), "made": made})
    elif not quiet:
        _report(plan, made=made, dry_run=dry_run)
    if plan.refused:
        raise refusal(plan)
    return 0


def _wanted(project: Project, name: str) -> str:
    """Return the path of an artifact that was typed in the current folder, or else the name."""
    if name and Path(f"{name.removesuffix('/')}{POINTER_SUFFIX}").exists():
        return from_root(project, [name])[0]
    return name


def _report(plan: Plan, *, made: bool, dry_run: bool) -> None:
    after = f", after {shown(plan.before)}" if plan.before else ""
    bump = f"{plan.bump}: " if plan.bump else ""
    line = f"{shown(plan.tag)} at {plan.commit[:10]} ({bump}{shown(plan.why)}{after})"
    if made:
        say(f"tagged {line}")
        say_hint("gitmodel push")
        return
    if dry_run:
        for check in plan.checks:
            say(_line(check))
        say(f"would {'not ' if plan.refused else ''}tag {line}")
    elif len(plan.refused) > 1:
        for check in plan.refused:
            say(_line(check), err=True)


def _line(check: Check) -> str:
    if not check.problem:
        return f"{style('ok', colour='green')}       {shown(check.what)}"
    return f"{style('refused', colour='red')}  {shown(check.problem)}  ({shown(check.hint)})"
