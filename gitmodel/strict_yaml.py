"""The one reader and writer of YAML: plain data, one meaning for each spelling, bounded work.

Mappings, sequences and scalars of the YAML 1.2 core schema.  Refused: anchors, aliases, tags,
duplicate keys, keys that are not strings, more than one document, deep nesting, large files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from gitmodel.errors import IntegrityError

MAX_BYTES = 1 << 20
MAX_DEPTH = 50

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]
Lines = dict[tuple[str, ...], int]
"""On which line, counted from 1, the key is that these keys lead to."""

_INT = re.compile(r"[-+]?[0-9]{1,4000}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf")},
}
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
_LIKE_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
"""What YAML 1.1 takes for something else than a text."""
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(data: bytes, path: str, lines: Lines | None = None) -> Value:
    """Return the one value in `data`; raise `IntegrityError` that names `path` and the line.

    `lines` is filled with the lines of all keys that are not inside a sequence.
    """
    if len(data) > MAX_BYTES:
        raise IntegrityError(f"{path!r} is longer than {MAX_BYTES} bytes")
    events = _events(data, path)
    next(events)
    if not isinstance(next(events), yaml.DocumentStartEvent):
        return None
    value = _Reader(events, path, {} if lines is None else lines).value(next(events), ())
    next(events)
    if not isinstance(next(events), yaml.StreamEndEvent):
        raise IntegrityError(f"{path!r} holds more than one document")
    return value


def plain_value(text: str) -> Value:
    """Return what a text means that stands without quotes."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def quoted(text: str) -> str:
    """Return a YAML scalar in double quotes; what cannot be printed is escaped."""
    return f'"{"".join(map(_escape, text))}"'


def format_yaml(mapping: Mapping[str, Value]) -> str:
    """Return a mapping as YAML that every reader takes for the same, also one of YAML 1.1."""
    return "".join(f"{line}\n" for line in _block(mapping)) or "{}\n"


def _block(mapping: Mapping[str, Value]) -> Iterator[str]:
    for key, value in mapping.items():
        if isinstance(value, dict) and value:
            yield f"{_key(key)}:"
            yield from (f"  {line}" for line in _block(value))
        else:
            yield f"{_key(key)}: {_flow(value)}"


def _flow(value: Value) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_key(key)}: {_flow(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, str):
        return quoted(value)
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    # Not `repr`, which a subclass such as NumPy's may have changed.
    return int.__repr__(value) if isinstance(value, int) else _format_float(value)


def _format_float(value: float) -> str:
    text = float.__repr__(value)
    # For YAML 1.1, 1e-05 is a text and 1.0e-05 a number.
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _key(key: str) -> str:
    plain = _PLAIN.fullmatch(key) and key.lower() not in _LIKE_WORDS
    return key if plain else quoted(key)


def _escape(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return char if char.isprintable() else f"\\U{ord(char):08x}"


def _events(data: bytes, path: str) -> Iterator[Any]:
    """Parse no further than what was asked for: deep nesting is refused before it costs much."""
    try:
        yield from yaml.parse(data.decode(), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        why = " ".join(str(error).split())
        raise IntegrityError(f"{path!r} is not valid YAML: {why}") from error


class _Reader:
    """Makes values of events."""

    def __init__(self, events: Iterator[Any], path: str, lines: Lines) -> None:
        self._events = events
        self._path = path
        self._lines = lines

    def value(self, event: Any, keys: tuple[str, ...]) -> Value:
        """Return the value that starts with an event, and that `keys` lead to."""
        if len(keys) > MAX_DEPTH:
            raise self._refuse(event, f"nests deeper than {MAX_DEPTH}")
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._refuse(event, "uses an anchor or alias")
        if event.tag is not None:
            raise self._refuse(event, "uses a tag")
        if isinstance(event, yaml.ScalarEvent):
            return plain_value(event.value) if event.implicit[0] else str(event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Value] = []
            while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
                items.append(self.value(item, (*keys, "")))
            return items
        return self._mapping(keys)

    def _mapping(self, keys: tuple[str, ...]) -> dict[str, Value]:
        result: dict[str, Value] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self.value(event, (*keys, ""))
            if not isinstance(key, str):
                raise self._refuse(event, "has a key that is not a string")
            if key in result:
                raise self._refuse(event, f"has the key {key!r} twice")
            self._lines[(*keys, key)] = event.start_mark.line + 1
            result[key] = self.value(next(self._events), (*keys, key))
        return result

    def _refuse(self, event: Any, why: str) -> IntegrityError:
        return IntegrityError(f"{self._path!r}, line {event.start_mark.line + 1}, {why}")
