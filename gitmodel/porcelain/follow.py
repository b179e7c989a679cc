"""Record the run of a command, and what scripts in it recorded: `gitmodel run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gitmodel.lineage import Input
from gitmodel.porcelain.add import check_outputs
from gitmodel.porcelain.keep import KeptRun, keep
from gitmodel.porcelain.origin import Origin, read_origin
from gitmodel.porcelain.recorded import Params, Recorded, take_over
from gitmodel.porcelain.run import find_inputs, read_params
from gitmodel.progress import Progress
from gitmodel.project import Project
from gitmodel.snapshot import find_artifact, read_worktree


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is to be run.

    `uses` are inputs and their roles; `params` is a file; `saves` are outputs, relative to the top
    of the working tree.
    """

    arguments: tuple[str, ...]
    name: str = ""
    uses: tuple[tuple[str, str], ...] = ()
    params: str = ""
    saves: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Followed:
    """A command that is running: where scripts leave what they recorded, and what is known."""

    folder: Path
    recorded: Recorded
    origin: Origin


def follow(project: Project, command: Command) -> Followed:
    """Return what is known of a command before it starts; raises an error for a wrong input."""
    check_outputs(project, command.saves)
    inputs: list[Input] = []
    for path, role in command.uses:
        inputs += find_inputs(project, path, role)[0]
    recorded = Recorded(
        command.name,
        read_params(project, command.params or None),
        inputs=tuple(inputs),
        outputs=command.saves,
    )
    folder = project.scratch.new_path()
    folder.mkdir()
    return Followed(folder, recorded, read_origin(project, Path.cwd(), command.arguments))


def end(project: Project, followed: Followed, python: str, progress: Progress) -> list[KeptRun]:
    """Write what a command and the scripts in it recorded, now that it ended well."""
    own = replace(followed.recorded, python=python)
    handed = take_over(followed.folder, project.config.goals)
    runs = _joined(own, handed) if handed else [_with_output(project, own)]
    return [keep(project, each, followed.origin, progress) for each in runs]


def _joined(own: Recorded, handed: Sequence[Recorded]) -> list[Recorded]:
    """Return what scripts recorded, each with what the command line said of all."""
    chosen = next((n for n, each in enumerate(handed) if each.name == own.name), 0)
    return [_join(own, each, first=number == chosen) for number, each in enumerate(handed)]


def _join(own: Recorded, handed: Recorded, *, first: bool) -> Recorded:
    outputs = dict.fromkeys((*handed.outputs, *(own.outputs if first else ())))
    return replace(
        handed,
        name=handed.name or own.name,
        params=_both(handed.params, own.params),
        inputs=(*own.inputs, *handed.inputs),
        outputs=tuple(outputs),
    )


def _both(handed: Params | None, own: Params | None) -> Params | None:
    """Return the params of a script, with those of the command line that it did not name."""
    if handed is None or own is None:
        return handed or own
    return Params({**own.values, **handed.values}, handed.file)


def _with_output(project: Project, own: Recorded) -> Recorded:
    """Return a run of which nobody said what it made as one of the artifact that it is named after.

    Raises `UsageError` if there is none.
    """
    if own.outputs or not own.name:
        return own
    snapshot = read_worktree(project.git)
    artifact, _ = find_artifact(snapshot, project.config.artifacts, own.name)
    return replace(own, outputs=(artifact,))
