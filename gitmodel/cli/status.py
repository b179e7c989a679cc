"""`gitmodel status`."""

from __future__ import annotations

from dataclasses import asdict

import click

from gitmodel import hints
from gitmodel.cli.common import (
    from_root,
    json_option,
    opened,
    padded,
    paths_argument,
    progress_bar,
    say_json,
    width,
)
from gitmodel.cli.printer import say, style
from gitmodel.porcelain.status import ArtifactStatus, status
from gitmodel.printable import shown
from gitmodel.words import human, plural

_SHOWN = 10
_WITHOUT_POINTER = frozenset({"conflict", "left"})


@click.command()
@paths_argument
@json_option
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything differs.")
def command(paths: tuple[str, ...], as_json: bool, exit_code: bool) -> int:
    """Show which artifacts are modified, missing, not in the cache or not pushed."""
    with opened() as project, progress_bar() as progress:
        found = status(project, from_root(project, paths), progress)
    if as_json:
        say_json("status", {"artifacts": [asdict(each) for each in found]})
    else:
        for line in _lines(found):
            say(line)
    return int(exit_code and not all(each.clean for each in found))


def _lines(found: list[ArtifactStatus]) -> list[str]:
    if not found:
        return ["no artifacts are tracked; gitmodel add PATH tracks one"]
    widest = max(width(shown(each.path)) for each in found)
    lines = []
    for each in found:
        lines.append(f"{padded(shown(each.path), widest)}  {human(each.size):>8}  {_words(each)}")
        lines += _details(each)
    return lines


def _words(status: ArtifactStatus) -> str:
    """The one place where the facts become words."""
    words = {
        "clean": style("clean", colour="green"),
        "modified": style("modified", colour="yellow"),
        "missing": style("missing", colour="red"),
        "unknown": style("list of files not fetched", colour="red"),
        "conflict": style("in conflict", colour="red"),
        "left": style("no longer tracked", colour="yellow"),
    }[status.work]
    changes = (("added", status.added), ("removed", status.removed), ("changed", status.modified))
    if status.kind == "tree" and status.work == "modified":
        counts = [f"{len(names):,} {verb}" for verb, names in changes if names]
        words += f" ({', '.join(counts)})"
    if not status.ignored:
        words += ", not ignored by Git"
    if not status.cached and status.work not in _WITHOUT_POINTER:
        words += ", not in the cache"
    if status.pushed is False and status.cached:
        words += ", not pushed"
    hint = _hint(status)
    return f"{words}  ({hint})" if hint else words


def _hint(status: ArtifactStatus) -> str:
    path = status.path
    if status.work == "conflict":
        return hints.either(hints.command("gitmodel resolve --ours {}", path), "--theirs")
    if status.work == "left":
        return hints.either(
            hints.command("gitmodel rm {}", path), hints.command("gitmodel add {}", path)
        )
    if status.work == "modified" and status.removed and not status.cached:
        add = hints.command("gitmodel add {}", path)
        return hints.note("{}, or {} to go without", hints.command("gitmodel pull {}", path), add)
    if status.work == "modified" or not status.ignored:
        return hints.command("gitmodel add {}", path)
    if status.work == "missing" and status.cached:
        return hints.command("gitmodel checkout -- {}", path)
    if not status.cached:
        return "gitmodel pull" if status.work != "clean" else hints.command("gitmodel add {}", path)
    return ""


def _details(status: ArtifactStatus) -> list[str]:
    if status.kind != "tree" or status.work != "modified":
        return []
    signs = (("+", status.added), ("-", status.removed), ("~", status.modified))
    # A symlink, or a file, in the place of a folder has no name inside it.
    lines = [f"    {sign} {shown(name or '.')}" for sign, names in signs for name in names]
    if len(lines) > _SHOWN:
        rest = plural(len(lines) - _SHOWN, "more file")
        lines = [*lines[:_SHOWN], f"    … and {rest} (--json shows all)"]
    return lines
