"""How metrics, params and artifacts are put into words, the same in all commands."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence

from gitmodel.pointer import Pointer
from gitmodel.porcelain.conditions import moment_of
from gitmodel.sidecar import Goal, Metric
from gitmodel.strict_yaml import Value
from gitmodel.words import human, plural

_WIDEST = 60
_LARGE = 10**12
"""From here on a whole number is written as others are."""
_WORD = re.compile(r"(?!(?:null|true|false|nan|inf)\Z)[A-Za-z/][\w ./:+-]*(?<! )", re.I)


def numbers(values: Sequence[float | None]) -> list[str]:
    """Return numbers in few digits, but in as many as it takes to tell them apart."""
    distinct = {value for value in values if value is not None}
    brief = {_brief(value) for value in distinct}
    form = _brief if len(brief) == len(distinct) else str
    return ["" if value is None else form(value) for value in values]


def signed(difference: float) -> str:
    """Return a difference with its sign, in few digits."""
    return f"{difference:+.4g}"


def plain(value: Value) -> str:
    """Return a param: a word as it is, anything else as JSON, cut where it gets long."""
    if isinstance(value, str) and _WORD.fullmatch(value):
        text = value
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def finite(value: Value) -> Value:
    """Return a param as JSON can say it: NaN and infinities become the words of YAML."""
    if isinstance(value, list):
        return [finite(each) for each in value]
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    return value


def goal_words(goal: Goal, *, guessed: bool) -> str:
    """Return whether more or less of a metric is better; a guess says that it is one."""
    return f"{goal} (guess)" if guessed else goal


def measured(metric: Metric) -> str:
    """Return how a metric was measured: part of the data, samples, confidence interval."""
    low, high = numbers(metric.ci) if metric.ci else ("", "")
    words = (
        metric.split,
        f"n {metric.n:,}" if metric.n is not None else "",
        f"ci {low} to {high}" if metric.ci else "",
    )
    return ", ".join(filter(None, words))


def size_of(pointer: Pointer) -> str:
    """Return the size of an artifact, of a folder also how many files it has."""
    size = human(pointer.size)
    return size if pointer.files is None else f"{size} in {plural(pointer.files, 'file')}"


def artifact_value(pointer: Pointer) -> dict[str, object]:
    """Return an artifact as JSON says it."""
    return {
        "kind": pointer.kind,
        "oid": pointer.oid,
        "size": pointer.size,
        "files": pointer.files,
        "executable": pointer.executable,
    }


def short(oid: str) -> str:
    """Return the start of an oid, enough to tell it from others."""
    algorithm, _, digits = oid.partition(":")
    return f"{algorithm}:{digits[:12]}"


def moment(time: int) -> str:
    """Return a Unix time as people read it; one that no calendar knows, as it is."""
    return moment_of(time, "%Y-%m-%d %H:%M UTC") or str(time)


def _brief(value: float) -> str:
    whole = isinstance(value, int) and abs(value) < _LARGE
    return str(value) if whole else f"{float(value):.6g}"
