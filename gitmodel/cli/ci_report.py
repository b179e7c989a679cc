"""`gitmodel ci report`: what the parts of a report are, and how they fit into a comment."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import click

from gitmodel.cli.compare import differences_of, results_of
from gitmodel.cli.diff import content_lines
from gitmodel.cli.printer import style
from gitmodel.cli.sections import (
    Cell,
    Listing,
    Section,
    markdown_of,
    shortened,
    text_of,
)
from gitmodel.cli.show import sections_of
from gitmodel.comparison import MetricRow
from gitmodel.markdown import code
from gitmodel.porcelain.ci import Event
from gitmodel.porcelain.ci_report import Report
from gitmodel.porcelain.compare import Gate
from gitmodel.porcelain.diff import NOT_HERE, Diff
from gitmodel.porcelain.inside import ContentDiff
from gitmodel.printable import shown
from gitmodel.words import plural

MARKER = "<!-- gitmodel -->"
"""The first line of a report in Markdown, by which a workflow finds its own comment again."""
LIMIT = 65_536
"""Characters that GitHub takes in a comment; counted here in bytes, which are never fewer."""
_RESERVE = 500
"""Bytes for the line that says what is missing."""

Part = Section | Listing


def report_text(report: Report, *, everything: bool) -> Iterator[str]:
    """Yield the lines of a report for a terminal."""
    yield style(_title(report), bold=True)
    yield " ".join(shown(text) for text, _ in _intro(report.event))
    for part in _parts(report, everything=everything):
        yield from text_of(part)


def report_markdown(report: Report, *, everything: bool, limit: int = LIMIT) -> Iterator[str]:
    """Yield the lines of a report in Markdown, of at most `limit` bytes."""
    intro = " ".join(code(text) if foreign else text for text, foreign in _intro(report.event))
    head = [MARKER, f"### {_title(report)}", "", intro]
    parts = [*_parts(report, everything=everything)]
    yield from head
    yield from fitting(parts, limit - _size(head))


def _title(report: Report) -> str:
    """Return what a report comes to."""
    found = report.comparison
    words = (_gates(found.gates), _metrics(found.metrics), _changed(report.event))
    return " · ".join(filter(None, words))


def _gates(gates: Sequence[Gate]) -> str:
    failed = sum(not gate.verdict.met for gate in gates)
    total = plural(len(gates), "gate")
    return f"{failed} of {total} failed" if failed else f"{total} passed" if gates else ""


def _metrics(rows: Iterable[MetricRow]) -> str:
    verdicts = [change.verdict for row in rows for change in row.changes]
    counts = {word: verdicts.count(word) for word in ("better", "worse")}
    words = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"metrics: {words}" if words else ""


def _changed(event: Event) -> str:
    count = sum(each.change != "same" for each in event.artifacts)
    if not event.before:
        return plural(count, "new artifact")
    return f"{plural(count, 'artifact')} changed" if count else "no artifact changed"


def _intro(event: Event) -> Iterator[tuple[str, bool]]:
    """Yield what is compared with what, in pieces, and which of them are words of others."""
    yield from _named("head" if event.kind == "request" else "", event.version, event.after)
    if not event.before:
        yield "with nothing to compare with", False
        return
    yield "compared with", False
    yield from _named("base" if event.kind == "request" else "", event.since, event.before)


def _named(role: str, tag: str, commit: str) -> Iterator[tuple[str, bool]]:
    if role:
        yield role, False
    if tag:
        yield tag, True
    yield commit[:12], True


def _parts(report: Report, *, everything: bool) -> Iterator[Part]:
    if report.first:
        # Nothing was there before, so all of it is news; what could not be read is among that.
        yield from results_of(replace(report.comparison, versions=()))
        yield from sections_of(report.first)
        return
    yield from results_of(report.comparison)
    inside = _inside(report.inside)
    yield from differences_of(report.comparison, everything=everything, inside=inside)


def _inside(found: Diff | None) -> Iterator[Listing]:
    for artifact in found.artifacts if found else ():
        if artifact.content:
            yield from _listed(artifact.path, artifact.content)
        for file in artifact.files:
            if file.content:
                yield from _listed(f"{artifact.path}/{file.path}", file.content)


def _listed(path: str, content: ContentDiff) -> Iterator[Listing]:
    if content.note == NOT_HERE:
        return
    if content.note:
        yield Listing(Cell(path), "not looked into", notes=[content.note])
        return
    first, *lines = (click.unstyle(line) for line in content_lines(content))
    yield Listing(Cell(path), first, lines, noun="line")


def fitting(parts: Sequence[Part], room: int) -> Iterator[str]:
    """Yield parts in Markdown, as many of them, and as much of each, as `room` bytes hold.

    None takes more than half of what is left, so that the next ones are seen too.
    """
    if sum(map(_size, map(markdown_of, parts))) <= room:
        for part in parts:
            yield from markdown_of(part)
        return
    room -= _RESERVE
    lost = 0
    for part in parts:
        lines = _cut(part, room // 2)
        lost += not lines
        room -= _size(lines)
        yield from lines
    yield ""
    what = f"{plural(lost, 'table')} left out, others cut" if lost else "Long tables are cut"
    yield f"**{what}, for want of room in a comment: `gitmodel ci report` prints all of it.**"


def _cut(part: Part, room: int) -> list[str]:
    """Return a part in Markdown, shortened to fit; nothing if not even that helps."""
    lines = [*markdown_of(part)]
    if _size(lines) <= room:
        return lines
    # A table of no rows says nothing, a list of no items still how many there are.
    least, total = (0, len(part.items)) if isinstance(part, Listing) else (1, len(part.rows))

    def size(count: int) -> int:
        return _size(markdown_of(shortened(part, count)))

    fits = bisect_right(range(least, total), room, key=size)
    return [*markdown_of(shortened(part, least + fits - 1))] if fits else []


def _size(lines: Iterable[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)
