"""Tables and long lists, as text on a terminal or as Markdown."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal, NamedTuple

from gitmodel.cli.common import padded, width
from gitmodel.cli.printer import style
from gitmodel.markdown import code, folded, table
from gitmodel.printable import shown, visible
from gitmodel.words import plural

_LISTED = 10
_UNFOLDED = 200
"""Items that are listed on a terminal, and in Markdown, where they have to be unfolded."""

_GAP = "  "

Tone = Literal["", "good", "bad"]
_COLORS = {"good": "green", "bad": "red"}


class Cell(NamedTuple):
    """A text in a table; `own` says that the words are gitmodel's, and no others are in it.

    `note` are words of gitmodel's behind the text.
    """

    text: str
    own: bool = False
    tone: Tone = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A table; `rest` says what it leaves out, `right` are the columns that end alike."""

    head: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    rest: str = ""
    right: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """What `name` comes to, in gitmodel's words, and a list of items that may be long.

    `notes` are texts of others that belong to the summary; `noun` is what an item is, and `most`
    how many of them Markdown lists.
    """

    name: Cell
    summary: str
    items: Sequence[str] = ()
    notes: Sequence[str] = ()
    noun: str = "file"
    most: int = _UNFOLDED


def own(*texts: str) -> list[Cell]:
    """Return cells with gitmodel's own words."""
    return [Cell(text, own=True) for text in texts]


def cells(*texts: str) -> list[Cell]:
    """Return cells with texts from a repository."""
    return [Cell(text) for text in texts]


def fitted(section: Section, fixed: int, room: float) -> tuple[Section, int]:
    """Return a table of the columns that `room`, in characters, is enough for.

    The `fixed` first ones stay in any case.  Also returns how many are left out.
    """
    columns = zip(section.head, *section.rows, strict=True)
    widths = [max(width(_words(cell)) for cell in column) for column in columns]
    ends = accumulate(len(_GAP) + each for each in widths)
    count = max(fixed, sum(end - len(_GAP) <= room for end in ends))
    rows = [row[:count] for row in section.rows]
    return replace(section, head=section.head[:count], rows=rows), len(widths) - count


def shortened(part: Section | Listing, count: int) -> Section | Listing:
    """Return a section or listing of the first rows or items, that says so."""
    if isinstance(part, Listing):
        return replace(part, most=min(count, part.most))
    more = plural(len(part.rows) - count, "more row")
    rest = f"… and {more}, for which there is no room here. {part.rest}".rstrip()
    return replace(part, rows=part.rows[:count], rest=rest)


def text_of(part: Section | Listing) -> Iterator[str]:
    """Yield the lines of a section or listing for a terminal, an empty one first."""
    yield ""
    if isinstance(part, Listing):
        yield f"{style(shown(part.name.text), bold=True)}: {part.summary}"
        yield from (f"    {shown(item)}" for item in (*part.notes, *part.items[:_LISTED]))
        yield from (f"    {line}" for line in _more(part, _LISTED))
        return
    head = [cell.text and style(_words(cell), bold=True) for cell in part.head]
    if part.rows:
        rows = [head, *([_styled(cell) for cell in row] for row in part.rows)]
        yield from _aligned(rows, part.right)
    if part.rest:
        yield part.rest


def markdown_of(part: Section | Listing) -> Iterator[str]:
    """Yield the lines of a section or listing in Markdown, an empty one first."""
    yield ""
    if isinstance(part, Listing):
        yield f"{_marked(part.name)}: {part.summary}"
        yield from (f"- {code(note)}" for note in part.notes)
        if part.items:
            items = [f"- {code(item)}" for item in part.items[: part.most]]
            lines = [*items, *(f"- {line}" for line in _more(part, part.most))]
            yield from ("", *folded(plural(len(part.items), part.noun), lines))
        return
    head = [_marked(cell) for cell in part.head]
    if part.rows:
        rows = ([_marked(cell) for cell in row] for row in part.rows)
        yield from table(head, rows, part.right)
    if part.rows and part.rest:
        yield ""
    if part.rest:
        yield part.rest


def _more(listing: Listing, limit: int) -> list[str]:
    more = len(listing.items) - limit
    what = plural(more, f"more {listing.noun}")
    return [f"… and {what} (--json shows all)"] if more > 0 else []


def _styled(cell: Cell) -> str:
    return style(_words(cell), colour=_COLORS[cell.tone]) if cell.tone else _words(cell)


def _words(cell: Cell) -> str:
    return f"{shown(cell.text)} {cell.note}" if cell.note else shown(cell.text)


def _marked(cell: Cell) -> str:
    text = visible(cell.text) if cell.own else code(cell.text)
    words = f"{text} {cell.note}" if cell.note else text
    return f"**{words}**" if cell.own and cell.tone == "bad" else words


def _aligned(rows: Sequence[Sequence[str]], right: Collection[int]) -> list[str]:
    """Return rows as lines of equal columns; colours take no room."""
    columns = max(map(len, rows), default=0)
    widths = [
        max(width(row[column]) for row in rows if column < len(row)) for column in range(columns)
    ]
    return [
        _GAP.join(
            padded(cell, most, right=column in right)
            for column, (cell, most) in enumerate(zip(row, widths, strict=False))
        ).rstrip()
        for row in rows
    ]
