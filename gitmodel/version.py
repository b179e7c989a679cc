"""The grammar and the order of versions: `[name-]vMAJOR.MINOR[.PATCH][-pre][+build]`.

`v1.0` is a version of the whole repository, `model-v1.1` of the artifact named `model`.
Order is that of Semantic Versioning 2.0.0, section 11; an absent PATCH is 0.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

_NUMBER = r"0|[1-9][0-9]{0,17}"
_PRE = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"(?:(?P<name>[^\s~^:?*\[\\]+)-)?"
    rf"v(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})(?:\.(?P<patch>{_NUMBER}))?"
    rf"(?:-(?P<pre>{_PRE}(?:\.{_PRE})*))?(?:\+(?P<build>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?",
    re.ASCII,
)
_ALMOST = re.compile(
    r"(?:.+[-_@/])?(?:v[0-9]+|[0-9]+\.[0-9]+)(?:\.[0-9]+)*"
    r"(?:[-_.+]?(?:alpha|beta|rc|pre|dev|post|[abc](?=[0-9])).*|[-_.+])?",
    re.IGNORECASE,
)

TagFormat = Literal["gto"]
TAG_FORMATS: tuple[TagFormat, ...] = ("gto",)
"""Other spellings of a version; GTO's is `model@v1.0.0`."""

_GTO = re.compile(r"(?P<name>[a-z0-9]+(?:[-/_][a-z0-9]+)*)@(?P<version>v.+)", re.ASCII)

_Identifier = tuple[int, int, str]
Key = tuple[int, int, int, int, tuple[_Identifier, ...]]


@dataclass(frozen=True, slots=True)
class Version:
    """A tag that is a version; `name` is empty for a version of the whole repository."""

    tag: str
    name: str
    major: int
    minor: int
    patch: int
    pre: str
    build: str

    @property
    def key(self) -> Key:
        """What to sort by; two versions of equal precedence have equal keys."""
        return (self.major, self.minor, self.patch, 0 if self.pre else 1, _pre_key(self.pre))


def parse_version(tag: str, formats: Collection[TagFormat] = ()) -> Version | None:
    """Return the version that a tag's short name says, or None if it says none.

    `formats` are spellings that count besides gitmodel's own.
    """
    if len(tag) > 250:
        return None
    if "gto" in formats and (match := _GTO.fullmatch(tag)):
        return _parse(tag, f"{match['name']}-{match['version']}")
    return _parse(tag, tag)


def _parse(tag: str, text: str) -> Version | None:
    if not (match := _VERSION.fullmatch(text)):
        return None
    return Version(
        tag,
        match["name"] or "",
        int(match["major"]),
        int(match["minor"]),
        int(match["patch"] or 0),
        match["pre"] or "",
        match["build"] or "",
    )


def is_almost_version(tag: str, formats: Collection[TagFormat] = ()) -> bool:
    """Return whether a tag is none, though people may take it for one: `v1`, `1.0`, `v1.0rc1`."""
    if parse_version(tag, formats):
        return False
    plain = _plain(tag)
    return bool(parse_version(plain, formats) or _ALMOST.fullmatch(plain))


def _plain(text: str) -> str:
    """Return a text with what looks like ASCII, or like nothing, in ASCII."""
    found = unicodedata.normalize("NFKC", text)
    kinds = ((char, unicodedata.category(char)) for char in found)
    return "".join("-" if kind == "Pd" else char for char, kind in kinds if kind != "Cf")


def find_version(
    tags: Iterable[str], name: str, wanted: str, formats: Collection[TagFormat] = ()
) -> str | None:
    """Return the tag of the version `wanted` of the artifact `name`, or of the whole repository.

    `v1.1` of `model` is `model-v1.1`, else `v1.1`; `v1.1.0` is the same version.
    """
    version = parse_version(wanted)
    if version is None or version.name:
        return None
    versions = parse_versions(tags, formats)
    for owner in dict.fromkeys((name, "")):
        exact = f"{owner}-{wanted}" if owner else wanted
        mine = [each for each in versions if each.name == owner]
        same = [v.tag for v in mine if (v.key, v.build) == (version.key, version.build)]
        if same:
            return exact if exact in same else min(same)
    return None


def newest_version(
    tags: Iterable[str], name: str, formats: Collection[TagFormat] = ()
) -> str | None:
    """Return the tag of the newest version of the artifact `name`, else of the whole repository.

    A release comes before any pre-release.
    """
    found = versions_of(parse_versions(tags, formats), name)
    return found[0].tag if found else None


def versions_of(versions: Iterable[Version], name: str) -> list[Version]:
    """Return the versions of the artifact `name`, else of the whole repository, newest first.

    Releases come before pre-releases.
    """
    versions = list(versions)
    for owner in dict.fromkeys((name, "")):
        if found := [version for version in versions if version.name == owner]:
            return sorted(found, key=lambda v: (not v.pre, v.key, v.tag), reverse=True)
    return []


def parse_versions(tags: Iterable[str], formats: Collection[TagFormat] = ()) -> list[Version]:
    """Return those tags that are versions."""
    parsed = (parse_version(tag, formats) for tag in tags)
    return [version for version in parsed if version]


def _pre_key(pre: str) -> tuple[_Identifier, ...]:
    """Numbers sort before words, and by value; words by their ASCII text."""
    return tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".") if part
    )
