"""What a run said of itself, and how a script hands that to the `gitmodel run` that started it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gitmodel.atomic import write_file
from gitmodel.curves import Curves, format_curves, parse_curves
from gitmodel.lineage import Input, Named
from gitmodel.scratch import Scratch
from gitmodel.sidecar import Goal, Metric, format_metrics, parse_metrics
from gitmodel.strict_yaml import Value


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of a run, and the file that they were read from, if it was one."""

    values: Mapping[str, Value]
    file: Named | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a run said: `name` is its artifact's, `outputs` are paths, `python` its version.

    `params` is None if nobody gave any.
    """

    name: str = ""
    params: Params | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    curves: Curves = field(default_factory=Curves)
    inputs: tuple[Input, ...] = ()
    outputs: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    python: str = ""


def hand_over(recorded: Recorded, folder: Path, scratch: Scratch) -> None:
    """Leave what a run said in a folder, for `take_over`."""
    value = {
        "name": recorded.name,
        "params": asdict(recorded.params) if recorded.params else None,
        "metrics": format_metrics(recorded.metrics, ".json").decode(),
        "curves": format_curves(recorded.curves).decode(),
        "inputs": [asdict(each) for each in recorded.inputs],
        "outputs": recorded.outputs,
        "steps": recorded.steps,
        "python": recorded.python,
    }
    # The names are in the order in which the runs ended.
    name = f"{time.time_ns():020}-{secrets.token_hex(4)}.json"
    write_file(folder / name, json.dumps(value).encode(), scratch)


def take_over(folder: Path, goals: Mapping[str, Goal]) -> list[Recorded]:
    """Return what the runs said that a command has started, in the order in which they ended."""
    return [_parse(json.loads(path.read_bytes()), goals) for path in sorted(folder.glob("*.json"))]


def _parse(value: Mapping[str, Any], goals: Mapping[str, Goal]) -> Recorded:
    params = value["params"]
    file = Named(**params["file"]) if params and params["file"] else None
    return Recorded(
        value["name"],
        Params(params["values"], file) if params else None,
        parse_metrics(value["metrics"].encode(), "metrics.json", goals),
        parse_curves(value["curves"].encode(), "curves"),
        tuple(Input(**each) for each in value["inputs"]),
        tuple(value["outputs"]),
        tuple(value["steps"]),
        value["python"],
    )
