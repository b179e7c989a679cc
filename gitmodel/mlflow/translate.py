"""What a run says, in the words of gitmodel's sidecars."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gitmodel.curves import MAX_STEP, STEP, Curves
from gitmodel.lineage import Code, Lineage
from gitmodel.masking import masked
from gitmodel.mlflow.facts import Dataset, Points, Run
from gitmodel.mlflow.source import Source
from gitmodel.sidecar import Goal, Metric, metric_of, without_secrets
from gitmodel.strict_yaml import Value

TAGS = "tags."
"""What the name of a param begins with that was a tag."""
OURS = "gitmodel."
"""What the tags begin with that an export sets."""

_SYSTEM = ("mlflow.", OURS)
"""What tags begin with that nobody made."""
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_LONGEST = 1000
"""Characters of a number, or of the address of a dataset."""


@dataclass(frozen=True, slots=True)
class Translated:
    """What goes into the sidecars; `left` says in words what does not.

    `lineage` has no outputs yet.
    """

    metrics: Mapping[str, Metric]
    curves: Curves
    params: Mapping[str, Value]
    lineage: Lineage
    left: tuple[str, ...]


def translate(source: Source, goals: Mapping[str, Goal], root: str) -> Translated:
    """Return what is known of an artifact; `root` is the top of the repository.

    What a logged model says of itself comes before what its run says.
    """
    points: Points = {
        **(source.run.metrics if source.run else {}),
        **(source.model.metrics if source.model else {}),
    }
    left = [f"the metric {name!r}, whose name cannot be shown" for name in points if _odd(name)]
    points = {name: points[name] for name in sorted(points) if not _odd(name)}
    metrics, without = _metrics(points, goals)
    curves, cut = _curves(points)
    params, unnamed = _params(source)
    lineage = _lineage(source, root)
    return Translated(metrics, curves, params, lineage, (*left, *without, *cut, *unnamed))


def _metrics(points: Points, goals: Mapping[str, Goal]) -> tuple[dict[str, Metric], list[str]]:
    """Return the last values, and in words which are none."""
    metrics: dict[str, Metric] = {}
    left = []
    for name, series in points.items():
        if math.isfinite(series[-1].value):
            metrics[name] = metric_of(name, series[-1].value, goals)
        else:
            left.append(f"the metric {name!r}, which is {series[-1].value} in the end")
    return metrics, left


def _curves(points: Points) -> tuple[Curves, list[str]]:
    """Return the metrics that have several steps, and in words what a curve cannot say."""
    curves = Curves()
    left = []
    for name, series in points.items():
        if len({point.step for point in series}) == 1:
            continue
        if name == STEP:
            left.append(f"the curve of {name!r}, which is the name of the steps themselves")
            continue
        kept = [point for point in series if 0 <= point.step <= MAX_STEP]
        for point in kept:
            curves.add(name, point.step, point.value)
        if len(kept) < len(series):
            left.append(f"the points of {name!r} at negative steps: {len(series) - len(kept)}")
    return curves, left


def _params(source: Source) -> tuple[dict[str, Value], list[str]]:
    """Return the params, with the tags that are not MLflow's own behind them."""
    given = {
        **(source.run.params if source.run else {}),
        **(source.model.params if source.model else {}),
    }
    tags = source.run.tags if source.run else {}
    given |= {f"{TAGS}{name}": text for name, text in tags.items() if not name.startswith(_SYSTEM)}
    left = [f"the param {name!r}, whose name cannot be shown" for name in given if _odd(name)]
    values = {name: _value(given[name]) for name in sorted(given) if not _odd(name)}
    plain, hidden = without_secrets(values)
    left += [f"the param {name!r}, which looks like a secret" for name in hidden]
    return plain, left


def _value(text: str) -> Value:
    """Return what Python would have spelled so: MLflow keeps every param as a text.

    Anything else stays a text: `1.10` may be a version.
    """
    if text in ("True", "False"):
        return text == "True"
    for kind in (int, float) if len(text) < _LONGEST else ():
        try:
            number = kind(text)
        except ValueError:
            continue
        if repr(number) == text and math.isfinite(number):
            return number
    return text


def _lineage(source: Source, root: str) -> Lineage:
    run = source.run
    steps = tuple(_steps(source, root))
    if run is None:
        return Lineage((), steps=steps)
    commit = _commit(run)
    program = run.tags.get("mlflow.source.name", "")
    return Lineage(
        (),
        steps=steps,
        # Nobody knows whether something differed from the commit; the steps say so.
        code=Code(commit, dirty=True) if commit else Code(),
        command=masked([program], root) if program else (),
        started=_time(run.started),
        ended=_time(run.ended),
    )


def _commit(run: Run) -> str:
    """Return the commit that the run was at, if it is named as Git does."""
    commit = run.tags.get("mlflow.source.git.commit", "")
    return commit if _COMMIT.fullmatch(commit) else ""


def _steps(source: Source, root: str) -> Iterator[str]:
    """Say where all this comes from, and which data sets the run named."""
    run, version = source.run, source.version
    if version:
        yield f"MLflow: version {version.number} of the registered model {version.name}"
    if source.model:
        yield f"MLflow: logged model {source.model.id}"
    if run:
        yield f"MLflow: run {run.head.id} {run.head.name}".rstrip()
        if _commit(run):
            yield "MLflow: nothing is known of changes to the code that were not committed"
        yield from (_dataset(each, root) for each in run.datasets)


def _dataset(each: Dataset, root: str) -> str:
    facts = {"digest": each.digest, "for": each.context, "from": _address(each.source, root)}
    return f"MLflow: data set {each.name}, " + ", ".join(
        f"{key} {text}" for key, text in facts.items() if text
    )


def _address(source: str, root: str) -> str:
    """Return where data came from, without secrets and without paths of one machine."""
    try:
        value = json.loads(source)
    except (ValueError, RecursionError):
        value = {}
    address = value.get("uri") or value.get("path") if isinstance(value, dict) else ""
    return masked([address[:_LONGEST]], root)[0] if isinstance(address, str) and address else ""


def _time(milliseconds: int | None) -> str:
    try:
        when = datetime.fromtimestamp((milliseconds or 0) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if milliseconds else ""


def _odd(name: str) -> bool:
    return not name.isprintable() or not name
