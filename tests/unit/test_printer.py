import io
import sys
from pathlib import Path

import click
import pytest

from gitmodel.cli.printer import Guarded, hand_out, say, say_error, say_text, style
from gitmodel.errors import UsageError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, *lines: str) -> str:
    monkeypatch.delenv("NO_COLOR", raising=False)
    found = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", found)
        say(*lines)
    return found.getvalue()


def test_only_our_own_colours_reach_a_terminal(monkeypatch: pytest.MonkeyPatch):
    said = on_a_terminal(monkeypatch, f"{style('ok', 'green')} \x1b[31mred\x1b[0m \x1b[1;77mx")
    assert said == ("\x1b[32mok\x1b[0m \\x1b[31mred\\x1b[0m \\x1b[1;77mx\n")


def test_no_colour_hides_a_command(monkeypatch: pytest.MonkeyPatch):
    lines = (style("##", bold=True) + "[set-output]", style("  ", "red") + "::error::")
    said = click.unstyle(on_a_terminal(monkeypatch, *lines))
    assert said == "\\x23#[set-output]\n  \\x3a:error::\n"


def test_a_line_break_of_others_is_none(capsys: pytest.CaptureFixture[str]):
    say("a\nnext:  x", style("b", "red"))
    assert capsys.readouterr().out == "a\\nnext:  x\nb\n"


def test_an_error_is_one_line_and_its_hint_another(capsys: pytest.CaptureFixture[str]):
    say_error(UsageError("a\nb" + "x" * 9999 + "why", hint="git\nstatus", more=("c", "d\x1b")))
    first, *rest = capsys.readouterr().err.splitlines()
    assert first.startswith("error: a\\nbxxx")
    assert first.endswith("xwhy")
    assert len(first) < 4100
    assert rest == ["  c", "  d\\x1b", "next:  git\\nstatus"]


def test_a_text_keeps_its_lines_and_spaces(capsys: pytest.CaptureFixture[str]):
    say_text("a\tb\u3000c\n\n::x::\n\x1b[2J\u202e")
    assert capsys.readouterr().out == "a\tb\u3000c\n\n\\x3a:x::\n\\x1b[2J\\u202e"


def test_a_file_gets_the_text_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with open(tmp_path / "card.md", "w+", encoding="utf-8") as file:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", file)
            hand_out("::x::\n\x1b")
        file.seek(0)
        assert file.read() == "::x::\n\x1b"


def test_what_libraries_print_is_escaped_too():
    stream = io.StringIO()
    guarded = Guarded(stream)
    print("Warning:\n  ::error::\x1b[2J", file=guarded)
    assert stream.getvalue() == "Warning:\n  \\x3a:error::\\x1b[2J\n"
