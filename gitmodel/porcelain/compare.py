"""Compare versions: metrics, params, artifacts, data and code."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gitmodel import curves, lineage
from gitmodel.comparison import (
    ArtifactRow,
    FileChanges,
    MetricRow,
    ParamRow,
    compare_artifacts,
    compare_files,
    compare_metrics,
    compare_params,
)
from gitmodel.errors import GitmodelError, UsageError
from gitmodel.expression import Expression, Verdict, judge, parse_expression
from gitmodel.git import revisions
from gitmodel.git.revisions import Between
from gitmodel.history import History, open_history
from gitmodel.manifest import Entry
from gitmodel.paths import POINTER_SUFFIX
from gitmodel.pointer import Pointer
from gitmodel.porcelain.conditions import subject_of
from gitmodel.porcelain.resolve import Resolved, resolve
from gitmodel.porcelain.show import problems_of
from gitmodel.porcelain.supply import bring_entries
from gitmodel.progress import Work
from gitmodel.project import Project, never, open_project
from gitmodel.record import Record
from gitmodel.version import versions_of

_WRITTEN = (POINTER_SUFFIX, lineage.SUFFIX, curves.SUFFIX)
"""What the names of files end in that gitmodel writes, and nobody by hand."""

Entries = Callable[[Pointer], Mapping[str, Entry]]
"""Gives the files of a folder by path; raises `GitmodelError` if they cannot be had."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the versions that are compared, and the artifact that it is read as a version of.

    `problems` are in words what cannot be read of it, and what DVC has of it.
    """

    resolved: Resolved
    name: str
    record: Record
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataChanges:
    """Which files of the folder at `path` differ between the first version and another one.

    `version` is that one's number among the compared; `unknown` says why nobody can tell.
    """

    path: str
    version: int
    files: FileChanges
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class CodeChanges:
    """What Git says lies between the first version and another one.

    The files are those that gitmodel did not write, without the sidecars that were compared.
    """

    version: int
    between: Between


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether the last version meets a condition, and what the names in it stood for."""

    condition: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between versions, each compared with the first one.

    The `gates` are about the last one.
    """

    versions: tuple[Side, ...]
    metrics: tuple[MetricRow, ...]
    params: tuple[ParamRow, ...]
    artifacts: tuple[ArtifactRow, ...]
    data: tuple[DataChanges, ...]
    code: tuple[CodeChanges, ...]
    gates: tuple[Gate, ...] = ()

    @property
    def different(self) -> bool:
        """Whether anything differs, be it only code."""
        found: set[str] = {change.verdict for row in self.metrics for change in row.changes}
        found.update(state for row in self.params for state in row.states)
        found.update(state for row in self.artifacts for state in row.states)
        return not found <= {"same", "absent"} or any(code.between.files for code in self.code)


def compare(
    a: str, b: str = "HEAD", *more: str, repo: str | os.PathLike[str] | None = None
) -> Comparison:
    """Compare the version `b`, and those that follow, with the version `a`.

    Any reference will do: `v1.0`, `model@v1.1`, `model@best:accuracy`, a branch, a commit.
    `repo` is the path of a clone; None is that of the current folder.  Only Git's objects are
    read, and of folders that differ the lists of their files, which are fetched from the remote if
    they are not in the cache.  Raises `GitmodelError`.
    """
    folder, named = Path(repo or "."), repo is not None
    with (
        open_history(folder, named=named) as history,
        open_entries(folder, named=named) as entries,
    ):
        return compare_versions(history, (a, b, *more), entries)


def compare_versions(
    history: History, references: Sequence[str], entries: Entries, gates: Iterable[str] = ()
) -> Comparison:
    """Compare versions with the first; one alone is compared with HEAD, none is the newest.

    What cannot be known of the files of a folder is told, and is no error.  `gates` are conditions
    that the last version is judged by; raises `UsageError` for one that cannot be read.
    """
    conditions = [parse_expression(gate) for gate in gates]
    sides = _sides(history, references)
    records = [side.record for side in sides]
    own = {path for record in records for path in record.artifacts}
    artifacts = compare_artifacts(
        [history.reader.artifacts(record.commit) for record in records], own.__contains__
    )
    return Comparison(
        sides,
        compare_metrics([record.metrics for record in records]),
        compare_params([record.params for record in records]),
        artifacts,
        tuple(_data(artifacts, entries)),
        tuple(_code(history, records)),
        tuple(_judged(history, sides[-1], conditions)),
    )


@contextmanager
def open_entries(
    folder: Path,
    confirm: Callable[[str, str], bool] = never,
    work: Work | None = None,
    *,
    named: bool = False,
) -> Iterator[Entries]:
    """Give what lists the files of folders, from the cache or else from the remote.

    The project that `folder` is in is opened only when the first list is asked for; for `named`
    see `open_git`.
    """
    with ExitStack() as stack:
        opened: list[Project] = []

        def entries(pointer: Pointer) -> Mapping[str, Entry]:
            if not opened:
                found = open_project(folder, "HEAD", confirm, named=named)
                opened.append(stack.enter_context(found))
            return bring_entries(opened[0], pointer, "", work or Work())

        yield entries


def _sides(history: History, references: Sequence[str]) -> tuple[Side, ...]:
    """Read the versions; where they name one artifact, all of them are read as it."""
    if len(references) < 2:
        references = (*(references or [_newest(history)]), "HEAD")
    found = [resolve(history, reference) for reference in references]
    names = {each.name for each in found} - {""}
    common = names.pop() if len(names) == 1 else ""
    return tuple(_side(history, each, each.name or common) for each in found)


def _side(history: History, resolved: Resolved, name: str) -> Side:
    record = history.reader.read(resolved.commit, name)
    return Side(resolved, name, record, problems_of(history, record))


def _newest(history: History) -> str:
    """Return the newest version; if several artifacts have some, the one that was tagged last."""
    owners = {version.name for version in history.versions}
    newest = [versions_of(history.versions, owner)[0].tag for owner in sorted(owners)]
    if not newest:
        raise UsageError("there is no version yet", hint="gitmodel compare REVISION REVISION")
    return max(newest, key=lambda tag: history.tags[tag].time)


def _data(artifacts: Sequence[ArtifactRow], entries: Entries) -> Iterator[DataChanges]:
    for row in artifacts:
        first, *others = row.pointers
        for number, (pointer, state) in enumerate(zip(others, row.states, strict=True), 1):
            trees = [each for each in (first, pointer) if each and each.kind == "tree"]
            if state == "changed" and len(trees) == 2:
                yield _folder(row.path, number, trees, entries)


def _folder(path: str, number: int, trees: Sequence[Pointer], entries: Entries) -> DataChanges:
    try:
        before, after = map(entries, trees)
    except GitmodelError as error:
        why = f"{error.message} ({error.hint})" if error.hint else error.message
        return DataChanges(path, number, FileChanges(), why)
    return DataChanges(path, number, compare_files(before, after))


def _code(history: History, records: Sequence[Record]) -> Iterator[CodeChanges]:
    told = {path for record in records for path in record.sidecars}
    for number, record in enumerate(records[1:], 1):
        found = revisions.between(history.git, records[0].commit, record.commit)
        files = {
            path: letter
            for path, letter in sorted(found.files.items())
            if path not in told and not path.endswith(_WRITTEN)
        }
        between = Between(found.ahead, found.behind, files, found.shallow)
        yield CodeChanges(number, between)


def _judged(history: History, side: Side, conditions: Sequence[Expression]) -> Iterator[Gate]:
    if not conditions:
        return
    subject = subject_of(history, side.record, side.name, side.resolved.tag)
    for condition in conditions:
        yield Gate(condition.text, judge(condition, subject))
