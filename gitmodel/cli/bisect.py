"""`gitmodel bisect`."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from gitmodel.cli.checkout import tell_kept
from gitmodel.cli.child import finish
from gitmodel.cli.common import (
    DashedCommand,
    jobs_option,
    json_option,
    opened,
    padded,
    progress_bar,
    quiet_option,
    say_json,
    width,
)
from gitmodel.cli.printer import say
from gitmodel.errors import UsageError
from gitmodel.history import history_of, open_history
from gitmodel.porcelain.bisect import (
    Bisected,
    Judge,
    Limit,
    Tested,
    Trial,
    bisect_command,
    bisect_metric,
)
from gitmodel.porcelain.span import Ends
from gitmodel.printable import shown
from gitmodel.progress import Work
from gitmodel.words import some

_SHOWN = 10


@click.command(cls=DashedCommand, options_metavar="[OPTIONS]")
@click.argument("name", default="", metavar="[NAME] [-- COMMAND...]")
@click.option("--metric", "-m", default="", help="The metric that tells what is worse.")
@click.option("--goal", type=click.Choice(["max", "min"]), help="Whether more or less is better.")
@click.option("--good", default="", metavar="REV", help="A version that is good.")
@click.option("--bad", default="", metavar="REV", help="A later one that is worse.")
@click.option("--threshold", type=float, help="What is beyond is worse, whatever the good one has.")
@click.option(
    "--tolerance", type=float, default=0.0, help="How much worse than the good one is no matter."
)
@json_option
@jobs_option
@quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    name: str,
    metric: str,
    goal: Any,
    good: str,
    bad: str,
    threshold: float | None,
    tolerance: float,
    as_json: bool,
    jobs: int,
    quiet: bool,
) -> None:
    """Find the first version that is worse, and say what changed in it.

    With --metric it is the first, in the order of history, whose metric is worse than that of the
    good one, or than the threshold. All versions are read, from Git alone; nothing is checked out.

    With a COMMAND versions are checked out as `gitmodel checkout` does, both ends first and then
    always one in the middle of what is left, and it is run in the top folder: exit code 0 is good,
    125 says nothing, another up to 127 is bad. Whatever comes, the working tree is afterwards what
    it was; so it must be without changes at first, and what the COMMAND changes of what is tracked
    is taken back, and kept for a day. What else it makes stays, unless a version needs the place.

    The bad end is the newest version of NAME if none is given, the good one the first.
    """
    behind: list[str] = ctx.meta["behind"]
    judge = _judge(metric, goal, threshold, tolerance, behind)
    ends = Ends(name, good, bad)
    if judge:
        with open_history(Path.cwd()) as history:
            done = bisect_metric(history, ends, judge)
    else:
        done = _run(ends, behind, jobs, quiet=quiet)
    if as_json:
        say_json("bisect", _value(done))
    else:
        _print(done)


def _judge(
    metric: str,
    goal: Any,
    threshold: float | None,
    tolerance: float,
    behind: Sequence[str],
) -> Judge | None:
    if bool(metric) == bool(behind):
        raise UsageError(
            "either a metric or a command tells what is bad",
            hint="gitmodel bisect --metric accuracy, or: gitmodel bisect -- COMMAND",
        )
    if behind and (goal or threshold is not None or tolerance):
        raise UsageError("--goal, --threshold and --tolerance are about a metric")
    if not (math.isfinite(threshold or 0.0) and 0 <= tolerance < math.inf):
        raise UsageError("--threshold and --tolerance are numbers, the latter not below 0")
    return Judge(metric, goal, threshold, tolerance) if metric else None


def _run(ends: Ends, behind: Sequence[str], jobs: int, *, quiet: bool) -> Bisected:
    with ExitStack() as stack:
        project = stack.enter_context(opened())
        progress = stack.enter_context(progress_bar(quiet=quiet))
        history = stack.enter_context(history_of(project.git, project.config))

        def act(label: str) -> int:
            if not quiet:
                say(f"testing {shown(label)}", err=True)
            # What it prints goes to stderr, for the result is ours.
            return finish(behind, os.environ, project.root, stdout=2)

        return bisect_command(project, history, ends, Trial(act, tell_kept), Work(progress, jobs))


def _print(done: Bisected) -> None:
    if done.limit:
        say(_limit_said(done.limit, done.name))
    widest = max(width(shown(each.version)) for each in done.tested)
    told = [each for each in done.tested if each.verdict != "good"]
    for each in done.tested if len(done.tested) <= _SHOWN else told[:_SHOWN]:
        version = padded(shown(each.version), widest)
        say(f"{each.verdict:<4}  {version}  {_why(each)}".rstrip())
    counts = [sum(each.verdict == v for each in done.tested) for v in ("good", "bad", "skip")]
    say(f"{counts[0]} good, {counts[1]} bad, {counts[2]} not known")
    first = done.suspects[-1]
    say(f"first bad: {shown(first.version)} ({first.commit[:12]})")
    if others := done.suspects[:-1]:
        names = ", ".join(shown(each.version) for each in others)
        say(f"  or, since nothing is known of it, already {names}")
    if done.again:
        say(f"  good again after a bad one: {some(done.again, shown, _SHOWN)}")
    say(f"changed since {shown(done.changed.since)}:")
    for kind in ("params", "artifacts", "code"):
        names = some(getattr(done.changed, kind), shown, _SHOWN)
        say(f"  {kind:<9}  {names or 'nothing'}")


def _limit_said(limit: Limit, name: str) -> str:
    of = f" of {shown(name)}" if name else ""
    how = "below" if limit.goal == "max" else "above"
    guess = ", guessed; --goal says otherwise" if limit.guessed else ""
    return f"{shown(limit.metric)}{of}: bad is {how} {limit.value:g} (goal {limit.goal}{guess})"


def _why(tested: Tested) -> str:
    if tested.value is not None:
        return f"{tested.value:g}"
    return "" if tested.exit_code is None else f"exit code {tested.exit_code}"


def _value(done: Bisected) -> dict[str, object]:
    return {"first" if key == "suspects" else key: value for key, value in asdict(done).items()}
