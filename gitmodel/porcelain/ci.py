"""What a push, a version or a request to merge changed, for a CI job to act upon."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gitmodel.comparison import State, compare_artifacts
from gitmodel.errors import ConflictError, MissingError
from gitmodel.git import revisions
from gitmodel.hints import also
from gitmodel.history import History
from gitmodel.pointer import Pointer
from gitmodel.porcelain.resolve import resolve
from gitmodel.trigger import Kind, Trigger
from gitmodel.version import Version, parse_version

_WHOLE_HINT = "in CI fetch-depth: 0 for actions/checkout, GIT_DEPTH: 0 for GitLab"
_NAMED = re.compile(r"refs/.+|[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII | re.DOTALL)
"""What a CI job says of itself; anything else somebody has typed."""


@dataclass(frozen=True, slots=True)
class Touched:
    """An artifact that a job is about, and how it differs from what was there before."""

    path: str
    name: str
    change: State


@dataclass(frozen=True, slots=True)
class Event:
    """What a job is about.

    `version` is the tag if that is a version, `name` what it is a version of.  `before` and `after`
    are commits, `before` is empty if nothing was there; of a version, `since` is the tag of the
    one that it follows.  `artifacts` are those that changed, or of a version all that it is of.
    `notes` say what is not as one would think.
    """

    kind: Kind
    version: str
    name: str
    since: str
    before: str
    after: str
    artifacts: tuple[Touched, ...]
    notes: tuple[str, ...] = ()

    @property
    def here(self) -> tuple[Touched, ...]:
        """The artifacts that are there now."""
        return tuple(each for each in self.artifacts if each.change != "removed")

    @property
    def only(self) -> Touched | None:
        """The one artifact that is there now, if it is one."""
        return self.here[0] if len(self.here) == 1 else None


@dataclass(frozen=True, slots=True)
class _Span:
    before: str
    after: str
    notes: tuple[str, ...] = ()


def event_of(history: History, trigger: Trigger) -> Event:
    """Return what a trigger is about; raises `MissingError` if the clone lacks commits for it."""
    if trigger.kind == "tag":
        return _tagged(history, trigger)
    span = _requested(history, trigger) if trigger.kind == "request" else _pushed(history, trigger)
    changed = tuple(each for each in _touched(history, span, "") if each.change != "same")
    notes = (*span.notes, *history.reader.read(span.after).problems)
    return Event(trigger.kind, "", "", "", span.before, span.after, changed, notes)


def _tagged(history: History, trigger: Trigger) -> Event:
    if trigger.ref not in history.tags:
        raise _lacking(history, f"the tag {trigger.ref!r}")
    after = history.tags[trigger.ref].commit
    if trigger.after and _present(history, trigger.after) != after:
        raise ConflictError(
            f"the tag {trigger.ref!r} leads to {after[:12]}, and the job is about"
            f" {trigger.after[:12]}: it moved",
            hint="a version never moves; gitmodel tag NAME --bump patch makes a new one",
        )
    version = parse_version(trigger.ref, history.config.tag_formats)
    if version is None:
        return Event("tag", "", "", "", "", after, (), (f"{trigger.ref!r} is not a version",))
    since = "" if trigger.before else _before(history, version)
    before = _present(history, trigger.before or (since and f"refs/tags/{since}"))
    touched = _touched(history, _Span(before, after), version.name)
    artifacts = tuple(each for each in touched if each.change != "removed")
    notes = history.reader.read(after, version.name).problems
    if not artifacts:
        notes = (f"{trigger.ref!r} is of no artifact in its commit", *notes)
    return Event("tag", version.tag, version.name, since, before, after, artifacts, notes)


def _before(history: History, version: Version) -> str:
    """Return the tag of the version that one follows; a release follows a release."""
    older = [
        each
        for each in history.versions
        if each.name == version.name and each.key < version.key and (version.pre or not each.pre)
    ]
    return max(older, key=lambda each: (each.key, each.tag)).tag if older else ""


def _requested(history: History, trigger: Trigger) -> _Span:
    """What was merged elsewhere since it branched off is no doing of a request."""
    base, after = (_present(history, side) for side in (trigger.before, trigger.after))
    common = revisions.merge_base(history.git, base, after)
    if common is None and revisions.is_shallow(history.git):
        raise _lacking(history, f"where {after[:12]} and {base[:12]} part")
    return _Span(_newer_base(history, trigger, after) or common or base, after)


def _newer_base(history: History, trigger: Trigger, after: str) -> str:
    """Return where a request left the other branch as that is now, if it went on from there.

    What GitHub says of that branch may be older than what was merged from it since.
    """
    git = history.git
    main = revisions.resolve(git, f"refs/remotes/origin/{trigger.ref}") if trigger.ref else None
    newer = revisions.merge_base(git, main, after) if main else None
    # Where it is merged already, it would be compared with itself.
    if newer is None or newer == after or not revisions.is_ancestor(git, trigger.before, newer):
        return ""
    return newer


def _pushed(history: History, trigger: Trigger) -> _Span:
    after = _present(history, trigger.after)
    if not trigger.before:
        before, words = _beginning(history, trigger, after)
        return _Span(before, after, (f"this is new, and compared with {words}",))
    if not _is_gone(history, trigger.before):
        return _Span(_present(history, trigger.before), after)
    before, words = _beginning(history, trigger, after)
    note = f"{trigger.before[:12]} is gone, as after a forced push; compared with {words}"
    return _Span(before, after, (note,))


def _beginning(history: History, trigger: Trigger, after: str) -> tuple[str, str]:
    """Return where a branch left the default one, empty if it did not, and that in words."""
    git, name = history.git, trigger.default or "HEAD"
    main = revisions.resolve(git, f"refs/remotes/origin/{name}")
    base = revisions.merge_base(git, main, after) if main and trigger.ref != name else None
    if base is None and revisions.is_shallow(git):
        raise _lacking(history, f"where {trigger.ref or after[:12]!r} began")
    if base is None:
        return "", "nothing"
    return base, f"where it left origin/{name}, {base[:12]}"


def _is_gone(history: History, commit: str) -> bool:
    """Return whether no branch leads to a commit any more, so that nobody can have fetched it."""
    known = _NAMED.fullmatch(commit) is None or revisions.resolve(history.git, commit) is not None
    return not known and not revisions.is_shallow(history.git)


def _present(history: History, revision: str) -> str:
    """Return the commit of a revision; nothing for nothing.

    Raises `MissingError` if a job names one that is not here, `UsageError` if somebody does.
    """
    if not revision:
        return ""
    if not _NAMED.fullmatch(revision):
        return resolve(history, revision).commit
    commit = revisions.resolve(history.git, revision)
    if commit is None:
        raise _lacking(history, f"{revision!r}")
    return commit


def _lacking(history: History, what: str) -> MissingError:
    shallow = revisions.is_shallow(history.git)
    hint = also("git fetch --unshallow --tags" if shallow else "git fetch --tags", _WHOLE_HINT)
    return MissingError(f"{what} is not in this clone", hint=hint)


def _touched(history: History, span: _Span, name: str) -> Iterator[Touched]:
    """Yield the artifacts of both ends; those of one name, unless that is empty."""
    sides = [_artifacts(history, commit, name) for commit in (span.before, span.after)]
    names: dict[str, str] = {}
    for commit in (span.before, span.after):
        names |= history.artifacts_of(commit) if commit else {}
    for row in compare_artifacts(sides, lambda _: True):
        yield Touched(row.path, names[row.path], row.states[0])


def _artifacts(history: History, commit: str, name: str) -> Mapping[str, Pointer]:
    return history.reader.read(commit, name).artifacts if commit else {}
