from __future__ import annotations

import json
import re
import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.inert import inert_list, is_inert
from tests.property.strategies import examples

TEXTS = st.text(st.characters(exclude_characters="\0"))
TRICKY = st.text(
    alphabet="$`'\"\\;&|<>(){}[]*?~#!^%=,- \n\r\t\x85\u2028\u2013\u2018\u201déx", max_size=12
)


@given(st.lists(TEXTS | TRICKY))
def test_a_list_is_one_line_of_json(texts: list[str]) -> None:
    found = inert_list(texts)
    assert json.loads(found) == texts
    assert re.fullmatch(r'[A-Za-z0-9._/@+=",\\\[\]-]*', found, re.ASCII)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(TEXTS | TRICKY, max_size=4))
def test_what_a_shell_makes_of_it(texts: list[str]) -> None:
    values = [text for text in texts if text and is_inert(text)]
    # A list loses its quotes and backslashes there, but nothing is run, and no file is written.
    script = f"set -f\nprintf '%s\\n' x {' '.join(values)}\n: {inert_list(texts)}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True, timeout=30)
    assert done.stdout.decode().split() == ["x", *values]
    assert done.stderr == b""


@given(TEXTS | TRICKY)
def test_an_inert_text_is_a_line_that_keeps_its_ends(text: str) -> None:
    if is_inert(text):
        assert len(f"x{text}".splitlines()) == 1
        assert text.split() in ([text], [])
        assert not set(text) & set(
            "$`'\"\\;&|<>(){}[]*?~#!^%: \n\r\t\u2018\u2019\u201c\u201d\u201f"
        )
