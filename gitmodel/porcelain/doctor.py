"""Look for what commonly goes wrong in a set-up, and say what to do."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gitmodel.config import CONFIG_NAME
from gitmodel.disk import clone
from gitmodel.errors import GitmodelError
from gitmodel.git import staging
from gitmodel.git.command import lock_files
from gitmodel.hints import command, note
from gitmodel.mounts import is_shared, kind_of
from gitmodel.porcelain.connect import open_remote
from gitmodel.porcelain.install import check
from gitmodel.project import Project, open_project
from gitmodel.snapshot import pointer_path, read_worktree
from gitmodel.words import human, plural, some

_LEAST_GIT = (2, 30)
_LEAST_FREE = 1 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `hint` is what to do where it is not good."""

    subject: str
    good: bool
    text: str
    hint: str = field(default="", kw_only=True)


def doctor(folder: Path) -> list[Finding]:
    """Return what was found; a set-up that cannot be opened is a finding too."""
    try:
        with open_project(folder) as project:
            checks: tuple[Callable[[Project], Finding], ...] = (
                _git,
                _locks,
                _config,
                _pointers,
                _ignored,
                _cache,
                _kept,
                _disk,
                _file_systems,
                _remote,
                _hooks,
            )
            return [_guarded(check, project) for check in checks]
    except GitmodelError as error:
        return [Finding("repository", False, error.message, hint=error.hint)]


def _guarded(check: Callable[[Project], Finding], project: Project) -> Finding:
    try:
        return check(project)
    except GitmodelError as error:
        return Finding(check.__name__.strip("_"), False, error.message, hint=error.hint)


def _git(project: Project) -> Finding:
    text = project.git.version()
    numbers = tuple(map(int, re.findall(r"\d+", text)[:2]))
    return Finding("git", numbers >= _LEAST_GIT, text, hint="install Git 2.30 or newer")


def _locks(project: Project) -> Finding:
    """While Git works they are there; a Git that was killed leaves them."""
    found = [os.path.relpath(path) for path in lock_files(project.git)]
    if found:
        text = f"{found[0]!r} is there: another Git is at work, or one was killed"
        return Finding("locks", False, text, hint=note("rm {}, if no Git runs", found[0]))
    return Finding("locks", True, "no lock file of Git is left")


def _config(project: Project) -> Finding:
    tracked = bool(staging.tracked(project.git, [CONFIG_NAME]))
    text = f"{CONFIG_NAME} is {'tracked' if tracked else 'not tracked by Git'}"
    return Finding("config", tracked, text, hint=command("git add {}", CONFIG_NAME))


def _pointers(project: Project) -> Finding:
    count = len(read_worktree(project.git).pointers)
    return Finding("pointers", True, f"{plural(count, 'artifact')}, all pointers are well-formed")


def _ignored(project: Project) -> Finding:
    """A tracked artifact that Git sees would be committed as it is."""
    artifacts = list(read_worktree(project.git).pointers)
    raw = staging.tracked(project.git, artifacts)
    if raw:
        owner = next(a for a in artifacts if raw[0] == a or raw[0].startswith(f"{a}/"))
        text = f"{raw[0]!r} is tracked by Git and by {pointer_path(owner)!r}"
        return Finding("raw files", False, text, hint=command("git rm -r --cached {}", owner))
    return Finding("raw files", True, "no artifact is tracked by Git as well")


def _cache(project: Project) -> Finding:
    text = f"{human(project.cache.size())} in {project.cache.root}"
    try:
        shares = _can_clone(project)
    except OSError as error:
        return Finding("cache", False, f"{text}; {error.strerror}", hint="make it writable")
    return Finding(
        "cache", True, f"{text}; work files {'share its blocks' if shares else 'are copies'}"
    )


def _kept(project: Project) -> Finding:
    """Tell of what a command took away, and where, also if it died before it could."""
    found = [os.path.relpath(path, project.root) for path in project.places.kept()]
    text = f"for a day, because it was saved nowhere: {some(found)}" if found else "nothing"
    return Finding("kept", True, text)


def _can_clone(project: Project) -> bool:
    source, first = project.scratch.new_file()
    target, second = project.beside.new_file()
    try:
        os.write(source, b"gitmodel" * 512)
        return clone(source, target)
    finally:
        for fd, path in ((source, first), (target, second)):
            os.close(fd)
            path.unlink()


def _disk(project: Project) -> Finding:
    free = shutil.disk_usage(project.cache.root).free
    return Finding("disk", free >= _LEAST_FREE, f"{human(free)} free", hint="make room")


def _file_systems(project: Project) -> Finding:
    """Say where the cache and the work files are, and what it means if that is a network."""
    folders = {"cache": project.cache.root, "work files": project.root}
    kinds = {name: kind_of(folder) or "unknown" for name, folder in folders.items()}
    text = ", ".join(f"{name} on {kind}" for name, kind in kinds.items())
    if any(map(is_shared, kinds.values())):
        text += "; locks on a network hold on this machine only: use a clone from one at a time"
    return Finding("file systems", True, text)


def _remote(project: Project) -> Finding:
    if not project.config.remotes:
        return Finding(
            "remote", False, "none is configured", hint="gitmodel remote add origin PATH_OR_URL"
        )
    remote = open_remote(project)
    if not (used := remote.describe()):
        remote.check_gone()
    state = "can be read" if used else "holds nothing yet"
    return Finding("remote", True, f"{remote.name} ({remote.store.url}) {state}")


def _hooks(project: Project) -> Finding:
    """To have none is a choice; to have some of them, or old ones, is not."""
    found = check(project.git, project.git.version_number(), tag_guard=False)
    wrong = [f"{hook.name} is {hook.state}" for hook in found.hooks if hook.state != "installed"]
    if found.good:
        return Finding("hooks", True, "all are installed: plain git moves data too")
    if len(wrong) == len(found.hooks) and not any(each.endswith("stale") for each in wrong):
        return Finding("hooks", True, "none are installed; gitmodel install sets them up")
    return Finding("hooks", False, ", ".join((*wrong, *found.lacking)), hint="gitmodel install")
