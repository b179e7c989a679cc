"""What versions said when they were read before, so that listing them again takes no time.

One file in the cache folder, derived from Git's objects: deleting it costs time, never data.  What
a commit says never changes, so an entry is wrong only if it is read by other rules: those of
another gitmodel (`FORMAT`) or of another configuration, and both are part of its first line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from blake3 import blake3

from gitmodel.atomic import write_file
from gitmodel.config import Config
from gitmodel.record import Measured
from gitmodel.scratch import Scratch, scratch_in
from gitmodel.sidecar import Goal, Metric

FORMAT = 5
"""Must rise whenever the same files would be read as anything else than before."""

Key = tuple[str, str]
"""A commit and the name of an artifact."""

_LEAST = 50
"""New entries that are worth a write."""
_MOST = 50_000
"""Entries to keep; beyond, only those that are wanted now."""


def recall(path: Path, config: Config) -> dict[Key, Measured]:
    """Return what is remembered; nothing if the file is not there, damaged, or of other rules."""
    with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        head, _, body = path.read_bytes().partition(b"\n")
        if head == _head(config, body):
            return {
                (commit, name): _measured(*value)
                for name, values in json.loads(body).items()
                for commit, value in values.items()
            }
    return {}


def remember(
    path: Path,
    config: Config,
    known: Mapping[Key, Measured],
    new: Mapping[Key, Measured],
    wanted: Iterable[Key],
) -> None:
    """Add what was read to what is remembered, if that is worth it; a disk that refuses may."""
    if len(new) < _LEAST:
        return
    kept = {**known, **new}
    if len(kept) > _MOST:
        kept = {key: kept[key] for key in wanted if key in kept}
    values: dict[str, dict[str, object]] = {}
    for (commit, name), measured in kept.items():
        values.setdefault(name, {})[commit] = _value(measured)
    body = json.dumps(values, separators=(",", ":")).encode()
    with suppress(OSError), Scratch(scratch_in(path.parent)) as scratch:
        path.parent.mkdir(exist_ok=True)
        write_file(path, _head(config, body) + b"\n" + body, scratch)


def _head(config: Config, body: bytes) -> bytes:
    """Return the first line: the rules that the entries were read by, and the entries' digest."""
    rules = [
        dict(config.artifacts),
        {name: dict(kinds) for name, kinds in config.sidecars.items()},
        dict(config.goals),
    ]
    digest = blake3(json.dumps(rules, sort_keys=True).encode()).hexdigest()
    return f"gitmodel-recall {FORMAT} {digest} {blake3(body).hexdigest()}".encode()


def _value(measured: Measured) -> object:
    metrics = {
        name: [each.value, each.goal, each.guessed, each.split, each.n, each.ci]
        for name, each in measured.metrics.items()
    }
    return metrics, measured.params, measured.problems


def _measured(metrics: dict[str, Any], params: dict[str, Any], problems: list[str]) -> Measured:
    return Measured(
        {name: _metric(*value) for name, value in metrics.items()}, params, tuple(problems)
    )


def _metric(value: float, goal: Goal, *rest: Any) -> Metric:
    guessed, split, n, ci = rest
    return Metric(value, goal, guessed, split, n, (ci[0], ci[1]) if ci else None)
