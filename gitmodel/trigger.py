"""What started a CI job, by what its environment says: a tag, a push, or a request to merge.

GitHub Actions, and what imitates it, says so in `GITHUB_*` and in a JSON file; GitLab in `CI_*`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gitmodel.errors import UsageError
from gitmodel.hints import command, either

Kind = Literal["tag", "push", "request"]

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_TAGS, _HEADS = "refs/tags/", "refs/heads/"
_BY_HAND = "gitmodel ci event --before REV --after REV"


@dataclass(frozen=True, slots=True)
class Trigger:
    """What started a job.

    `ref` is the short name of the tag or branch, or of the branch that a request is to be merged
    into, as far as it is known.  `before` and `after` are revisions: what was there, empty if
    nothing was, and what is there now, empty for whatever a tag leads to; of a request, that
    branch and its own.  `default` is the default branch, if known.
    """

    kind: Kind
    ref: str
    before: str
    after: str
    default: str = ""


def given_trigger(ref: str, before: str, after: str) -> Trigger:
    """Return what somebody says by hand; raises `UsageError` for a ref that is none."""
    if ref.startswith(_TAGS):
        return Trigger("tag", ref.removeprefix(_TAGS), before, after)
    if ref and not ref.startswith(_HEADS):
        raise UsageError(
            f"{ref!r} is neither a tag nor a branch in full",
            hint=either(command("--ref {}", _TAGS + ref), command("--ref {}", _HEADS + ref)),
        )
    return Trigger("push", ref.removeprefix(_HEADS), _there(before), after or "HEAD")


def trigger_of(environment: Mapping[str, str], event: bytes = b"") -> Trigger:
    """Return what the environment of a CI job says; raises `UsageError` if it is of none.

    `event` is the file that `GITHUB_EVENT_PATH` names, if there is one.
    """
    # Gitea and Forgejo set both; what they say in GITHUB_* is the more complete.
    if environment.get("GITHUB_ACTIONS") or environment.get("GITHUB_REF"):
        return _github(environment, _parse(event))
    if environment.get("GITLAB_CI") or environment.get("CI_COMMIT_SHA"):
        return _gitlab(environment)
    raise UsageError("this is not a CI job of GitHub or GitLab", hint=_BY_HAND)


def _github(environment: Mapping[str, str], event: Mapping[str, Any]) -> Trigger:
    ref = environment.get("GITHUB_REF", "")
    head = _commit(environment.get("GITHUB_SHA"), "GITHUB_SHA")
    default = str(_part(event, "repository").get("default_branch") or "")
    if request := _github_request(environment, event, head):
        return Trigger("request", environment.get("GITHUB_BASE_REF", ""), *request, default)
    if ref.startswith(_TAGS):
        return Trigger("tag", ref.removeprefix(_TAGS), "", head, default)
    branch = ref.removeprefix(_HEADS)
    if environment.get("GITHUB_EVENT_NAME", "push") != "push" or "after" not in event:
        # Somebody started it, or a clock did: nothing was pushed.
        return Trigger("push", branch, head, head, default)
    before = _there(_commit(event.get("before"), "before in the event"))
    after = _commit(event["after"], "after in the event")
    return Trigger("push", branch, before, _kept(after), default)


def _github_request(
    environment: Mapping[str, str], event: Mapping[str, Any], head: str
) -> tuple[str, str] | None:
    """Return the commit that a request is to be merged into, and its own."""
    if pull := _part(event, "pull_request"):
        sides = (_part(pull, side).get("sha") for side in ("base", "head"))
        base, own = (_commit(side, "pull_request in the event") for side in sides)
        return base, own
    if group := _part(event, "merge_group"):
        base, own = (_commit(group.get(key), key) for key in ("base_sha", "head_sha"))
        return base, own
    base = environment.get("GITHUB_BASE_REF", "")
    return (f"refs/remotes/origin/{base}", head) if base else None


def _gitlab(environment: Mapping[str, str]) -> Trigger:
    default = environment.get("CI_DEFAULT_BRANCH", "")
    after = _commit(environment.get("CI_COMMIT_SHA"), "CI_COMMIT_SHA")
    if tag := environment.get("CI_COMMIT_TAG"):
        return Trigger("tag", tag, "", after, default)
    if base := environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA"):
        # Where the job is about the merged result, that is no commit of the request.
        own = environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or after
        base, own = (_commit(side, "CI_MERGE_REQUEST_*_SHA") for side in (base, own))
        return Trigger("request", "", base, own, default)
    branch = environment.get("CI_COMMIT_BRANCH", "")
    if environment.get("CI_PIPELINE_SOURCE", "push") != "push":
        return Trigger("push", branch, after, after, default)
    before = environment.get("CI_COMMIT_BEFORE_SHA", "")
    return Trigger(
        "push", branch, _there(before and _commit(before, "CI_COMMIT_BEFORE_SHA")), after, default
    )


def _parse(event: bytes) -> Mapping[str, Any]:
    if not event:
        return {}
    try:
        found = json.loads(event)
    except (ValueError, RecursionError) as error:
        raise UsageError("the file of GITHUB_EVENT_PATH is no JSON", hint=_BY_HAND) from error
    return found if isinstance(found, dict) else {}


def _part(event: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = event.get(key)
    return found if isinstance(found, dict) else {}


def _commit(value: object, what: str) -> str:
    if not isinstance(value, str) or not _COMMIT.fullmatch(value):
        raise UsageError(f"{what} is no commit: {value!r}", hint=_BY_HAND)
    return value


def _there(commit: str) -> str:
    """All zeros stand for nothing."""
    return commit.strip("0") and commit


def _kept(commit: str) -> str:
    if not _there(commit):
        raise UsageError(
            "the branch was deleted: there is nothing to look at",
            hint="if: ${{ !github.event.deleted }}",
        )
    return commit
