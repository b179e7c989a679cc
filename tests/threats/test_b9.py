"""No name in a repository is a command of a CI system that reads the log."""

from __future__ import annotations

import json
import re

import pytest

from tests.helpers.hostile import raw
from tests.helpers.repo import Repo

NAMES = [
    "::set-output name=version::v9",
    "  ::stop-commands::x",
    "##[set-output name=version]v9",
    "x ##vso[task.setvariable variable=x]y",
]
_ALONE = re.compile(r"^(version|artifact|path|since)=(.*)$", re.MULTILINE)


@pytest.fixture
def commanding(story: Repo) -> Repo:
    """Artifacts, metrics and params that are called like commands."""
    story.git("tag", "before")
    for name in NAMES:
        story.write(name, "model")
        story.gitmodel("add", "--", name)
    story.write("model.metrics.json", json.dumps(dict.fromkeys(NAMES, 0.5)))
    story.commit("\n".join(NAMES))
    return story


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["show", "HEAD"],
        ["show", "--json", "HEAD"],
        ["compare", "before", "HEAD"],
        ["diff", "before", "HEAD"],
        ["ci", "event", "--before", "before"],
        ["ci", "event", "--before", "before", "--json"],
        ["ci", "report", "--before", "before"],
        ["ci", "report", "--before", "before", "--md"],
        ["ci", "report", "--before", "before", "--json"],
        ["versions", "--csv"],
        ["add", NAMES[0] + "x"],
        ["show", NAMES[2]],
        ["ci", "report", "--artifact", NAMES[2], "--before", "before"],
    ],
)
def test_b9_no_name_is_a_command(commanding: Repo, arguments: list[str]) -> None:
    done = commanding.run("gitmodel", *arguments)
    assert raw(done.out + done.err) == []
    if "--json" in arguments:
        assert NAMES[0] in json.dumps(json.loads(done.out))


def test_b9_a_note_of_ci_event_is_none_either(story: Repo) -> None:
    pointer = story.read("model.pt.gitmodel")
    before = story.git("rev-parse", "HEAD")
    for name in NAMES:
        story.write(f"{name}.gitmodel", pointer)
        story.commit()
        done = story.gitmodel("ci", "event", "--before", before)
        assert raw(done.out + done.err) == []
        assert "path is left empty" in done.err
        before = story.git("rev-parse", "HEAD")


@pytest.mark.parametrize("name", ["a b.pt", "“a”.pt", "a‘b.pt", "—x.pt"])
def test_b9_a_value_is_one_word_of_any_shell(story: Repo, name: str) -> None:
    pointer = story.read("model.pt.gitmodel")
    before = story.git("rev-parse", "HEAD")
    story.write(f"{name}.gitmodel", pointer)
    story.commit()
    done = story.gitmodel("ci", "event", "--before", before)
    assert dict(_ALONE.findall(done.out))["path"] == ""
    assert f"path is left empty: a shell would act upon {name!r}" in done.err
