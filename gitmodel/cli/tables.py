"""Tables: for the terminal, for Markdown and for spreadsheets.

Cells are numbers or text; text may have come from a repository of somebody else.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

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
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_GAP = "  "
_LARGE = 10**12


def number(value: int | float) -> str:
    """Return a number in as many digits as are worth comparing."""
    whole = isinstance(value, int) and abs(value) < _LARGE
    return str(value) if whole else f"{float(value):.6g}"


def text_table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[str]:
    """Return the lines of a table for a terminal; columns that hold numbers are aligned right."""
    cells = [[_plain(cell) for cell in row] for row in rows]
    widths = widths_of(header, rows)
    right = _numeric(header, rows)
    lines = []
    for row in ([shown(name) for name in header], *cells):
        padded = [
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(row, widths, right, strict=True)
        ]
        lines.append(_GAP.join(padded).rstrip())
    return lines


def widths_of(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[int]:
    """Return how wide the columns of `text_table` are."""
    columns = zip(header, *rows, strict=True)
    return [max(len(_plain(cell)) for cell in column) for column in columns]


def fitting(widths: Sequence[int], fixed: int, room: float) -> int:
    """Return how many columns fit: the `fixed` first ones, and what there is room for."""
    used = sum(widths[:fixed]) + len(_GAP) * (fixed - 1)
    count = fixed
    for width in widths[fixed:]:
        used += len(_GAP) + width
        if used > room:
            break
        count += 1
    return count


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
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
