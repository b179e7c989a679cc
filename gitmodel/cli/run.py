"""`gitmodel run`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

import click

from gitmodel.cli.checkout import tell_kept
from gitmodel.cli.child import finish
from gitmodel.cli.common import from_root, opened, progress_bar, quiet_option
from gitmodel.cli.printer import say
from gitmodel.porcelain.follow import Command, end, follow
from gitmodel.porcelain.keep import KeptRun
from gitmodel.porcelain.run import VARIABLE
from gitmodel.printable import shown
from gitmodel.words import plural

_PYTHON = re.compile(r"python[0-9.]*", re.ASCII)
_VERSION = re.compile(r"Python ([0-9][^\s]*)", re.ASCII)
_PATIENCE = 10


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--name", "-n", default="", help="The artifact that metrics and params belong to.")
@click.option(
    "--use",
    "uses",
    multiple=True,
    metavar="PATH[=ROLE]",
    help="An input: an artifact, a file, or a version such as train@v1.0. The role base is the"
    " model that training begins with.",
)
@click.option("--params", default="", metavar="FILE", help="The file with the parameters.")
@click.option("--save", "saves", multiple=True, metavar="PATH", help="An output, to be tracked.")
@quiet_option
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
def command(
    name: str,
    uses: tuple[str, ...],
    params: str,
    saves: tuple[str, ...],
    quiet: bool,
    arguments: tuple[str, ...],
) -> int:
    """Run COMMAND and record what it used and made, as in run --save model.pt -- python train.py.

    Beside each output comes a lineage: inputs, params, code, environment, command line and times.
    A script that calls gitmodel.run itself adds what it knows. The exit code is the command's;
    if it fails, nothing is written.
    """
    with opened() as project, progress_bar(quiet=quiet) as progress:
        outputs = tuple(from_root(project, saves))
        inputs = tuple(map(_use, uses))
        followed = follow(project, Command(arguments, name, inputs, params, outputs))
        code = _run(arguments, {**os.environ, VARIABLE: str(followed.folder)})
        if code:
            say(f"nothing recorded: the command ended with exit code {code}", err=True)
            return code
        kept = end(project, followed, _python_version(arguments[0]), progress)
    # To stderr, for stdout is the command's.
    for each in kept:
        tell_kept(each.replaced)
        for name in each.masked:
            say(f"not written: {shown(name)}, a parameter that looks like a secret", err=True)
        if not quiet:
            say(_line(each), err=True)
    return 0


def _use(text: str) -> tuple[str, str]:
    path, equals, role = text.rpartition("=")
    return (path, role) if equals and not os.path.lexists(text) else (text, "")


def _run(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command as a shell does, and return the exit code that a shell would."""
    # The terminal tells the command of Ctrl-C itself; what it makes of it decides.  Unlike a
    # signal that is ignored, one that is handled is not inherited.
    before = signal.signal(signal.SIGINT, _wait)
    try:
        return finish(arguments, environment)
    finally:
        signal.signal(signal.SIGINT, before)


def _wait(number: int, frame: FrameType | None) -> None:
    """Go on waiting."""


def _python_version(program: str) -> str:
    """Return the version of Python if that is what was run, else nothing."""
    if not _PYTHON.fullmatch(Path(program).name):
        return ""
    done = subprocess.run(
        [program, "--version"], capture_output=True, text=True, timeout=_PATIENCE, check=False
    )
    match = _VERSION.match(done.stdout)
    return match[1] if match else ""


def _line(kept: KeptRun) -> str:
    made = ", ".join(shown(each.path) for each in kept.added) or shown(kept.artifact)
    declared = [each for each in kept.inputs if each.declared]
    counts = f"{plural(len(declared), 'input')}, {plural(len(kept.metrics), 'metric')}"
    return f"recorded {made} ({counts}): {', '.join(map(shown, kept.files))}"
