"""`gitmodel compare` as a user types it."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import gitmodel
from gitmodel.errors import UsageError
from tests.helpers.rendered import rendered
from tests.helpers.repo import GITMODEL, Repo, isolated


def code(repo: Repo, *arguments: str) -> str:
    """The line of a comparison that is about code."""
    lines = repo.gitmodel("compare", *arguments).out.splitlines()
    [line] = [line for line in lines if line.startswith("code: ")]
    return line


def test_code_in_words(story: Repo) -> None:
    assert code(story, "v1.0", "v1.0") == "code: no difference"
    assert code(story, "v1.0", "model-v1.1") == "code: 1 commit, 1 file changed"
    assert code(story, "model-v1.1", "v1.0") == "code: 1 commit behind, 1 file changed"
    story.commit("nothing")
    assert code(story, "model-v1.1", "HEAD") == "code: 1 commit, no file changed"


def compared(repo: Repo, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(repo.gitmodel("compare", "--json", *arguments).out)
    return found


def _measure(repo: Repo, tag: str, **metrics: float) -> None:
    repo.write("model.metrics.json", json.dumps(metrics))
    repo.commit(tag)
    repo.git("tag", tag)


@pytest.fixture
def measured(story: Repo) -> Repo:
    """The story, and model-v1.2 and model-v1.3 with metrics."""
    _measure(story, "model-v1.2", accuracy=0.91, loss=0.3)
    _measure(story, "model-v1.3", accuracy=0.9, loss=0.2)
    return story


def test_metrics(measured: Repo) -> None:
    out = measured.gitmodel("compare", "model-v1.2", "model-v1.3").out
    assert "▼ -0.01 worse" in out
    assert "▼ -0.1 better" in out


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ([], ["model-v1.3", "HEAD"]),
        (["model-v1.2"], ["model-v1.2", "HEAD"]),
        (["model@v1.2", "model"], ["model-v1.2", "model-v1.3"]),
        (["model@best:accuracy", "HEAD~1", "v1.0"], ["model-v1.2", "HEAD~1", "v1.0"]),
    ],
)
def test_what_is_compared(measured: Repo, typed: list[str], meant: list[str]) -> None:
    found = compared(measured, *typed)
    assert [each["label"] for each in found["versions"]] == meant


def test_a_revision_is_read_as_the_artifact_that_the_others_are_of(measured: Repo) -> None:
    measured.write("other.pt", "other")
    measured.gitmodel("add", "other.pt")
    measured.write("other.metrics.json", '{"accuracy": 0.1}')
    measured.commit()
    [row] = [r for r in compared(measured, "model")["metrics"] if r["name"] == "accuracy"]
    assert [value["value"] for value in row["values"]] == [0.9, 0.9]
    assert {r["name"] for r in compared(measured, "v1.0")["metrics"]} > {"model.accuracy"}


def test_data(story: Repo) -> None:
    found = compared(story, "v1.0", "model-v1.1")
    assert found["data"] == [
        {
            "path": "data/train",
            "version": 1,
            "unknown": "",
            "added": ["new.png"],
            "removed": ["deep/c.png"],
            "changed": ["b.png"],
        }
    ]
    states = {each["path"]: each["states"] for each in found["artifacts"]}
    assert states == {"model.pt": ["changed"], "data/train": ["changed"]}


def test_lists_of_files_are_fetched(clone: Repo) -> None:
    assert compared(clone, "v1.0", "model-v1.1")["data"][0]["added"] == ["new.png"]


@pytest.mark.parametrize("arguments", [[], ["--md"], ["--json"]])
def test_lists_that_cannot_be_had_are_no_failure(clone: Repo, arguments: list[str]) -> None:
    shutil.rmtree(clone.remote)
    done = clone.gitmodel("compare", "v1.0", "model-v1.1", *arguments)
    assert "model.pt" in done.out
    if arguments == ["--json"]:
        assert json.loads(done.out)["data"][0]["unknown"]
    else:
        assert "which files changed is not known here" in done.out


def test_code(story: Repo) -> None:
    story.write("train.py", "print(3)\n")
    story.write("new.py", "")
    story.write("metrics.json", "{}")
    story.commit()
    story.git("mv", "train.py", "moved.py")
    story.commit()
    [code] = compared(story, "model-v1.1", "HEAD")["code"]
    assert (code["ahead"], code["behind"]) == (2, 0)
    assert code["files"] == {"moved.py": "A", "new.py": "A", "train.py": "D"}
    [code] = compared(story, "HEAD", "model-v1.1")["code"]
    assert (code["ahead"], code["behind"]) == (0, 2)


def test_long_lists_are_bounded(story: Repo) -> None:
    for number in range(30):
        story.write(f"src/{number:02}.py", "")
    story.commit()
    out = story.gitmodel("compare", "model-v1.1").out
    assert "A src/09.py" in out
    assert "A src/10.py" not in out
    assert "… and 20 more files" in out
    assert len(rendered(story.gitmodel("compare", "model-v1.1", "--md").out).items) == 30


def test_exit_code(measured: Repo) -> None:
    measured.gitmodel("compare", "model-v1.2", "model-v1.3")
    measured.gitmodel("compare", "model-v1.2", "model-v1.3", "--exit-code", code=1)
    measured.gitmodel("compare", "model-v1.3", "HEAD", "--exit-code")
    measured.write("train.py", "other")
    measured.commit()
    measured.gitmodel("compare", "model-v1.3", "--exit-code", code=1)


@pytest.mark.parametrize(
    ("gate", "code"),
    [
        ("accuracy >= 0.9", 0),
        ("accuracy > 0.9", 3),
        ("accuracy >= v1.2 - 0.01", 0),
        ("accuracy >= model@v1.2 - 0.01", 0),
        ("accuracy >= v1.2", 3),
        ("loss < v1.2", 0),
        ("accuracy >= best:accuracy", 2),
        ("accuracy >= `best:accuracy`", 3),
        ("auc > 0", 3),
        ("tag == 'model-v1.3' and author == 'Ada Example'", 0),
        ("auc > 0 or loss < 1", 0),
        ("accuracy >= v9.9", 3),
        ("accuracy >=", 2),
        ("accuracy", 3),
    ],
)
def test_gate(measured: Repo, gate: str, code: int) -> None:
    done = measured.gitmodel("compare", "model-v1.2", "model-v1.3", "--gate", gate, code=code)
    assert code == 2 or gate in done.out
    assert code != 3 or gate in done.err


def test_a_gate_on_head_means_versions_of_the_artifact_it_is_compared_as(measured: Repo) -> None:
    measured.write("model.metrics.json", '{"accuracy": 0.908}')
    measured.commit()
    measured.gitmodel("compare", "model", "--gate", "accuracy >= v1.2 - 0.005")
    measured.gitmodel("compare", "model", "--gate", "accuracy >= v1.2 - 0.001", code=3)


def test_the_last_version_is_the_candidate_and_each_gate_is_told(measured: Repo) -> None:
    gates = ("--gate", "accuracy >= 0.91", "--gate", "loss < 1", "--gate", "auc > 0")
    done = measured.gitmodel("compare", "v1.0", "model-v1.2", *gates, code=3)
    assert [re.split(" {2,}", line)[-2:] for line in done.out.splitlines()[-3:]] == [
        ["passed", "accuracy is 0.91"],
        ["passed", "loss is 0.3"],
        ["failed", "auc is missing"],
    ]
    assert "'model-v1.2' does not pass 'auc > 0'" in done.err
    measured.gitmodel("compare", "model-v1.2", "model-v1.3", *gates[:2], "--exit-code", code=3)
    measured.gitmodel("compare", "model-v1.3", "model-v1.2", *gates[:4], "--exit-code", code=1)


def test_params_that_are_the_same_are_left_out(story: Repo) -> None:
    story.write("params.yaml", "lr: 1\nseed: 7\n")
    story.commit()
    story.git("tag", "v2.0")
    story.write("params.yaml", "lr: 2\nseed: 7\n")
    story.commit()
    assert "seed" not in story.gitmodel("compare", "v2.0").out
    assert "seed" in story.gitmodel("compare", "v2.0", "--all").out


def test_hostile_texts_break_out_of_nothing(repo: Repo) -> None:
    hostile = "a|b`<script>](x)**"
    for number in (1, 2):
        repo.write(hostile, f"model {number}")
        repo.write("data|`<i>/a", f"{number}")
        repo.write(f"data|`<i>/{hostile}{number}", "")
        repo.gitmodel("add", hostile, "data|`<i>")
        repo.write("metrics.json", json.dumps({hostile: number, "x\ny": 1}))
        repo.write("params.json", json.dumps({hostile: f"{hostile}{number}"}))
        repo.write(f"code{hostile}{number}", "")
        repo.commit()
        repo.git("tag", f"v{number}.0")
    out = repo.gitmodel("compare", "v1.0", "v2.0", "--md").out
    page = rendered(out)
    metrics, params, artifacts = page.tables
    assert [row[0] for row in metrics] == ["metric", hostile, "x\\ny"]
    assert params[1] == [hostile, f'"{hostile}1"', f'"{hostile}2"']
    assert [row[0] for row in artifacts[1:]] == [hostile, "data|`<i>"]
    assert f"+ {hostile}2" in page.items
    assert f"A code{hostile}2" in page.items
    tables = {"table", "thead", "tbody", "tr", "th", "td"}
    assert page.tags <= tables | {"ul", "li", "code", "p", "details", "summary"}
    assert "\x1b" not in repo.gitmodel("compare", "v1.0", "v2.0").out


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_has_colours_beside_the_words(measured: Repo, no_color: str) -> None:
    out = _on_a_terminal(measured, no_color, "compare", "model-v1.2", "model-v1.3")
    assert "worse" in out
    assert ("\x1b[31m▼ -0.01 worse\x1b[0m" in out) is (not no_color)
    assert ("\x1b" in out) is (not no_color)


def _on_a_terminal(repo: Repo, no_color: str, *arguments: str) -> str:
    ours, theirs = pty.openpty()
    subprocess.run(
        [str(GITMODEL), *arguments],
        cwd=repo.path,
        env={**repo.env, "NO_COLOR": no_color},
        stdout=theirs,
        timeout=60,
        check=True,
    )
    os.close(theirs)
    with open(ours, "rb") as file:
        return os.read(file.fileno(), 1 << 16).decode()


def test_no_version_yet(repo: Repo) -> None:
    repo.commit()
    assert "no version yet" in repo.gitmodel("compare", code=2).err


def test_from_python(measured: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in isolated(measured.path.parent / "home").items():
        monkeypatch.setenv(name, value)
    found = gitmodel.compare("model-v1.2", "model", repo=measured.path)
    assert [row.changes[0].verdict for row in found.metrics] == ["worse", "better"]
    assert found.different
    monkeypatch.chdir(measured.path)
    assert not gitmodel.compare("model").different
    with pytest.raises(UsageError):
        gitmodel.compare("nothing")


def test_in_a_shallow_clone(story: Repo) -> None:
    story.git("tag", "v1.1")
    story.git("push", "--quiet", "origin", "v1.1")
    origin = Path(os.path.abspath(story.path.parent / "origin.git")).as_uri()
    story.git("clone", "--quiet", "--depth=1", "--branch=v1.1", origin, "../shallow")
    shallow = Repo(story.path.parent / "shallow")
    assert "older history is not here" in shallow.gitmodel("compare", "v1.1", "HEAD").out
