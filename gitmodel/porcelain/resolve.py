"""Find the commit that a reference means: the one place where versions are looked up."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from gitmodel.errors import UsageError
from gitmodel.git import refs, revisions
from gitmodel.hints import command
from gitmodel.history import History
from gitmodel.paths import POINTER_SUFFIX, parents
from gitmodel.reference import (
    Best,
    Stage,
    best_of,
    near,
    no_stages,
    parse_wanted,
    split_reference,
    stages_of,
)
from gitmodel.secrets import without_secret
from gitmodel.version import find_version, parse_version, versions_of

_TAGS = "refs/tags/"
_BRANCHES = ("refs/heads/", "refs/remotes/")


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a reference means.

    `name` is the artifact that it is about, empty for the whole repository; `tag` the tag that it
    leads to, empty for another revision; `label` is how it may be shown, and resolves to the same.
    """

    commit: str
    name: str
    tag: str
    label: str


def resolve(history: History, text: str, of: str = "") -> Resolved:
    """Return what a reference means; see docs/design.md for the order in which it is read.

    With `of`, the name or path of an artifact, it is a version of that: what else would follow
    the `@`.  Raises `UsageError` that names what is similar if it means nothing.
    """
    if "\0" in text:
        raise UsageError("a reference may hold no NUL")
    if "://" in text:
        # Git and gitmodel name no version so; it may hold a password, also cut in two at an `@`.
        raise UsageError(
            f"{without_secret(text)!r} is a URL, and no version",
            hint="gitmodel versions; gitmodel get URL ARTIFACT@VERSION",
        )
    if of and not split_reference(text)[0]:
        return _of_artifact(history, _name_in(history, of) or PurePosixPath(of).stem, text)
    found = (
        _tagged(history, text.removeprefix(_TAGS)) or _at(history, text) or _other(history, text)
    )
    if found is None:
        raise _unknown(history, text)
    return found


def find_name(history: History, text: str) -> str:
    """Return the name of the artifact that a name or path means; empty if it means none.

    A path may lie inside the artifact.
    """
    plain = posixpath.normpath(text).removesuffix(POINTER_SUFFIX)
    for path in (plain, *parents(plain)):
        if path in history.artifacts:
            return history.artifacts[path]
    return plain if plain in _names(history) else ""


def _tagged(history: History, text: str) -> Resolved | None:
    """Return the tag of this name, or the version that is spelled otherwise there."""
    if text in history.tags:
        return _tag(history, text)
    version = parse_version(text)
    if version is None:
        return None
    bare = text[len(version.name) :].removeprefix("-")
    tag = find_version(history.tags, version.name, bare, history.config.tag_formats)
    found = _tag(history, tag) if tag else None
    return found if found and found.name == version.name else None


def _at(history: History, text: str) -> Resolved | None:
    """Return what `NAME@VERSION` means; None if it is a revision that only looks like it."""
    path, wanted = split_reference(text)
    if not path:
        return None
    if name := _name_in(history, path):
        return _of_artifact(history, name, wanted)
    if revisions.resolve(history.git, text):
        return None
    if found := _gone(history, path, wanted):
        return found
    alike = near(path, (*_names(history), *history.artifacts))
    raise UsageError(
        f"{path!r} is not the name of an artifact here{alike}", hint="gitmodel versions"
    )


def _gone(history: History, path: str, wanted: str) -> Resolved | None:
    """Return a revision for an artifact that only that revision has."""
    commit = revisions.resolve(history.git, wanted) if wanted else None
    there = history.artifacts_of(commit) if commit else {}
    name = there.get(path) or (path if path in there.values() else "")
    return _of_artifact(history, name, wanted) if name else None


def _other(history: History, text: str) -> Resolved | None:
    """Return what a branch, the name of an artifact, or another revision means."""
    for folder in _BRANCHES:
        if text and (commit := revisions.resolve(history.git, folder + text)):
            return Resolved(commit, "", "", text)
    if name := find_name(history, text) if text else "":
        return _newest(history, name)
    commit = revisions.resolve(history.git, text) if text else None
    return Resolved(commit, "", "", text) if commit else None


def _of_artifact(history: History, name: str, text: str) -> Resolved:
    """Return the version of an artifact that is meant by what follows the `@`."""
    wanted = parse_wanted(text, stages_of(history.config.gates))
    if isinstance(wanted, Best):
        return _best(history, name, wanted.metric)
    if isinstance(wanted, Stage):
        raise no_stages(wanted)
    if not text:
        return _newest(history, name)
    tag = find_version(history.tags, name, text, history.config.tag_formats)
    if tag or text in history.tags:
        return _tag(history, tag or text, name)
    found = _tagged(history, text.removeprefix(_TAGS))
    commit = found.commit if found else revisions.resolve(history.git, text)
    if commit is None:
        raise _unknown(history, text, name)
    return Resolved(commit, name, found.tag if found else "", f"{name}@{text}")


def _newest(history: History, name: str) -> Resolved:
    versions = versions_of(history.versions, name)
    if not versions:
        raise UsageError(f"{name!r} has no version yet", hint=command("git tag {}-v0.1", name))
    return _tag(history, versions[0].tag, name)


def _best(history: History, name: str, metric: str) -> Resolved:
    """Return the version with the best value, the newest of equal ones.

    Whether more or less is better is what the newest version says that has the metric.
    """
    known: dict[str, None] = {}
    goals: list[str] = []
    values: dict[str, float] = {}
    versions = versions_of(history.versions, name)
    measured = history.measure((history.tags[each.tag].commit, name) for each in versions)
    for version in versions:
        metrics = measured[history.tags[version.tag].commit, name].metrics
        known |= dict.fromkeys(metrics)
        if metric in metrics:
            goals.append(metrics[metric].goal)
            values[version.tag] = metrics[metric].value
    tag = best_of(values, less=goals[:1] == ["min"])
    if tag is None:
        alike = near(metric, known)
        raise UsageError(
            f"no version of {name!r} has the metric {metric!r}{alike}", hint="gitmodel versions"
        )
    return _tag(history, tag, name)


def _tag(history: History, tag: str, name: str = "") -> Resolved:
    """Return a tag as what it is a version of, or as that of the artifact `name`."""
    version = parse_version(tag, history.config.tag_formats)
    owner = version.name if version else ""
    found = Resolved(history.tags[tag].commit, owner, tag, tag)
    if not name or name == owner:
        return found
    return replace(found, name=name, label=f"{name}@{tag}")


def _name_in(history: History, text: str) -> str:
    """Return the name that an artifact has, or had, in version tags; empty if it means none."""
    stem = PurePosixPath(text.removesuffix(POINTER_SUFFIX)).stem
    owners = {version.name for version in history.versions}
    return find_name(history, text) or (stem if stem in owners else "")


def _names(history: History) -> set[str]:
    """Return the names of artifacts: those of HEAD, and those that have versions."""
    owners = {version.name for version in history.versions}
    return (owners | set(history.artifacts.values())) - {""}


def _unknown(history: History, text: str, name: str = "") -> UsageError:
    if name:
        mine = [version.tag for version in history.versions if version.name in (name, "")]
        alike = near(text, mine) or near(f"{name}-{text}", mine)
        return UsageError(
            f"{text!r} is not a version of {name!r}, nor another revision of Git{alike}",
            hint=command("gitmodel versions {}", name),
        )
    git = history.git
    if not (history.tags or revisions.resolve(git, "HEAD") or refs.heads(git)):
        return UsageError(f"{text!r} means nothing: there is no commit yet", hint="git commit")
    alike = near(text, (*history.tags, *_names(history), *history.artifacts))
    return UsageError(
        f"{text!r} is not a version, nor another revision of Git{alike}", hint="gitmodel versions"
    )
