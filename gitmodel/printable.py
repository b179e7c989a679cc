"""Texts of others, as they may be printed: nothing that reads the output acts upon them.

A terminal acts upon control characters, a reader is misled by what turns or hides letters, and CI
systems take commands from the log: GitHub's runner `::name …::` at the start of a line and `##[…]`
anywhere, Azure `##vso[…]`, TeamCity `##teamcity[…]`, GitLab `section_start:…`.
"""

from __future__ import annotations

import re

_LONGEST = 1000
"""Characters of one text that are shown."""
_SAID = 400
"""Characters of what a server said that are shown."""
_TAIL = 5
"""A cut text keeps one part in so many of its end, where most reasons stand."""

# Nothing is seen of them, although their categories are those of letters and marks.
_UNSEEN = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\U000e0100-\U000e01ef"
# Colours of our own may stand between the signs of a command.
_OUR = r"\x1b\[[0-9;]*m"
_OURS = rf"(?:{_OUR})*"
_HASH = rf"#(?={_OURS}#{_OURS}\w*{_OURS}\[)"
_SECTION = r"(?<=section_start):|(?<=section_end):"
_COLONS = rf"\A(?:{_OUR}|\s)*:(?={_OURS}:)"
# Compiled when a line first has one of the letters that they begin with.
_ACTIVE = rf"{_HASH}|{_SECTION}|{_COLONS}|[{_UNSEEN}]"
_IN_JSON = rf"{_HASH}|{_SECTION}"
_SPACE = r"[\s\x00-\x1f\x7f-\x9f]+"


def is_plain(text: str) -> bool:
    """Return whether nothing acts upon a line, and all of it is seen."""
    return text.isprintable() and not (_may_act(text) and re.search(_ACTIVE, text))


def escaped(line: str) -> str:
    r"""Return a text in one line; what could act, or is not seen, is written as in `\x1b`."""
    return without_commands(visible(line))


def visible(text: str) -> str:
    """Return a text in one line; what is not to be seen, or turns others around, is escaped."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _code(each) for each in text)


def without_commands(line: str) -> str:
    """Return a line of visible characters in which no CI system finds a command."""
    if not _may_act(line):
        return line
    return re.sub(_ACTIVE, lambda match: f"{match[0][:-1]}{_code(match[0][-1])}", line)


def _may_act(line: str) -> bool:
    """Tell most lines, which hold none of the letters that it takes, from the others."""
    return "#" in line or ":" in line or not line.isascii()


def shown(text: str) -> str:
    """Return a text of others: as it is if it is plain, else in quotes and escaped."""
    text = cut(text, _LONGEST)
    return text if is_plain(text) else quoted(text)


def quoted(text: str) -> str:
    """Return a text in quotes, as Python writes it, and escaped."""
    said = repr(text)
    return f"{said[0]}{escaped(said[1:-1])}{said[-1]}"


def their_words(text: str, speaker: str = "server") -> str:
    """Return what a server said: in one line and in quotes, so that nobody takes it for ours."""
    line = re.sub(_SPACE, " ", text).strip()
    return f"the {speaker} said: {quoted(cut(line, _SAID))}"


def cut(text: str, longest: int) -> str:
    """Return a text of so many characters at most; of a longer one the middle is left out."""
    if len(text) <= longest:
        return text
    end = longest // _TAIL
    return f"{text[: longest - end - 1]}…{text[-end:]}"


def inert_json(text: str) -> str:
    """Return JSON that says the same, and in which no CI system finds a command."""
    return re.sub(_IN_JSON, lambda match: f"\\u{ord(match[0]):04x}", text)


def _code(char: str) -> str:
    number = ord(char)
    if char.isprintable() and number < 0x100:
        return f"\\x{number:02x}"
    return char.encode("unicode_escape").decode("ascii")
