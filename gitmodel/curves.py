"""Curves: the metrics of a run by step, as `<stem>.curves.csv` beside an artifact says.

A table with a column for each metric, which pandas and spreadsheets read as it is.
"""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterator

from gitmodel.document import discreet
from gitmodel.errors import IntegrityError
from gitmodel.paths import stem_path

SUFFIX = ".curves.csv"
STEP = "step"
"""The name of the first column."""
MAX_BYTES = 1 << 28
MAX_COLUMNS = 10_000
MAX_STEP = 2**63 - 1

_STEP = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class Curves:
    """Points by the name of their metric; of two at one step, the last counts.

    A value may be infinite or no number: that a run diverged is worth knowing.
    """

    def __init__(self) -> None:
        # Arrays, because a long run logs millions of points.
        self._points: dict[str, tuple[array[int], array[float]]] = {}

    @property
    def names(self) -> list[str]:
        """The names of the metrics, in the order in which they came."""
        return list(self._points)

    def add(self, name: str, step: int, value: float) -> None:
        """Add a point."""
        steps, values = self._points.setdefault(name, (array("q"), array("d")))
        steps.append(step)
        values.append(value)

    def points(self, name: str) -> dict[int, float]:
        """Return the values of a metric by step, in the order of the steps."""
        steps, values = self._points.get(name, (array("q"), array("d")))
        found = dict(zip(steps, values, strict=True))
        return {step: found[step] for step in sorted(found)}


def curves_path(artifact: str) -> str:
    """Return the path of an artifact's curves."""
    return stem_path(artifact) + SUFFIX


def format_curves(curves: Curves) -> bytes:
    """Return the table: a row for each step, an empty cell where a metric has no value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([STEP, *curves.names])
    writer.writerows(_rows(curves))
    return text.getvalue().encode()


def parse_curves(data: bytes, path: str) -> Curves:
    """Return what a table says; raise `IntegrityError` that names file and line."""
    with discreet(data, path):
        return _parse(data, path)


def _parse(data: bytes, path: str) -> Curves:
    if len(data) > MAX_BYTES:
        raise IntegrityError(f"{path!r} is longer than {MAX_BYTES} bytes")
    try:
        rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        return _make(rows, path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise IntegrityError(f"{path!r} is not a table of CSV: {error}") from error


def _rows(curves: Curves) -> Iterator[list[str]]:
    columns = [curves.points(name) for name in curves.names]
    for step in sorted({step for column in columns for step in column}):
        yield [str(step), *(repr(col[step]) if step in col else "" for col in columns)]


def _make(rows: Iterator[list[str]], path: str) -> Curves:
    # A line that is empty is a row without cells.
    head, *names = next(rows, []) or [""]
    unique = len(set(names)) == len(names) <= MAX_COLUMNS
    if head != STEP or not unique or not all(name and name.isprintable() for name in names):
        raise IntegrityError(f"{path!r}, line 1, is not {STEP!r} and the names of metrics")
    curves = Curves()
    for number, row in enumerate(rows, start=2):
        try:
            _add_row(curves, names, row)
        except ValueError as error:
            raise IntegrityError(f"{path!r}, line {number}, {error}") from error
    return curves


def _add_row(curves: Curves, names: list[str], row: list[str]) -> None:
    if len(row) != len(names) + 1:
        raise ValueError(f"has {len(row)} cells, not {len(names) + 1}")
    if not _STEP.fullmatch(row[0]) or int(row[0]) > MAX_STEP:
        raise ValueError(f"has the step {row[0][:40]!r}")
    for name, cell in zip(names, row[1:], strict=True):
        if cell:
            curves.add(name, int(row[0]), _number(cell))


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError as error:
        raise ValueError(f"has {cell[:40]!r} where a number belongs") from error
