"""The printer: everything that gitmodel prints passes it, to a terminal, a pipe or a log.

A line is escaped here whatever it consists of, so that a text that nobody escaped before does no
harm.  Only our own colours act: they carry a number that no text of others can know.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import unicodedata
from typing import Any, TextIO

import click

from gitmodel.errors import GitmodelError
from gitmodel.printable import cut, escaped, inert_json, visible, without_commands
from gitmodel.secrets import without_logins

_SEAL = int.from_bytes(os.urandom(8))
_SEALED = rf"(\x1b\[[0-9;]*);{_SEAL}m"
_COLOURS = {"": 39, "red": 31, "green": 32, "yellow": 33, "cyan": 36}
_LONGEST_LINE = 4000
_LONGEST_HINT = 20_000
"""Characters; nothing can be left out of a command, so a longer one is not shown at all."""


class Guarded:
    """A stream for those that print past this module: libraries that warn, and Python itself."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write lines, of which each is escaped."""
        _put(self.stream, "\n".join(map(escaped, text.split("\n"))))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def guard() -> None:
    """Let nobody print past this module."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # The program was started with this stream closed.
            stream = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
        setattr(sys, name, Guarded(stream))


def say(*lines: str, err: bool = False) -> None:
    """Print lines; a line break inside of one is not ours, and is escaped."""
    stream = _stream(err=err)
    with_colours = stream.isatty() and not os.environ.get("NO_COLOR")
    _put(stream, "".join(f"{_inert(line, with_colours=with_colours)}\n" for line in lines))
    stream.flush()


def say_error(error: GitmodelError) -> None:
    """Print what went wrong, and what comes next."""
    lines = map(without_logins, (error.message, *error.more))
    first, *more = (cut(line, _LONGEST_LINE) for line in lines)
    say(f"{style('error:', 'red', bold=True)} {first}", *(f"  {line}" for line in more), err=True)
    if error.hint:
        say_hint(error.hint)


def say_hint(hint: str, *, err: bool = True, indent: str = "") -> None:
    """Print what comes next."""
    shown = (
        without_logins(hint)
        if len(hint) <= _LONGEST_HINT
        else "a command that is too long to be shown"
    )
    say(f"{indent}{style('next:', bold=True)}  {shown}", err=err)


def write_json(text: str) -> None:
    """Print JSON, which says the same without commands of CI systems."""
    _write(f"{inert_json(text)}\n")


def say_text(text: str) -> None:
    """Print a text of several lines; tabs and the spaces of all languages are left as they are."""
    _write("\n".join(map(_text_line, text.split("\n"))))


def hand_out(text: str) -> None:
    """Write what is to become a file: exactly, if the output goes to one, else as text."""
    if _is_file(_stream()):
        _write(text)
    else:
        say_text(text)


def ask(question: str) -> bool:
    """Ask on the terminal."""
    return click.confirm(escaped(question), err=True)


def style(text: str, colour: str = "", *, bold: bool = False) -> str:
    """Return a text that has a colour, or is bold, on a terminal."""
    return f"\x1b[{'1;' if bold else ''}{_COLOURS[colour]};{_SEAL}m{text}\x1b[0;{_SEAL}m"


def terminal() -> TextIO:
    """Return standard error without the guard, for what draws: it escapes its texts itself."""
    return _stream(err=True)


def _inert(line: str, *, with_colours: bool) -> str:
    # Texts and colours in turn.
    parts = re.split(_SEALED, line) if "\x1b" in line else [line]
    for at, part in enumerate(parts):
        parts[at] = visible(part) if at % 2 == 0 else f"{part}m" if with_colours else ""
    return without_commands("".join(parts))


def _text_line(line: str) -> str:
    kept = "".join(each if each == "\t" or _is_space(each) else visible(each) for each in line)
    return without_commands(line if line.isprintable() else kept)


def _is_space(char: str) -> bool:
    return unicodedata.category(char) == "Zs"


def _is_file(stream: TextIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except OSError:
        # What is no file at all has no descriptor.
        return False


def _write(text: str) -> None:
    stream = _stream()
    _put(stream, text)
    stream.flush()


def _put(stream: TextIO, text: str) -> None:
    """Write a text; what the terminal has no character for is escaped too."""
    encoding = stream.encoding or "utf-8"
    if encoding.lower() != "utf-8":
        text = text.encode(encoding, "backslashreplace").decode(encoding)
    stream.write(text)


def _stream(*, err: bool = False) -> TextIO:
    stream = sys.stderr if err else sys.stdout
    return stream.stream if isinstance(stream, Guarded) else stream
