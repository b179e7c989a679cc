import csv
import io

import pytest

from gitmodel.cli.spreadsheet import csv_table


@pytest.mark.parametrize(
    "evil", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1+1", "＋1", "－1", "＠A", " =1", "﹦1"]
)
def test_no_text_is_a_formula(evil: str) -> None:
    table = csv_table([evil], [[evil], [-1], [None], ['a,"b"']])
    found = list(csv.reader(io.StringIO(table, newline="")))
    assert found == [[f"'{evil}"], [f"'{evil}"], ["-1"], [], ['a,"b"']]


@pytest.mark.parametrize("evil", ["\t=1", "\r=1", "a\r=1", "a\n=1", "\x0b=1", "\u2028=1"])
def test_no_text_begins_a_row(evil: str) -> None:
    table = csv_table([evil, "x"], [[evil, 1]])
    assert len(table.splitlines()) == 2
    assert [line.rpartition(",")[0].strip('"') for line in table.splitlines()] == [repr(evil)] * 2


def test_no_text_is_parted_by_a_semicolon() -> None:
    assert csv_table(["a"], [["x;=1"], [1.5], [None]]) == '"a"\n"x;=1"\n1.5\n\n'
