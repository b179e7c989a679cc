"""Tables: for the terminal, for Markdown and for spreadsheets.

Cells are numbers or text; text may have come from a repository of somebody else.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from itertools import accumulate

from gitmodel.cli.common import shown

Cell = int | float | str | None

_MARKDOWN = re.compile(
    r"[\\`*_\[\]|~$!<>&#]|(?<![A-Za-z0-9])@|:(?=//)|(?<=www)\.", re.ASCII | re.IGNORECASE
)
_ENTITIES = {
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
    "#": "&#35;",
    ":": "&#58;",
    ".": "&#46;",
    # An entity would still be a mention, for GitHub looks for those last.
    "@": "@<!-- -->",
}
_FORMULA = ("=", "+", "-", "@")
_GAP = "  "
_LARGE = 10**12


def number(value: int | float) -> str:
    """Return a number in as many digits as are worth comparing."""
    whole = isinstance(value, int) and abs(value) < _LARGE
    return str(value) if whole else f"{float(value):.6g}"


def text_table(
    header: Sequence[str], rows: Sequence[Sequence[Cell]], *, fixed: int = 0, room: float = math.inf
) -> tuple[list[str], int]:
    """Return the lines of a table for a terminal, and how many columns it had no room for.

    `room` is in characters; the `fixed` first columns are shown all the same.  Columns that hold
    numbers are aligned right.
    """
    columns = list(zip([shown(name) for name in header], *map(_plain_row, rows), strict=True))
    widths = [max(map(len, column)) for column in columns]
    count = _fitting(widths, fixed, room)
    right = _numeric(header, rows)
    padded = [
        [cell.rjust(width) if is_number else cell.ljust(width) for cell in column]
        for column, width, is_number in zip(columns[:count], widths, right, strict=False)
    ]
    lines = [_GAP.join(row).rstrip() for row in zip(*padded, strict=True)]
    return lines, len(columns) - count


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[str]:
    """Return the lines of a table in GitHub's Markdown."""
    right = _numeric(header, rows)
    lines = [
        [markdown(name) for name in header],
        ["--:" if is_number else ":--" for is_number in right],
        *([markdown(_plain(cell)) for cell in row] for row in rows),
    ]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def markdown(text: str) -> str:
    """Return text as Markdown that shows just that: no markup, no link, no mention, no HTML."""
    return _MARKDOWN.sub(_escaped, shown(text))


def csv_table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Return a table as CSV (RFC 4180, but LF), in which no text is taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_inert(name) for name in header])
    writer.writerows([_inert(cell) for cell in row] for row in rows)
    return out.getvalue()


def _fitting(widths: Sequence[int], fixed: int, room: float) -> int:
    """Return how many columns fit."""
    ends = accumulate(len(_GAP) + width for width in widths)
    return max(fixed, sum(end - len(_GAP) <= room for end in ends))


def _plain_row(row: Sequence[Cell]) -> list[str]:
    return [_plain(cell) for cell in row]


def _plain(cell: Cell) -> str:
    if cell is None:
        return "-"
    return shown(cell) if isinstance(cell, str) else number(cell)


def _numeric(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[bool]:
    columns = [[row[at] for row in rows] for at in range(len(header))]
    return [
        any(isinstance(cell, int | float) for cell in column)
        and not any(isinstance(cell, str) for cell in column)
        for column in columns
    ]


def _escaped(match: re.Match[str]) -> str:
    return _ENTITIES.get(match.group(), f"\\{match.group()}")


def _inert(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    # A lone CR would be written bare, and for many readers it ends the row.
    text = shown(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
