"""Conditions on versions: `accuracy > 0.9 and params.lr < 0.01`.

Filters and gates are written in them.  They only compare and calculate: there is nothing to call
and nothing that runs for long, so that a condition from a clone can be trusted to be one.

    condition  = conjunct ("or" conjunct)*            conjunct = negation ("and" negation)*
    negation   = "not" negation | comparison
    comparison = sum (("<" | "<=" | ">" | ">=" | "==" | "!=") sum)*
    sum        = product (("+" | "-") product)*       product = signed (("*" | "/") signed)*
    signed     = "-" signed | NUMBER | TEXT | "true" | "false" | NAME | "(" condition ")"

A name is letters, digits and `_` with dots between, and may end in `~1`; or it is the tag of a
version, or has an `@`, as references do.  Any other stands between backquotes.  Text stands in
quotes.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol, TypeGuard

from gitmodel.errors import UsageError
from gitmodel.printable import is_plain

MAX_LENGTH = 1000
"""Characters of a condition."""
MAX_DEPTH = 30
"""How deep parentheses and signs may nest."""

Scalar = bool | int | float | str

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)"""
    r"""|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?(?![0-9A-Za-z_.@]))"""
    r"""|(?P<text>"[^"]*"|'[^']*')"""
    r"""|(?P<quoted>`[^`]+`)"""
    r"""|(?P<name>[A-Za-z0-9_./-]*[A-Za-z0-9_]@[A-Za-z0-9_][A-Za-z0-9_.:~+/-]*"""
    # The tag of a version is a name, its hyphens too: a gate must not take them for differences.
    r"""|(?:[A-Za-z0-9_./]+-)+v[0-9]+\.[0-9]+(?:\.[0-9]+)?(?:-[A-Za-z][A-Za-z0-9.]*)?"""
    r"""|[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*(?:~[0-9]+)?)"""
    r"""|(?P<sign><=|>=|==|!=|[-+*/<>()])""",
    re.ASCII,
)
_WORDS = ("and", "or", "not", "true", "false")
_COMPARE: dict[str, Callable[[Scalar, Scalar], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_CALCULATE: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


class Values(Protocol):
    """What names stand for in the version that is looked at."""

    def value(self, name: str) -> Scalar | None:
        """Return the value of a metric, a param or a field; None if the version has none."""

    def elsewhere(self, reference: str, metric: str) -> Scalar | None:
        """Return the value that another version has of a metric; None if there is none."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text or a truth value."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Name:
    """A metric, a param, a field, or a version."""

    text: str


@dataclass(frozen=True, slots=True)
class Chain:
    """Operands with operators between them: a sum, a product or a comparison."""

    first: Node
    rest: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Negative:
    """The negative of a number."""

    inner: Node


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    inner: Node


@dataclass(frozen=True, slots=True)
class Logic:
    """Conditions of which all must hold, or with `any` one."""

    any: bool
    parts: tuple[Node, ...]


Node = Literal | Name | Chain | Negative | Not | Logic


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition: as it was written, and what it says; `names` in the order they occur."""

    text: str
    top: Node
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a condition is met, and what its names stood for: None is what is missing."""

    met: bool
    values: Mapping[str, Scalar | None]

    @property
    def words(self) -> str:
        """What the names stood for: `accuracy is 0.91, f1 is missing`."""
        return ", ".join(
            f"{name} is {'missing' if value is None else _said(value)}"
            for name, value in self.values.items()
        )


def parse_expression(text: str) -> Expression:
    """Return the condition that a text says; raise `UsageError` that points at what is wrong."""
    if len(text) > MAX_LENGTH:
        raise UsageError(f"a condition may have {MAX_LENGTH} characters, this one has {len(text)}")
    parser = _Parser(text)
    return Expression(text, parser.parse(), tuple(parser.names))


def judge(expression: Expression, values: Values) -> Verdict:
    """Return whether a version meets a condition.

    What is missing makes a comparison neither true nor false, and a condition that depends on
    one is not met.  A name that has no value, beside one that has, is taken for another version,
    whose value of the same metric it stands for.
    """
    judging = _Judging(values)
    met = judging.truth(expression.top)
    return Verdict(met is True, judging.found)


class _Judging:
    """One version that is judged; None is what is not known."""

    def __init__(self, values: Values) -> None:
        self.found: dict[str, Scalar | None] = {}
        self._values = values

    def truth(self, node: Node) -> bool | None:
        if isinstance(node, Not):
            inner = self.truth(node.inner)
            return None if inner is None else not inner
        if isinstance(node, Logic):
            return self._logic(node)
        if isinstance(node, Chain):
            return self._comparison(node)
        value = self._scalar(node, "")
        return value if isinstance(value, bool) else None

    def _logic(self, node: Logic) -> bool | None:
        """All parts are judged, so that all that is missing is named."""
        parts = [self.truth(part) for part in node.parts]
        if node.any in parts:
            return node.any
        return None if None in parts else not node.any

    def _comparison(self, node: Chain) -> bool | None:
        metric = next((n for n in _names(node) if self._values.value(n) is not None), "")
        left = self._scalar(node.first, metric)
        result: bool | None = True
        for sign, inner in node.rest:
            right = self._scalar(inner, metric)
            holds = _compare(sign, left, right)
            result = False if holds is False else result and holds
            left = right
        return result

    def _scalar(self, node: Node, metric: str) -> Scalar | None:
        if isinstance(node, Literal):
            return node.value
        if isinstance(node, Name):
            return self._name(node.text, metric)
        if isinstance(node, Negative):
            value = self._scalar(node.inner, metric)
            return None if not _is_number(value) else -value
        if isinstance(node, Chain) and node.rest[0][0] in _CALCULATE:
            return self._calculated(node, metric)
        return self.truth(node)

    def _name(self, name: str, metric: str) -> Scalar | None:
        value = self._values.value(name)
        if value is None and metric:
            value = self._values.elsewhere(name, metric)
        self.found[name] = value
        return value

    def _calculated(self, node: Chain, metric: str) -> Scalar | None:
        result = self._scalar(node.first, metric)
        for sign, inner in node.rest:
            value = self._scalar(inner, metric)
            if not _is_number(result) or not _is_number(value):
                # Go on: what else is missing is to be named too.
                result = None
                continue
            try:
                result = _CALCULATE[sign](result, value)
            except ArithmeticError:
                result = None
        return result


def _is_number(value: Scalar | None) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _compare(sign: str, left: Scalar | None, right: Scalar | None) -> bool | None:
    if left is None or right is None:
        return None
    alike = type(left) is type(right) or (_is_number(left) and _is_number(right))
    if not alike and sign not in ("==", "!="):
        return None
    return _COMPARE[sign](left, right) if alike else sign == "!="


def _names(node: Node) -> Iterator[str]:
    """Yield the names of a comparison, from left to right."""
    if isinstance(node, Name):
        yield node.text
    elif isinstance(node, Negative):
        yield from _names(node.inner)
    elif isinstance(node, Chain):
        for inner in (node.first, *(each for _, each in node.rest)):
            yield from _names(inner)


def _said(value: Scalar) -> str:
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


class _Parser:
    """Reads a condition from left to right, one token ahead."""

    def __init__(self, text: str) -> None:
        self.names: dict[str, None] = {}
        self._text = text
        self._at = self._end = 0
        self._kind = self._token = ""
        self._depth = 0
        self._advance()

    def parse(self) -> Node:
        node = self._condition()
        if self._kind:
            self._refuse(f"{self._token!r} where the condition should be over")
        return node

    def _condition(self) -> Node:
        return self._logic("or", lambda: self._logic("and", self._negation))

    def _logic(self, word: str, part: Callable[[], Node]) -> Node:
        begin, first = self._at, part()
        parts = [first]
        while self._token == word and self._kind == "word":
            self._check_condition(parts[-1], begin)
            self._advance()
            begin = self._at
            parts.append(part())
        if len(parts) == 1:
            if self._depth == 0:
                self._check_condition(first, begin)
            return first
        self._check_condition(parts[-1], begin)
        return Logic(word == "or", tuple(parts))

    def _negation(self) -> Node:
        if (self._kind, self._token) != ("word", "not"):
            return self._comparison()
        self._advance()
        begin = self._at
        inner = self._deeper(self._negation)
        self._check_condition(inner, begin)
        return Not(inner)

    def _comparison(self) -> Node:
        return self._chain(_COMPARE, self._sum)

    def _sum(self) -> Node:
        return self._chain("+-", lambda: self._chain("*/", self._signed))

    def _chain(self, signs: Container[str], part: Callable[[], Node]) -> Node:
        first, rest = part(), []
        while self._kind == "sign" and self._token in signs:
            sign = self._token
            self._advance()
            rest.append((sign, part()))
        return Chain(first, tuple(rest)) if rest else first

    def _signed(self) -> Node:
        kind, token = self._kind, self._token
        if kind == "sign" and token == "-":
            self._advance()
            return Negative(self._deeper(self._signed))
        if kind == "sign" and token == "(":
            return self._parenthesis()
        if kind not in ("number", "text", "name") and token not in ("true", "false"):
            what = f"{token!r} where" if kind else "the condition is cut short where"
            self._refuse(f"{what} a name, a number or a text belongs")
        node = self._leaf(kind, token)
        self._advance()
        return node

    def _leaf(self, kind: str, token: str) -> Node:
        if kind == "name":
            self.names[token] = None
            return Name(token)
        if kind == "number":
            number = float(token) if re.search("[.eE]", token) else int(token)
            if math.isinf(number):
                self._refuse(f"{token} is too large a number")
            return Literal(number)
        return Literal(token if kind == "text" else token == "true")

    def _parenthesis(self) -> Node:
        self._advance()
        node = self._deeper(self._condition)
        if (self._kind, self._token) != ("sign", ")"):
            self._refuse("a ')' is missing")
        self._advance()
        return node

    def _deeper(self, part: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse(f"the condition nests deeper than {MAX_DEPTH}")
        node = part()
        self._depth -= 1
        return node

    def _check_condition(self, node: Node, begin: int) -> None:
        """Refuse a number where something that is true or false belongs."""
        number = isinstance(node, Literal) and not isinstance(node.value, bool)
        sum_ = isinstance(node, Chain) and node.rest[0][0] in _CALCULATE
        if number or sum_ or isinstance(node, Negative):
            self._at = begin
            self._refuse("a comparison belongs here, such as accuracy > 0.9")

    def _advance(self) -> None:
        """Go to the next token; its kind is empty at the end."""
        self._at = self._end
        if self._at == len(self._text):
            self._kind = self._token = ""
            return
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            self._refuse(_unreadable(self._text[self._at]))
        self._end = match.end()
        self._kind, self._token = match.lastgroup or "", match.group()
        if self._kind == "space":
            self._advance()
        elif self._kind in ("text", "quoted"):
            self._kind = "text" if self._kind == "text" else "name"
            self._token = self._token[1:-1]
        elif self._kind == "name" and self._token in _WORDS:
            self._kind = "word"

    def _refuse(self, why: str) -> NoReturn:
        raise UsageError(
            f"in the condition, at character {self._at + 1}: {why}",
            hint="write it like: accuracy > 0.9 and params.lr < 0.01",
            more=(self._text, f"{' ' * self._at}^") if is_plain(self._text) else (),
        )


def _unreadable(char: str) -> str:
    if char in "\"'`":
        return f"a {char} that is not closed"
    better = {"=": "; '==' compares", "&": "; 'and' joins", "|": "; 'or' joins"}
    quoted = "; a name with other letters stands between backquotes" if char.isalpha() else ""
    return f"{char!r} means nothing here{better.get(char, quoted)}"
