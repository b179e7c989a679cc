import json
from collections.abc import Mapping

import pytest

from gitmodel.errors import UsageError
from gitmodel.trigger import Trigger, given_trigger, trigger_of

A, B, ZERO = "a" * 40, "b" * 40, "0" * 40
GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/main", "GITHUB_SHA": B}
GITLAB = {"GITLAB_CI": "true", "CI_COMMIT_SHA": B, "CI_COMMIT_BRANCH": "main"}
REPOSITORY = {"repository": {"default_branch": "main"}}
PULL = {"pull_request": {"base": {"sha": A}, "head": {"sha": B}}}


@pytest.mark.parametrize(
    ("environment", "event", "found"),
    [
        ({}, {"before": A, "after": B}, Trigger("push", "main", A, B, "main")),
        ({}, {"before": ZERO, "after": B}, Trigger("push", "main", "", B, "main")),
        ({"GITHUB_EVENT_NAME": "schedule"}, {}, Trigger("push", "main", B, B, "main")),
        (
            {"GITHUB_EVENT_NAME": "workflow_dispatch", "GITHUB_REF": "refs/heads/a/b"},
            {"inputs": None},
            Trigger("push", "a/b", B, B, "main"),
        ),
        (
            {"GITHUB_REF": "refs/tags/a/model-v1.1"},
            {"before": ZERO, "after": B},
            Trigger("tag", "a/model-v1.1", "", B, "main"),
        ),
        (
            {"GITHUB_REF": "refs/pull/7/merge", "GITHUB_BASE_REF": "next"},
            PULL,
            Trigger("request", "next", A, B, "main"),
        ),
        (
            {"GITHUB_REF": "refs/heads/gh-readonly-queue/main/pr-1"},
            {"merge_group": {"base_sha": A, "head_sha": B}},
            Trigger("request", "", A, B, "main"),
        ),
        (
            {"GITHUB_BASE_REF": "main"},
            {},
            Trigger("request", "main", "refs/remotes/origin/main", B, "main"),
        ),
    ],
)
def test_github(environment: Mapping[str, str], event: object, found: Trigger) -> None:
    data = json.dumps({**REPOSITORY, **event}).encode()
    assert trigger_of({**GITHUB, **environment}, data) == found


def test_github_without_a_file_knows_of_no_push() -> None:
    assert trigger_of(GITHUB) == Trigger("push", "main", B, B)


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"CI_COMMIT_BEFORE_SHA": A}, Trigger("push", "main", A, B, "trunk")),
        ({"CI_COMMIT_BEFORE_SHA": ZERO}, Trigger("push", "main", "", B, "trunk")),
        (
            {"CI_COMMIT_BEFORE_SHA": ZERO, "CI_PIPELINE_SOURCE": "schedule"},
            Trigger("push", "main", B, B, "trunk"),
        ),
        (
            {"CI_COMMIT_TAG": "model-v1.1", "CI_COMMIT_BEFORE_SHA": ZERO},
            Trigger("tag", "model-v1.1", "", B, "trunk"),
        ),
        ({"CI_MERGE_REQUEST_DIFF_BASE_SHA": A}, Trigger("request", "", A, B, "trunk")),
        (
            {
                "CI_MERGE_REQUEST_DIFF_BASE_SHA": A,
                "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "c" * 40,
            },
            Trigger("request", "", A, "c" * 40, "trunk"),
        ),
    ],
)
def test_gitlab(environment: Mapping[str, str], found: Trigger) -> None:
    assert trigger_of({**GITLAB, "CI_DEFAULT_BRANCH": "trunk", **environment}) == found


def test_by_hand() -> None:
    assert given_trigger("", "v1.0", "") == Trigger("push", "", "v1.0", "HEAD")
    assert given_trigger("refs/heads/x", ZERO, "y") == Trigger("push", "x", "", "y")
    assert given_trigger("refs/tags/v1", "", "") == Trigger("tag", "v1", "", "")
    with pytest.raises(UsageError, match="neither a tag nor a branch") as caught:
        given_trigger("v1.0", "", "")
    assert caught.value.hint == "--ref refs/tags/v1.0, or --ref refs/heads/v1.0"


@pytest.mark.parametrize(
    ("environment", "event"),
    [
        ({}, b""),
        ({"CI": "true", "HOME": "/"}, b""),
        ({**GITHUB, "GITHUB_SHA": "HEAD"}, b""),
        ({**GITHUB, "GITHUB_SHA": "-x"}, b""),
        (GITHUB, b"{"),
        (GITHUB, b"\xff"),
        (GITHUB, b"[" * 100_000),
        (GITHUB, json.dumps({"before": "--all", "after": B}).encode()),
        (GITHUB, json.dumps({"before": None, "after": B}).encode()),
        (GITHUB, json.dumps({"before": A, "after": ZERO}).encode()),
        (GITHUB, json.dumps({"pull_request": {"base": A, "head": B}}).encode()),
        ({**GITLAB, "CI_COMMIT_SHA": f"{B}\n"}, b""),
        ({**GITLAB, "CI_COMMIT_BEFORE_SHA": "$(x)"}, b""),
        ({**GITLAB, "CI_MERGE_REQUEST_DIFF_BASE_SHA": "main"}, b""),
    ],
)
def test_what_says_nothing(environment: Mapping[str, str], event: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        trigger_of(environment, event)
    assert caught.value.hint
