"""`gitmodel show`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import click

from gitmodel.cli.common import json_option, say_json
from gitmodel.cli.facts import (
    artifact_value,
    finite,
    goal_words,
    measured,
    moment,
    numbers,
    plain,
    short,
    size_of,
)
from gitmodel.cli.printer import say, style
from gitmodel.cli.sections import Cell, Section, cells, markdown_of, own, text_of
from gitmodel.cli.verify_tag import signature_words
from gitmodel.errors import UsageError
from gitmodel.history import open_history
from gitmodel.markdown import block, code
from gitmodel.pointer import Pointer
from gitmodel.porcelain.show import Shown, show, with_signature
from gitmodel.printable import shown


@click.command()
@click.argument("version")
@json_option
@click.option("--md", "as_markdown", is_flag=True, help="Print Markdown.")
def command(version: str, as_json: bool, as_markdown: bool) -> None:
    """Show one version in full: artifacts, metrics, params, and what Git says of it.

    VERSION is a tag such as v1.0, an artifact (its newest version), model@v1.1,
    model@best:accuracy, or any revision of Git. No artifact is read, only what describes it.
    """
    if as_json and as_markdown:
        raise UsageError("one format at most", hint="--json or --md")
    with open_history(Path.cwd()) as history:
        found = with_signature(history, show(history, version))
    if as_json:
        say_json("show", _value(found))
        return
    for line in _markdown(found) if as_markdown else _text(found):
        say(line)


def _value(found: Shown) -> dict[str, object]:
    resolved, record = found.resolved, found.record
    return {
        "label": resolved.label,
        "tag": resolved.tag,
        "name": resolved.name,
        **asdict(found.story),
        "signature": found.signature and asdict(found.signature),
        "artifacts": [
            {"path": path, "own": path in record.artifacts, **artifact_value(pointer)}
            for path, pointer in (*record.artifacts.items(), *found.others.items())
        ],
        "metrics": {name: asdict(metric) for name, metric in record.metrics.items()},
        "params": {name: finite(value) for name, value in record.params.items()},
        "sidecars": dict(record.sidecars),
        "problems": list(found.problems),
    }


def _text(found: Shown) -> Iterator[str]:
    yield style(shown(found.resolved.label), bold=True)
    facts = facts_of(found)
    width = max(map(len, facts))
    yield from (f"  {key:<{width}}  {shown(text)}" for key, text in facts.items())
    if found.story.message:
        yield ""
        yield from (f"    {shown(line)}".rstrip() for line in found.story.message.splitlines())
    for section in sections_of(found):
        yield from text_of(section)


def _markdown(found: Shown) -> Iterator[str]:
    yield f"### {code(found.resolved.label)}"
    yield ""
    yield from (f"- {key}: {code(text)}" for key, text in facts_of(found).items())
    if found.story.message:
        yield from ("", *block(found.story.message))
    for section in sections_of(found):
        yield from markdown_of(section)


def facts_of(found: Shown) -> dict[str, str]:
    """Return what there is to say of a version in a word or a line each."""
    story = found.story
    facts = {
        "of": found.resolved.name,
        "kind": story.kind,
        "date": moment(story.time),
        "by": story.author,
        "commit": f"{story.commit[:12]} {story.subject}".rstrip(),
        "signature": signature_words(found.signature) if found.signature else "",
    }
    return {key: text for key, text in facts.items() if text}


def sections_of(found: Shown) -> Iterator[Section]:
    """Return the tables of a version, but for empty ones."""
    record = found.record
    params = [cells(name, plain(value)) for name, value in record.params.items()]
    sections = (
        Section(own("artifact", "size", "oid"), _artifacts(record.artifacts)),
        Section(own("metric", "value", "goal", "measured on"), _metrics(found)),
        Section(own("param", "value"), params),
        Section(own("sidecar"), [cells(path) for path in record.sidecars]),
        Section(own("also in this commit", "size", "oid"), _artifacts(found.others)),
        Section(own("problem"), [[Cell(each, tone="bad")] for each in found.problems]),
    )
    return (section for section in sections if section.rows)


def _artifacts(artifacts: Mapping[str, Pointer]) -> list[list[Cell]]:
    return [
        [Cell(path), *own(size_of(pointer), short(pointer.oid))]
        for path, pointer in artifacts.items()
    ]


def _metrics(found: Shown) -> list[list[Cell]]:
    return [
        [
            Cell(name),
            *own(*numbers([metric.value]), goal_words(metric.goal, guessed=metric.guessed)),
            Cell(measured(metric)),
        ]
        for name, metric in found.record.metrics.items()
    ]
