"""`gitmodel compare`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from gitmodel import hints
from gitmodel.cli.common import confirm, json_option, progress_bar, say_json
from gitmodel.cli.facts import artifact_value, finite, goal_words, numbers, plain, signed, size_of
from gitmodel.cli.printer import say
from gitmodel.cli.sections import Cell, Listing, Section, markdown_of, own, text_of
from gitmodel.comparison import ArtifactRow, Change, MetricRow, ParamRow, State
from gitmodel.errors import GateError, UsageError
from gitmodel.git.revisions import Between
from gitmodel.history import open_history
from gitmodel.porcelain.compare import (
    CodeChanges,
    Comparison,
    DataChanges,
    Gate,
    compare_versions,
    open_entries,
)
from gitmodel.progress import Work
from gitmodel.sidecar import Goal
from gitmodel.words import plural

_WORDS: dict[str, str] = {
    "same": "same",
    "changed": "changed",
    "added": "new",
    "removed": "gone",
    "absent": "",
}


@click.command()
@click.argument("versions", nargs=-1, metavar="[A [B...]]")
@click.option("--all", "everything", is_flag=True, help="Show also what is the same.")
@click.option("--md", "as_markdown", is_flag=True, help="Print Markdown, as for a pull request.")
@json_option
@click.option(
    "--gate",
    "gates",
    multiple=True,
    metavar="CONDITION",
    help="Exit with 3 unless the last version meets CONDITION, such as 'accuracy >= 0.93' or"
    " 'accuracy >= v1.0 - 0.005'; may be given several times.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything differs.")
def command(
    versions: tuple[str, ...],
    everything: bool,
    as_markdown: bool,
    as_json: bool,
    gates: tuple[str, ...],
    exit_code: bool,
) -> int:
    """Compare versions with the first: metrics, params, artifacts, data and code.

    A and B are tags such as v1.0, model@v1.1, model@best:accuracy, or any revisions of Git. One
    alone is compared with HEAD; without any, the newest version is.
    """
    if as_json and as_markdown:
        raise UsageError("one format at most", hint="--json or --md")
    folder = Path.cwd()
    with (
        open_history(folder) as history,
        progress_bar() as progress,
        open_entries(folder, confirm, Work(progress)) as entries,
    ):
        found = compare_versions(history, versions, entries, gates)
    if as_json:
        say_json("compare", value_of(found))
    else:
        lines = markdown_of if as_markdown else text_of
        parts = (*differences_of(found, everything=everything), *results_of(found))
        # Each part begins with an empty line; the first needs none.
        for line in [line for part in parts for line in lines(part)][1:]:
            say(line)
    check_gates(found, found.versions[-1].resolved.label)
    return int(exit_code and found.different)


def check_gates(found: Comparison, revision: str) -> None:
    """Raise `GateError` if the last version, which is of a revision, failed a gate."""
    failed = [gate.condition for gate in found.gates if not gate.verdict.met]
    if failed:
        raise GateError(
            f"{found.versions[-1].resolved.label!r} does not pass"
            f" {' and '.join(map(repr, failed))}",
            hint=hints.command("gitmodel show {}", revision),
        )


def value_of(found: Comparison) -> dict[str, object]:
    """Return a comparison as JSON says it."""
    return {
        "versions": [
            {
                "label": side.resolved.label,
                "tag": side.resolved.tag,
                "name": side.name,
                "commit": side.resolved.commit,
                "problems": list(side.problems),
            }
            for side in found.versions
        ],
        "different": found.different,
        "metrics": [asdict(row) for row in found.metrics],
        "params": [
            {**asdict(row), "values": [finite(value) for value in row.values]}
            for row in found.params
        ],
        "artifacts": [
            {
                "path": row.path,
                "own": row.own,
                "versions": [each and artifact_value(each) for each in row.pointers],
                "states": row.states,
            }
            for row in found.artifacts
        ],
        "data": [
            {
                "path": each.path,
                "version": each.version,
                "unknown": each.unknown,
                **asdict(each.files),
            }
            for each in found.data
        ],
        "code": [{"version": each.version, **asdict(each.between)} for each in found.code],
        "gates": [
            {
                "condition": gate.condition,
                "met": gate.verdict.met,
                "values": {name: finite(value) for name, value in gate.verdict.values.items()},
            }
            for gate in found.gates
        ],
    }


def differences_of(
    found: Comparison, *, everything: bool, inside: Iterable[Listing] = ()
) -> Iterator[Section | Listing]:
    """Yield what differs, or with `everything` also what is the same.

    `inside` says what changed inside of files, and follows the data.
    """
    labels = [Cell(side.resolved.label) for side in found.versions]
    yield _metrics(found.metrics, labels)
    yield _params(found.params, labels, everything=everything)
    yield _artifacts(found, labels, everything=everything)
    for data in found.data:
        yield _data(data, labels)
    yield from inside
    for code in found.code:
        yield _code(code, labels)


def results_of(found: Comparison) -> Iterator[Section]:
    """Yield how the gates were passed, and what could not be read."""
    if found.gates:
        yield Section(own("gate", "", ""), [_gate(gate) for gate in found.gates])
    if problems := _problems(found):
        yield Section(own("version", "problem"), problems)


def _metrics(rows: Sequence[MetricRow], labels: Sequence[Cell]) -> Section:
    first, *others = labels
    head = [*own("metric", "goal"), first, *_paired(others, own(*[""] * len(others)))]
    return Section(head, [_metric(row) for row in rows], "" if rows else "no metrics")


def _metric(row: MetricRow) -> list[Cell]:
    values = own(*numbers([metric.value if metric else None for metric in row.values]))
    changes = [_change(change, row.goal) for change in row.changes]
    goal = goal_words(row.goal, guessed=row.guessed)
    return [Cell(row.name), *own(goal), values[0], *_paired(values[1:], changes)]


def _change(change: Change, goal: Goal) -> Cell:
    """The one place where a change becomes words; the colour only repeats them."""
    if change.verdict not in ("better", "worse"):
        return Cell(_WORDS[change.verdict], own=True)
    better = change.verdict == "better"
    arrow = "▲" if better == (goal == "max") else "▼"
    difference = "" if change.difference is None else f" {signed(change.difference)}"
    return Cell(f"{arrow}{difference} {change.verdict}", True, "good" if better else "bad")


def _params(rows: Sequence[ParamRow], labels: Sequence[Cell], *, everything: bool) -> Section:
    shown = [row for row in rows if everything or not _is_same(row.states)]
    cells = [
        [
            Cell(row.name),
            *(
                Cell(plain(value)) if here else Cell("", own=True)
                for value, here in zip(row.values, row.present, strict=True)
            ),
        ]
        for row in shown
    ]
    return Section([*own("param"), *labels], cells, _rest(len(rows), len(shown), "param"))


def _artifacts(found: Comparison, labels: Sequence[Cell], *, everything: bool) -> Section:
    rows = found.artifacts
    # Versions of the whole repository are of all artifacts: then that is worth no word.
    named = any(side.name for side in found.versions)
    shown = [row for row in rows if everything or (named and row.own) or not _is_same(row.states)]
    first, *others = labels
    head = [*own("artifact"), first, *_paired(others, own(*[""] * len(others)))]
    rest = _rest(len(rows), len(shown), "artifact")
    return Section(head, [_artifact(row) for row in shown], rest)


def _artifact(row: ArtifactRow) -> list[Cell]:
    sizes = own(*("" if pointer is None else size_of(pointer) for pointer in row.pointers))
    return [Cell(row.path), sizes[0], *_paired(sizes[1:], own(*(_WORDS[s] for s in row.states)))]


def _paired(left: Sequence[Cell], right: Sequence[Cell]) -> list[Cell]:
    return [cell for pair in zip(left, right, strict=True) for cell in pair]


def _is_same(states: Sequence[State]) -> bool:
    return set(states) <= {"same"}


def _rest(total: int, shown: int, noun: str) -> str:
    """Return what a table leaves out, in words."""
    if not total:
        return f"no {noun}s"
    same = total - shown
    if not shown:
        return f"{plural(total, noun)}, no difference"
    return f"… and {plural(same, noun)} without a difference (--all shows all)" if same else ""


def _data(data: DataChanges, labels: Sequence[Cell]) -> Listing:
    name = Cell(data.path + _at(labels, data.version))
    if data.unknown:
        return Listing(name, "which files changed is not known here", notes=[data.unknown])
    signs = (("+", data.files.added), ("-", data.files.removed), ("~", data.files.changed))
    counts = (len(data.files.added), len(data.files.removed), len(data.files.changed))
    words = zip(counts, ("added", "removed", "changed"), strict=True)
    summary = ", ".join(f"{count:,} {word}" for count, word in words if count)
    items = [f"{sign} {path}" for sign, paths in signs for path in paths]
    return Listing(name, summary, items)


def _code(code: CodeChanges, labels: Sequence[Cell]) -> Listing:
    items = [f"{letter} {path}" for path, letter in code.between.files.items()]
    at = _at(labels, code.version)
    return Listing(Cell(f"code{at}", own=not at), _between(code.between), items)


def _between(between: Between) -> str:
    words = [plural(between.ahead, "commit")] if between.ahead else []
    if between.behind:
        behind = f"{between.behind:,}" if words else plural(between.behind, "commit")
        words.append(f"{behind} behind")
    if between.files:
        words.append(f"{plural(len(between.files), 'file')} changed")
    elif words:
        words.append("no file changed")
    if between.shallow:
        words.append("older history is not here")
    return ", ".join(words) or "no difference"


def _at(labels: Sequence[Cell], version: int) -> str:
    """Return of which version something is told, where it could be another."""
    return f" at {labels[version].text}" if len(labels) > 2 else ""


def _gate(gate: Gate) -> list[Cell]:
    met = gate.verdict.met
    result = Cell("passed" if met else "failed", own=True, tone="good" if met else "bad")
    return [Cell(gate.condition), result, Cell(gate.verdict.words)]


def _problems(found: Comparison) -> list[list[Cell]]:
    return [
        [Cell(side.resolved.label), Cell(problem, tone="bad")]
        for side in found.versions
        for problem in side.problems
    ]
