import pytest

from gitmodel.cli.sections import Cell, Section, cells, fitted, markdown_of, own, text_of
from tests.helpers.rendered import rendered

SECTION = Section(
    [*cells("name"), *own("n"), Cell("value", note="▲")],
    [[*cells("a"), *own("1", "0.5")], [*cells("longer"), *own("-", "-10.25")]],
    right=(1, 2),
)


def test_a_table_for_a_terminal() -> None:
    assert [*text_of(SECTION)][2:] == ["a       1      0.5", "longer  -   -10.25"]
    assert [*text_of(Section(cells("a"), (), rest="no rows"))] == ["", "no rows"]


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    rows = [
        [*cells("模型"), *own("1")],
        [*cells("e\u0301"), *own("2")],
        [*cells("abcde"), *own("3")],
    ]
    assert [*text_of(Section(own("", ""), rows))][2:] == ["模型   1", "e\u0301      2", "abcde  3"]


def test_a_table_in_markdown() -> None:
    assert [*markdown_of(SECTION)] == [
        "",
        "| `name` | n | `value` ▲ |",
        "| --- | --: | --: |",
        "| `a` | 1 | 0.5 |",
        "| `longer` | - | -10.25 |",
    ]


@pytest.mark.parametrize(
    ("room", "hidden"), [(18, 0), (17, 1), (9, 1), (8, 2), (6, 2), (5, 2), (0, 2)]
)
def test_columns_that_there_is_no_room_for(room: int, hidden: int) -> None:
    section, missing = fitted(SECTION, 1, room)
    assert missing == hidden
    assert max(map(len, [*text_of(section)][2:])) <= max(room, 6)


@pytest.mark.parametrize("tone", ["", "bad"])
def test_a_note_does_not_vouch_for_the_text_before_it(tone: str) -> None:
    evil = "**x** <b>y</b> @ada"
    lines = markdown_of(Section([Cell(evil, tone=tone, note="(branch)")], [own("1")]))
    page = rendered("\n".join(lines))
    assert page.tables == [[[f"{evil} (branch)"], ["1"]]]
    assert page.tags <= {"table", "thead", "tbody", "tr", "th", "td", "code"}
