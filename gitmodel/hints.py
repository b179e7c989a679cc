"""Hints: the next command, or the act, as a user may copy it.

Names come from repositories of others.  So a hint is never composed by hand: `command` and `note`
take a text of gitmodel's own, and put each name into it as a shell reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gitmodel.printable import is_plain, quoted

Name = str | Sequence[str]
"""A name, or several of them; a hint among them is put in as it is."""

_FIELD = "{}"
_WITH_VALUE = frozenset({"--bad", "--good", "--ref", "--run-id", "--to", "-m", "-o"})
# zsh looks for a program of the name that stands behind an equals sign.
_BARE = r"[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*"
_SAFE = r"[A-Za-z0-9 ._/=+@%,-]"


class Hint(str):
    """A text that was made here: all names in it are quoted."""

    __slots__ = ()


class _Word(NamedTuple):
    text: str
    foreign: bool


def command(template: str, *names: Name) -> Hint:
    """Return a command: `command("git log -p -- {}", path)`.

    Each `{}` stands for a name, or for several words.  One that would be taken for an option
    comes behind `--`.
    """
    words = _behind_dashes([*_words(template, names)])
    return Hint(" ".join(_typed(word.text) if word.foreign else word.text for word in words))


def note(template: str, *names: Name) -> Hint:
    """Return a hint that is no command: `note("name one of: {}", names)`.

    Names are quoted as in a command, for they are copied too; several are parted by commas.
    """
    first, *others = template.split(_FIELD)
    typed = (", ".join(map(_typed, _several(name))) for name in names)
    return Hint(first + "".join(f"{name}{text}" for name, text in zip(typed, others, strict=True)))


def python(template: str, name: str) -> Hint:
    """Return a hint in Python: `python("gitmodel.path({})", path)`."""
    return Hint(template.replace(_FIELD, quoted(name)))


def then(*hints: str) -> Hint:
    """Return one hint of several that follow each other."""
    return Hint(", then ".join(hints))


def either(*hints: str) -> Hint:
    """Return one hint of several, of which one is enough."""
    return Hint(", or ".join(hints))


def also(*hints: str) -> Hint:
    """Return one hint of those that stand side by side and are not empty."""
    return Hint("; ".join(filter(None, hints)))


def shell_word(text: str) -> str:
    r"""Return a text as one word of a shell, in characters that are seen and do nothing.

    Others are written as `$'\033'`, which bash, zsh, ksh and POSIX of 2024 read.
    """
    if not is_plain(text):
        return f"$'{''.join(map(_octal, text))}'"
    return text if re.fullmatch(_BARE, text) else "'{}'".format(text.replace("'", "'\"'\"'"))


def _typed(text: str) -> str:
    return text if isinstance(text, Hint) else shell_word(text)


def _words(template: str, names: Sequence[Name]) -> Iterator[_Word]:
    left = iter(names)
    for word in template.split(" "):
        if word == _FIELD:
            yield from (_Word(name, foreign=True) for name in _several(next(left)))
        elif _FIELD in word:
            parts = [part for text in word.split(_FIELD)[1:] for part in (next(left), text)]
            yield _Word("".join([word.split(_FIELD)[0], *map(str, parts)]), foreign=True)
        else:
            yield _Word(word, foreign=False)
    assert next(left, None) is None, template


def _behind_dashes(words: list[_Word]) -> list[_Word]:
    """Put `--` before the first name that would be taken for an option, and options before it."""
    ours = [None if word.foreign else word.text for word in words]
    for at, word in enumerate(words):
        if word.foreign and word.text.startswith("-") and ours[at - 1] not in _WITH_VALUE:
            break
    else:
        return words
    if "--" in ours:
        return words
    options = (at + n for n, text in enumerate(ours[at:]) if text and text.startswith("-"))
    end = next(options, len(words))
    return [*words[:at], *words[end:], _Word("--", foreign=False), *words[at:end]]


def _several(name: Name) -> Sequence[str]:
    return (name,) if isinstance(name, str) else name


def _octal(char: str) -> str:
    if re.fullmatch(_SAFE, char) or (not char.isascii() and is_plain(char)):
        return char
    try:
        data = char.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        data = char.encode("utf-8", "surrogatepass")
    return "".join(f"\\{byte:03o}" for byte in data)
