"""`gitmodel resolve`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from gitmodel import hints
from gitmodel.cli.checkout import report
from gitmodel.cli.common import (
    extent,
    from_root,
    jobs_option,
    opened,
    padded,
    paths_argument,
    progress_bar,
    quiet_option,
    rate_option,
    width,
)
from gitmodel.cli.printer import say, say_hint
from gitmodel.errors import UsageError
from gitmodel.manifest import FOLDER, LINK, Entry
from gitmodel.merge import Clash, Side
from gitmodel.pointer import Pointer
from gitmodel.porcelain.resolution import Choice, Resolved, find_conflicts, resolve
from gitmodel.porcelain.sides import SideFacts
from gitmodel.printable import shown
from gitmodel.progress import Work
from gitmodel.sidecar import Metric
from gitmodel.words import human, plural

_SHOWN = 10
_METRICS = 4


@click.command()
@paths_argument
@click.option("--ours", "side", flag_value="ours", help="Take our side of what clashes.")
@click.option("--theirs", "side", flag_value="theirs", help="Take their side of what clashes.")
@click.option("--no-restore", is_flag=True, help="Leave the files as they are, write pointers.")
@click.option(
    "--force", "-f", is_flag=True, help="Replace work that is saved nowhere; it is kept for a day."
)
@jobs_option
@rate_option
@quiet_option
def command(
    paths: tuple[str, ...],
    side: Side | None,
    no_restore: bool,
    force: bool,
    jobs: int,
    limit_rate: int,
    quiet: bool,
) -> int:
    """End conflicts that a merge, rebase, cherry-pick, revert or stash left.

    PATH is an artifact, or a file inside a dataset; of a dataset only what both sides changed in
    different ways is taken from one side, the rest is merged. Without any PATH the conflicts are
    listed; with PATH but no side, what can be merged is. Exits with 1 if conflicts are left.
    """
    with opened() as project, progress_bar(quiet=quiet) as progress:
        wanted, work = from_root(project, paths), Work(progress, jobs, limit_rate)
        if paths:
            done = resolve(project, wanted, Choice(side, work, not no_restore, force))
        elif side:
            raise UsageError(
                "which artifact?",
                hint="gitmodel resolve --ours PATH"
                if side == "ours"
                else "gitmodel resolve --theirs PATH",
            )
        else:
            done = find_conflicts(project, wanted, work)
    if not done:
        say("nothing is in conflict")
    for each in done:
        _tell(each, quiet=quiet)
    return int(any(each.clashes for each in done) and not (paths and side))


def describe(resolved: Resolved) -> list[str]:
    """Return what a conflict is about, in words; its last line is what can be typed next."""
    path = shown(resolved.artifact)
    ours, theirs = resolved.sides or (SideFacts(None), SideFacts(None))
    if resolved.whole or resolved.clashes[0].path == "":
        lines = [
            f"{path} is in conflict: {_reason(ours.pointer, theirs.pointer)}",
            *_columns([("ours", *_side(ours)), ("theirs", *_side(theirs))]),
        ]
    else:
        count = plural(len(resolved.clashes), "file")
        lines = [f"{path} is in conflict: both sides changed {count}; the rest can be merged"]
        rows = [(shown(c.path), *_clash(c)) for c in resolved.clashes[:_SHOWN]]
        lines += _columns(rows)
        if len(resolved.clashes) > _SHOWN:
            lines.append(f"    … and {plural(len(resolved.clashes) - _SHOWN, 'more file')}")
    return lines


def next_hint(resolved: Resolved) -> str:
    """Return what can be typed to end a conflict."""
    path, inside = resolved.artifact, resolved.clashes[0].path
    whole_hint = hints.either(
        hints.command("gitmodel resolve --ours {}", path),
        hints.command("gitmodel resolve --theirs {}", path),
    )
    return (
        hints.note("{}; {} alone as well", whole_hint, f"{path}/{inside}") if inside else whole_hint
    )


def _tell(resolved: Resolved, *, quiet: bool) -> None:
    if resolved.clashes:
        for line in describe(resolved):
            say(line)
        say_hint(next_hint(resolved))
    elif not quiet:
        say(_result(resolved))
        if resolved.restored:
            report(resolved.restored)


def _result(resolved: Resolved) -> str:
    pointer, path = resolved.pointer, shown(resolved.artifact)
    if pointer is None:
        return f"resolved {path}: it is no longer tracked"
    return f"resolved {path} ({extent(pointer.size, pointer.files)}); staged"


def _reason(ours: Pointer | None, theirs: Pointer | None) -> str:
    if ours is None or theirs is None:
        return f"{'we' if ours is None else 'they'} deleted it, the other side changed it"
    if ours.kind != theirs.kind:
        return "it is a file on one side and a folder on the other"
    return "both sides changed it"


def _side(side: SideFacts) -> tuple[str, str, str]:
    if side.pointer is None:
        return "deleted", "", side.commit[:12]
    metrics = list(side.metrics.items())
    words = [f"{shown(name)} {_number(metric)}" for name, metric in metrics[:_METRICS]]
    if len(metrics) > _METRICS:
        words.append("…")
    return extent(side.pointer.size, side.pointer.files), ", ".join(words), side.commit[:12]


def _number(metric: Metric) -> str:
    return f"{metric.value:.6g}"


def _clash(clash: Clash) -> tuple[str, str]:
    return f"ours {_entries(clash.ours)}", f"theirs {_entries(clash.theirs)}"


def _entries(entries: tuple[Entry, ...]) -> str:
    if not entries:
        return "removed"
    if len(entries) > 1:
        return plural(len(entries), "file")
    kind = {LINK: "symlink", FOLDER: "empty folder"}.get(entries[0].type)
    return kind or human(entries[0].size)


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return [
        "    "
        + "  ".join(padded(cell, most) for cell, most in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
