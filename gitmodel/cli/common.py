"""What commands share: opening the project, progress, options, and how things are shown."""

from __future__ import annotations

import importlib
import json
import math
import os
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from gitmodel import trace
from gitmodel.cli.printer import ask, terminal, write_json
from gitmodel.progress import Progress, silent
from gitmodel.project import Project, open_project, path_from_top
from gitmodel.words import human, plural

_F = TypeVar("_F", bound=Callable[..., Any])
_PATIENCE = 1.0
"""Seconds of work before a progress bar is shown."""
_FACTORS = {"k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9}


class _Rate(click.ParamType[int]):
    """Bytes a second."""

    name = "rate"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the number that a text such as `2.5M` says."""
        text = str(value)
        number, factor = (text[:-1], _FACTORS[text[-1]]) if text[-1:] in _FACTORS else (text, 1)
        try:
            rate = float(number) * factor
        except ValueError:
            rate = math.nan
        if not 0 <= rate < math.inf:
            self.fail(f"{text!r} is not a rate such as 500k or 2.5M", param, ctx)
        # Up, for 0 stands for no limit.
        return math.ceil(rate)


class DashedCommand(click.Command):
    """Keeps apart what stands before and behind `--`, which click itself forgets."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep what stands behind for `behind_dashes`."""
        ctx.meta["behind"] = []
        if "--" in args:
            at = args.index("--")
            ctx.meta["behind"] = args[at + 1 :]
            args = args[:at]
        return super().parse_args(ctx, args)


def behind_dashes(ctx: click.Context) -> list[str]:
    """Return what stood behind `--`."""
    behind: list[str] = ctx.meta["behind"]
    return behind


PATH = click.Path(readable=False)
"""A path as typed; if it cannot be read, the error comes from where it is opened."""

paths_argument = click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
jobs_option = click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1, 64),
    default=os.cpu_count() or 2,
    help="Threads to use.",
    show_default=True,
)
rate_option = click.option(
    "--limit-rate",
    type=_Rate(),
    default=0,
    metavar="RATE",
    help="Move at most RATE bytes a second; k, M and G stand for thousands, millions, billions.",
)
remote_option = click.option("--remote", "-r", default="", help="Name of the remote to use.")
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Print only errors.")


@contextmanager
def opened(revision: str = "") -> Iterator[Project]:
    """Open the project that the current folder is in; see `open_project`."""
    with open_project(Path.cwd(), revision, confirm) as project:
        yield project


def confirm(name: str, url: str) -> bool:
    """Ask whether a remote may be used that only came with a repository."""
    if os.environ.get("GITMODEL_TRUST_REMOTE") == "1":
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    question = f"Remote {name!r} at {url!r} came with the repository. Use it?"
    return ask(question)


def from_root(project: Project, paths: Sequence[str]) -> list[str]:
    """Return paths as typed in the current folder, relative to the top of the working tree.

    A symlink on the way to the repository is resolved; one inside it is not.
    """
    top = os.path.realpath(project.root)
    return [path_from_top(path, os.path.realpath(os.getcwd()), top) for path in paths]


class _Bar(Protocol):
    def update(self, phase: str, done: int, total: int, note: str) -> None: ...

    def close(self) -> None: ...


@contextmanager
def progress_bar(*, quiet: bool = False) -> Iterator[Progress]:
    """Show a bar on a terminal, for work that takes longer than a second."""
    # pre-commit shows a terminal to what it runs, and its output when it is done.
    if quiet or trace.is_on() or not sys.stderr.isatty() or os.environ.get("PRE_COMMIT"):
        yield silent
        return
    began = time.monotonic()
    bar: list[_Bar] = []

    def show(phase: str, done: int, total: int, note: str) -> None:
        if not bar:
            if time.monotonic() - began < _PATIENCE:
                return
            # Costs more than most commands take, so it is loaded when it is sure to be shown.
            bar.append(importlib.import_module("gitmodel.cli.bar").Bar(terminal()))
        bar[0].update(phase, done, total, note)

    try:
        yield show
    finally:
        for each in bar:
            each.close()


def say_json(kind: str, value: Mapping[str, Any]) -> None:
    """Print a JSON object that says which schema it follows."""
    write_json(json.dumps({"schema": f"gitmodel/{kind}/1", **value}, indent=2))


def extent(size: int, files: int | None) -> str:
    """Return how many bytes an artifact has, and if it is a folder how many files."""
    return human(size) if files is None else f"{plural(files, 'file')}, {human(size)}"


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes; colours take none."""
    text = click.unstyle(text)
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(unicodedata.category(each) in ("Mn", "Me") for each in text)


def padded(text: str, columns: int, *, right: bool = False) -> str:
    """Return a text with spaces behind it, or before it, so that it takes so many columns."""
    space = " " * (columns - width(text))
    return space + text if right else text + space
