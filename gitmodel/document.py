"""Files of plain data that people and other tools write, in JSON or YAML: read strictly.

One meaning for each spelling, bounded work, and the line of everything that was said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from gitmodel.errors import IntegrityError, NewerError
from gitmodel.hints import command
from gitmodel.secrets import find_secrets_in
from gitmodel.strict_yaml import MAX_BYTES, MAX_DEPTH, Lines, Value, format_yaml, parse_yaml

JSON = ".json"
YAML = (".yaml", ".yml")

_SPACE = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(
    r'"(?:[^"\\\x00-\x1f]|\\.)*"|[{}\[\]:,]'
    r"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?![0-9A-Za-z.+-])|[A-Za-z-]+",
)
_WORDS: dict[str, Value] = {"null": None, "true": True, "false": False}
_NOT_FINITE = ("NaN", "Infinity")
_DIGITS = 4000
"""Longer numbers take Python longer than they are worth."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says.

    `lines` gives the line, counted from 1, of each key by the keys that lead to it.
    """

    path: str
    value: Value
    lines: Lines

    def below(self, *keys: str) -> Document:
        """Return the part that keys of mappings lead to."""
        part = self.value
        for key in keys:
            part = part[key] if isinstance(part, dict) else None
        depth = len(keys)
        lines = {deep[depth:]: line for deep, line in self.lines.items() if deep[:depth] == keys}
        return Document(self.path, part, lines)

    def refuse(self, keys: tuple[str, ...], why: str) -> IntegrityError:
        """Return the error that something in the file is not as it must be."""
        where = f", line {self.lines[keys]}" if keys in self.lines else ""
        name = f": {'.'.join(keys)!r} {why}" if keys else f" {why}"
        return IntegrityError(f"{self.path!r}{where}{name}", hint=command("edit {}", self.path))


def is_document(path: str) -> bool:
    """Return whether a file's name says that it is JSON or YAML."""
    return path.endswith((JSON, *YAML))


def parse_document(data: bytes, path: str) -> Document:
    """Return what a JSON or YAML file says; raise `IntegrityError` that names file and line."""
    lines: Lines = {}
    parse: Callable[[bytes, str, Lines], Value]
    parse = _parse_json if path.endswith(JSON) else parse_yaml
    return Document(path, parse(data, path, lines), lines)


@contextmanager
def discreet(data: bytes, path: str, *, prose: bool = False) -> Iterator[None]:
    """Let an error that tells what is in a file say only where, if that seems to hold a secret."""
    try:
        yield
    except IntegrityError as error:
        name = re.escape(repr(path))
        place, said = re.findall(f"({name}(?:, line [0-9]+)?|)(.*)", error.message, re.DOTALL)[0]
        if (
            isinstance(error, NewerError)
            or not _quotes(said, data)
            or not find_secrets_in(data, prose=prose)
        ):
            raise
        raise IntegrityError(
            f"{place or repr(path)} is not as it must be, and holds a secret",
            hint=error.hint or command("edit {}", path),
        ) from None


def _quotes(said: str, data: bytes) -> bool:
    """Return whether a message may hold something that is in a file."""
    return bool(re.search("[\"']", said)) or any(
        word.encode() in data for word in re.findall(r"\w{4,}", said)
    )


def format_document(value: Mapping[str, Value], path: str) -> bytes:
    """Return a mapping as JSON or YAML, as the name of its file says."""
    if path.endswith(JSON):
        return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
    return format_yaml(value).encode()


def _parse_json(data: bytes, path: str, lines: Lines) -> Value:
    if len(data) > MAX_BYTES:
        raise IntegrityError(f"{path!r} is longer than {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise IntegrityError(f"{path!r} is not UTF-8") from error
    return _Json(text, path, lines).parse()


class _Json:
    """A parser of JSON that knows the line it is at, which the standard library's forgets."""

    def __init__(self, text: str, path: str, lines: Lines) -> None:
        self._text = text
        self._path = path
        self._lines = lines
        self._at = 0
        self._line = 1

    def parse(self) -> Value:
        value = self._value(self._next(), ())
        self._skip()
        if self._at < len(self._text):
            raise self._refuse("goes on after its value")
        return value

    def _value(self, token: str, keys: tuple[str, ...]) -> Value:
        if len(keys) > MAX_DEPTH:
            raise self._refuse(f"nests deeper than {MAX_DEPTH}")
        if token == "{":
            return self._object(keys)
        if token == "[":
            return self._array(keys)
        if token[0] == '"':
            return self._string(token)
        if token in _WORDS:
            return _WORDS[token]
        if token[0] in "-0123456789" and token[-1].isdigit():
            return self._number(token)
        if token.lstrip("-") in _NOT_FINITE:
            raise self._refuse(f"has {token}, which is no number of JSON")
        raise self._refuse(f"has {token[:20]!r} where a value belongs")

    def _object(self, keys: tuple[str, ...]) -> Value:
        found: dict[str, Value] = {}
        token = self._next()
        while token != "}":
            if token[0] != '"':
                raise self._refuse(f"has {token[:20]!r} where a key belongs")
            key = self._string(token)
            if key in found:
                raise self._refuse(f"has the key {key!r} twice")
            inner = (*keys, key)
            self._lines[inner] = self._line
            self._expect(":")
            found[key] = self._value(self._next(), inner)
            token = self._after_item("}", '"')
        return found

    def _array(self, keys: tuple[str, ...]) -> Value:
        found: list[Value] = []
        token = self._next()
        while token != "]":
            found.append(self._value(token, (*keys, "")))
            token = self._after_item("]", "")
        return found

    def _after_item(self, end: str, start: str) -> str:
        """Return the token that starts the next item, or `end`."""
        token = self._next()
        if token == end:
            return token
        if token != ",":
            raise self._refuse(f"has {token[:20]!r} where ',' or {end!r} belongs")
        token = self._next()
        if token == end or (start and token[0] != start):
            raise self._refuse("has a ',' with nothing behind it")
        return token

    def _string(self, token: str) -> str:
        try:
            text: str = json.loads(token)
            text.encode()
        except ValueError as error:
            raise self._refuse(f"has the broken string {token[:40]}") from error
        return text

    def _number(self, token: str) -> Value:
        if len(token) > _DIGITS:
            raise self._refuse(f"has a number of more than {_DIGITS} digits")
        return float(token) if re.search("[.eE]", token) else int(token)

    def _expect(self, wanted: str) -> None:
        token = self._next()
        if token != wanted:
            raise self._refuse(f"has {token[:20]!r} where {wanted!r} belongs")

    def _next(self) -> str:
        self._skip()
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            rest = self._text[self._at : self._at + 1]
            raise self._refuse(f"has {rest!r} where it may not be" if rest else "is cut short")
        self._at = match.end()
        return match.group()

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self._at)
        if match:
            self._line += match.group().count("\n")
            self._at = match.end()

    def _refuse(self, why: str) -> IntegrityError:
        return IntegrityError(
            f"{self._path!r}, line {self._line}, {why}", hint=command("edit {}", self._path)
        )
