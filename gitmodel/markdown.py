"""Markdown as GitHub renders it, around texts that nobody vouches for.

A text from a repository becomes an inline piece of code: GitHub links no names, numbers or
addresses in one, and nobody is notified by it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from gitmodel.printable import is_plain, visible

_CHAR = r"(?:[^\x00-\x20\x7f-\U0010ffff|`<\\$]|<(?![A-Za-z/!?]))"
_PLAIN = re.compile(rf"{_CHAR}(?: *{_CHAR})*")
_TICKS = re.compile("`+")


def code(text: str) -> str:
    """Return a text as a piece of code that cannot end early, nor end a cell of a table."""
    text = visible(text)
    if not text:
        return ""
    if _PLAIN.fullmatch(text) and is_plain(text):
        return f"`{text}`"
    # A character that stands for itself by number is no markup, and no border of a table.
    return f"<code>{''.join(map(_numbered, text))}</code>"


def block(text: str) -> list[str]:
    """Return the lines of a block that shows a text of several lines as it is."""
    lines = [visible(line) for line in text.split("\n")]
    longest = max((len(run) for run in _TICKS.findall("\n".join(lines))), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *lines, fence]


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[int] = ()
) -> list[str]:
    """Return the lines of a table; the cells are Markdown already.

    `right` are the columns that are aligned at their end.
    """
    rule = ["--:" if column in right else "---" for column in range(len(head))]
    return [_row(cells) for cells in (head, rule, *rows)]


def folded(summary: str, lines: Sequence[str]) -> list[str]:
    """Return lines that are shown only when somebody opens them; `summary` is plain text."""
    words = "".join(map(_numbered, visible(summary)))
    return [f"<details><summary>{words}</summary>", "", *lines, "", "</details>"]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _numbered(char: str) -> str:
    return char if char.isalnum() or char in " -" or ord(char) > 127 else f"&#{ord(char)};"
