"""What a subject found out, and its Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """A table of ready-made cells."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Target:
    """A number that should stay at or below its limit (or, with ``at_least``, above it)."""

    what: str
    measured: float
    limit: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the measured number is on the right side of the limit."""
        if self.at_least:
            return self.measured >= self.limit
        return self.measured <= self.limit


@dataclass(frozen=True, slots=True)
class Report:
    """The tables, targets and remarks of one subject."""

    title: str
    tables: tuple[Table, ...]
    targets: tuple[Target, ...] = ()
    notes: tuple[str, ...] = ()


def markdown(report: Report, *, full_size: bool) -> str:
    """Write a report as Markdown; the verdict on a target is withheld for scaled inputs."""
    parts = [f"## {report.title}"]
    parts += [_table(table.headers, table.rows) for table in report.tables]
    if report.targets:
        rows = [_target_row(target, full_size=full_size) for target in report.targets]
        parts.append(_table(("target", "limit", "measured", ""), rows))
    if report.notes:
        parts.append("\n".join(f"- {note}" for note in report.notes))
    return "\n\n".join(parts) + "\n"


def _target_row(target: Target, *, full_size: bool) -> tuple[str, ...]:
    verdict = ("met" if target.met else "**missed**") if full_size else "scaled input"
    sign = "≥" if target.at_least else "≤"
    return (
        target.what,
        f"{sign} {_number(target.limit)} {target.unit}".rstrip(),
        f"{_number(target.measured)} {target.unit}".rstrip(),
        verdict,
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headers, ["---"] + ["---:"] * (len(headers) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
