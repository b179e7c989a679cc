"""Runs are recorded, from Python and from the command line, as a user does it."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from gitmodel.digest import oid_of
from gitmodel.lineage import Lineage, parse_lineage
from gitmodel.pointer import parse_pointer
from tests.helpers.repo import Done, Repo, new_repo, noise

TRAIN = """
import gitmodel

with gitmodel.run("model", params={"lr": 0.1, "layers": [1, 2], "opt": {"name": "adam"}}) as run:
    data = run.use("data/train", role="train")
    run.use("vocabulary.txt")
    run.preprocessing("lower case")
    for step in range(3):
        run.log({"loss": 1 / (step + 1)}, step=step)
    run.log(accuracy=0.75)
    run.save("model.pt").write_bytes(b"weights of " + b",".join(sorted(
        path.name.encode() for path in data.iterdir())))
"""


def python(repo: Repo, script: str, code: int = 0, **env: str) -> Done:
    done = repo.run(sys.executable, "-c", script, env=env)
    assert done.code == code, done.err
    return done


def lineage(repo: Repo, path: str = "model.lineage.yaml") -> Lineage:
    return parse_lineage(repo.read(path), path)


def oid_in(repo: Repo, artifact: str) -> str:
    path = f"{artifact}.gitmodel"
    return parse_pointer(repo.read(path), path).oid


def rows(repo: Repo, path: str = "model.curves.csv") -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(repo.read(path).decode())))


@pytest.fixture
def ready(repo: Repo) -> Repo:
    repo.write("train.py", TRAIN)
    repo.write("vocabulary.txt", "a b c\n")
    repo.write("requirements.txt", "torch==2.0\n")
    for name in ("a.png", "b.png"):
        repo.write(f"data/train/{name}", noise(name, 3000))
    repo.gitmodel("add", "data/train")
    repo.commit()
    repo.git("tag", "train-v1.0")
    return repo


def test_a_run_in_python_writes_everything_beside_the_artifact(ready: Repo) -> None:
    ready.run(sys.executable, "train.py")
    assert ready.read("model.pt") == b"weights of a.png,b.png"
    assert json.loads(ready.read("model.metrics.json")) == {"accuracy": 0.75, "loss": 1 / 3}
    assert ready.read("model.params.yaml") == b'lr: 0.1\nlayers: [1, 2]\nopt:\n  name: "adam"\n'
    assert rows(ready)[1] == {"step": "1", "loss": "0.5"}
    said = lineage(ready)
    [output] = said.outputs
    assert (output.path, output.oid) == ("model.pt", oid_in(ready, "model.pt"))
    data, vocabulary = said.inputs
    assert (data.path, data.role, data.version) == ("data/train", "train", "train-v1.0")
    assert data.oid == oid_in(ready, "data/train")
    assert (vocabulary.path, vocabulary.oid) == ("vocabulary.txt", oid_of(b"a b c\n"))
    assert said.params.oid == oid_of(ready.read("model.params.yaml"))
    assert (said.code.commit, said.code.dirty) == (ready.git("rev-parse", "HEAD"), False)
    assert said.environment.python == sys.version.split()[0]
    assert said.environment.lock.path == "requirements.txt"
    assert said.command[-1] == "train.py"
    assert said.started <= said.ended
    assert said.steps == ("lower case",)


def test_one_commit_then_pins_it_all(ready: Repo) -> None:
    ready.run(sys.executable, "train.py")
    ready.git("commit", "-qm", "trained")
    assert ready.git("status", "--porcelain") == ""
    kept = set(ready.git("ls-files", "model*").split())
    assert kept == {f"model.{end}" for end in _WRITTEN}


_WRITTEN = ("curves.csv", "lineage.yaml", "metrics.json", "params.yaml", "pt.gitmodel")


def test_an_exception_leaves_everything_as_it_was(ready: Repo) -> None:
    ready.run(sys.executable, "train.py")
    before = ready.tree(), ready.git("status", "--porcelain")
    failing = TRAIN.replace('"lr": 0.1', '"lr": 9') + "    raise SystemExit(3)\n"
    failing = failing.replace('run.save("model.pt").write_bytes', 'run.save("model.pt"); bytes')
    python(ready, failing, code=3)
    assert (ready.tree(), ready.git("status", "--porcelain")) == before


def test_a_sidecar_that_is_there_keeps_its_kind(ready: Repo) -> None:
    ready.write("model.metrics.yaml", "accuracy: 0.1\n")
    ready.write("model.params.json", "{}")
    ready.run(sys.executable, "train.py")
    assert ready.read("model.metrics.yaml").startswith(b"accuracy: 0.75\n")
    assert json.loads(ready.read("model.params.json"))["lr"] == 0.1
    assert not (ready.path / "model.metrics.json").exists()
    assert lineage(ready).params.path == "model.params.json"


def test_configured_sidecars_are_written_where_they_are_read(ready: Repo) -> None:
    config = ready.read(".gitmodel.yaml") + b"sidecars: {model: {metrics: [eval/metrics.json]}}\n"
    ready.write(".gitmodel.yaml", config)
    ready.run(sys.executable, "train.py")
    assert json.loads(ready.read("eval/metrics.json"))["accuracy"] == 0.75


@pytest.mark.parametrize("value", ["float('nan')", "float('inf')", "True", "'high'", "None", "[1]"])
def test_what_is_no_finite_number_is_refused_at_the_call(ready: Repo, value: str) -> None:
    script = f"""
import gitmodel
from gitmodel.errors import GitmodelError
with gitmodel.run("model") as run:
    try:
        run.log(accuracy={value})
    except GitmodelError as error:
        print(error.message)
    run.save("model.pt").write_text("x")
    run.log(f1=1)
"""
    assert "'accuracy' is not a" in python(ready, script).out
    assert json.loads(ready.read("model.metrics.json")) == {"f1": 1}


def test_a_run_that_diverged_says_so_in_its_curve_and_has_no_such_metric(ready: Repo) -> None:
    script = """
import gitmodel
with gitmodel.run("model") as run:
    for step, loss in enumerate((1.0, float("inf"), float("nan"))):
        run.log(step=step, loss=loss, best=1)
    run.save("model.pt").write_text("x")
"""
    python(ready, script)
    assert [row["loss"] for row in rows(ready)] == ["1.0", "inf", "nan"]
    assert json.loads(ready.read("model.metrics.json")) == {"best": 1.0}


def test_groups_long_forms_and_numbers_of_other_libraries(ready: Repo) -> None:
    script = """
import gitmodel

class Scalar:
    def tolist(self):
        return 0.5

with gitmodel.run("model", params={"a": Scalar(), "b": (1, None)}) as run:
    run.log({"val": {"acc": Scalar(), "f1": {"value": 1, "split": "test", "n": 10}}})
    run.save("model.pt").write_text("x")
"""
    python(ready, script)
    assert json.loads(ready.read("model.metrics.json")) == {
        "val.acc": 0.5,
        "val.f1": {"value": 1, "split": "test", "n": 10},
    }
    assert ready.read("model.params.yaml") == b"a: 0.5\nb: [1, null]\n"


def test_a_measurement_adds_its_metrics_and_leaves_the_rest(ready: Repo) -> None:
    ready.run(sys.executable, "train.py")
    before = ready.tree()
    python(
        ready,
        "import gitmodel\nwith gitmodel.run('model') as run:\n"
        "    run.use('model.pt')\n    run.log(accuracy=0.5, f1=0.25)\n",
    )
    after = ready.tree()
    assert {path for path in after if before.get(path) != after[path]} == {"model.metrics.json"}
    assert json.loads(ready.read("model.metrics.json")) == {
        "accuracy": 0.5,
        "loss": 1 / 3,
        "f1": 0.25,
    }


def test_inputs_are_named_before_they_are_committed(ready: Repo) -> None:
    ready.write("data/train/c.png", "new")
    ready.write("plain/x.csv", "1,2\n")
    script = """
import gitmodel
with gitmodel.run() as run:
    run.use("data/train")
    run.use("data/train/a.png", role="probe")
    run.use("plain")
    run.save("out/model.bin").parent.mkdir()
    open("out/model.bin", "w").write("x")
"""
    python(ready, script)
    whole, part, plain = lineage(ready, "out/model.lineage.yaml").inputs
    ready.gitmodel("add", "data/train", "plain")
    assert whole.oid == oid_in(ready, "data/train") == part.within
    assert (whole.version, part.version) == ("", "")
    assert part.oid == oid_of(noise("a.png", 3000))
    assert plain.oid == oid_in(ready, "plain")


def test_a_version_is_an_input_and_its_copy_is_what_is_read(ready: Repo) -> None:
    ready.write("data/train/c.png", "new")
    ready.gitmodel("add", "data/train")
    ready.commit()
    script = """
import gitmodel
with gitmodel.run("model") as run:
    data = run.use("train@v1.0", role="train")
    run.save("model.pt").write_text(",".join(sorted(path.name for path in data.iterdir())))
"""
    python(ready, script)
    assert ready.read("model.pt") == b"a.png,b.png"
    [used] = lineage(ready).inputs
    assert (used.path, used.role, used.version) == ("data/train", "train", "train-v1.0")


def test_several_outputs_have_a_lineage_each_or_share_one(ready: Repo) -> None:
    script = """
import gitmodel
with gitmodel.run("model") as run:
    for name in ("tokenizer.bin", "model.onnx", "model.pt"):
        run.save(name).write_text(name)
    run.log(f1=1)
"""
    python(ready, script)
    assert ready.read("tokenizer.lineage.yaml") == ready.read("model.lineage.yaml")
    assert {each.path for each in lineage(ready).outputs} == {
        "tokenizer.bin",
        "model.onnx",
        "model.pt",
    }
    assert (ready.path / "model.metrics.json").exists()
    assert not (ready.path / "tokenizer.metrics.json").exists()


def test_changed_code_is_dirty_and_results_are_not_code(ready: Repo) -> None:
    ready.run(sys.executable, "train.py")
    ready.run(sys.executable, "train.py")
    assert not lineage(ready).code.dirty
    ready.write("train.py", TRAIN + "# changed\n")
    ready.run(sys.executable, "train.py")
    first = lineage(ready).code
    assert first.dirty
    ready.write("helper.py", "x = 1\n")
    ready.run(sys.executable, "train.py")
    second = lineage(ready).code
    ready.write("helper.py", "x = 2\n")
    ready.run(sys.executable, "train.py")
    assert len({first.diff, second.diff, lineage(ready).code.diff}) == 3


def test_nothing_of_the_machine_and_no_secret_is_written(ready: Repo) -> None:
    script = ready.write("train2.py", TRAIN)
    ready.run(
        sys.executable, str(script), "--hf-token", "hunter2", "--out=/mnt/x/y", f"{ready.path}/data"
    )
    text = ready.read("model.lineage.yaml").decode()
    assert lineage(ready).command[1:] == ("train2.py", "--hf-token", "***", "--out=y", "data")
    assert "hunter2" not in text
    assert str(ready.path.parent) not in text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("run.use('nothing.csv')", "'nothing.csv' does not exist"),
        ("run.use('/etc/passwd')", "outside the repository"),
        ("run.use('.')", "whole repository"),
        ("run.use('nobody@v1.0')", "'nobody'"),
        ("run.save('../model.pt')", "outside the repository"),
        ("run.log({1: 2})", "not the name of a metric"),
        ("run.log({'step': 2}, step=1)", "'step' cannot be"),
        ("run.log({'a': 2}, step=-1)", "step is -1"),
        ("run.log({'a': 2}, step=1.5)", "step is 1.5"),
        ("run.save('missing.pt')", "'missing.pt' does not exist"),
        ("pass", "saved nothing"),
    ],
)
def test_what_makes_no_sense_is_said(ready: Repo, line: str, said: str) -> None:
    before = ready.tree()
    done = python(
        ready, f"import gitmodel\nwith gitmodel.run('model') as run:\n    {line}\n", code=1
    )
    assert said in done.err.splitlines()[-1]
    assert ready.tree() == before


@pytest.mark.parametrize("path", [".gitmodel.yaml", "x.gitmodel", "data", "sub/m.pt", "b.git/m.pt"])
def test_what_cannot_be_tracked_is_refused_before_anything_is_trained(
    ready: Repo, path: str
) -> None:
    ready.write("data/inner.bin", noise("inner", 3000))
    ready.gitmodel("add", "data/inner.bin")
    ready.git("init", "--quiet", "sub")
    ready.git("init", "--quiet", "--bare", "b.git")
    script = (
        f"import gitmodel\nwith gitmodel.run() as run:\n    run.save({path!r})\n    print('ran')\n"
    )
    done = python(ready, script, code=1)
    said = done.err.splitlines()[-1]
    assert "ran" not in done.out
    done = ready.gitmodel("run", "--save", path, "--", "echo", "ran", code=2)
    assert done.err.splitlines()[0].removeprefix("error: ") in said
    assert "ran" not in done.out


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ("{'a': float('nan')}", "finite"),
        ("{'a': object()}", "object"),
        ("'none.yaml'", "does not exist"),
    ],
)
def test_wrong_params_are_refused_before_anything_runs(ready: Repo, params: str, said: str) -> None:
    script = f"import gitmodel\nwith gitmodel.run('m', params={params}):\n    print('ran')\n"
    done = python(ready, script, code=1)
    assert said in done.err
    assert "ran" not in done.out


TRAINING = """
import gitmodel, json, random

class Line:
    def __init__(self):
        self.slope = self.offset = 0.0

    def train(self, points, lr):
        for x, y in points:
            wrong = self.slope * x + self.offset - y
            self.slope -= lr * wrong * x
            self.offset -= lr * wrong

    def loss(self, points):
        return sum((self.slope * x + self.offset - y) ** 2 for x, y in points) / len(points)

params = {"lr": 0.1, "epochs": EPOCHS, "seed": 7}
with gitmodel.run("line", params=params) as run:
    def read(name):
        path = run.use(f"data/points/{name}.json", role=name)
        return json.loads(path.read_text())

    train, test = read("train"), read("test")
    random.seed(params["seed"])
    line = Line()
    for epoch in range(params["epochs"]):
        random.shuffle(train)
        line.train(train, params["lr"])
        run.log({"train": {"loss": line.loss(train)}}, step=epoch)
    run.log(test={"loss": {"value": line.loss(test), "split": "test", "n": len(test)}})
    run.save("models/line.json").write_text(json.dumps(vars(line)))
"""


def test_a_real_training_is_told_apart_by_its_versions(repo: Repo) -> None:
    for name, numbers in (("train", range(40)), ("test", range(40, 50))):
        points = [(n / 50, 3 * n / 50 + 1) for n in numbers]
        repo.write(f"data/points/{name}.json", json.dumps(points))
    (repo.path / "models").mkdir()
    repo.gitmodel("add", "data/points")
    repo.commit("data")
    for tag, epochs in (("line-v1.0", 2), ("line-v1.1", 60)):
        repo.write("train.py", TRAINING.replace("EPOCHS", str(epochs)))
        repo.commit(f"train {epochs}")
        done = repo.run(sys.executable, "train.py")
        assert done.code == 0, done.err
        repo.git("commit", "-qm", tag)
        repo.git("tag", tag)
    losses = [float(row["train.loss"]) for row in rows(repo, "models/line.curves.csv")]
    assert len(losses) == 60
    assert losses[-1] < losses[0] / 100
    new = json.loads(repo.read("models/line.metrics.json"))["test.loss"]
    assert new["split"] == "test"
    repo.gitmodel("checkout", "line-v1.0")
    old = json.loads(repo.read("models/line.metrics.json"))["test.loss"]
    assert new["value"] < old["value"]
    said = lineage(repo, "models/line.lineage.yaml")
    assert said.code.commit == repo.git("rev-parse", "line-v1.0~1")
    assert [each.role for each in said.inputs] == ["train", "test"]
    assert {each.within for each in said.inputs} == {oid_in(repo, "data/points")}


def test_a_repository_of_another_folder_and_without_a_commit(tmp_path: Path) -> None:
    repo = new_repo(tmp_path)
    script = f"""
import gitmodel
with gitmodel.run("model", repo={str(repo.path)!r}) as run:
    run.save({str(repo.path / "model.pt")!r}).write_text("x")
    run.log(f1=1)
"""
    done = repo.run(sys.executable, "-c", script, cwd="..")
    assert done.code == 0, done.err
    said = lineage(repo)
    assert (said.code.commit, said.code.dirty) == ("", True)
    assert json.loads(repo.read("model.metrics.json")) == {"f1": 1}


def test_thousands_of_inputs_are_refused_at_the_call(ready: Repo) -> None:
    script = """
import gitmodel
from gitmodel.porcelain import run as limits
assert limits.MAX_INPUTS == 1000
limits.MAX_INPUTS = 20
with gitmodel.run("model") as run:
    for number in range(21):
        run.use("vocabulary.txt")
"""
    done = python(ready, script, code=1)
    assert "more than 20 inputs" in done.err


# The command line


def test_a_command_is_run_and_recorded(ready: Repo) -> None:
    ready.write("params.yaml", "lr: 0.5\n")
    script = "import sys; open('model.pt', 'w').write('x'); print('hello'); sys.stderr.write('e')"
    done = ready.gitmodel(
        *("run", "--use", "data/train=train", "--params", "params.yaml", "--save", "model.pt"),
        *("--", "python", "-c", script),
    )
    assert done.out == "hello\n"
    assert "recorded model.pt (1 input, 0 metrics): model.lineage.yaml" in done.err
    said = lineage(ready)
    assert said.command[:2] == ("python", "-c")
    assert said.params.path == "params.yaml"
    assert [(each.path, each.role) for each in said.inputs] == [("data/train", "train")]
    assert said.environment.python == sys.version.split()[0]
    # params.yaml of the root is read for artifacts that have none of their own.
    assert not (ready.path / "model.params.yaml").exists()


@pytest.mark.parametrize("code", [1, 3, 42])
def test_the_exit_code_is_the_commands_and_nothing_is_written(ready: Repo, code: int) -> None:
    before = ready.tree()
    done = ready.gitmodel(
        *("run", "--save", "train.py", "--", "sh", "-c", f"exit {code}"), code=code
    )
    assert "nothing recorded" in done.err
    assert ready.tree() == before


def test_a_killed_command_ends_as_in_a_shell(ready: Repo) -> None:
    ready.gitmodel("run", "--", "sh", "-c", "kill -TERM $$", code=143)


def test_a_script_and_its_command_work_together(ready: Repo) -> None:
    ready.write("conf.yaml", "lr: 9\nseed: 7\n")
    done = ready.gitmodel(
        *("run", "--use", "conf.yaml=config", "--params", "conf.yaml", "--save", "extra.bin"),
        *("--", "sh", "-c", "echo extra > extra.bin; exec python train.py"),
    )
    assert "recorded model.pt, extra.bin (3 inputs, 2 metrics)" in done.err
    said = lineage(ready)
    assert said.command[0] == "sh"
    assert [each.path for each in said.inputs] == ["conf.yaml", "data/train", "vocabulary.txt"]
    assert said.environment.python == sys.version.split()[0]
    assert ready.read("model.params.yaml").splitlines()[:2] == [b"lr: 0.1", b"seed: 7"]
    assert ready.read("extra.lineage.yaml") == ready.read("model.lineage.yaml")


def test_a_script_records_nothing_if_its_command_fails_later(ready: Repo) -> None:
    before = ready.tree().keys()
    ready.gitmodel("run", "--", "sh", "-c", "python train.py; exit 5", code=5)
    assert ready.tree().keys() - before == {"model.pt"}


def test_without_inputs_what_was_tracked_is_only_co_committed(ready: Repo) -> None:
    ready.gitmodel("run", "--save", "model.pt", "--", "sh", "-c", "echo x > model.pt")
    [data] = lineage(ready).inputs
    assert (data.path, data.declared, data.version) == ("data/train", False, "train-v1.0")


def test_a_tracked_artifact_is_the_output_that_a_run_is_named_after(ready: Repo) -> None:
    ready.run(sys.executable, "train.py")
    ready.gitmodel("run", "--name", "model", "--", "sh", "-c", "echo new > model.pt")
    assert lineage(ready).outputs[0].oid == oid_of(b"new\n")


def test_a_command_of_nothing(ready: Repo) -> None:
    assert "saved nothing" in ready.gitmodel("run", "--", "true", code=2).err
    assert "no command 'nosuch'" in ready.gitmodel("run", "--", "nosuch", code=2).err
    done = ready.gitmodel("run", "--use", "nothing", "--", "touch", "ran", code=2)
    assert "'nothing' does not exist" in done.err
    assert not (ready.path / "ran").exists()


def test_a_run_in_a_subfolder(ready: Repo) -> None:
    (ready.path / "models").mkdir()
    done = ready.gitmodel(
        *("run", "--use", "../data/train", "--save", "m.pt", "--", "sh", "-c", "pwd > m.pt"),
        cwd="models",
    )
    assert "models/m.lineage.yaml" in done.err
    assert ready.read("models/m.pt").decode().strip().endswith("/models")
    assert lineage(ready, "models/m.lineage.yaml").inputs[0].path == "data/train"


def test_hooks_of_a_command_are_not_skipped(ready: Repo) -> None:
    ready.gitmodel(
        *("run", "--save", "x.bin", "--", "sh", "-c", "echo ${GITMODEL_SKIP_HOOKS:-none} > x.bin")
    )
    assert ready.read("x.bin") == b"none\n"


def test_loading_it_does_not_load_the_command_line(ready: Repo) -> None:
    done = python(ready, "import sys, gitmodel; gitmodel.run; print('click' in sys.modules)")
    assert done.out == "False\n"
    done = python(
        ready, "import sys, gitmodel; print(len([m for m in sys.modules if 'gitm' in m]))"
    )
    assert done.out == "1\n"
