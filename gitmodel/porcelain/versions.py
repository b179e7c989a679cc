"""The versions of a repository: its tags that fit the grammar."""

from __future__ import annotations

from dataclasses import dataclass

from gitmodel.git.command import Git
from gitmodel.version import Version, parse_version


@dataclass(frozen=True, slots=True)
class Listed:
    """A version, the commit that it is at, when (Unix time) and by whom it was tagged."""

    version: Version
    commit: str
    time: int
    author: str


def versions(git: Git, name: str | None) -> list[Listed]:
    """Return all versions, or those of one artifact, by name and then newest version first."""
    found = [
        Listed(version, ref.commit, ref.time, ref.author)
        for ref in git.tags()
        if (version := parse_version(ref.name)) and (name is None or version.name == name)
    ]
    found.sort(key=lambda listed: listed.version.key, reverse=True)
    return sorted(found, key=lambda listed: listed.version.name)
