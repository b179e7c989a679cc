"""Which version comes after another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from gitmodel.version import Version

Bump = Literal["major", "minor", "patch"]

_Number = tuple[int, int, int]


def newest_release(versions: Iterable[Version]) -> Version | None:
    """Return the newest release, or the newest pre-release where nothing was released yet."""
    return max(versions, key=lambda each: (not each.pre, each.key, each.tag), default=None)


def next_tag(name: str, before: Version | None, bump: Bump, taken: Iterable[Version]) -> str:
    """Return the tag of the next version of an artifact, or of the whole repository.

    It is the first that is free: a number that a version of another branch has is passed over.
    After a pre-release comes its release; before everything comes 0.0.0.
    """
    used = {_number(version) for version in taken if not version.pre}
    number = _number(before) if before else (0, 0, 0)
    if before is None or not before.pre:
        number = _raised(number, bump)
    while number in used:
        number = _raised(number, bump)
    return _spell(name, before, number)


def _number(version: Version) -> _Number:
    return version.major, version.minor, version.patch


def _raised(number: _Number, bump: Bump) -> _Number:
    major, minor, patch = number
    if bump == "major":
        return major + 1, 0, 0
    return (major, minor + 1, 0) if bump == "minor" else (major, minor, patch + 1)


def _spell(name: str, before: Version | None, number: _Number) -> str:
    """Write the number as the version before it was written."""
    tag = before.tag if before else f"{name}-v0.0.0"
    full = f"v{before.major}.{before.minor}.{before.patch}" if before else "v0.0.0"
    shown = number if number[2] or full in tag.removeprefix(name) else number[:2]
    between = "@" if name and tag.startswith(f"{name}@") else "-"
    return f"{name}{between if name else ''}v{'.'.join(map(str, shown))}"
