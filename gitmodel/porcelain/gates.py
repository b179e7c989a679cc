"""The conditions that a version must meet before it may be one, or may come into a stage."""

from __future__ import annotations

from collections.abc import Iterable

from gitmodel.errors import UsageError
from gitmodel.expression import judge, parse_expression
from gitmodel.porcelain.conditions import Subject


def unmet(subject: Subject, conditions: Iterable[str]) -> list[str]:
    """Return those conditions that a version does not meet, with what their names stand for.

    One that cannot be read is not met.
    """
    problems = []
    for condition in conditions:
        try:
            verdict = judge(parse_expression(condition), subject)
        except UsageError as error:
            # The first line: below it the place is pointed at.
            problems.append(f"gate {condition!r}: {error.message.splitlines()[0]}")
            continue
        if not verdict.met:
            problems.append(f"gate {condition!r} is not met: {verdict.words}")
    return problems
