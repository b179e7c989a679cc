"""Model cards: `<stem>.card.md`, Markdown under a front matter in YAML, as Hugging Face has them.

The fields are those of https://github.com/huggingface/hub-docs/blob/main/modelcard.md.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from gitmodel.document import discreet
from gitmodel.errors import IntegrityError
from gitmodel.hints import command
from gitmodel.sidecar import Metric
from gitmodel.strict_yaml import Lines, Value, parse_yaml, plain_scalar

SUFFIX = ".card.md"

_LICENSES = """
afl-3.0 agpl-3.0 apache-2.0 apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m
bigscience-bloom-rail-1.0 bigscience-openrail-m bsd bsd-2-clause bsd-3-clause
bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0
cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0
cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0
cdla-permissive-2.0 cdla-sharing-1.0 creativeml-openrail-m deepfloyd-if-license ecl-2.0
epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 fair-noncommercial-research-license gemma gfdl
gpl gpl-2.0 gpl-3.0 h-research intel-research isc lgpl lgpl-2.1 lgpl-3.0 lgpl-lr llama2
llama3 llama3.1 llama3.2 llama3.3 llama4 lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1
openrail openrail++ osl-3.0 other pddl postgresql unknown unlicense wtfpl zlib
"""
LICENSES = frozenset(_LICENSES.split())
"""https://huggingface.co/docs/hub/repositories-licenses"""

_TEXT = (
    *("library_name", "pipeline_tag", "license_name", "license_link", "base_model_relation"),
    *("new_version", "thumbnail"),
)
_TEXTS = ("license", "language", "datasets", "metrics", "base_model")
_INDEX = "model-index"
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*|multilingual|code")
_RULE = "---"


@dataclass(frozen=True, slots=True)
class Card:
    """A card; `lines` gives the lines of the front matter's keys in the file."""

    path: str
    front: Mapping[str, Value]
    lines: Lines
    body: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a card, or probably is, and on which line (0: nowhere)."""

    level: Literal["error", "warning"]
    line: int
    message: str


def parse_card(data: bytes, path: str) -> Card:
    """Return the card in `data`; raise `IntegrityError` with the line if it is broken."""
    with discreet(data, path, prose=True):
        return _parse(data, path)


def _parse(data: bytes, path: str) -> Card:
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise IntegrityError(f"{path!r} is not UTF-8", hint=command("edit {}", path)) from error
    lines = text.split("\n")
    if lines[0].rstrip() != _RULE:
        return Card(path, {}, {}, text)
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == _RULE), 0)
    if not end:
        why = f"line 1, begins a front matter that no {_RULE!r} ends"
        raise IntegrityError(f"{path!r}, {why}", hint=command("edit {}", path))
    known: Lines = {}
    # An empty line in place of the rule, so that the lines are those of the file.
    front = parse_yaml("\n".join(["", *lines[1:end]]).encode(), path, known)
    if not isinstance(front, dict | None):
        raise IntegrityError(f"{path!r}, line 2, is not a mapping", hint=command("edit {}", path))
    return Card(path, front or {}, known, "\n".join(lines[end + 1 :]))


def format_card(front: Mapping[str, Value], body: str) -> str:
    """Return a card with a front matter in the one spelling that gitmodel writes."""
    text = yaml.dump(
        dict(front), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf")
    )
    return f"{_RULE}\n{text}{_RULE}\n{body}" if front else body


def check_card(card: Card) -> list[Finding]:
    """Return what is wrong with the front matter of a card, in the order of its lines."""
    if not card.front:
        return [Finding("warning", 1, "there is no front matter: no license, no language")]
    return sorted(_findings(card), key=lambda finding: finding.line)


def fill_index(
    front: Mapping[str, Value], name: str, metrics: Mapping[str, Metric]
) -> dict[str, Value]:
    """Return a front matter whose `model-index` has these metrics of the model `name`.

    What it says of task and data set is kept, and so are results that are not among the metrics.
    The front matter must have passed `check_card`.
    """
    if not metrics:
        return dict(front)
    filled: dict[str, Any] = copy.deepcopy(dict(front))
    models = filled.get(_INDEX) or [{"name": name, "results": []}]
    model = next((each for each in models if each["name"] == name), models[0])
    results = model["results"] = model.get("results") or []
    template = _template(filled, results)
    for key, metric in metrics.items():
        _fill(results, template, key, metric)
    filled[_INDEX] = models
    return filled


class _Dumper(yaml.SafeDumper):
    """Writes what the strict reader reads: no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """In double quotes what PyYAML would else write so that it reads as something else."""
    # Without a dot, 0E0 is a text to PyYAML, and a number to YAML 1.2.
    plain = text.replace("\n", "").isprintable() and isinstance(plain_scalar(text), str)
    style = None if plain else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def _findings(card: Card) -> Iterator[Finding]:
    for key, value in card.front.items():
        if value is not None:
            yield from _findings_at(key, card.front, card.lines.get((key,), 0))
    if "license" not in card.front:
        yield Finding("warning", 1, "there is no license")


def _findings_at(key: str, front: Mapping[str, Value], line: int) -> Iterator[Finding]:
    value = front[key]
    if wanted := _wanted(key, value):
        yield Finding("error", line, f"{key!r} must be {wanted}")
    elif key == "license":
        yield from _license(front, line)
    elif key == "language":
        wrong = (each for each in _texts(value) if not _LANGUAGE.fullmatch(each))
        yield from (Finding("warning", line, f"{e!r} is not the code of a language") for e in wrong)
    elif key == _INDEX:
        yield from (Finding("error", line, f"{_INDEX}{why}") for why in _index(value))


def _wanted(key: str, value: Value) -> str:
    """Return what a value should be and is not."""
    if key in _TEXT and not isinstance(value, str):
        return "a text"
    if key in _TEXTS and not isinstance(value, str) and not _are_texts(value):
        return "a text or a sequence of texts"
    return "a sequence of texts" if key == "tags" and not _are_texts(value) else ""


def _license(front: Mapping[str, Value], line: int) -> Iterator[Finding]:
    for each in _texts(front["license"]):
        if each not in LICENSES:
            yield Finding("warning", line, f"{each!r} is not the id of a license at Hugging Face")
        elif each == "other" and not front.get("license_name"):
            yield Finding("warning", line, "the license is other, and license_name does not say")


def _index(value: Value) -> Iterator[str]:
    """Yield what is wrong with a model-index: where, and what it must be."""
    if not isinstance(value, list) or not value:
        yield " must be a sequence of models"
        return
    for number, model in enumerate(value):
        at = f"[{number}]"
        yield from _needs(model, at, "name")
        results = model.get("results") if isinstance(model, dict) else None
        if not isinstance(results, list | None):
            yield f"{at}.results must be a sequence"
            continue
        for place, result in enumerate(results or []):
            yield from _result(result, f"{at}.results[{place}]")


def _result(result: Value, at: str) -> Iterator[str]:
    if not isinstance(result, dict):
        yield f"{at} must be a mapping"
        return
    yield from _needs(result.get("task"), f"{at}.task", "type")
    yield from _needs(result.get("dataset"), f"{at}.dataset", "type", "name")
    metrics = result.get("metrics")
    if not isinstance(metrics, list):
        yield f"{at}.metrics must be a sequence"
        return
    for number, metric in enumerate(metrics):
        yield from _needs(metric, f"{at}.metrics[{number}]", "type")
        if isinstance(metric, dict) and metric.get("value") is None:
            yield f"{at}.metrics[{number}].value is missing"


def _needs(value: Value, at: str, *keys: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at} must be a mapping"
        return
    for key in keys:
        if not isinstance(value.get(key), str):
            yield f"{at}.{key} must be a text"


def _are_texts(value: Value) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _texts(value: Value) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [each for each in items if isinstance(each, str)]


def _template(front: Mapping[str, Any], results: list[Any]) -> dict[str, Any]:
    """Return task and data set of a result that has to be made, as far as the card says them."""
    if results:
        first = {key: copy.deepcopy(results[0][key]) for key in ("task", "dataset")}
        first["dataset"].pop("split", None)
        return first
    named = _texts(front.get("datasets"))
    dataset = named[0] if len(named) == 1 else "unknown"
    # The hub knows the task `other`; for a data set without a name its own tools write unknown.
    task = front.get("pipeline_tag") or "other"
    return {"task": {"type": task}, "dataset": {"type": dataset, "name": dataset}}


def _fill(results: list[Any], template: dict[str, Any], name: str, metric: Metric) -> None:
    fitting = [
        result
        for result in results
        if not (metric.split and _split(result)) or _split(result) == metric.split
    ]
    for entry in (entry for result in fitting for entry in result["metrics"]):
        # What the hub has verified is its own result, and not ours to change.
        if name in (entry.get("name"), entry["type"]) and not entry.get("verified"):
            entry["value"] = metric.value
            return
    place = next((result for result in results if _split(result) == metric.split), None)
    if place is None:
        place = {**copy.deepcopy(template), "metrics": []}
        if metric.split:
            place["dataset"]["split"] = metric.split
        results.append(place)
    kind = name.rpartition(".")[2]
    place["metrics"].append({"type": kind, "value": metric.value, "name": name})


def _split(result: Mapping[str, Any]) -> str:
    return str(result["dataset"].get("split") or "")
