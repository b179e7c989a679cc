"""Conditions: any text is read or refused, and numbers are compared as Python does."""

from __future__ import annotations

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.errors import UsageError
from gitmodel.expression import Scalar, judge, parse_expression

_PIECES = st.sampled_from(
    [*"()+-*/<>=`'\" .@~", "and ", "or ", "not ", "true", "a", "b.c", "<=", "==", "1", "0.5", "é"]
)
_COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class _Values:
    def __init__(self, **values: Scalar) -> None:
        self._values = values

    def value(self, name: str) -> Scalar | None:
        return self._values.get(name)

    def elsewhere(self, reference: str, metric: str) -> Scalar | None:
        return 1 if reference == "production" else None


@given(st.one_of(st.text(max_size=60), st.lists(_PIECES, max_size=40).map("".join)))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    try:
        expression = parse_expression(text)
    except UsageError:
        with pytest.raises(UsageError, match="at character"):
            parse_expression(text)
    else:
        judge(expression, _Values(a=1, b=True))
        assert not judge(parse_expression(f"({text}) and gone > 1"), _Values(a=1)).met


_NUMBERS = st.integers(-(10**6), 10**6)


@given(_NUMBERS, _NUMBERS, _NUMBERS, st.sampled_from(sorted(_COMPARE)))
def test_numbers_are_compared_as_python_does(a: int, b: int, c: int, sign: str) -> None:
    values = _Values(a=a, b=b)
    met = judge(parse_expression(f"a * 2 - b {sign} {c} * -1 + a"), values).met
    assert met == _COMPARE[sign](a * 2 - b, c * -1 + a)
    opposite = judge(parse_expression(f"not (a * 2 - b {sign} {c} * -1 + a)"), values).met
    assert opposite != met


@pytest.mark.parametrize("sign", sorted(_COMPARE))
def test_what_is_missing_meets_no_comparison(sign: str) -> None:
    for text in (f"gone {sign} 1", f"not gone {sign} 1", f"1 {sign} gone", f"gone {sign} gone"):
        assert not judge(parse_expression(text), _Values()).met
