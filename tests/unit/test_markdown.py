import pytest

from gitmodel.markdown import code, folded, table, visible
from tests.helpers.rendered import rendered

HOSTILE = [
    "a|b",
    "<script>alert(1)</script>",
    "`x`",
    "``` ```",
    "two\nlines",
    "two\r\n\r\n# lines",
    "](https://example.org)",
    "![x](https://example.org/x.png)",
    "</code></td></table><b>",
    "</details>",
    "&lt;b&gt;",
    "&#124;",
    "\\|",
    "a\\",
    "*bold*",
    "$x$",
    " edge ",
    "a  b",
    "\u202etxt.exe",
    "\x1b[31m",
    "é 模型",
    "|",
    "---",
    "\udcff",
]


def said(text):
    """What is left of a text on a page, where spaces at the edge do not show."""
    return visible(text).strip(" ")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_stays_in_its_cell(text):
    page = rendered("\n".join(table(["name", "value"], [[code(text), "1"], ["b", code(text)]])))
    [[head, first, second]] = page.tables
    assert head == ["name", "value"]
    assert [cell.strip(" ") for cell in first] == [said(text), "1"]
    assert [cell.strip(" ") for cell in second] == ["b", said(text)]
    assert page.tags <= {"table", "thead", "tbody", "tr", "th", "td", "code"}


def test_a_plain_text_is_readable_in_the_source_too():
    assert code("data/train [1, 2] a_b=1") == "`data/train [1, 2] a_b=1`"


def test_what_is_folded_is_in_a_details():
    page = rendered("\n".join(folded("3 <files>", [f"- {code('a`b')}"])))
    assert {"details", "summary"} <= page.tags
    assert page.items == ["a`b"]
    assert "3 <files>" in page.text
