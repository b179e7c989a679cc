"""Sidecars: the metrics and params that belong to an artifact, or to the whole repository.

`<stem>.metrics.json` and `<stem>.params.yaml` lie beside the artifact, `metrics.json` and
`params.yaml` in the root.  Nested keys read as dotted names.  What DVC and MLflow write is read
as it is; so is what `mlflow runs describe` prints of a run.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from gitmodel.document import Document, discreet, format_document, parse_document
from gitmodel.secrets import ALLOWED, MASK, Secret, find_secrets
from gitmodel.strict_yaml import Value, plain_scalar

Goal = Literal["max", "min"]
Kind = Literal["metrics", "params"]
Keys = tuple[str, ...]

KINDS: tuple[Kind, ...] = ("metrics", "params")
SUFFIXES = (".json", ".yaml", ".yml")
"""What a sidecar's name ends in; where there are two, the first that is there counts."""

_LONG = frozenset({"value", "goal", "split", "n", "ci"})
_LONGEST = 90
"""Characters at the end of a name that are searched."""
_LESS_IS_BETTER = ("loss", "error", "rmse", "mse", "mae", "latency")


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that a version is judged by.

    `goal` says whether more or less is better; `guessed`, that nobody said so and its name was
    taken as a hint.  `split` is the part of the data and `n` the number of samples that it was
    measured on, `ci` its confidence interval.
    """

    value: int | float
    goal: Goal
    guessed: bool = False
    split: str = ""
    n: int | None = None
    ci: tuple[float, float] | None = None


def sidecar_names(stem: str, kind: Kind) -> tuple[str, ...]:
    """Return the names that a sidecar may have, or with a folder in `stem` the paths.

    An empty `stem` means those of the root.
    """
    return tuple(f"{stem}.{kind}{suffix}" if stem else f"{kind}{suffix}" for suffix in SUFFIXES)


def parse_metrics(data: bytes, path: str, goals: Mapping[str, Goal]) -> dict[str, Metric]:
    """Return the metrics of a file by dotted name; `goals` are those that the repository gives.

    Raises `IntegrityError` that names file and line for what is not a finite number.
    """
    metrics: dict[str, Metric] = {}
    with discreet(data, path):
        document, _ = _read(data, path, "metrics")
        for keys, value in _leaves(document, long=True):
            name = _name(document, keys, metrics)
            metrics[name] = _metric(document, keys, value, goals.get(name))
    return metrics


def format_metrics(metrics: Mapping[str, Metric], path: str) -> bytes:
    """Return a file of metrics, in JSON or YAML as its name says."""
    return format_document({name: _plain(metric) for name, metric in metrics.items()}, path)


def parse_params(data: bytes, path: str) -> dict[str, Value]:
    """Return the params of a file by dotted name: numbers, texts, booleans, null, sequences."""
    _, params = _read_params(data, path)
    return {name: value for name, (_, value) in params.items()}


def _read_params(data: bytes, path: str) -> tuple[Document, dict[str, tuple[Keys, Value]]]:
    """Return a file, and by dotted name its params with the keys that lead to them."""
    params: dict[str, tuple[Keys, Value]] = {}
    with discreet(data, path):
        document, is_text = _read(data, path, "params")
        for keys, value in _leaves(document, long=False):
            plain = plain_scalar(value) if is_text and isinstance(value, str) else value
            params[_name(document, keys, params)] = keys, plain
    return document, params


def metric_of(name: str, value: Value, goals: Mapping[str, Goal]) -> Metric:
    """Return one metric as a program gave it: a number, or a mapping as in a file.

    Raises `IntegrityError` if it is none.
    """
    with discreet(f"{name}: {value}".encode(), "metrics"):
        return _metric(Document("metrics", value, {}), (name,), value, goals.get(name))


def is_metric(value: Value) -> bool:
    """Return whether a mapping is one metric, and not a group of them."""
    return isinstance(value, dict) and _is_long(value)


def guess_goal(name: str) -> Goal:
    """Return whether less or more of a metric is probably better, by its dotted name."""
    return "min" if name.lower().endswith(_LESS_IS_BETTER) else "max"


def _read(data: bytes, path: str, kind: Kind) -> tuple[Document, bool]:
    """Return a file, or of a run that MLflow printed the part that is wanted.

    Also returns whether its numbers were made texts, as MLflow makes of all params.
    """
    document = parse_document(data, path)
    top = document.value if isinstance(document.value, dict) else {}
    run, info = top.get("data"), top.get("info")
    if isinstance(run, dict) and isinstance(info, dict) and "run_id" in info and kind in run:
        return document.below("data", kind), True
    return document, False


def _leaves(document: Document, *, long: bool) -> Iterator[tuple[Keys, Value]]:
    """Yield what is not a mapping, and with `long` those mappings that are one metric."""
    top = document.value
    if top is None:
        return
    if not isinstance(top, dict):
        raise document.refuse((), "is not a mapping of names to values")
    pending: list[tuple[Keys, Value]] = [((), top)]
    while pending:
        keys, value = pending.pop()
        if isinstance(value, dict) and not (long and keys and _is_long(value)):
            pending += [((*keys, key), inner) for key, inner in reversed(value.items())]
        else:
            yield keys, value


def _is_long(value: dict[str, Value]) -> bool:
    return "value" in value and value.keys() <= _LONG


def _name(document: Document, keys: tuple[str, ...], known: Mapping[str, object]) -> str:
    name = ".".join(keys)
    if not all(keys):
        raise document.refuse(keys, "has an empty name in it")
    if name in known:
        raise document.refuse(keys, "is there twice, once nested and once with a dot in its name")
    return name


def _metric(document: Document, keys: tuple[str, ...], value: Value, given: Goal | None) -> Metric:
    long = value if isinstance(value, dict) else {"value": value}
    number = _number(document, keys, long["value"])
    goal = long.get("goal", given)
    if goal not in ("max", "min", None):
        raise document.refuse((*keys, "goal"), "must be max or min")
    split, n = long.get("split", ""), long.get("n")
    if not isinstance(split, str):
        raise document.refuse((*keys, "split"), "must be a text")
    if n is not None and (type(n) is not int or n < 0):
        raise document.refuse((*keys, "n"), "must be a count")
    return Metric(
        number,
        "min" if (goal or guess_goal(".".join(keys))) == "min" else "max",
        goal is None,
        split,
        n,
        _interval(document, keys, long.get("ci")),
    )


def _plain(metric: Metric) -> Value:
    """Return the shortest form of a metric."""
    more: dict[str, Value] = {} if metric.guessed else {"goal": metric.goal}
    if metric.split:
        more["split"] = metric.split
    if metric.n is not None:
        more["n"] = metric.n
    if metric.ci:
        more["ci"] = [*metric.ci]
    return {"value": metric.value, **more} if more else metric.value


def _interval(
    document: Document, keys: tuple[str, ...], value: Value
) -> tuple[float, float] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise document.refuse((*keys, "ci"), "must be a pair of numbers")
    low, high = (_number(document, (*keys, "ci"), each) for each in value)
    if low > high:
        raise document.refuse((*keys, "ci"), "must have the lower number first")
    return low, high


def _number(document: Document, keys: tuple[str, ...], value: Value) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise document.refuse(keys, f"is not a number but {_kind(value)}")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise document.refuse(keys, "is not a finite number")
    return value


def _kind(value: Value) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    return "empty" if value is None else "a sequence"


def without_secrets(params: Mapping[str, Value]) -> tuple[dict[str, Value], tuple[str, ...]]:
    """Return parameters without those that look like a credential, and the names of these.

    A name that looks like one itself is `***`.
    """
    hidden = _secrets_of(params)
    names = tuple(".".join((*above, MASK if find_secrets(key) else key)) for *above, key in hidden)
    return _without(params, hidden), names


def _without(
    params: Mapping[str, Value], hidden: Container[Keys], above: Keys = ()
) -> dict[str, Value]:
    return {
        key: _without(value, hidden, (*above, key)) if isinstance(value, dict) else value
        for key, value in params.items()
        if (*above, key) not in hidden
    }


def masked_params(data: bytes, path: str) -> dict[str, Value]:
    """Return what `parse_params` does, with `***` for what looks like a secret."""
    document, params = _read_params(data, path)
    hidden = _secrets_in(document, data)
    shown: dict[str, Value] = {}
    for name, (keys, value) in params.items():
        if any(keys[: depth + 1] in hidden for depth in range(len(keys))):
            shown[MASK if find_secrets(name) else name] = MASK
        else:
            shown[name] = value
    return shown


def secrets_said(data: bytes, path: str) -> list[Secret]:
    """Return where a JSON or YAML file says a credential, however that is spelled.

    Raises `IntegrityError` for what is no such file.
    """
    document = parse_document(data, path)
    found = _secrets_in(document, data)
    return [Secret(document.lines.get(keys, 1), what) for keys, what in found.items()]


def masked_metrics(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """Return metrics with `***` for a name, or a split, that looks like a secret."""
    if not find_secrets("\n".join(f"{name}: {metric.split}" for name, metric in metrics.items())):
        return {**metrics}
    found: dict[str, Metric] = {}
    for name, metric in metrics.items():
        split = MASK if find_secrets(f"{name}: {metric.split}") else metric.split
        found[MASK if find_secrets(name) else name] = replace(metric, split=split)
    return found


def _secrets_in(document: Document, data: bytes) -> dict[Keys, str]:
    """Return the keys that lead to what looks like a credential, and what it looks like.

    Nothing is one whose lines say that it is none.
    """
    if not isinstance(document.value, dict):
        return {}
    found = _secrets_of(document.value)
    if not found or ALLOWED.encode() not in data:
        return found
    lines = data.split(b"\n")
    starts = [*sorted({*document.lines.values()}), len(lines) + 1]

    def is_allowed(line: int) -> bool:
        end = starts[bisect_right(starts, line)]
        return any(ALLOWED.encode() in each for each in lines[line - 1 : end - 1])

    return {
        keys: what
        for keys, what in found.items()
        if keys not in document.lines or not is_allowed(document.lines[keys])
    }


def _secrets_of(params: Mapping[str, Value]) -> dict[Keys, str]:
    # Most have none, which one search tells.
    return dict(_each_secret(params)) if find_secrets("\n".join(_lines(params))) else {}


def _each_secret(params: Mapping[str, Value], above: Keys = ()) -> Iterator[tuple[Keys, str]]:
    for key, value in params.items():
        if what := _secret(key, value):
            yield (*above, key), what
        elif isinstance(value, dict):
            yield from _each_secret(value, (*above, key))


def _lines(params: Mapping[str, Value]) -> Iterator[str]:
    """Yield all that parameters say, each text behind every name that it has."""
    for key, value in params.items():
        yield key
        for name, text in _texts(value):
            yield from (_line(key, text), _line(name, text))
        if isinstance(value, dict):
            yield from _lines(value)


def _secret(key: str, value: Value) -> str:
    """Return the kind of secret that a parameter seems to hold, or an empty text.

    A mapping counts as a whole only if its own name says so.
    """
    texts = list(_texts(value))
    lines = [_line(name or key, text) for name, text in texts]
    if isinstance(value, dict):
        # What is secret by itself, or by the name that it has inside, can be left out alone.
        lines = [_line(key, text) for _, text in texts if not find_secrets(f"x: {text}")]
    return next((each.what for line in (key, *lines) for each in find_secrets(line)), "")


def _line(name: str, text: str) -> str:
    """Return a line as a search for secrets reads it: a name that is longer is none to that."""
    return f"{name[-_LONGEST:].lstrip('0123456789.-')}: {text}"


def _texts(value: Value, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield what a parameter holds as texts, with their names if they are in a mapping."""
    if isinstance(value, list):
        for each in value:
            yield from _texts(each, name)
        # Of a command, the value of an option may be the next item.
        yield name, " ".join(str(each) for each in value if isinstance(each, str | int | float))
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(each, key)
    elif value is not None and not isinstance(value, bool):
        yield name, str(value)
