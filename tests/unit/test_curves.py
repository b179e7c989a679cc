from __future__ import annotations

import csv
import io
import math

import pytest

from gitmodel.curves import Curves, curves_path, format_curves, parse_curves
from gitmodel.errors import IntegrityError


def curves(*points):
    made = Curves()
    for name, step, value in points:
        made.add(name, step, value)
    return made


def test_a_row_for_each_step_and_a_column_for_each_metric():
    made = curves(("loss", 10, 0.25), ("loss", 0, 1), ("val.acc", 10, 0.5), ("loss", 10, 0.2))
    assert format_curves(made) == b"step,loss,val.acc\n0,1.0,\n10,0.2,0.5\n"


def test_what_diverged_is_written_and_read():
    made = curves(("loss", 0, math.nan), ("loss", 1, math.inf), ("loss", 2, -math.inf))
    data = format_curves(made)
    assert data == b"step,loss\n0,nan\n1,inf\n2,-inf\n"
    again = parse_curves(data, "x").points("loss")
    assert math.isnan(again[0])
    assert (again[1], again[2]) == (math.inf, -math.inf)


def test_odd_names_survive_any_reader_of_csv():
    made = curves(('a,"b"', 0, 1.0), ("line\nbreak", 0, 2.0), ("=1+1", 0, 3.0))
    data = format_curves(made)
    [head, row] = csv.reader(io.StringIO(data.decode(), newline=""))
    assert (head, row) == (["step", *made.names], ["0", "1.0", "2.0", "3.0"])
    assert parse_curves(data, "x").names == made.names


def test_it_lies_beside_the_artifact():
    assert curves_path("a/model.pt") == "a/model.curves.csv"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "line 1"),
        (b"epoch,loss\n", "line 1"),
        (b"step,a,a\n", "line 1"),
        (b"step,\n", "line 1"),
        (b"step,a\n0,1\n1\n", "line 3, has 1 cells, not 2"),
        (b"step,a\n-1,1\n", "line 2, has the step '-1'"),
        (b"step,a\n9223372036854775808,1\n", "line 2, has the step"),
        (b"step,a\n1,x\n", "line 2, has 'x'"),
        (b'step,a\n"1,2\n', "not a table"),
        (b"\xff", "not a table"),
    ],
)
def test_another_table_is_refused(data, said):
    with pytest.raises(IntegrityError, match=said):
        parse_curves(data, "m.curves.csv")
