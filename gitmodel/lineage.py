"""Lineage: what an artifact was made from, as `<stem>.lineage.yaml` beside it says.

One spelling when written, a strict reading (see docs/format.md).  What it says came with a clone:
it is believed as far as its oids lead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from gitmodel.digest import COMMIT, parse_oid
from gitmodel.document import Document, discreet, parse_document
from gitmodel.errors import IntegrityError, newer
from gitmodel.paths import check_path, stem_path
from gitmodel.strict_yaml import Value, quoted

_T = TypeVar("_T")

FORMAT = 1
SUFFIX = ".lineage.yaml"
BASE = "base"
"""The role of the model that training began with."""

_TIME = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Named:
    """A file, or a folder by the oid of its manifest, and where it lay."""

    path: str
    oid: str


@dataclass(frozen=True, slots=True)
class Input:
    """What a run used.

    `role` is a word of the user's, such as train, test or base.  `within` is the oid of the
    artifact that it is a part of; `version` a tag at which the artifact is the same.  Where
    `declared` is false, nobody said that it was used: it was tracked at the time.
    """

    path: str
    oid: str
    role: str = ""
    within: str = ""
    version: str = ""
    declared: bool = True


@dataclass(frozen=True, slots=True)
class Code:
    """The commit that was checked out, and if something differed from it, the oid of that."""

    commit: str = ""
    dirty: bool = False
    diff: str = ""


@dataclass(frozen=True, slots=True)
class Environment:
    """What ran the code: the version of Python, the platform, and the lock file."""

    python: str = ""
    platform: str = ""
    lock: Named | None = None


@dataclass(frozen=True, slots=True)
class Lineage:
    """How some artifacts were made, all in one run.

    `steps` says in words how inputs were prepared.  Times are UTC, as `2026-03-01T12:00:00Z`.
    """

    outputs: tuple[Named, ...]
    inputs: tuple[Input, ...] = ()
    steps: tuple[str, ...] = ()
    params: Named | None = None
    code: Code = field(default_factory=Code)
    environment: Environment = field(default_factory=Environment)
    command: tuple[str, ...] = ()
    started: str = ""
    ended: str = ""

    @property
    def base(self) -> Input | None:
        """The model that training began with, if one was declared."""
        return next((each for each in self.inputs if each.role == BASE), None)


def lineage_path(artifact: str) -> str:
    """Return the path of an artifact's lineage."""
    return stem_path(artifact) + SUFFIX


def format_lineage(lineage: Lineage) -> bytes:
    """Return the one spelling of a lineage."""
    lines = [f"gitmodel-lineage: {FORMAT}"]
    lines += _items("outputs", (_pairs(each) for each in lineage.outputs))
    lines += _items("inputs", map(_input_pairs, lineage.inputs))
    lines += _texts("steps", lineage.steps)
    if lineage.params:
        lines += ["params:", *(f"  {line}" for line in _pairs(lineage.params))]
    lines += _section("code", _code_pairs(lineage.code))
    lines += _section("environment", _environment_pairs(lineage.environment))
    lines += _texts("command", lineage.command)
    lines += _given({"started": lineage.started, "ended": lineage.ended})
    return ("\n".join(lines) + "\n").encode()


def parse_lineage(data: bytes, path: str) -> Lineage:
    """Return what a file says; raise `IntegrityError` that names file and line."""
    with discreet(data, path):
        return _parse(data, path)


def _parse(data: bytes, path: str) -> Lineage:
    document = parse_document(data, path)
    value = document.value
    if not isinstance(value, dict) or "gitmodel-lineage" not in value:
        raise document.refuse((), f"does not say 'gitmodel-lineage: {FORMAT}'")
    _check_number(document, value["gitmodel-lineage"])
    top = _Fields(document, (), value)
    lineage = Lineage(
        top.items("outputs", _named),
        top.items("inputs", _input),
        top.texts("steps"),
        top.section("params", _named),
        top.section("code", _code) or Code(),
        top.section("environment", _environment) or Environment(),
        top.texts("command"),
        top.matching("started", _TIME),
        top.matching("ended", _TIME),
    )
    top.done("gitmodel-lineage")
    if not lineage.outputs:
        raise document.refuse((), "names no outputs")
    return lineage


def _items(key: str, items: Iterable[list[str]]) -> list[str]:
    lines = []
    for first, *rest in items:
        lines += [f"  - {first}", *(f"    {line}" for line in rest)]
    return [f"{key}:", *lines] if lines else []


def _texts(key: str, texts: Iterable[str]) -> list[str]:
    lines = [f"  - {quoted(text)}" for text in texts]
    return [f"{key}:", *lines] if lines else []


def _section(key: str, lines: list[str]) -> list[str]:
    return [f"{key}:", *(f"  {line}" for line in lines)] if lines else []


def _given(values: Mapping[str, str]) -> list[str]:
    """Return the lines of those keys that have a value."""
    return [f"{key}: {quoted(value)}" for key, value in values.items() if value]


def _pairs(named: Named) -> list[str]:
    return _given({"path": named.path, "oid": named.oid})


def _input_pairs(each: Input) -> list[str]:
    texts = {"role": each.role, "within": each.within, "version": each.version}
    lines = _given({"path": each.path, "oid": each.oid, **texts})
    return [*lines, f"declared: {str(each.declared).lower()}"]


def _code_pairs(code: Code) -> list[str]:
    if not code.commit and not code.dirty:
        return []
    lines = [*_given({"commit": code.commit}), f"dirty: {str(code.dirty).lower()}"]
    return [*lines, *_given({"diff": code.diff})]


def _environment_pairs(environment: Environment) -> list[str]:
    lines = _given({"python": environment.python, "platform": environment.platform})
    return lines + _section("lock", _pairs(environment.lock) if environment.lock else [])


def _check_number(document: Document, number: Value) -> None:
    if type(number) is int and number > FORMAT:
        raise newer(f"{document.path!r}", number)
    if type(number) is not int or number != FORMAT:
        raise document.refuse(("gitmodel-lineage",), f"must be {FORMAT}")


class _Fields:
    """The keys of one mapping, each of which must be asked for."""

    def __init__(self, document: Document, keys: tuple[str, ...], value: dict[str, Value]) -> None:
        self._document = document
        self._keys = keys
        self._value = value
        self._asked: set[str] = set()

    def done(self, *more: str) -> None:
        """Raise `IntegrityError` if there is a key that nobody asked for."""
        if unknown := sorted(self._value.keys() - self._asked - {*more}):
            raise self.refuse(unknown[0], "is not a key of a lineage")

    def refuse(self, key: str, why: str) -> IntegrityError:
        """Return the error that a value is not as it must be."""
        return self._document.refuse((*self._keys, key), why)

    def text(self, key: str) -> str:
        """Return a text, empty if the key is not there."""
        value = self._ask(key)
        if value is None and key not in self._value:
            return ""
        if not isinstance(value, str) or not value:
            raise self.refuse(key, "must be a text, and not an empty one")
        return value

    def matching(self, key: str, pattern: re.Pattern[str]) -> str:
        """Return a text that has a form, or is not there."""
        text = self.text(key)
        if text and not pattern.fullmatch(text):
            raise self.refuse(key, f"must be {pattern.pattern}")
        return text

    def oid(self, key: str, *, required: bool = False) -> str:
        """Return an oid."""
        text = self.text(key)
        if not text and not required:
            return text
        try:
            return parse_oid(text)
        except IntegrityError as error:
            raise self.refuse(key, "must be an oid") from error

    def path(self) -> str:
        """Return the path of something in the repository."""
        text = self.text("path")
        try:
            check_path(text)
        except IntegrityError as error:
            raise self.refuse("path", "must be a path in the repository") from error
        return text

    def boolean(self, key: str) -> bool:
        """Return a boolean, which must be there."""
        value = self._ask(key)
        if not isinstance(value, bool):
            raise self.refuse(key, "must be true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a sequence of texts, empty if the key is not there."""
        values = self._list(key)
        texts = tuple(each for each in values if isinstance(each, str))
        if len(texts) != len(values):
            raise self.refuse(key, "must be a sequence of texts")
        return texts

    def items(self, key: str, make: Callable[[_Fields], _T]) -> tuple[_T, ...]:
        """Return what the mappings of a sequence say, nothing if the key is not there."""
        items = enumerate(self._list(key), start=1)
        return tuple(self._made((*self._keys, key, str(n)), each, make) for n, each in items)

    def section(self, key: str, make: Callable[[_Fields], _T]) -> _T | None:
        """Return what the mapping of a key says, or None if it is not there."""
        value = self._ask(key)
        return self._made((*self._keys, key), value, make) if key in self._value else None

    def _made(self, keys: tuple[str, ...], value: Value, make: Callable[[_Fields], _T]) -> _T:
        if not isinstance(value, dict):
            raise self._document.refuse(keys, "must be a mapping")
        inner = _Fields(self._document, keys, value)
        made = make(inner)
        inner.done()
        return made

    def _list(self, key: str) -> list[Value]:
        value = self._ask(key)
        if key in self._value and not isinstance(value, list):
            raise self.refuse(key, "must be a sequence")
        return value if isinstance(value, list) else []

    def _ask(self, key: str) -> Value:
        self._asked.add(key)
        return self._value.get(key)


def _named(fields: _Fields) -> Named:
    return Named(fields.path(), fields.oid("oid", required=True))


def _input(fields: _Fields) -> Input:
    return Input(
        fields.path(),
        fields.oid("oid", required=True),
        fields.text("role"),
        fields.oid("within"),
        fields.text("version"),
        fields.boolean("declared"),
    )


def _code(fields: _Fields) -> Code:
    return Code(fields.matching("commit", COMMIT), fields.boolean("dirty"), fields.oid("diff"))


def _environment(fields: _Fields) -> Environment:
    lock = fields.section("lock", _named)
    return Environment(fields.text("python"), fields.text("platform"), lock)
