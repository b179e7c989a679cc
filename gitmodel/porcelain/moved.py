"""Versions that are other tags on the Git remote than here; a version never moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gitmodel.errors import RemoteError
from gitmodel.project import Project
from gitmodel.version import parse_version


@dataclass(frozen=True, slots=True)
class Moved:
    """Which versions are other tags on the Git remote; `problem` is why it could not be asked."""

    git_remote: str
    tags: tuple[str, ...] = ()
    problem: str = ""


def look_for_moved(project: Project) -> Moved:
    """Compare the versions here, as they were last seen, with those of the Git remote."""
    remote = project.git.remote()
    here = project.git.tag_objects() if remote else {}
    if remote is None or not any(_is_version(project, tag) for tag in here):
        return Moved(remote or "")
    try:
        there = project.git.remote_tags(remote, ask=False)
    except RemoteError as error:
        return Moved(remote, problem=error.message)
    return Moved(remote, moved_of(project, here, there))


def moved_of(
    project: Project, here: Mapping[str, str], there: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the versions that are other tags there than here, given all tags of both."""
    differ = (tag for tag, oid in here.items() if there.get(tag, oid) != oid)
    return tuple(tag for tag in differ if _is_version(project, tag))


def _is_version(project: Project, tag: str) -> bool:
    return parse_version(tag, project.config.tag_formats) is not None
