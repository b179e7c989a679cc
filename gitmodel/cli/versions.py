"""`gitmodel versions`."""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import click

from gitmodel import hints
from gitmodel.cli.common import json_option, say_json
from gitmodel.cli.facts import finite, numbers
from gitmodel.cli.printer import hand_out, say
from gitmodel.cli.sections import Cell, Section, fitted, markdown_of, own, text_of
from gitmodel.cli.spreadsheet import Value, csv_table
from gitmodel.errors import UsageError
from gitmodel.expression import parse_expression
from gitmodel.history import open_history
from gitmodel.porcelain.versions import (
    Listed,
    check_metric,
    filter_versions,
    goal_of,
    metric_names,
    sort_versions,
    versions,
)
from gitmodel.printable import shown
from gitmodel.sidecar import Metric
from gitmodel.words import plural

_FIXED = ("version", "date", "author")
_SHOWN = 10
_AUTHOR = 40
"""Characters of an author that a terminal is shown."""


@click.command()
@click.argument("name", required=False, default="")
@click.option(
    "--sort",
    default="version",
    metavar="KEY",
    help="By date, version or a metric, the best first; -KEY is the other way round.",
)
@click.option(
    "--filter", "condition", default="", metavar="EXPR", help="Only those where this holds."
)
@click.option(
    "--metric", "-m", "metrics", multiple=True, metavar="NAME", help="Show this metric only."
)
@click.option("--all", "-a", "heads", is_flag=True, help="List the ends of the branches too.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--md", "as_md", is_flag=True, help="Print a table in Markdown.")
def command(
    name: str,
    sort: str,
    condition: str,
    metrics: tuple[str, ...],
    heads: bool,
    as_json: bool,
    as_csv: bool,
    as_md: bool,
) -> None:
    """List the versions, or those of the artifact NAME: tags such as v1.0 or model-v1.1.

    Behind a metric, ▲ says that more of it is better, ▼ that less is; a ? that only its name says
    so. EXPR is like "accuracy > 0.9 and params.lr < 0.01"; it may name tag, name, author and date,
    and other versions: "accuracy >= model@v1.0". A version that lacks a metric does not meet it.
    """
    if as_json + as_csv + as_md > 1:
        raise UsageError("one format at most", hint="--json, --csv or --md")
    expression = parse_expression(condition) if condition else None
    with open_history(Path.cwd()) as history:
        found = versions(history, name, heads=heads)
        wanted = [check_metric(found, metric) for metric in metrics]
        listed = sort_versions(found, sort)
        if expression:
            listed = filter_versions(history, listed, expression)
    _warn(listed)
    columns = list(dict.fromkeys(wanted)) or metric_names(listed)
    if as_json:
        say_json("versions", {"versions": [_value(each, wanted) for each in listed]})
    elif as_csv:
        hand_out(_csv(listed, columns))
    elif not listed:
        _nothing(found, name)
    elif as_md:
        _echo(markdown_of(_table(listed, columns)))
    else:
        _print(listed, columns, chosen=bool(wanted))


def _echo(lines: Iterable[str]) -> None:
    # The first line of a section is empty.
    for line in [*lines][1:]:
        say(line)


def _print(listed: Sequence[Listed], columns: Sequence[str], *, chosen: bool) -> None:
    """Print a table; of the metrics that nobody chose, those that fit."""
    brief = [replace(each, author=_short(each.author)) for each in listed]
    room = math.inf if chosen else _room()
    section, hidden = fitted(_table(brief, columns), len(_FIXED), room)
    _echo(text_of(section))
    if hidden:
        what = plural(hidden, "more metric")
        say(f"{what}: --metric NAME shows one, --json all of them", err=True)


def _short(author: str) -> str:
    return author if len(author) <= _AUTHOR else f"{author[: _AUTHOR - 1]}…"


def _room() -> float:
    """Return how many characters a line has; what is no terminal has room for all."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal():
        return shutil.get_terminal_size().columns
    return math.inf


def _table(listed: Sequence[Listed], columns: Sequence[str]) -> Section:
    head = [*own(*_FIXED), *(_title(metric, goal_of(listed, metric)) for metric in columns)]
    values = [numbers([_number(each, metric) for each in listed]) for metric in columns]
    rows = [
        [_label(each), *own(each.date), Cell(each.author), *own(*(text or "-" for text in row))]
        for each, *row in zip(listed, *values, strict=True)
    ]
    return Section(head, rows, right=range(len(_FIXED), len(head)))


def _label(listed: Listed) -> Cell:
    return Cell(listed.tag) if listed.tag else Cell(listed.branch, note="(branch)")


def _title(name: str, metric: Metric | None) -> Cell:
    if metric is None:
        return Cell(name)
    arrow = "▼" if metric.goal == "min" else "▲"
    return Cell(name, note=f"{arrow}?" if metric.guessed else arrow)


def _number(listed: Listed, metric: str) -> float | None:
    return listed.metrics[metric].value if metric in listed.metrics else None


def _csv(listed: Sequence[Listed], columns: Sequence[str]) -> str:
    rows: list[list[Value]] = [
        [
            each.tag,
            each.name,
            each.branch,
            each.commit,
            each.moment("%Y-%m-%dT%H:%M:%SZ"),
            each.author,
            *(_number(each, metric) for metric in columns),
        ]
        for each in listed
    ]
    return csv_table(["tag", "name", "branch", "commit", "time", "author", *columns], rows)


def _value(listed: Listed, wanted: Sequence[str]) -> dict[str, object]:
    metrics = {
        name: asdict(metric)
        for name, metric in listed.metrics.items()
        if not wanted or name in wanted
    }
    return {
        "tag": listed.tag,
        "name": listed.name,
        "branch": listed.branch,
        "commit": listed.commit,
        "time": listed.time,
        "author": listed.author,
        "metrics": metrics,
        "params": {name: finite(value) for name, value in listed.params.items()},
        "problems": listed.problems,
    }


def _warn(listed: Sequence[Listed]) -> None:
    """Say what could not be read: the rest of it is still worth knowing."""
    problems = [(each, problem) for each in listed for problem in each.problems]
    for each, problem in problems[:_SHOWN]:
        label = each.tag or f"{each.branch} (branch)"
        say(f"warning: {shown(label)}: {shown(problem)}", err=True)
    more = len(problems) - _SHOWN
    if more > 0:
        say(f"warning: {plural(more, 'more problem')}; --json shows all", err=True)


def _nothing(found: Sequence[Listed], name: str) -> None:
    if found:
        say(f"none of {plural(len(found), 'version')} meets the condition", err=True)
    else:
        example = f"{name}-v0.1" if name else "v1.0"
        hint = hints.command("git tag {}", example)
        say(f"no versions; {hint} makes one", err=True)
