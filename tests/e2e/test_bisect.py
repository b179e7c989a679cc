"""`gitmodel bisect`: the first version that is worse, by a metric or by a command."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from gitmodel.worktree.replaced import kept_in
from tests.helpers.repo import Repo, copied, new_repo, noise

ACCURACY = (0.90, 0.92, 0.93, 0.93, 0.80, 0.79, 0.81)
"""Of model-v1.0 to model-v1.6."""


def _release(repo: Repo, tag: str, accuracy: float | None, quality: str = "ok") -> None:
    """Commit a version; the file `quality` is what commands look at."""
    metrics = {} if accuracy is None else {"accuracy": accuracy, "loss": 1 - accuracy}
    repo.write("model.metrics.json", json.dumps(metrics))
    repo.write("model.pt", noise(tag, 3000))
    repo.write("quality", quality)
    repo.gitmodel("add", "model.pt")
    repo.commit(tag)
    repo.git("tag", tag)


def _tell(repo: Repo, accuracies: Iterable[float | None]) -> Repo:
    repo.write("train.py", "1\n")
    repo.write("data/train/a", "1\n")
    repo.gitmodel("add", "data/train")
    for number, accuracy in enumerate(accuracies):
        if number == 4:
            repo.write("train.py", "2\n")
            repo.write("data/train/a", "2\n")
            repo.write("model.params.yaml", "lr: 0.1\n")
            repo.gitmodel("add", "data/train")
        bad = accuracy is not None and accuracy < 0.9
        _release(repo, f"model-v1.{number}", accuracy, "bad" if bad else "ok")
    return repo


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seven")
    _tell(new_repo(folder), ACCURACY)
    return folder


@pytest.fixture
def seven(template: Path, tmp_path: Path) -> Repo:
    """Seven versions of a model, worse from model-v1.4 on."""
    return copied(template, tmp_path)


def bisect(repo: Repo, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(repo.gitmodel("bisect", "--json", *arguments).out)
    return found


def first(found: dict[str, Any]) -> list[str]:
    return [each["version"] for each in found["first"]]


# By a metric


def test_what_is_printed(seven: Repo) -> None:
    before = seven.tree()
    done = seven.gitmodel("bisect", "--metric", "accuracy")
    commit = seven.git("rev-parse", "--short=12", "model-v1.4")
    assert done.out.splitlines() == [
        "accuracy of model: bad is below 0.9 (goal max, guessed; --goal says otherwise)",
        "good  model-v1.0  0.9",
        "good  model-v1.1  0.92",
        "good  model-v1.2  0.93",
        "good  model-v1.3  0.93",
        "bad   model-v1.4  0.8",
        "bad   model-v1.5  0.79",
        "bad   model-v1.6  0.81",
        "4 good, 3 bad, 0 not known",
        f"first bad: model-v1.4 ({commit})",
        "changed since model-v1.3:",
        "  params     lr",
        "  artifacts  data/train, model.pt",
        "  code       quality, train.py",
    ]
    assert seven.tree() == before


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--metric", "accuracy"), "model-v1.4"),
        (("--metric", "loss"), "model-v1.4"),
        (("model", "--metric", "accuracy", "--good", "v1.1", "--bad", "v1.5"), "model-v1.4"),
        (("--metric", "accuracy", "--good", "model-v1.2", "--bad", "model@v1.4"), "model-v1.4"),
        (("--metric", "accuracy", "--threshold", "0.8"), None),
        (("--metric", "accuracy", "--threshold", "0.8", "--bad", "model-v1.5"), "model-v1.5"),
        (("--metric", "accuracy", "--tolerance", "0.1"), None),
        (("--metric", "accuracy", "--tolerance", "0.1", "--bad", "model-v1.5"), "model-v1.5"),
        (("--metric", "accuracy", "--goal", "min"), None),
        (("--metric", "accuracy", "--goal", "min", "--bad", "model-v1.3"), "model-v1.1"),
        (("--metric", "accuracy", "--good", "model-v1.5"), None),
        (("--metric", "accuracy", "--bad", "main"), "model-v1.4"),
        (("--metric", "accuracy", "--bad", "HEAD~1"), "model-v1.4"),
    ],
)
def test_the_first_that_is_worse(
    seven: Repo, arguments: tuple[str, ...], expected: str | None
) -> None:
    if expected is None:
        done = seven.gitmodel("bisect", *arguments, code=1)
        assert "is not worse" in done.err
        assert "next:" in done.err
    else:
        assert first(bisect(seven, *arguments)) == [expected]


def test_versions_without_the_metric_may_be_it(repo: Repo) -> None:
    _tell(repo, (0.9, None, None, 0.8))
    found = bisect(repo, "-m", "accuracy")
    assert first(found) == ["model-v1.1", "model-v1.2", "model-v1.3"]
    assert [each["verdict"] for each in found["tested"]] == ["good", "skip", "skip", "bad"]
    assert "already model-v1.1, model-v1.2" in repo.gitmodel("bisect", "-m", "accuracy").out


def test_values_that_go_back_and_forth(repo: Repo) -> None:
    _tell(repo, (0.9, 0.8, 0.9, 0.8, 0.95, 0.7))
    found = bisect(repo, "-m", "accuracy")
    assert first(found) == ["model-v1.1"]
    assert found["again"] == ["model-v1.2", "model-v1.4"]
    assert "good again after a bad one: model-v1.2" in repo.gitmodel("bisect", "-m", "accuracy").out
    done = repo.gitmodel("bisect", "-m", "accuracy", "--bad", "model-v1.4", code=1)
    assert "worse in between: model-v1.1, model-v1.3" in done.err


def test_branches_that_were_merged(repo: Repo) -> None:
    _release(repo, "model-v1.0", 0.9)
    repo.git("checkout", "--quiet", "-b", "side")
    repo.write("side.py", "1\n")
    _release(repo, "model-v1.1", 0.7)
    repo.git("checkout", "--quiet", "main")
    repo.gitmodel("checkout")
    _release(repo, "model-v1.2", 0.91)
    repo.git("merge", "--quiet", "-s", "ours", "-m", "merge", "side")
    _release(repo, "model-v1.3", 0.75)
    found = bisect(repo, "-m", "accuracy")
    assert first(found) == ["model-v1.1"]
    assert found["changed"]["since"] == "model-v1.0"
    assert "side.py" in found["changed"]["code"]
    assert first(bisect(repo, "-m", "accuracy", "--good", "model-v1.2")) == ["model-v1.1"]


def test_the_fields_of_json_are_documented(seven: Repo) -> None:
    pages = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
    section = pages.split("## `gitmodel/bisect/1`\n")[1].split("\n## ")[0]
    found = bisect(seven, "--metric", "accuracy")
    documented = set(re.findall(r"^\| `([^`]+)` \|", section, re.M))
    for each in (found["good"], found["bad"], *found["first"]):
        assert each in found["tested"]
    assert documented == {*found, *_inside("limit", found["limit"])} | {
        *_inside("tested[]", found["tested"][0]),
        *_inside("changed", found["changed"]),
    }


def _inside(name: str, value: Iterable[str]) -> list[str]:
    return [f"{name}.{key}" for key in value]


def test_json(seven: Repo) -> None:
    found = bisect(seven, "--metric", "accuracy", "--good", "model-v1.3")
    assert found["schema"] == "gitmodel/bisect/1"
    assert found["name"] == "model"
    limit = {"metric": "accuracy", "goal": "max", "guessed": True, "value": 0.93}
    assert found["limit"] == limit
    assert found["good"] == {
        "version": "model-v1.3",
        "commit": seven.git("rev-parse", "model-v1.3"),
        "verdict": "good",
        "value": 0.93,
        "exit_code": None,
    }
    assert found["changed"] == {
        "since": "model-v1.3",
        "params": ["lr"],
        "artifacts": ["data/train", "model.pt"],
        "code": ["quality", "train.py"],
    }


def test_versions_of_the_whole_repository(repo: Repo) -> None:
    for number, value in enumerate((0.9, 0.8)):
        repo.write("metrics.json", json.dumps({"accuracy": value}))
        repo.commit()
        repo.git("tag", f"v{number}.0")
    assert first(bisect(repo, "-m", "accuracy")) == ["v1.0"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "either a metric or a command"),
        (("--metric", "accuracy", "--", "true"), "either a metric or a command"),
        (("--threshold", "1", "--", "true"), "about a metric"),
        (("--metric", "f1"), "no version has the metric 'f1'"),
        (("--metric", "f1", "--good", "model-v1.0"), "it has accuracy, loss"),
        (("--metric", "accuracy", "--threshold", "nan"), "numbers"),
        (("--metric", "accuracy", "--tolerance", "-1"), "numbers"),
        (("--metric", "accuracy", "--good", "v9.9"), "v9.9"),
        (("--metric", "accuracy", "--good", "v1.5", "--bad", "v1.1"), "does not descend"),
        (("nobody", "--metric", "accuracy"), "nobody"),
    ],
)
def test_what_makes_no_sense(seven: Repo, arguments: tuple[str, ...], says: str) -> None:
    assert says in seven.gitmodel("bisect", *arguments, code=2).err


def test_several_models_must_be_told_apart(seven: Repo) -> None:
    seven.git("tag", "other-v1.0")
    assert "other" in seven.gitmodel("bisect", "-m", "accuracy", code=2).err
    assert first(bisect(seven, "model", "-m", "accuracy")) == ["model-v1.4"]


# By a command

LOOK = "import pathlib, sys; sys.exit(pathlib.Path('quality').read_text() == 'bad')"


def test_a_command_tells(seven: Repo) -> None:
    before = seven.tree()
    found = bisect(seven, "--", sys.executable, "-c", LOOK)
    assert first(found) == ["model-v1.4"]
    codes = {each["version"]: each["exit_code"] for each in found["tested"]}
    assert codes["model-v1.0"] == codes["model-v1.3"] == 0
    assert codes["model-v1.6"] == codes["model-v1.4"] == 1
    assert len(codes) < len(ACCURACY)
    assert found["limit"] is None
    _check_back(seven, before)


def test_the_command_sees_the_artifacts_of_each_version(seven: Repo) -> None:
    script = "import hashlib; print(hashlib.sha256(open('model.pt','rb').read()).hexdigest())"
    done = seven.gitmodel(
        "bisect", "--", "sh", "-c", f'{sys.executable} -c "{script}" >> ../seen; grep -q ok quality'
    )
    known = {hashlib.sha256(noise(f"model-v1.{n}", 3000)).hexdigest(): n for n in range(7)}
    seen = [known[line] for line in (seven.path.parent / "seen").read_text().split()]
    assert seen[:2] == [0, 6]
    assert {3, 4} <= set(seen)
    assert len(seen) == len(set(seen))
    assert "first bad: model-v1.4" in done.out


def test_what_says_nothing_is_skipped(seven: Repo) -> None:
    script = "grep -q ok quality && grep -q 0.93 model.metrics.json && exit 125; grep -q ok quality"
    found = bisect(seven, "--", "sh", "-c", script)
    assert first(found) == ["model-v1.2", "model-v1.3", "model-v1.4"]


def test_what_the_command_changes_is_taken_back(seven: Repo) -> None:
    seven.write("notes.txt", "mine")
    seven.write(".git/info/exclude", "notes.txt\nnew.txt\n")
    before = seven.tree()
    script = """
        grep -q bad quality; bad=$?
        echo broken > train.py; echo broken > model.pt; echo broken > data/train/a
        rm quality; mkdir quality; echo mine > quality/new; git add --all
        exit $((1 - bad))
    """
    done = seven.gitmodel("bisect", "--", "sh", "-c", script)
    assert "first bad: model-v1.4" in done.out
    _check_back(seven, before)
    kept = {path.name: path.read_text() for path in kept_in(seven.home / "replaced", inside=False)}
    assert kept == {
        "train.py": "broken\n",
        "model.pt": "broken\n",
        "a": "broken\n",
        "new": "mine\n",
    }
    assert "train.py: what was there is saved nowhere else, and kept for a day in" in done.err


@pytest.mark.parametrize(
    "script",
    [
        "rm -rf data/train; echo x > data/train",
        "rm -rf data/train; ln -s ../.. data/train",
        "rm data/train/a; mkdir data/train/a; echo x > data/train/a/deep",
        "rm data/train/a; mkfifo data/train/a",
        "rm model.pt; mkdir model.pt; echo x > model.pt/x",
        "echo $$ > model.params.yaml",
        "echo $$ > data/train/new",
        "git checkout -q --orphan other",
        "git checkout -q main; git branch -q moved",
        "rm .gitmodel.yaml; echo RULE >> data/.gitignore",
        "echo x > train.py; git commit -qam x",
    ],
)
def test_it_comes_back_whatever_the_command_does(seven: Repo, script: str) -> None:
    before = seven.tree()
    done = seven.gitmodel(
        "bisect", "--", "sh", "-c", f"grep -q ok quality; c=$?; {script}; exit $c"
    )
    assert "first bad: model-v1.4" in done.out
    _check_back(seven, before)


@pytest.mark.parametrize("how", ["git add -A", "git add -A; git commit -qm x", "true"])
def test_what_is_the_users_own_stays(seven: Repo, how: str) -> None:
    seven.write("notes.txt", "mine")
    seven.write("out/log", "mine")
    before = seven.tree()
    script = f"grep -q ok quality; c=$?; echo new > result.txt; {how}; exit $c"
    assert first(bisect(seven, "--", "sh", "-c", script)) == ["model-v1.4"]
    assert seven.read("result.txt") == b"new\n"
    after = seven.tree()
    del after["result.txt"]
    assert after == before
    assert seven.git("branch", "--show-current") == "main"
    assert not list(kept_in(seven.home / "replaced", inside=False))


def test_what_is_trained_where_a_version_has_no_model_yet(seven: Repo) -> None:
    seven.write("late.pt", "late")
    seven.gitmodel("add", "late.pt")
    seven.commit("late")
    seven.git("tag", "model-v1.7")
    before = seven.tree()
    script = "grep -q ok quality; c=$?; echo trained > late.pt; exit $c"
    assert first(bisect(seven, "model", "--", "sh", "-c", script)) == ["model-v1.4"]
    _check_back(seven, before)


def test_what_is_the_users_own_is_in_the_way(seven: Repo) -> None:
    seven.gitmodel("checkout", "model-v1.2")
    seven.write("model.params.yaml", "mine")
    before = seven.tree()
    done = seven.gitmodel("bisect", "model", "--", "true", code=4)
    assert "'model.params.yaml'" in done.err
    assert seven.tree() == before


def test_a_detached_head_gets_its_artifacts_back(seven: Repo) -> None:
    seven.gitmodel("checkout", "model-v1.6")
    before = seven.tree()
    # The last one that is tested is where it began.
    seven.gitmodel("bisect", "--", "rm", "model.pt", code=1)
    assert seven.tree() == before


def test_a_branch_that_the_command_removes_is_not_needed(seven: Repo) -> None:
    before, head = seven.tree(), seven.git("rev-parse", "HEAD")
    script = "grep -q ok quality; c=$?; git branch -qD main 2>/dev/null; exit $c"
    assert first(bisect(seven, "--", "sh", "-c", script)) == ["model-v1.4"]
    assert seven.tree() == before
    assert seven.git("rev-parse", "HEAD") == head


def test_where_it_was_left_is_said(seven: Repo) -> None:
    done = seven.gitmodel("bisect", "--", "sh", "-c", "touch .git/index.lock", code=4)
    assert "the working tree is still at another version" in done.err
    assert "gitmodel checkout main" in done.err


def test_what_git_is_told_to_look_away_from_is_left_alone(seven: Repo) -> None:
    seven.git("update-index", "--assume-unchanged", "data/.gitignore")
    ours = seven.read("data/.gitignore") + b"*.mine\n"
    seven.write("data/.gitignore", ours)
    assert first(bisect(seven, "--", "sh", "-c", "grep -q ok quality")) == ["model-v1.4"]
    assert seven.read("data/.gitignore") == ours


def test_it_prints_to_stderr(seven: Repo) -> None:
    done = seven.gitmodel("bisect", "--json", "--", "sh", "-c", "echo seen; grep -q ok quality")
    assert "seen" in done.err
    assert json.loads(done.out)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("exit 0", "'model-v1.6' should be bad"),
        ("exit 1", "'model-v1.0' should be good"),
        ("exit 127", "'model-v1.0' should be good"),
        ("exit 125", "says nothing"),
        ("exit 130", "ended with 130"),
        ("kill -9 $$", "ended with 137"),
    ],
)
def test_a_command_that_tells_nothing_of_use(seven: Repo, script: str, says: str) -> None:
    before = seven.tree()
    assert says in seven.gitmodel("bisect", "--", "sh", "-c", script, code=1).err
    _check_back(seven, before)


def test_a_command_that_is_not_there(seven: Repo) -> None:
    before = seven.tree()
    assert "nothing-here" in seven.gitmodel("bisect", "--", "nothing-here", code=2).err
    _check_back(seven, before)


@pytest.mark.parametrize("path", ["train.py", "model.pt", "data/train/a", "data/train/new"])
def test_unsaved_work_stays_where_it_is(seven: Repo, path: str) -> None:
    seven.write(path, "mine")
    before = seven.tree()
    seven.gitmodel("bisect", "--", "sh", "-c", "echo ran > ../ran", code=4)
    assert not (seven.path.parent / "ran").exists()
    assert seven.tree() == before


def test_a_detached_head_comes_back(seven: Repo) -> None:
    seven.gitmodel("checkout", "model-v1.2")
    before, head = seven.tree(), seven.git("rev-parse", "HEAD")
    assert first(bisect(seven, "--", "sh", "-c", "grep -q ok quality")) == ["model-v1.4"]
    assert seven.tree() == before
    assert seven.git("rev-parse", "HEAD") == head
    assert seven.git("branch", "--show-current") == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_brings_everything_back(seven: Repo, number: signal.Signals) -> None:
    before = seven.tree()
    process = seven.start(
        "bisect", "--", "sh", "-c", "echo x > model.pt; echo > ../started; exec sleep 100"
    )
    while not (seven.path.parent / "started").exists():
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number, said
    assert b"Traceback" not in said
    _check_back(seven, before)


def test_a_blob_that_is_nowhere(seven: Repo) -> None:
    before = seven.tree()
    for path in seven.blobs:
        path.unlink()
    assert "gitmodel fetch" in seven.gitmodel("bisect", "--", "true", code=4).err
    (seven.path / "data/train/a").unlink()
    (seven.path / "data/train").rmdir()
    seven.gitmodel("bisect", "--", "true", code=5)
    assert seven.tree() == {path: each for path, each in before.items() if path != "data/train/a"}
    assert seven.git("branch", "--show-current") == "main"


def _check_back(repo: Repo, before: dict[str, str]) -> None:
    assert repo.tree() == before
    assert repo.git("branch", "--show-current") == "main"
    assert repo.git("status", "--porcelain") == ""
    assert all(each["work"] == "clean" for each in repo.status().values())
    assert repo.leftovers() == []
