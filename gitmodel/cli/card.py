"""`gitmodel card`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from gitmodel import hints
from gitmodel.card import Finding, format_card
from gitmodel.cli.common import json_option, say_json
from gitmodel.cli.printer import hand_out, say
from gitmodel.cli.sections import Cell, Section, cells, markdown_of, own
from gitmodel.cli.show import facts_of, sections_of
from gitmodel.errors import IntegrityError
from gitmodel.history import History, open_history
from gitmodel.lineage import Lineage
from gitmodel.markdown import code
from gitmodel.porcelain.card import Carded, card_of, write_card
from gitmodel.printable import shown


@click.command()
@click.argument("version")
@click.option("--check", is_flag=True, help="Only say what is wrong with the card.")
@json_option
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the card to FILE.",
)
@click.option("--force", "-f", is_flag=True, help="Overwrite a file that Git has not as it is.")
def command(version: str, check: bool, as_json: bool, output: Path | None, force: bool) -> int:
    """Print the model card of a version, in Markdown with the front matter of Hugging Face.

    It is <stem>.card.md beside the artifact, with the version's metrics as model-index in its
    front matter, and below its text what is known of the version: artifacts, metrics, params, and
    what it was made from. Without such a file the latter is the card.
    """
    with open_history(Path.cwd()) as history:
        found = card_of(history, version)
        if as_json:
            say_json("card", _value(found, "" if found.errors else _text(found)))
            return _code(found)
        if check:
            for finding in found.findings:
                say(_words(found, finding))
            return _code(found)
        _deliver(history, render(found, version), output, force=force)
    return 0


def render(found: Carded, version: str) -> str:
    """Return the card of a version; tell of doubts, and raise `IntegrityError` for errors."""
    if found.errors:
        hint = hints.command("gitmodel card --check {}", version)
        first = found.errors[0]
        raise IntegrityError(shown(f"{_where(found, first)}{first.message}"), hint=hint)
    for finding in found.findings:
        say(_words(found, finding), err=True)
    return _text(found)


def _text(found: Carded) -> str:
    return format_card(found.front, "\n".join(_body(found)) + "\n")


def _deliver(history: History, text: str, output: Path | None, *, force: bool) -> None:
    if output is None:
        hand_out(text)
    else:
        write_card(history.git, output, text.encode(), force=force)


def _value(found: Carded, text: str) -> dict[str, object]:
    return {
        "path": found.card.path,
        "text": text,
        "findings": [asdict(finding) for finding in found.findings],
    }


def _code(found: Carded) -> int:
    return IntegrityError.exit_code if found.errors else 0


def _words(found: Carded, finding: Finding) -> str:
    return shown(f"{_where(found, finding)}{finding.level}: {finding.message}")


def _where(found: Carded, finding: Finding) -> str:
    return f"{found.card.path}:{finding.line}: " if finding.line else ""


def _body(found: Carded) -> Iterator[str]:
    if found.card.body.strip():
        yield found.card.body.rstrip()
    yield ""
    yield f"## Version {code(found.shown.resolved.label)}"
    yield ""
    yield from (f"- {key}: {code(text)}" for key, text in facts_of(found.shown).items())
    for section in sections_of(found.shown):
        yield from markdown_of(section)
    for artifact, lineage in found.lineages.items():
        yield from _lineage(artifact, lineage)


def _lineage(artifact: str, lineage: Lineage) -> Iterator[str]:
    yield from ("", f"### How {code(artifact)} was made", "")
    yield from (f"- {key}: {code(text)}" for key, text in _made(lineage).items())
    rows = [
        [
            *cells(each.path, each.role, each.version, each.oid),
            Cell("" if each.declared else "nobody said that it was used", own=True),
        ]
        for each in lineage.inputs
    ]
    if rows:
        yield from markdown_of(Section(own("input", "role", "version", "oid", ""), rows))


def _made(lineage: Lineage) -> dict[str, str]:
    """Return the facts of a run; a base model is an input, and told of as one."""
    place, code_ = lineage.environment, lineage.code
    made = {
        "command": shlex.join(lineage.command),
        "steps": "; ".join(lineage.steps),
        "code": code_.commit + (" with changes" if code_.dirty else ""),
        "Python": place.python,
        "platform": place.platform,
        "packages": f"{place.lock.path} {place.lock.oid}" if place.lock else "",
        "params": f"{lineage.params.path} {lineage.params.oid}" if lineage.params else "",
        "started": lineage.started,
        "ended": lineage.ended,
    }
    return {key: text for key, text in made.items() if text}
