"""The model card of a version: what people wrote of it, and what is known of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gitmodel.atomic import write_file
from gitmodel.card import SUFFIX, Card, Finding, check_card, fill_index, parse_card
from gitmodel.errors import ConflictError, IntegrityError, UsageError
from gitmodel.git.command import Git
from gitmodel.hints import command
from gitmodel.history import History
from gitmodel.lineage import Lineage, lineage_path, parse_lineage
from gitmodel.paths import stem_path
from gitmodel.porcelain.ancestry import as_shown
from gitmodel.porcelain.get import check_not_of_git
from gitmodel.porcelain.show import Shown, show
from gitmodel.porcelain.staged import secrets_of
from gitmodel.record import Record
from gitmodel.scratch import Scratch, scratch_in
from gitmodel.secrets import MASK
from gitmodel.snapshot import name_of
from gitmodel.strict_yaml import Value
from gitmodel.worktree.files import not_in_git


@dataclass(frozen=True, slots=True)
class Carded:
    """A version, its card if there is one, and how its artifacts were made, by their paths.

    `front` is the card's front matter with the version's metrics in it; `findings` are what is
    wrong with the card, and with what was to be told in it.
    """

    shown: Shown
    card: Card
    front: Mapping[str, Value]
    lineages: Mapping[str, Lineage]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> list[Finding]:
        """The findings for which there can be no card."""
        return [finding for finding in self.findings if finding.level == "error"]


def card_of(history: History, reference: str) -> Carded:
    """Return what the card of a version consists of; only Git's objects are read.

    Raises `UsageError` if several artifacts of the version have a card, `IntegrityError` for one
    that cannot be read at all.
    """
    shown = show(history, reference)
    files = history.objects.companions(shown.resolved.commit)
    path = _find_card(shown, files)
    text = history.objects.blob(files[path], path) if path else b""
    card = parse_card(text, path) if path else Card("", {}, {}, "")
    shown, hidden = _published(shown)
    secrets = secrets_of(path, text)
    findings = [Finding("error", each.line, f"this looks like {each.what}") for each in secrets]
    # They say what stands there, which may be a secret.
    findings += check_card(card) if path and not secrets else []
    findings += [*_problems(shown.record), *hidden]
    lineages, doubts = _lineages(history, shown.record, files)
    findings += doubts
    broken = any(finding.level == "error" for finding in findings)
    name = shown.resolved.name or _model_name(history, shown.record, path)
    front = card.front if broken else fill_index(card.front, name, shown.record.metrics)
    return Carded(shown, card, front, lineages, tuple(findings))


def write_card(git: Git, path: Path, data: bytes, *, force: bool) -> None:
    """Write a card to a file that the user names.

    Raises `ConflictError` if something else is there that Git has not, unless `force`.
    """
    if path.exists() and not path.is_file():
        # A device or a pipe: what reads it is meant, not its name.
        with path.open("wb") as file:
            file.write(data)
        return
    check_not_of_git(path)
    if not force and os.path.lexists(path) and not _is_kept(git, path, data):
        raise ConflictError(
            f"{str(path)!r} is there already, and Git has not what is in it",
            hint="use another name, or --force to replace it",
        )
    with Scratch(scratch_in(git.common_dir / "gitmodel")) as scratch:
        write_file(path, data, scratch)


def _is_kept(git: Git, path: Path, data: bytes) -> bool:
    """Return whether a file is what is to be written, or what Git has of it."""
    if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
        return True
    real = Path(os.path.realpath(path.parent), path.name)
    top = Path(os.path.realpath(git.worktree))
    if not real.is_relative_to(top):
        return False
    return not not_in_git(git, [str(real.relative_to(top))])


def card_path(artifact: str) -> str:
    """Return the path of an artifact's card."""
    return stem_path(artifact) + SUFFIX


def _find_card(shown: Shown, files: Mapping[str, str]) -> str:
    """Return the path of the one card of a version, or nothing."""
    found = {card_path(artifact): artifact for artifact in shown.record.artifacts}
    found = {path: artifact for path, artifact in found.items() if path in files}
    if len(found) > 1:
        artifacts = " and ".join(map(repr, found.values()))
        revision = shown.resolved.tag or shown.resolved.commit[:12]
        raise UsageError(
            f"{shown.resolved.label!r} has cards of {artifacts}",
            hint=command("gitmodel card {}@{}", min(found.values()), revision),
        )
    return next(iter(found), "")


def _lineages(
    history: History, record: Record, files: Mapping[str, str]
) -> tuple[dict[str, Lineage], list[Finding]]:
    """Return how artifacts were made, by their paths, and what is wrong with what says so."""
    lineages: dict[str, Lineage] = {}
    doubts = []
    for artifact, pointer in record.artifacts.items():
        if (path := lineage_path(artifact)) not in files:
            continue
        try:
            lineage = history.reader.parsed(path, files[path], parse_lineage)
        except IntegrityError as error:
            doubts.append(Finding("warning", 0, error.message))
            continue
        if pointer.oid in (output.oid for output in lineage.outputs):
            lineages[artifact] = as_shown(lineage)
        else:
            doubts.append(Finding("warning", 0, f"{path!r} is about other bytes of {artifact!r}"))
    return lineages, doubts


def _published(shown: Shown) -> tuple[Shown, list[Finding]]:
    """Return a version without what looks like a credential in it, and what is left out."""
    record = shown.record
    hidden = [name for name, value in record.params.items() if value == MASK]
    params = {name: value for name, value in record.params.items() if value != MASK}
    odd = [name for name, each in record.metrics.items() if MASK in (name, each.split)]
    metrics = {name: each for name, each in record.metrics.items() if name not in odd}
    left = [f"the parameter {name!r} looks like a secret, and is left out" for name in hidden]
    left += [f"the metric {name!r} looks like a secret, and is left out" for name in odd]
    record = replace(record, params=params, metrics=metrics)
    return replace(shown, record=record), [Finding("warning", 0, each) for each in left]


def _problems(record: Record) -> list[Finding]:
    return [Finding("error", 0, problem) for problem in record.problems]


def _model_name(history: History, record: Record, path: str) -> str:
    """Return what to call the model of a version of the whole repository."""
    artifacts = [artifact for artifact in record.artifacts if card_path(artifact) == path]
    artifacts = artifacts or list(record.artifacts)
    return name_of(artifacts[0], history.config.artifacts) if artifacts else "model"
