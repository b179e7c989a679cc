import csv
import io

import pytest

from gitmodel.cli.tables import csv_table, markdown, markdown_table, number, text_table


def test_a_table_for_a_terminal() -> None:
    rows = [["a", 1, 0.5], ["longer", None, -10.25]]
    lines, hidden = text_table(["name", "n", "value"], rows)
    assert lines == ["name    n   value", "a       1     0.5", "longer  -  -10.25"]
    assert hidden == 0
    assert text_table(["name", "n"], [])[0] == ["name  n"]


@pytest.mark.parametrize(
    ("room", "hidden"), [(17, 0), (16, 1), (9, 1), (8, 2), (6, 2), (5, 2), (0, 2)]
)
def test_columns_that_there_is_no_room_for(room: int, hidden: int) -> None:
    rows = [["a", 1, 0.5], ["longer", None, -10.25]]
    lines, missing = text_table(["name", "n", "value"], rows, fixed=1, room=room)
    assert missing == hidden
    assert max(map(len, lines)) <= max(room, 6)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (-3, "-3"),
        (10**11, "100000000000"),
        (10**12, "1e+12"),
        (0.1 + 0.2, "0.3"),
        (1e-9, "1e-09"),
        (-0.0, "-0"),
        (1 / 3, "0.333333"),
        (10**300, "1e+300"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("model-v1.1", "model-v1.1"),
        ("a|b", "a\\|b"),
        ("*_`~[x](y)", "\\*\\_\\`\\~\\[x\\](y)"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("&amp;", "&amp;amp;"),
        ("@ada", "@<!-- -->ada"),
        ("model@v1.0.0", "model@v1.0.0"),
        ("#12", "&#35;12"),
        ("http://x www.x.y", "http&#58;//x www&#46;x.y"),
        ("a\nb", "'a\\\\nb'"),
    ],
)
def test_markdown_shows_the_text_and_nothing_else(text: str, escaped: str) -> None:
    assert markdown(text) == escaped


def test_a_table_in_markdown() -> None:
    assert markdown_table(["a|b", "n"], [["x", 1], ["y", None]]) == [
        "| a\\|b | n |",
        "| :-- | --: |",
        "| x | 1 |",
        "| y | - |",
    ]


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_text_is_a_formula_in_csv(evil: str) -> None:
    table = csv_table([evil], [[evil], [-1], [None], ['a,"b"']])
    found = list(csv.reader(io.StringIO(table, newline="")))
    assert found == [[f"'{evil}"], [f"'{evil}"], ["-1"], [""], ['a,"b"']]


@pytest.mark.parametrize("evil", ["\t=1", "\r=1", "a\r=1", "a\n=1", "\x0b=1", "\u2028=1"])
def test_no_text_begins_a_row_of_csv(evil: str) -> None:
    table = csv_table([evil, "x"], [[evil, 1]])
    assert len(table.splitlines()) == 2
    assert [line.rpartition(",")[0].strip('"') for line in table.splitlines()] == [repr(evil)] * 2
