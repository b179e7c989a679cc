"""The one reader of YAML: plain data only, one meaning for each spelling, bounded work.

Mappings, sequences and scalars of the YAML 1.2 core schema.  Refused: anchors, aliases, tags,
duplicate keys, keys that are not strings, more than one document, deep nesting, large files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from gitmodel.errors import IntegrityError

MAX_BYTES = 1 << 20
MAX_DEPTH = 50

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]

_INT = re.compile(r"[-+]?[0-9]{1,4000}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf")},
}
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(data: bytes, path: str) -> Value:
    """Return the one value in `data`; raise `IntegrityError` that names `path` and the line."""
    if len(data) > MAX_BYTES:
        raise IntegrityError(f"{path!r} is longer than {MAX_BYTES} bytes")
    events = _events(data, path)
    next(events)
    if not isinstance(next(events), yaml.DocumentStartEvent):
        return None
    value = _value(next(events), events, path, 0)
    next(events)
    if not isinstance(next(events), yaml.StreamEndEvent):
        raise IntegrityError(f"{path!r} holds more than one document")
    return value


def _events(data: bytes, path: str) -> Iterator[Any]:
    """Parse no further than what was asked for: deep nesting is refused before it costs much."""
    try:
        yield from yaml.parse(data.decode(), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        why = " ".join(str(error).split())
        raise IntegrityError(f"{path!r} is not valid YAML: {why}") from error


def _value(event: Any, events: Iterator[yaml.Event], path: str, depth: int) -> Value:
    if depth > MAX_DEPTH:
        raise _refuse(event, path, f"nests deeper than {MAX_DEPTH}")
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise _refuse(event, path, "uses an anchor or alias")
    if event.tag is not None:
        raise _refuse(event, path, "uses a tag")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event.value) if event.implicit[0] else str(event.value)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Value] = []
        while not isinstance(item := next(events), yaml.SequenceEndEvent):
            items.append(_value(item, events, path, depth + 1))
        return items
    return _mapping(events, path, depth)


def _mapping(events: Iterator[yaml.Event], path: str, depth: int) -> dict[str, Value]:
    result: dict[str, Value] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _value(event, events, path, depth + 1)
        if not isinstance(key, str):
            raise _refuse(event, path, "has a key that is not a string")
        if key in result:
            raise _refuse(event, path, f"has the key {key!r} twice")
        result[key] = _value(next(events), events, path, depth + 1)
    return result


def _scalar(text: str) -> Value:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _refuse(event: Any, path: str, why: str) -> IntegrityError:
    return IntegrityError(f"{path!r}, line {event.start_mark.line + 1}, {why}")
