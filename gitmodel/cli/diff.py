"""`gitmodel diff`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from gitmodel import hints
from gitmodel.cli.common import (
    DashedCommand,
    behind_dashes,
    extent,
    from_root,
    jobs_option,
    json_option,
    opened,
    padded,
    progress_bar,
    rate_option,
    remote_option,
    say_json,
    width,
)
from gitmodel.cli.printer import say, style
from gitmodel.errors import UsageError
from gitmodel.git import revisions
from gitmodel.paths import POINTER_SUFFIX
from gitmodel.porcelain.diff import ArtifactDiff, Depth, Diff, FileDiff, diff
from gitmodel.porcelain.ends import Facts, Supply
from gitmodel.porcelain.inside import (
    ContentDiff,
    Shape,
    TableDiff,
    TensorDiff,
    TensorsDiff,
    ValueDiff,
)
from gitmodel.printable import shown
from gitmodel.progress import Work
from gitmodel.project import Project
from gitmodel.snapshot import not_imported
from gitmodel.words import human, plural

_SHOWN = 10
_SIGNS = {"added": "+", "removed": "-", "changed": "~", "renamed": ">", "unknown": "?"}
_COLOURS = {"added": "green", "removed": "red", "changed": "yellow", "renamed": "cyan"}
_COLUMNS = ("added", "removed", "of another type")
_LONGEST = 60


@click.command(cls=DashedCommand, options_metavar="[OPTIONS]")
@click.argument("given", nargs=-1, metavar="[A [B]] [-- PATH...]")
@click.option("--stat", is_flag=True, help="One line for each artifact; look into no file.")
@click.option("--fetch", is_flag=True, help="Fetch what is not in the cache, to look into it.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything differs.")
@remote_option
@jobs_option
@rate_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    given: tuple[str, ...],
    stat: bool,
    fetch: bool,
    exit_code: bool,
    remote: str,
    jobs: int,
    limit_rate: int,
    as_json: bool,
) -> int:
    """Show what differs between two revisions, or between one and the working tree.

    Without B, A (by default HEAD) is compared with the working tree; A..B is A B. Each is a
    version (v1.0, model@v1.1, model@best:accuracy), or any revision of Git. Folders are compared
    file by file, models (safetensors, torch.save) tensor by tensor, without running anything of
    them, and tables (CSV, JSON Lines, Parquet) by columns and rows.
    """
    with opened(given[0] if given else "HEAD") as project, progress_bar() as progress:
        named, paths = _split(project, given)
        paths += behind_dashes(ctx)
        work = Work(progress, jobs, limit_rate)
        depth = Depth(not stat, Supply(remote, work) if fetch else None)
        found = diff(project, _revisions(named), from_root(project, paths), depth, work)
    if as_json:
        say_json("diff", value_of(found))
    else:
        for line in _lines(found, stat=stat):
            say(line)
        if found.foreign:
            words = not_imported(found.foreign)
            say(f"not compared: {words}  (gitmodel import dvc --all-tags)", err=True)
    return int(exit_code and bool(found.artifacts))


def _split(project: Project, given: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part revisions from paths, where nobody typed `--`: as Git does, a path is no revision."""
    for at, text in enumerate(given):
        if _is_path(project, text):
            return list(given[:at]), list(given[at:])
    return list(given), []


def _is_path(project: Project, text: str) -> bool:
    there = os.path.lexists(text) or os.path.lexists(text + POINTER_SUFFIX)
    return there and revisions.resolve(project.git, text) is None


def _revisions(given: list[str]) -> list[str]:
    if len(given) == 1 and ".." in given[0] and "..." not in given[0]:
        # As with Git, what is left out is HEAD.
        return [revision or "HEAD" for revision in given[0].split("..", 1)]
    if len(given) > 2:
        raise UsageError(
            "two revisions at most",
            hint=hints.command("gitmodel diff {} -- {}", given[:2], given[2:]),
        )
    return given


def value_of(found: Diff) -> dict[str, Any]:
    """Return what differs as JSON says it."""
    value = asdict(found)
    for artifact, each in zip(value["artifacts"], found.artifacts, strict=True):
        for end in ("before", "after"):
            facts: Facts | None = getattr(each, end)
            artifact[end] = None if facts is None else facts._asdict()
    return value


def _lines(found: Diff, *, stat: bool) -> Iterator[str]:
    widest = max((width(shown(each.path)) for each in found.artifacts), default=0)
    for each in found.artifacts:
        change = style(f"{each.change:<8}", colour=_COLOURS[each.change])
        yield f"{change} {padded(shown(each.path), widest)}  {_sizes(each)}".rstrip()
        if not stat:
            yield from _indented(_details(each))


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


def _sizes(found: ArtifactDiff) -> str:
    ends = (found.before, found.after)
    words = _arrow(*(None if end is None else extent(end.size, end.files) for end in ends))
    if found.source:
        words += f"  (was {shown(found.source)})"
    if found.files:
        words += f"  ({_counts(each.change for each in found.files)})"
    return words


def _arrow(before: str | None, after: str | None) -> str:
    if before is None or after is None or before == after:
        return after or before or ""
    return f"{before} → {after}"


def _counts(changes: Iterable[str]) -> str:
    """Return how often each change occurs, in words."""
    counts = dict.fromkeys(("changed", "added", "removed", "renamed", "unknown", "same"), 0)
    for change in changes:
        counts[change] += 1
    return ", ".join(f"{count:,} {change}" for change, count in counts.items() if count)


def _details(found: ArtifactDiff) -> Iterator[str]:
    if found.note:
        yield found.note
    if found.content:
        yield from content_lines(found.content)
    # What was looked into says most, so it is not cut off.
    plain = [each for each in found.files if each.content is None]
    for each in found.files:
        if each.content is not None:
            yield _file_line(each)
            yield from _indented(content_lines(each.content))
    yield from _some(map(_file_line, plain), len(plain), "file")


def _some(lines: Iterable[str], count: int, noun: str) -> Iterator[str]:
    """Yield the first lines, and how many are left."""
    for number, line in enumerate(lines):
        if number >= _SHOWN:
            yield f"… and {plural(count - _SHOWN, f'more {noun}')} (--json shows all)"
            return
        yield line


def _file_line(file: FileDiff) -> str:
    sign = style(_SIGNS[file.change], colour=_COLOURS[file.change])
    sizes = (None if size is None else human(size) for size in (file.before, file.after))
    source = f"{shown(file.source)} → " if file.source else ""
    return f"{sign} {source}{shown(file.path)}  {_arrow(*sizes)}"


def content_lines(content: ContentDiff) -> Iterator[str]:
    """Yield what changed inside a file; what it comes to is first, and says nothing of others."""
    if content.note:
        yield content.note
    if content.table:
        yield from _table_lines(content.table)
    if content.tensors:
        yield from _tensors_lines(content.tensors)


def _table_lines(table: TableDiff) -> Iterator[str]:
    before, after = table.rows
    yield (
        f"rows: {before:,} → {after:,} ({after - before:+,})"
        if before != after
        else (f"rows: {after:,}")
    )
    columns = [*(f"+ {_name(name)}" for name in table.added)]
    columns += [f"- {_name(name)}" for name in table.removed]
    columns += [
        f"~ {_name(each.name)}  {_name(each.before)} → {_name(each.after)}"
        for each in table.retyped
    ]
    if len(columns) > _SHOWN:
        parts = zip((table.added, table.removed, table.retyped), _COLUMNS, strict=True)
        counts = (f"{len(part):,} {word}" for part, word in parts if part)
        yield f"columns: {', '.join(counts)}"
    yield from _some((f"column {line}" for line in columns), len(columns), "column")


def _tensors_lines(found: TensorsDiff) -> Iterator[str]:
    before, after = found.formats
    formats = f" ({before} → {after})" if before != after else ""
    counts = _counts(each.change for each in found.tensors) or "none"
    yield f"tensors: {counts}{formats}"
    changed = [each for each in found.tensors if each.change != "same"]
    widest = max((width(_name(each.name)) for each in changed[:_SHOWN]), default=0)
    yield from _some((_tensor_line(each, widest) for each in changed), len(changed), "tensor")
    values = found.values
    yield from _some(map(_value_line, values), len(values), "value")
    if not found.measured and any(each.change in ("changed", "unknown") for each in changed):
        yield "by how much: pip install 'gitmodel[tensors]'"


def _tensor_line(tensor: TensorDiff, widest: int) -> str:
    sign = style(_SIGNS[tensor.change], colour=_COLOURS.get(tensor.change, ""))
    shapes = (None if each is None else _shape(each) for each in (tensor.before, tensor.after))
    return f"{sign} {padded(_name(tensor.name), widest)}  {_arrow(*shapes)}{_amount(tensor)}"


def _shape(shape: Shape) -> str:
    return f"{_name(shape.dtype)}[{', '.join(map(str, shape.shape))}]"


def _amount(tensor: TensorDiff) -> str:
    words = []
    # All that differs may be what has no size.
    if tensor.relative and tensor.largest:
        words.append(f"relative {tensor.relative:.3g}")
    if tensor.largest:
        words.append(f"largest {tensor.largest:.3g}")
    if tensor.left_out:
        words.append(f"{tensor.left_out:,} NaN or infinite")
    if tensor.change == "unknown":
        words.append("not compared")
    return f"  {', '.join(words)}" if words else ""


def _value_line(value: ValueDiff) -> str:
    ends = (None if text is None else _name(text) for text in (value.before, value.after))
    sign = "+" if value.before is None else "-" if value.after is None else "~"
    return f"{sign} {_name(value.name)}: {_arrow(*ends)}"


def _name(text: str) -> str:
    """Return a text out of a file as it may be printed; its end is enough where it is long."""
    if not text:
        return "(all of it)"
    return shown(text if len(text) <= _LONGEST else f"…{text[-_LONGEST:]}")
