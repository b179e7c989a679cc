from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from gitmodel.card import format_card, parse_card
from gitmodel.markdown import block, code, table, visible
from tests.helpers.rendered import rendered


def said(text):
    """What is left of a text on a page, where spaces at the edge do not show."""
    return visible(text).strip(" ")


@given(st.text(), st.text())
def test_any_two_texts_stay_in_their_cells(one, other):
    page = rendered("\n".join(table(["", ""], [[code(one), code(other)]])))
    [[_, cells]] = page.tables
    assert [cell.strip(" ") for cell in cells] == [said(one), said(other)]
    assert page.tags <= {"table", "thead", "tbody", "tr", "th", "td", "code"}


@example(" ")
@example("")
@given(st.text())
def test_any_text_stays_in_its_line(text):
    page = rendered(f"before {code(text)} after")
    assert page.text.strip("\n") == f"before {visible(text)} after"
    assert page.tags <= {"p", "code"}


@given(st.text())
def test_any_text_stays_in_its_block(text):
    page = rendered("\n".join(["before", "", *block(text), "", "after"]))
    assert page.blocks == ["\n".join(map(visible, text.split("\n"))) + "\n"]
    assert page.tags == {"p", "pre", "code"}


TEXTS = st.text(max_size=8)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS, st.just("no")
)
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(TEXTS, SCALARS, max_size=3)
)
FRONTS = st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4)


@given(FRONTS, TEXTS)
@example({"0E0": "1e5"}, "")
def test_any_front_matter_is_read_as_it_was_written(front, body):
    found = parse_card(format_card(front, body).encode(), "c")
    assert (found.front, found.body) == (front, body.replace("\r\n", "\n"))
