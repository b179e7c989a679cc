"""`gitmodel ci`, by hand and in the environment of a CI job."""

from __future__ import annotations

import json
import shlex
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.rendered import rendered
from tests.helpers.repo import Repo
from tests.helpers.runner import GitHub
from tests.helpers.schemas import fields, promised
from tests.helpers.tensors import safetensors

ZERO = "0" * 40
KEYS = ["event", "version", "artifact", "stage", "path", "artifacts", "paths", "removed"]
KEYS += ["since", "before", "after"]


def pairs(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def event(repo: Repo, *arguments: str, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """What `ci event` prints; an empty text for what is not worth a look."""
    return pairs(repo.gitmodel("ci", "event", *arguments, env=env).out)


def told(repo: Repo, *arguments: str, **expected: str) -> None:
    """Assert on those keys that are given; commits may be given as any revision."""
    found = event(repo, *arguments)
    for side in expected.keys() & {"before", "after"}:
        if expected[side]:
            expected[side] = repo.git("rev-parse", f"{expected[side]}^{{commit}}")
    assert {key: found[key] for key in expected} == expected


def on_github(repo: Repo, event: Mapping[str, Any], **env: str) -> dict[str, str]:
    path = repo.path.parent / "event.json"
    path.write_text(json.dumps(event))
    sha = repo.git("rev-parse", "HEAD")
    facts = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": str(path), "GITHUB_SHA": sha}
    return {**facts, "GITHUB_REF": "refs/heads/main", **env}


def test_a_version(story: Repo) -> None:
    out = story.gitmodel("ci", "event", "--ref", "refs/tags/model-v1.1").out
    commit = story.git("rev-parse", "model-v1.1^{commit}")
    assert out.splitlines() == [
        "event=tag",
        "version=model-v1.1",
        "artifact=model",
        "stage=",
        "path=model.pt",
        'artifacts=["model"]',
        'paths=["model.pt"]',
        "removed=[]",
        "since=",
        "before=",
        f"after={commit}",
    ]


def test_a_version_of_everything_and_what_it_follows(story: Repo) -> None:
    for tag in ("v1.1", "v2.0-rc1", "v2.0", "v1.0.5"):
        story.git("tag", tag)
    both = {"artifacts": '["train","model"]', "artifact": "", "path": ""}
    told(story, "--ref", "refs/tags/v1.0", since="", before="", **both)
    told(story, "--ref", "refs/tags/v2.0", since="v1.1", before="v1.1", **both)
    told(story, "--ref", "refs/tags/v2.0-rc1", since="v1.1")
    told(story, "--ref", "refs/tags/v1.0.5", since="v1.0", before="v1.0")
    told(story, "--ref", "refs/tags/v2.0", "--before", "v1.0", since="", before="v1.0")


def test_a_tag_that_is_no_version(story: Repo) -> None:
    story.git("tag", "nightly")
    done = story.gitmodel("ci", "event", "--ref", "refs/tags/nightly")
    assert pairs(done.out)["event"] == "tag"
    assert pairs(done.out)["version"] == ""
    assert done.err == "note: 'nightly' is not a version\n"


def test_a_push(story: Repo) -> None:
    told(
        story,
        *("--before", "v1.0", "--ref", "refs/heads/main"),
        event="push",
        version="",
        artifacts='["train","model"]',
        paths='["data/train","model.pt"]',
        before="v1.0",
        after="HEAD",
    )
    story.git("rm", "--quiet", "model.pt.gitmodel")
    story.write("train.py", "print(3)\n")
    story.commit()
    one = {"artifact": "train", "path": "data/train", "removed": '["model.pt"]'}
    told(story, "--before", "v1.0", "--after", "HEAD", **one)
    none = {"artifact": "", "path": "", "paths": "[]", "removed": "[]"}
    told(story, "--before", "HEAD", **none)


def test_pushes_on_github(story: Repo) -> None:
    before, after = (story.git("rev-parse", each) for each in ("v1.0", "HEAD"))
    env = on_github(story, {"before": before, "after": after})
    assert event(story, env=env)["paths"] == '["data/train","model.pt"]'
    env["GITHUB_EVENT_NAME"] = "schedule"
    assert event(story, env=env)["paths"] == "[]"
    env = on_github(story, {"before": ZERO, "after": after}, GITHUB_REF="refs/tags/model-v1.1")
    assert event(story, env=env)["version"] == "model-v1.1"


def test_pushes_on_gitlab(story: Repo) -> None:
    before, after = (story.git("rev-parse", each) for each in ("v1.0", "HEAD"))
    env = {"GITLAB_CI": "true", "CI_COMMIT_SHA": after, "CI_COMMIT_BRANCH": "main"}
    assert event(story, env={**env, "CI_COMMIT_BEFORE_SHA": before})["artifacts"] == (
        '["train","model"]'
    )
    env["CI_COMMIT_TAG"] = "model-v1.1"
    assert event(story, env=env)["version"] == "model-v1.1"


def test_a_request_is_compared_with_where_it_left_the_other_branch(story: Repo) -> None:
    story.git("switch", "--quiet", "-c", "work")
    story.write("model.pt", "mine")
    story.gitmodel("add", "model.pt")
    head = story.commit()
    story.git("switch", "--quiet", "main")
    story.write("data/train/late.png", "theirs")
    story.gitmodel("add", "data/train")
    base = story.commit()
    pull = {"pull_request": {"base": {"sha": base}, "head": {"sha": head}}}
    found = event(story, env=on_github(story, pull, GITHUB_REF="refs/pull/1/merge"))
    assert (found["event"], found["path"]) == ("request", "model.pt")
    assert found["before"] == story.git("rev-parse", "main~1")
    env = {"GITLAB_CI": "true", "CI_COMMIT_SHA": head, "CI_MERGE_REQUEST_DIFF_BASE_SHA": base}
    assert event(story, env=env) == found


def test_what_a_request_merged_from_the_other_branch_is_not_its_own(clone: Repo) -> None:
    stale = clone.git("rev-parse", "main")
    clone.git("switch", "--quiet", "-c", "work")
    clone.git("rm", "--quiet", "model.pt.gitmodel")
    clone.commit()
    clone.git("switch", "--quiet", "main")
    clone.git("rm", "--quiet", "data/train.gitmodel")
    base = clone.commit()
    clone.git("push", "--quiet", "origin", "main")
    clone.git("switch", "--quiet", "work")
    clone.git("merge", "--quiet", "-m", "catch up", "main")
    head = clone.git("rev-parse", "HEAD")
    pull = {"pull_request": {"base": {"sha": stale}, "head": {"sha": head}}}
    found = event(clone, env=on_github(clone, pull, GITHUB_BASE_REF="main"))
    assert (found["before"], found["removed"]) == (base, '["model.pt"]')
    clone.git("push", "--quiet", "origin", "work:main")
    merged = event(clone, env=on_github(clone, pull, GITHUB_BASE_REF="main"))
    assert merged["before"] == stale


def new_branch(clone: Repo) -> str:
    clone.git("switch", "--quiet", "-c", "work")
    clone.git("rm", "--quiet", "model.pt.gitmodel")
    return clone.commit()


def test_a_new_branch_is_compared_with_where_it_left_the_default_one(clone: Repo) -> None:
    after = new_branch(clone)
    start = clone.git("rev-parse", "main")
    push = {"before": ZERO, "after": after, "repository": {"default_branch": "main"}}
    env = on_github(clone, push, GITHUB_REF="refs/heads/work")
    done = clone.gitmodel("ci", "event", env=env)
    assert pairs(done.out)["removed"] == '["model.pt"]'
    assert pairs(done.out)["before"] == start
    assert (
        done.err
        == f"note: this is new, and compared with where it left origin/main, {start[:12]}\n"
    )


def test_the_first_push_of_all_is_compared_with_nothing(clone: Repo) -> None:
    after = clone.git("rev-parse", "main")
    push = {"before": ZERO, "after": after, "repository": {"default_branch": "main"}}
    done = clone.gitmodel("ci", "event", env=on_github(clone, push))
    assert pairs(done.out)["before"] == ""
    assert pairs(done.out)["paths"] == '["data/train","model.pt"]'
    assert done.err == "note: this is new, and compared with nothing\n"


def test_after_a_forced_push(clone: Repo) -> None:
    after = new_branch(clone)
    gone = "1" * 40
    push = {"before": gone, "after": after, "repository": {"default_branch": "main"}}
    env = on_github(clone, push, GITHUB_REF="refs/heads/work")
    done = clone.gitmodel("ci", "event", env=env)
    assert pairs(done.out)["removed"] == '["model.pt"]'
    assert done.err.startswith(f"note: {gone[:12]} is gone, as after a forced push; compared with")


@pytest.mark.parametrize("before", ["known", "unknown", "none", "request", "tag"])
def test_a_shallow_clone_is_never_compared_with_less_than_there_was(
    story: Repo, before: str
) -> None:
    story.write("train.py", "print(3)\n")
    first, last = story.git("rev-parse", "v1.0"), story.commit()
    story.git("push", "--quiet", "origin", "main")
    url = (story.path.parent / "origin.git").as_uri()
    story.git("clone", "--quiet", "--depth=1", "--no-tags", url, "../shallow")
    shallow = Repo(story.path.parent / "shallow")
    main = {"repository": {"default_branch": "main"}, "after": last}
    event, ref = {
        "known": ({**main, "before": first}, "refs/heads/main"),
        "unknown": ({**main, "before": "1" * 40}, "refs/heads/main"),
        "none": ({**main, "before": ZERO}, "refs/heads/work"),
        "request": ({"pull_request": {"base": {"sha": first}, "head": {"sha": last}}}, ""),
        "tag": (main, "refs/tags/model-v1.1"),
    }[before]
    # As actions/checkout leaves it, which fetches nothing but what was pushed.
    shallow.git("update-ref", "-d", "refs/remotes/origin/main")
    env = on_github(shallow, event, GITHUB_REF=ref)
    done = shallow.gitmodel("ci", "event", code=5, env=env)
    assert done.out == ""
    assert "is not in this clone" in done.err
    assert "fetch-depth: 0" in done.err
    assert "GIT_DEPTH: 0" in done.err


@pytest.mark.parametrize(
    ("arguments", "env", "said"),
    [
        ([], {}, "not a CI job of GitHub or GitLab"),
        (["--ref", "model-v1.1"], {}, "--ref refs/tags/model-v1.1"),
        (["--json", "--env", "--before", "v1.0"], {}, "one format"),
        ([], {"GITHUB_REF": "refs/heads/main"}, "GITHUB_SHA"),
        ([], {"GITHUB_REF": "x", "GITHUB_EVENT_PATH": "train.py"}, "no JSON"),
        ([], {"GITHUB_REF": "x", "GITHUB_EVENT_PATH": "none.json"}, "which GITHUB_EVENT_PATH"),
    ],
)
def test_what_makes_no_sense(
    story: Repo, arguments: list[str], env: dict[str, str], said: str
) -> None:
    done = story.gitmodel("ci", "event", *arguments, code=2, env=env)
    assert said in done.err
    assert "next:" in done.err


def test_what_somebody_types_may_be_any_reference(story: Repo) -> None:
    told(story, "--before", "v1.0.0", "--after", "model", before="v1.0", after="model-v1.1")
    for arguments in (["--before", "v9"], ["--after", "model-v1"]):
        done = story.gitmodel("ci", "event", *arguments, code=2)
        assert f"{arguments[1]!r} is not a version" in done.err
        assert done.out == ""


def test_a_tag_that_moved_since_the_job_began(story: Repo) -> None:
    env = on_github(story, {}, GITHUB_REF="refs/tags/model-v1.1")
    story.git("tag", "--force", "model-v1.1", "v1.0")
    done = story.gitmodel("ci", "event", env=env, code=4)
    assert done.out == ""
    assert "it moved" in done.err


def test_a_tag_that_was_not_fetched(story: Repo) -> None:
    done = story.gitmodel("ci", "event", "--ref", "refs/tags/model-v9.0", code=5)
    assert "the tag 'model-v9.0' is not in this clone" in done.err
    assert "next:  git fetch --tags; in CI fetch-depth: 0" in done.err


# what a job makes of it

EVIL = [
    "a b.pt",
    "x\nversion=evil.pt",
    "x\rversion=evil.pt",
    "$(touch pwned).pt",
    "`touch pwned`.pt",
    "$HOME.pt",
    "a;touch pwned.pt",
    "a|touch pwned.pt",
    "a>pwned.pt",
    "'; touch pwned '.pt",
    '"; touch pwned ".pt',
    "-rf.pt",
    "~root.pt",
    "*.pt",
    "{a,b}.pt",
    "ghadelimiter<<EOF.pt",
    "EOF.pt",
    "::set-output name=version::evil.pt",
    "%0Aversion=evil.pt",
    "é.pt",
    "模型.pt",
    "\u202ex.pt",
    "\x1b[31m.pt",
    "\\.pt",
    "#.pt",
]


@pytest.fixture
def hostile(story: Repo) -> Repo:
    """Pointers that nobody would write by hand, in place of all others."""
    pointer = story.read("model.pt.gitmodel")
    story.git("rm", "--quiet", "--cached", "model.pt.gitmodel", "data/train.gitmodel")
    for name in EVIL:
        story.write(f"{name}.gitmodel", pointer)
    (story.path / "model.pt.gitmodel").unlink()
    (story.path / "data/train.gitmodel").unlink()
    story.commit()
    return story


def test_hostile_names_are_whole_in_the_lists_and_inert(hostile: Repo) -> None:
    done = hostile.gitmodel("ci", "event", "--before", "v1.0")
    lines = done.out.splitlines()
    assert [line.partition("=")[0] for line in lines] == KEYS
    found = pairs(done.out)
    paths = json.loads(found["paths"])
    assert set(paths) == set(EVIL)
    assert json.loads(found["removed"]) == ["data/train", "model.pt"]
    assert done.out.isascii()
    for line in lines:
        # As somebody would who puts ${{ steps.event.outputs.paths }} into a script.
        ran = hostile.run("bash", "-c", f"set -f; echo {line.partition('=')[2]}")
        assert ran.code == 0
    assert not (hostile.path / "pwned").exists()


@pytest.mark.parametrize(
    "name", ["a b.pt", "x\nversion=evil.pt", "$(touch pwned).pt", "-rf.pt", "é.pt", "EOF.pt"]
)
def test_a_hostile_name_alone(story: Repo, name: str) -> None:
    pointer = story.read("model.pt.gitmodel")
    before = story.git("rev-parse", "HEAD")
    story.write(f"{name}.gitmodel", pointer)
    story.commit()
    done = story.gitmodel("ci", "event", "--before", before)
    found = pairs(done.out)
    assert [*found] == KEYS
    assert found["path"] in ("", name)
    assert found["version"] == ""
    if found["path"]:
        words = subprocess.run(
            ["bash", "-c", f"printf '%s ' {found['path']}"], capture_output=True, check=True
        )
        assert words.stdout.decode() == f"{' '.join(shlex.split(name))} "
    elif found["paths"] != "[]":
        assert json.loads(found["paths"]) == [name]
        assert "path is left empty" in done.err
    assert "\x1b" not in done.err


def test_github_and_gitlab_read_what_was_written(hostile: Repo) -> None:
    run = GitHub(hostile, {"event": {}}, {})
    job = {"if": "", "steps": [{"id": "event", "name": "event", "run": _APPEND}]}
    run.run({"env": {}, "jobs": {"it": job}}, "it", without=set())
    assert [*run.outputs["event"]] == KEYS
    assert run.outputs["event"] == event(hostile, "--before", "v1.0")
    dotenv = event(hostile, "--before", "v1.0", "--env")
    assert [*dotenv] == [f"GITMODEL_{key.upper()}" for key in KEYS]
    assert not any("$" in value for value in dotenv.values())
    assert [*dotenv.values()] == [*run.outputs["event"].values()]


_APPEND = 'gitmodel ci event --before v1.0 >> "$GITHUB_OUTPUT"'


@pytest.mark.parametrize("name", ["$(id)", "a;b", "a'b", "-x"])
def test_a_version_that_a_shell_would_act_upon_is_refused(story: Repo, name: str) -> None:
    story.git("update-ref", f"refs/tags/{name}-v1.0", "HEAD")
    done = story.gitmodel("ci", "event", "--ref", f"refs/tags/{name}-v1.0", code=7)
    assert done.out == ""
    assert "holds what a shell would act upon" in done.err
    found = story.gitmodel("ci", "event", "--ref", f"refs/tags/{name}-v1.0", "--json").out
    assert json.loads(found)["version"] == f"{name}-v1.0"


def test_json(story: Repo) -> None:
    found = json.loads(story.gitmodel("ci", "event", "--before", "v1.0", "--json").out)
    assert found["schema"] == "gitmodel/ci-event/1"
    assert set(fields(found)) == promised("ci-event")
    assert found["artifacts"][0] == {"path": "data/train", "name": "train", "change": "changed"}
    assert found["stage"] == ""


def test_it_works_in_a_repository_without_configuration(story: Repo) -> None:
    story.git("rm", "--quiet", ".gitmodel.yaml")
    story.commit()
    assert event(story, "--before", "v1.0")["paths"] == '["data/train","model.pt"]'


def test_a_broken_pointer_is_told(story: Repo) -> None:
    story.write("model.pt.gitmodel", "<<<<<<< HEAD\n")
    story.commit()
    done = story.gitmodel("ci", "event", "--before", "v1.0")
    assert "note: 'model.pt.gitmodel'" in done.err


# the report


def weights(*values: float) -> bytes:
    places = {"w": (0, 8), "b": (8, 12)}
    header = {
        name: {"dtype": "F32", "shape": [(end - at) // 4], "data_offsets": [at, end]}
        for name, (at, end) in places.items()
    }
    return safetensors(header, struct.pack("<3f", *values))


@pytest.fixture
def measured(story: Repo) -> Repo:
    """The story, and HEAD with metrics; `main` is where they were measured first."""
    story.write("model.safetensors", weights(1, 2, 0))
    story.gitmodel("add", "model.safetensors")
    story.write("metrics.json", json.dumps({"accuracy": 0.91, "loss": 0.4}))
    story.commit()
    story.git("branch", "start")
    story.write("model.safetensors", weights(1, 2.5, 0))
    story.write("data/train/later.png", "later")
    story.gitmodel("add", "model.safetensors", "data/train")
    story.write("metrics.json", json.dumps({"accuracy": 0.93, "loss": 0.5}))
    story.commit()
    return story


def report(repo: Repo, *arguments: str, code: int = 0, **env: str) -> str:
    return repo.gitmodel("ci", "report", *arguments, code=code, env=env).out


def test_a_report_says_what_matters(measured: Repo) -> None:
    out = report(measured, "--before", "start", "--md")
    assert out.startswith(
        "<!-- gitmodel -->\n### metrics: 1 better, 1 worse · 2 artifacts changed\n"
    )
    page = rendered(out)
    [metrics, *_] = page.tables
    assert metrics[0] == ["metric", "goal", "before", "after", ""]
    assert metrics[1] == ["accuracy", "max (guess)", "0.91", "0.93", "▲ +0.02 better"]
    assert "+ later.png" in page.items
    assert any(item.startswith("~ w  float32[2]  relative 0.224") for item in page.items)
    assert "tensors: 1 changed, 1 same" in page.text
    assert "model.pt" not in page.text


def test_the_gates_of_a_report(measured: Repo) -> None:
    gates = ["--gate", "accuracy >= 0.93", "--gate", "loss <= 0.4"]
    out = report(measured, "--before", "start", "--md", *gates, code=3)
    assert "### 1 of 2 gates failed · " in out
    assert rendered(out).tables[0][2] == ["loss <= 0.4", "failed", "loss is 0.5"]
    done = measured.gitmodel("ci", "report", "--before", "start", *gates, code=3)
    assert "error: 'after' does not pass 'loss <= 0.4'" in done.err
    hint = done.err.split("next:")[1].split()
    assert measured.run(*hint).code == 0
    assert "### 1 gate passed · " in report(measured, "--before", "start", "--md", *gates[:2])


def test_the_gates_of_a_tag_count_for_a_version(measured: Repo) -> None:
    config = measured.read(".gitmodel.yaml").decode()
    measured.write(".gitmodel.yaml", f'{config}gates: {{tag: ["accuracy > 0.95"]}}\n')
    measured.commit()
    measured.git("tag", "model-v1.2")
    out = report(measured, "--ref", "refs/tags/model-v1.2", code=3)
    assert "model-v1.2" in out
    assert "accuracy > 0.95  failed" in out
    report(measured, "--before", "start")


def test_a_first_version_is_shown(story: Repo) -> None:
    out = report(story, "--ref", "refs/tags/v1.0", "--md")
    assert "with nothing to compare with" in out
    assert rendered(out).tables[0][1][0] == "data/train"


def test_what_cannot_be_read_of_a_first_version_is_told_once(story: Repo) -> None:
    story.write("metrics.json", '{"accuracy": "good"}')
    story.commit()
    story.git("tag", "other-v1.0")
    done = story.gitmodel("ci", "report", "--after", "HEAD", "--gate", "accuracy > 1", code=3)
    assert done.out.count("metrics.json") == 2, "as a sidecar, and as a problem"
    assert "1 of 1 gate failed" in done.out


def test_a_report_of_one_artifact(measured: Repo) -> None:
    for name, accuracy in (("one", 0.5), ("two", 0.6)):
        measured.write(f"{name}.pt", name)
        measured.gitmodel("add", f"{name}.pt")
        measured.write(f"{name}.metrics.json", json.dumps({"accuracy": accuracy}))
    measured.commit()
    gate = ["--gate", "accuracy > 0.55"]
    out = report(measured, "--before", "start", *gate, "--artifact", "two")
    assert "0.6" in out
    report(measured, "--before", "start", *gate, "--artifact", "one.pt", code=3)


def test_a_request_has_a_base_and_a_head(measured: Repo) -> None:
    env = {
        "GITLAB_CI": "true",
        "CI_COMMIT_SHA": measured.git("rev-parse", "HEAD"),
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": measured.git("rev-parse", "start"),
    }
    page = rendered(report(measured, "--md", **env))
    assert page.tables[0][0] == ["metric", "goal", "base", "head", ""]
    assert f"head {env['CI_COMMIT_SHA'][:12]} compared with base" in page.text


def test_a_report_says_when_there_is_nothing(story: Repo) -> None:
    out = report(story, "--before", "HEAD", "--md")
    assert "### no artifact changed" in out
    assert "no metrics" in out


def test_json_of_a_report(measured: Repo) -> None:
    found = json.loads(report(measured, "--before", "start", "--json"))
    assert found["schema"] == "gitmodel/ci-report/1"
    assert {*found} - {"schema"} == {"event", "compare", "diff"}
    assert promised("ci-report") == {"schema", "event", "compare", "diff"}
    assert set(fields(found["event"])) | {"schema"} == promised("ci-event")


def test_a_report_fits_into_a_comment(measured: Repo) -> None:
    for number in range(300):
        measured.write(f"src/{'ü' * 60}{number}.py", "")
    many = {f"group.{number:04}.{'metric_' * 5}": number for number in range(2000)}
    measured.write("metrics.json", json.dumps({"accuracy": 0.5, **many}))
    params = "".join(f"p{number}: {'x' * 50}\n" for number in range(2000))
    measured.write("params.yaml", params)
    measured.commit()
    gates = [part for number in range(300) for part in ("--gate", f"accuracy > 0.{number}")]
    out = report(measured, "--before", "start", "--md", *gates, code=3)
    assert 30_000 < len(out.encode()) <= 65_536
    page = rendered(out)
    assert [table[0][0] for table in page.tables] == ["gate", "metric", "param", "artifact"]
    assert all(len(row) == len(table[0]) for table in page.tables for row in table)
    assert "more rows, for which there is no room here" in page.text
    assert page.text.rstrip().endswith("`gitmodel ci report` prints all of it.".replace("`", ""))
    assert "code" in page.text


def test_hostile_names_are_inert_in_a_comment(hostile: Repo) -> None:
    out = report(hostile, "--before", "v1.0", "--md")
    page = rendered(out)
    allowed = {"h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "strong", "ul", "li"}
    assert page.tags <= allowed | {"details", "summary"}
    assert "\x1b" not in out
    assert not (Path(hostile.path) / "pwned").exists()


def test_models_are_fetched_only_if_asked_for(measured: Repo) -> None:
    measured.gitmodel("push")
    measured.git("switch", "--quiet", "start")
    measured.gitmodel("push")
    measured.git("push", "--quiet", "--no-verify", "origin", "main", "start")
    clone = measured.clone("clone")
    assert "tensors:" not in report(clone, "--before", "origin/start", "--after", "origin/main")
    out = report(clone, "--before", "origin/start", "--after", "origin/main", "--fetch")
    assert "model.safetensors: tensors: 1 changed, 1 same" in out
    assert not (clone.path / "model.safetensors").exists()


def test_a_report_in_a_clone_without_the_remote(measured: Repo) -> None:
    measured.git("push", "--quiet", "--no-verify", "origin", "main", "start")
    clone = measured.clone("clone")
    (clone.path.parent / "remote").rename(clone.path.parent / "away")
    done = clone.gitmodel("ci", "report", "--before", "origin/start", "--md")
    assert "0.93" in done.out
    assert "which files changed is not known here" in done.out
    done = clone.gitmodel("ci", "report", "--before", "origin/start", "--md", "--fetch")
    assert "note: nothing was looked into: " in done.err
    assert "0.93" in done.out
