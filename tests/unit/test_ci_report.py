from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.cli.ci_report import fitting
from gitmodel.cli.sections import Cell, Listing, Section, cells, own
from tests.helpers.rendered import rendered

ROOM = 4000
TEXTS = st.text(max_size=40) | st.sampled_from(["|", "`", "<b>", "ü" * 600])


def section(name: str, rows: int, text: str) -> Section:
    return Section([*own(name), Cell(text)], [[*own(str(n)), Cell(text)] for n in range(rows)])


def size(lines: list[str]) -> int:
    return len("\n".join([*lines, ""]).encode())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 300), TEXTS), max_size=8))
def test_whatever_there_is_fits(given_: list[tuple[bool, int, str]]) -> None:
    parts = [
        section("t", rows, text)
        if is_table
        else Listing(Cell(text), "some", [text] * rows, noun="line")
        for is_table, rows, text in given_
    ]
    lines = [*fitting(parts, ROOM)]
    assert size(lines) <= ROOM
    page = rendered("\n".join(lines))
    assert all(len(row) == 2 for table in page.tables for row in table)
    assert "script" not in page.tags


def test_what_fits_is_whole() -> None:
    lines = [*fitting([section("a", 3, "x"), section("b", 4, "y")], ROOM)]
    assert [len(table) for table in rendered("\n".join(lines)).tables] == [4, 5]
    assert "want of room" not in lines[-1]


def test_a_long_table_leaves_room_for_the_next_ones() -> None:
    parts = [section("long", 1000, "x"), section("next", 5, "y"), section("last", 2, "z")]
    page = rendered("\n".join(fitting(parts, ROOM)))
    assert [table[0][0] for table in page.tables] == ["long", "next", "last"]
    assert len(page.tables[1]) == 6
    shown = len(page.tables[0]) - 1
    assert f"… and {1000 - shown} more rows, for which there is no room here." in page.text
    assert "Long tables are cut, for want of room in a comment" in page.text


def test_what_cannot_be_shortened_is_left_out_and_counted() -> None:
    parts = [Section(cells("x" * 9000), [cells("y")]), section("next", 5, "y")]
    page = rendered("\n".join(fitting(parts, ROOM)))
    assert [table[0][0] for table in page.tables] == ["next"]
    assert "1 table left out, others cut, for want of room" in page.text
