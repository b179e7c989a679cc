"""Conflicts of pointers: merge when Git asks, and end what could not be merged."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitmodel.digest import BLAKE3, oid_of
from gitmodel.disk import write_all
from gitmodel.errors import (
    ConflictError,
    MissingError,
    RemoteError,
    UnsavedError,
    UsageError,
)
from gitmodel.git import staging
from gitmodel.hints import command, note, then
from gitmodel.locks import locked
from gitmodel.merge import Clash, Entries, Side, join_conflict
from gitmodel.paths import check_artifact
from gitmodel.pointer import Pointer, format_pointer
from gitmodel.porcelain.checkout import CheckedOut, restore
from gitmodel.porcelain.conflicts import Conflict, read_conflicts
from gitmodel.porcelain.merge import Attempt, Load, attempt, conclude, decide
from gitmodel.porcelain.sides import SideFacts, describe_sides
from gitmodel.porcelain.supply import bring_entries
from gitmodel.progress import Work
from gitmodel.project import Project
from gitmodel.snapshot import Selection, select
from gitmodel.worktree.choices import Choices, read_choices, write_choices
from gitmodel.worktree.opening import look
from gitmodel.worktree.rules import ignore_rule
from gitmodel.worktree.track import track, untrack

_WIDTH = 7


@dataclass(frozen=True, slots=True)
class Resolved:
    """What became of a conflict.

    `clashes` are still to be decided; without any, `pointer` is the artifact's now (None: it is
    no more) and `restored` what was done to its files (None: nothing).
    """

    artifact: str
    clashes: tuple[Clash, ...]
    whole: bool = False
    sides: tuple[SideFacts, SideFacts] | None = None
    pointer: Pointer | None = None
    restored: CheckedOut | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What a user wants: a side, or none to merge what can be merged; whether files are restored.

    `force` overwrites work that is saved nowhere.
    """

    side: Side | None
    work: Work
    restore: bool = True
    force: bool = False


def merge_file(
    project: Project, conflict: Conflict, target: Path, heads: Sequence[str]
) -> Resolved:
    """Merge for Git, and write the pointer to `target` if nothing clashes; touch nothing else."""
    check_artifact(conflict.artifact)
    found = attempt(conflict, _loader(project, conflict.artifact, Work()))
    if not found.clashes:
        pointer = conclude(found, project.cache)
        write_text(target, format_pointer(pointer) if pointer else b"")
        return Resolved(conflict.artifact, (), pointer=pointer)
    sides = describe_sides(project.git, project.config, conflict, found, heads)
    return Resolved(conflict.artifact, found.clashes, found.whole, sides)


def write_conflict(
    target: Path, conflict: Conflict, labels: tuple[str, str], width: int = _WIDTH
) -> None:
    """Write the sides of a conflict with Git's markers, each whole, so that none is a pointer."""
    ours, theirs = labels
    texts = (conflict.base or b"", conflict.ours, conflict.theirs)
    write_text(target, join_conflict(texts, (ours, "base", theirs), width))


def write_text(target: Path, data: bytes) -> None:
    """Write a file of Git's own, which it reads and removes."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(target, flags, 0o666)
    try:
        write_all(fd, data)
    finally:
        os.close(fd)


def find_conflicts(project: Project, paths: Sequence[str], work: Work) -> list[Resolved]:
    """Return what the conflicts at these paths, or all, are about; change nothing."""
    found = read_conflicts(project.git)
    return [_describe(project, found[each.artifact], work) for each in _selected(paths, found)]


def resolve(project: Project, paths: Sequence[str], choice: Choice) -> list[Resolved]:
    """Take one side of what clashes at these paths; what does not clash is merged.

    An artifact in which nothing clashes any more gets its pointer, in Git's index too, after its
    files became what it says.  Until then the choices are only noted.
    """
    with locked(project.lock):
        found = read_conflicts(project.git)
        return [
            _resolve(project, found[each.artifact], each, choice)
            for each in _selected(paths, found)
        ]


def _selected(paths: Sequence[str], found: Mapping[str, Conflict]) -> list[Selection]:
    try:
        return select(paths, found)
    except UsageError as error:
        wrong = error.message.removesuffix("is not a tracked artifact")
        raise UsageError(f"{wrong}is not in conflict", hint="gitmodel resolve") from error


def _loader(project: Project, artifact: str, work: Work) -> Load:
    def load(pointer: Pointer) -> Entries:
        try:
            return bring_entries(project, pointer, "", work)
        except (MissingError, RemoteError, UsageError) as error:
            raise MissingError(
                f"a manifest of {artifact!r} is not in the cache and cannot be fetched:"
                f" {error.message}",
                hint=note("gitmodel resolve {}, when the remote can be read", artifact),
            ) from error

    return load


def _describe(project: Project, conflict: Conflict, work: Work) -> Resolved:
    found, _ = _attempt(project, conflict, work)
    sides = describe_sides(project.git, project.config, conflict, found)
    return Resolved(conflict.artifact, found.clashes, found.whole, sides)


def _attempt(project: Project, conflict: Conflict, work: Work) -> tuple[Attempt, Choices]:
    """Return a merge, and what was chosen in it before."""
    check_artifact(conflict.artifact)
    texts = (conflict.base or b"", conflict.ours, conflict.theirs)
    digest = oid_of(b"\0".join(texts), BLAKE3)
    choices = read_choices(_noted(project), conflict.artifact, digest)
    found = attempt(conflict, _loader(project, conflict.artifact, work))
    return decide(found, choices.sides), choices


def _noted(project: Project) -> Path:
    return project.git.git_dir / "gitmodel-resolve"


def _resolve(
    project: Project, conflict: Conflict, selection: Selection, choice: Choice
) -> Resolved:
    found, before = _attempt(project, conflict, choice.work)
    chosen = _chosen(found, selection, choice)
    found = decide(found, chosen)
    if found.clashes:
        if chosen:
            noted = Choices(before.digest, {**before.sides, **chosen})
            write_choices(_noted(project), conflict.artifact, noted, project.scratch)
        sides = describe_sides(project.git, project.config, conflict, found)
        return Resolved(conflict.artifact, found.clashes, found.whole, sides)
    pointer = conclude(found, project.cache)
    restored = _finish(project, conflict.artifact, found, pointer, choice)
    write_choices(_noted(project), conflict.artifact, None, project.scratch)
    return Resolved(conflict.artifact, (), pointer=pointer, restored=restored)


def _chosen(found: Attempt, selection: Selection, choice: Choice) -> dict[str, Side]:
    if choice.side is None:
        return {}
    chosen = {c.path: choice.side for c in found.clashes if selection.has(c.path)}
    if not chosen and selection.patterns:
        where = f"{selection.artifact}/{selection.patterns[0]}"
        raise UsageError(f"{where!r} is not in conflict", hint="gitmodel resolve")
    return chosen


def _finish(
    project: Project, artifact: str, found: Attempt, pointer: Pointer | None, choice: Choice
) -> CheckedOut | None:
    """Make files, pointer and Git's index what was decided, in this order."""
    rules, _ = ignore_rule(artifact)
    if staging.unmerged(project.git, [rules]):
        raise ConflictError(
            f"{rules!r} is in conflict too",
            hint=then(note("edit {}, git add {}", rules, rules), "try again"),
        )
    sides = [side for side in (found.ours, found.theirs) if side]
    wanted = {artifact: pointer} if pointer else {}
    restored = None
    # Who has only pointers here did not ask for more; what was deleted on our side is another case.
    if choice.restore and (look(project.root, artifact) or not found.ours):
        before = {artifact: sides[0]}
        try:
            restored = restore(project, wanted, before, choice.work, force=choice.force)
        except UnsavedError as error:
            raise UnsavedError(
                error.message,
                error.paths,
                # Only what was edited is added: the rest may lack what the other side has.
                hint=then(
                    command(
                        "gitmodel resolve --theirs --no-restore {}"
                        if choice.side == "theirs"
                        else "gitmodel resolve --ours --no-restore {}",
                        artifact,
                    ),
                    command("gitmodel add {}", error.paths),
                    command("gitmodel checkout -- {}", artifact),
                ),
            ) from error
    if pointer:
        track(project.git, wanted, {}, project.beside)
    else:
        untrack(project.git, [artifact], project.beside)
    return restored
