"""Tables for spreadsheets."""

from __future__ import annotations

from collections.abc import Sequence

from gitmodel.printable import shown

Value = int | float | str | None
"""A number, or a text that may have come from a repository of somebody else."""

# The small and the full-width signs are the same ones for a spreadsheet.
_FORMULA = tuple("=+-@﹢﹣﹦﹫＝＋－＠−")


def csv_table(header: Sequence[str], rows: Sequence[Sequence[Value]]) -> str:
    """Return a table as CSV (RFC 4180, but LF), in which no text is taken for a formula.

    All texts are in quotes: a spreadsheet may be set to part columns by another sign than a comma.
    """
    return "".join(f"{','.join(map(_field, row))}\n" for row in (header, *rows))


def _field(value: Value) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    # A lone CR would be written bare, and for many readers it ends the row.
    text = shown(value)
    mark = "'" if text.lstrip().startswith(_FORMULA) else ""
    return '"{}{}"'.format(mark, text.replace('"', '""'))
