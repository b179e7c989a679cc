"""Versions that are other tags on the Git remote than they were; a version never moves.

The tags here are witnesses, and so is a note of the tags that were seen on a Git remote: whoever
fetched a moved tag by force has no other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitmodel.atomic import write_file
from gitmodel.errors import RemoteError
from gitmodel.git import refs, transport
from gitmodel.project import Project
from gitmodel.version import parse_version


@dataclass(frozen=True, slots=True)
class Moved:
    """Which versions moved on the Git remote; `problem` is why it could not be asked."""

    git_remote: str
    tags: tuple[str, ...] = ()
    problem: str = ""


def look_for_moved(project: Project) -> Moved:
    """Ask the Git remote for its versions; see `moved_of`."""
    remote = transport.remote_of(project.git)
    if remote is None:
        return Moved("")
    here = refs.tag_objects(project.git)
    if not _versions(project, here) and not _seen(project, remote):
        return Moved(remote)
    try:
        there = transport.remote_tags(project.git, remote, ask=False)
    except RemoteError as error:
        return Moved(remote, problem=error.message)
    return Moved(remote, moved_of(project, remote, here, there))


def moved_of(
    project: Project, remote: str, here: Mapping[str, str], there: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the versions that are other tags there than here, or than when they were last seen.

    `here` and `there` are all tags of both.  What is there now is what was last seen from now on,
    unless the tag here says otherwise.
    """
    seen = _seen(project, remote)
    now = _versions(project, there)
    differ = {tag for tag, oid in now.items() if here.get(tag, oid) != oid}
    moved = differ | {tag for tag, oid in now.items() if seen.get(tag, oid) != oid}
    known = seen | {tag: oid for tag, oid in now.items() if tag not in differ}
    if known != seen:
        _remember(project, remote, known)
    return tuple(sorted(moved))


def _versions(project: Project, tags: Mapping[str, str]) -> dict[str, str]:
    formats = project.config.tag_formats
    return {tag: oid for tag, oid in tags.items() if parse_version(tag, formats)}


def _seen(project: Project, remote: str) -> dict[str, str]:
    found = _read(_path(project)).get(remote)
    return {str(tag): str(oid) for tag, oid in found.items()} if isinstance(found, dict) else {}


def _remember(project: Project, remote: str, known: Mapping[str, str]) -> None:
    path = _path(project)
    text = json.dumps({**_read(path), remote: known}, indent=0, sort_keys=True)
    write_file(path, f"{text}\n".encode(), project.scratch)


def _read(path: Path) -> dict[str, object]:
    """Return what is noted; a note that is damaged is none."""
    try:
        noted = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _path(project: Project) -> Path:
    return project.git.common_dir / "gitmodel" / "seen-tags.json"
