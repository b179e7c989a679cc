"""The workflows of docs/ci, run for real: every line of shell in them, as a runner would run it.

Not run is what only a service of GitHub's or GitLab's can do, or would download: steps that use an
action (checkout, cache, credentials, upload), the installation of gitmodel, and the step that
comments by way of `gh`, of which a shell checks the syntax. GitLab's API is ten lines of ours.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.repo import BIN, Repo
from tests.helpers.runner import CI, GitHub, GitLab, notes_server, syntax, workflow

GITHUB, GITLAB = workflow("github.yml"), workflow("gitlab.yml")
NETWORK = {"Install gitmodel", "Comment on the pull request"}
ZERO = "0" * 40
OURS = "team/ranker"


@pytest.fixture
def origin(story: Repo) -> Repo:
    """The story with metrics: good ones of model-v1.2, worse ones on the branch `work`."""
    story.write("model.metrics.json", json.dumps({"accuracy": 0.93}))
    story.commit("measured")
    story.gitmodel("tag", "model-v1.2", "-m", "good")
    story.git("push", "--quiet", "origin", "main", "model-v1.2")
    story.git("switch", "--quiet", "-c", "work")
    story.write("model.pt", b"worse" * 1000)
    story.gitmodel("add", "model.pt")
    story.write("model.metrics.json", json.dumps({"accuracy": 0.85}))
    story.commit("worse")
    story.gitmodel("push")
    story.git("push", "--quiet", "origin", "work")
    return story


def request(origin: Repo) -> tuple[Repo, dict[str, str]]:
    """Check out what merging `work` into `main` would make, as for a pull request."""
    clone = origin.clone("clone")
    clone.git("switch", "--quiet", "--detach", "origin/main")
    clone.git("merge", "--quiet", "--no-ff", "-m", "merge", "origin/work")
    names = {"base": "origin/main", "head": "origin/work", "merge": "HEAD"}
    return clone, {key: clone.git("rev-parse", name) for key, name in names.items()}


def pull(commits: dict[str, str], of: str) -> dict[str, Any]:
    """What GitHub says of a pull request whose branch is in the repository `of`."""
    head = {"sha": commits["head"], "repo": {"full_name": of}}
    return {"pull_request": {"number": 7, "base": {"sha": commits["base"]}, "head": head}}


def github(repo: Repo, event: dict[str, Any], ref: str, name: str) -> GitHub:
    event = {"repository": {"default_branch": "main"}, **event}
    context = {"event": event, "ref": ref, "event_name": name, "token": "x", "repository": OURS}
    sha = repo.git("rev-parse", "HEAD")
    env = {"GITHUB_REF": ref, "GITHUB_SHA": sha, "GITHUB_EVENT_NAME": name}
    return GitHub(repo, context, env)


def test_github_pull_request_that_fails_a_gate(origin: Repo) -> None:
    clone, commits = request(origin)
    run = github(clone, pull(commits, OURS), "refs/pull/7/merge", "pull_request")
    done = run.run(GITHUB, "changes", without=NETWORK)
    assert {name: each.code for name, each in done.items()} == {
        "See what changed": 0,
        "Pull what changed": 0,
        "Report": 3,
        "Show the report": 0,
    }
    assert run.outputs["event"]["paths"] == '["model.pt"]'
    assert (clone.path / "model.pt").read_bytes() == b"worse" * 1000
    assert not (clone.path / "data/train").exists()
    report = run.summary.read_text()
    assert report.startswith("<!-- gitmodel -->\n### 1 of 1 gate failed · metrics: 1 worse · ")
    assert "**▼ -0.08 worse**" in report


def test_github_pull_request_of_a_fork_is_reported_without_the_remote(origin: Repo) -> None:
    clone, commits = request(origin)
    shutil.rmtree(origin.path.parent / "remote")
    run = github(clone, pull(commits, "someone/ranker"), "refs/pull/7/merge", "pull_request")
    done = run.run(GITHUB, "changes", without=NETWORK)
    assert list(done) == ["See what changed", "Report", "Show the report"]
    assert "0.85" in run.summary.read_text()


def test_github_push(origin: Repo) -> None:
    clone = origin.clone("clone")
    event = {"before": clone.git("rev-parse", "v1.0"), "after": clone.git("rev-parse", "main")}
    run = github(clone, event, "refs/heads/main", "push")
    done = run.run(GITHUB, "changes", without=NETWORK)
    assert {each.code for each in done.values()} == {0}
    assert run.outputs["event"]["artifacts"] == '["train","model"]'
    assert clone.status()["data/train"]["work"] == "clean"


def test_github_version(origin: Repo) -> None:
    clone = origin.clone("clone")
    clone.git("switch", "--quiet", "--detach", "model-v1.2")
    # As actions/checkout did before its version 6.
    clone.git("fetch", "--quiet", "origin", "+main:refs/tags/model-v1.2")
    assert clone.git("cat-file", "-t", "model-v1.2") == "commit"
    event = {"before": ZERO, "after": clone.git("rev-parse", "HEAD")}
    run = github(clone, event, "refs/tags/model-v1.2", "push")
    done = run.run(GITHUB, "deliver", without=NETWORK)
    assert {name: each.code for name, each in done.items()} == dict.fromkeys(done, 0)
    assert len(done) == 5
    assert "model-v1.2 (annotated)" in done["Verify the tag"].out
    assert ", as it is" in done["Verify the tag"].out
    assert (clone.path / "dist/model.pt").read_bytes() == origin_bytes(origin)
    assert "`model-v1.2`" in run.summary.read_text()


def test_github_tag_that_is_no_version(origin: Repo) -> None:
    origin.git("tag", "nightly")
    origin.git("push", "--quiet", "origin", "nightly")
    clone = origin.clone("clone")
    clone.git("switch", "--quiet", "--detach", "nightly")
    run = github(clone, {}, "refs/tags/nightly", "push")
    done = run.run(GITHUB, "deliver", without=NETWORK)
    assert [*done] == ["Fetch the tags as they are", "See which version it is"]


def origin_bytes(origin: Repo) -> bytes:
    origin.gitmodel("checkout", "model-v1.2")
    return origin.read("model.pt")


def gitlab(repo: Repo, **env: str) -> GitLab:
    sha = repo.git("rev-parse", "HEAD")
    token = {"AWS_TOKEN": "x", "AWS_WEB_IDENTITY_TOKEN_FILE": str(repo.path.parent / "token")}
    return GitLab(repo, {"CI_COMMIT_SHA": sha, "CI_DEFAULT_BRANCH": "main", **token, **env})


def test_gitlab_merge_request_has_one_note(origin: Repo) -> None:
    clone, commits = request(origin)
    notes = ["looks good", "what of <!-- gitmodel -->?"]
    with notes_server(notes) as url:
        run = gitlab(
            clone,
            CI_PIPELINE_SOURCE="merge_request_event",
            CI_MERGE_REQUEST_DIFF_BASE_SHA=commits["base"],
            CI_MERGE_REQUEST_SOURCE_BRANCH_SHA=commits["head"],
            CI_API_V4_URL=url,
            CI_PROJECT_ID="1",
            CI_MERGE_REQUEST_IID="7",
            GITLAB_TOKEN="secret",
        )
        assert run.wants(GITLAB, "workflow")
        assert [name for name in ("changes", "report", "deliver") if run.wants(GITLAB, name)] == [
            "changes",
            "report",
        ]
        assert run.run(GITLAB, "changes")["script"].code == 0
        assert run.dotenv["GITMODEL_PATH"] == "model.pt"
        for _ in range(2):
            done = run.run(GITLAB, "report")
            assert {name: each.code for name, each in done.items()} == {
                "script": 3,
                "after_script": 0,
            }
    assert notes[:2] == ["looks good", "what of <!-- gitmodel -->?"]
    assert notes[2:] == [(clone.path / "report.md").read_text()]
    assert "`accuracy`" in notes[2]


def test_gitlab_version(origin: Repo) -> None:
    clone = origin.clone("clone")
    clone.git("switch", "--quiet", "--detach", "model-v1.2")
    run = gitlab(clone, CI_COMMIT_TAG="model-v1.2", CI_COMMIT_BEFORE_SHA=ZERO)
    assert run.wants(GITLAB, "workflow")
    assert run.wants(GITLAB, "deliver")
    run.run(GITLAB, "changes")
    done = run.run(GITLAB, "deliver")["script"]
    assert done.code == 0, done.err
    assert (clone.path / "dist/model.pt").read_bytes() == origin_bytes(origin)


def test_gitlab_tag_that_is_no_version(origin: Repo) -> None:
    origin.git("tag", "nightly")
    run = gitlab(origin, CI_COMMIT_TAG="nightly")
    run.run(GITLAB, "changes")
    done = run.run(GITLAB, "deliver")["script"]
    assert (done.code, "nightly is no version" in done.out) == (0, True)


def test_cached_data_serves_another_clone(origin: Repo) -> None:
    """What actions/cache and GitLab's cache do: an archive of some folders, unpacked elsewhere."""
    [told] = [
        step["with"]["path"].split()
        for job in GITHUB["jobs"].values()
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/cache@")
    ]
    assert GITLAB["default"]["cache"]["paths"] == told
    first, second = origin.clone("clone"), origin.clone("other")
    for clone in (first, second):
        clone.git("switch", "--quiet", "--detach", "model-v1.2")
    first.gitmodel("pull")
    first.run("tar", "-czf", "../cache.tgz", *told)
    second.run("tar", "-xzf", "../cache.tgz")
    shutil.rmtree(origin.path.parent / "remote")
    second.gitmodel("pull")
    assert second.read("model.pt") == origin_bytes(origin)
    second.gitmodel("verify")


def _texts() -> list[str]:
    steps = [step for job in GITHUB["jobs"].values() for step in job["steps"]]
    jobs = [GITLAB[name] for name in ("default", "changes", "report", "deliver")]
    scripts = [job.get(kind, []) for job in jobs for kind in ("script", "after_script")]
    scripts.append(GITLAB["default"]["before_script"])
    return [
        *(step["run"] for step in steps if "run" in step),
        *("\n".join(script) for script in scripts),
    ]


@pytest.mark.parametrize("text", _texts())
def test_shell(text: str) -> None:
    assert syntax(text) == ""
    assert "${{" not in text, "what GitHub fills in would become part of the script"


@pytest.mark.skipif(
    not (BIN / "check-jsonschema").exists(), reason="check-jsonschema is not installed"
)
@pytest.mark.parametrize(
    ("schema", "name", "key"),
    [
        ("vendor.github-workflows", "github.yml", "runs-on"),
        ("vendor.gitlab-ci", "gitlab.yml", "script"),
    ],
)
def test_the_official_schemas_are_met(schema: str, name: str, key: str, tmp_path: Path) -> None:
    command = [str(BIN / "check-jsonschema"), "--builtin-schema", schema]
    good = subprocess.run([*command, str(CI / name)], capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stdout + good.stderr
    bad = tmp_path / name
    bad.write_text((CI / name).read_text().replace(key, f"{key}-x"))
    assert subprocess.run([*command, str(bad)], capture_output=True, check=False).returncode == 1
