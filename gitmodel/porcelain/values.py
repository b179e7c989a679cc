"""What a program hands in as metrics and params: turned into plain data, or refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gitmodel.curves import MAX_STEP, STEP
from gitmodel.errors import UsageError
from gitmodel.sidecar import is_metric
from gitmodel.strict_yaml import MAX_DEPTH, Value


def flatten(metrics: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Value]]:
    """Yield metrics by dotted name."""
    for key, value in metrics.items():
        check_text(key, "the name of a metric")
        name = f"{above}{key}"
        plain = _plain(value, name)
        if isinstance(plain, dict) and not is_metric(plain):
            yield from flatten(plain, f"{name}.")
        else:
            yield name, plain


def as_point(name: str, value: Value) -> float:
    """Return the value of a metric at a step."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"'metrics': {name!r} is not a number", hint="log numbers with step=N")
    if name == STEP:
        raise UsageError(f"{STEP!r} cannot be the name of a metric with steps", hint="rename it")
    return float(value)


def as_step(step: Any) -> int:
    """Return the number of a step."""
    plain = _plain(step, "step")
    if type(plain) is not int or not 0 <= plain <= MAX_STEP:
        raise UsageError(f"step is {step!r}", hint="count steps from 0 in whole numbers")
    return plain


def check_text(text: Any, what: str) -> None:
    """Raise `UsageError` for what is not a text of one line."""
    if not isinstance(text, str) or not text or not text.isprintable():
        raise UsageError(f"{text!r} is not {what}", hint="give a text of one line")


def as_params(params: Mapping[str, Any]) -> dict[str, Value]:
    """Return parameters as they can be written and read again."""
    plain = _plain(params, "params")
    _check_finite(plain, "params")
    return plain if isinstance(plain, dict) else {}


def _plain(value: Any, name: str, depth: int = 0) -> Value:
    """Return a value of a program as plain data; raise `UsageError` if it is none."""
    if depth > MAX_DEPTH:
        raise UsageError(f"{name!r} nests deeper than {MAX_DEPTH}")
    if isinstance(value, Mapping):
        items = ((_key(key, name), each) for key, each in value.items())
        return {key: _plain(each, f"{name}.{key}", depth + 1) for key, each in items}
    if isinstance(value, list | tuple):
        return [_plain(each, name, depth + 1) for each in value]
    if isinstance(value, str | Path):
        return _text(str(value), name)
    if value is None or isinstance(value, int | float):
        known: int | float | None = value
        return known
    # Scalars and arrays of NumPy, PyTorch, JAX and the like.
    listed: Callable[[], Any] | None = getattr(value, "tolist", None)
    if listed is None:
        raise UsageError(
            f"{name!r} is of type {type(value).__name__}",
            hint="give numbers, texts, booleans, lists or mappings",
        )
    return _plain(listed(), name, depth + 1)


def _key(key: Any, name: str) -> str:
    if not isinstance(key, str):
        raise UsageError(f"{name!r} has the key {key!r}, which is no text")
    return _text(key, name)


def _text(text: str, name: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{name!r} is not valid Unicode") from error
    return text


def _check_finite(value: Value, name: str) -> None:
    """Raise `UsageError` for what no reader of JSON or YAML would read again."""
    if isinstance(value, dict):
        for key, each in value.items():
            _check_finite(each, f"{name}.{key}")
    elif isinstance(value, list):
        for each in value:
            _check_finite(each, name)
    elif isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{name!r} is not a finite number", hint="leave it out, or use None")
