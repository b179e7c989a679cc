"""The progress bar, on a terminal that is a text."""

from __future__ import annotations

import io

import pytest

from gitmodel.cli.bar import Bar


class Terminal(io.StringIO):
    """A text that says it is one."""

    def isatty(self) -> bool:
        return True


def test_each_phase_has_a_line_and_nothing_hostile_gets_to_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    bar = Bar(terminal := Terminal())
    for done in (0, 512, 1024):
        bar.update("fetch", done, 1024, "from origin")
        bar.update("unpack [red]\x1b]0;title\x07", done, 0, "\u202egnp.exe")
    bar.close()
    shown = terminal.getvalue()
    assert "fetch" in shown
    assert "from origin" in shown
    assert "unpack [red]" in shown
    assert "1.0/1.0 kB" in shown
    assert "\x1b]" not in shown
    assert "\u202e" not in shown
