"""Tables for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from gitmodel.printable import shown

Value = int | float | str | None
"""A number, or a text that may have come from a repository of somebody else."""

_FORMULA = ("=", "+", "-", "@")


def csv_table(header: Sequence[str], rows: Sequence[Sequence[Value]]) -> str:
    """Return a table as CSV (RFC 4180, but LF), in which no text is taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_inert(name) for name in header])
    writer.writerows([_inert(value) for value in row] for row in rows)
    return out.getvalue()


def _inert(value: Value) -> Value:
    if not isinstance(value, str):
        return value
    # A lone CR would be written bare, and for many readers it ends the row.
    text = shown(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
