"""gitmodel export: MLflow and Hugging Face's own library read what it hands them."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from tests.helpers.mlflow_store import ask_mlflow
from tests.helpers.repo import Repo, noise
from tests.helpers.schemas import fields, promised

_CARD = """\
---
license: apache-2.0
language: en
pipeline_tag: text-ranking
---
# Ranker
"""
_BLANK = """
import mlflow
mlflow.MlflowClient("sqlite:///mlflow.db").get_experiment("0")
print()
"""
_READ = """
import json, sys, mlflow
client = mlflow.MlflowClient(sys.argv[1])
experiment = client.get_experiment_by_name(sys.argv[2])
run, *more = client.search_runs([experiment.experiment_id])
folder = client.download_artifacts(run.info.run_id, "", sys.argv[3])
print(json.dumps({
    "runs": 1 + len(more),
    "name": run.info.run_name,
    "status": run.info.status,
    "metrics": run.data.metrics,
    "params": run.data.params,
    "tags": run.data.tags,
    "loss": [[p.step, repr(p.value)] for p in client.get_metric_history(run.info.run_id, "loss")],
}))
"""


@pytest.fixture
def ranker(story: Repo) -> Repo:
    """A version with everything that a version can have."""
    story.write(
        "model.metrics.json", '{"accuracy": {"value": 0.94, "split": "test"}, "loss": 0.25}'
    )
    story.write("model.params.yaml", "lr: 0.01\nlayers: [64, 32]\ntags.team: fraud\n")
    story.write("model.curves.csv", "step,loss\n0,0.5\n1,nan\n2,0.3\n")
    story.write("model.card.md", _CARD)
    story.commit("what it is worth")
    story.git("tag", "model-v2.0")
    return story


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as MLflow makes it, which takes it seconds."""
    folder = tmp_path_factory.mktemp("blank")
    ask_mlflow(["-c", _BLANK], folder)
    return folder / "mlflow.db"


@pytest.fixture
def tracked(ranker: Repo, blank: Path) -> Repo:
    """The same beside a database of MLflow's."""
    shutil.copy(blank, ranker.path)
    return ranker


def _read(uri: str, experiment: str, folder: Path) -> dict[str, object]:
    folder.mkdir()
    answer: dict[str, object] = json.loads(
        ask_mlflow(["-c", _READ, uri, experiment, str(folder)], folder)
    )
    return answer


def test_mlflow_reads_a_version_that_was_exported(ranker: Repo, tmp_path: Path) -> None:
    done = ranker.gitmodel("export", "mlflow", "model")
    assert "recorded model-v2.0 as run " in done.out
    assert done.err.startswith("next:  mlflow ui --backend-store-uri sqlite:///")
    found = _read(f"sqlite:///{ranker.path}/mlflow.db", "model", tmp_path / "got")
    assert (found["name"], found["status"], found["runs"]) == ("model-v2.0", "FINISHED", 1)
    assert found["metrics"] == {"accuracy": 0.94, "loss": 0.25}
    assert found["params"] == {"lr": "0.01", "layers": "[64, 32]"}
    assert found["loss"] == [[0, "0.5"], [1, "nan"], [2, "0.3"], [2, "0.25"]]
    tags = found["tags"]
    assert isinstance(tags, dict)
    assert tags["team"] == "fraud"
    assert tags["mlflow.source.git.commit"] == ranker.git("rev-parse", "HEAD")
    assert (tmp_path / "got/model.pt").read_bytes() == ranker.read("model.pt")


def test_what_was_exported_to_the_store_at_the_top_can_be_imported_again(tracked: Repo) -> None:
    (tracked.path / "below").mkdir()
    command = ("export", "mlflow", "model", "--experiment", "again")
    done = tracked.gitmodel(*command, cwd="below")
    assert done.err.endswith(f"sqlite:///{tracked.path}/mlflow.db\n")
    assert not (tracked.path / "below/mlflow.db").exists()
    # The whole repository, which keeps its paths, beside it.
    tracked.gitmodel("export", "mlflow", "v1.0", "--experiment", "again")
    (home,) = [found.parent for found in tracked.path.glob("mlruns/again/*/artifacts/data")]
    assert (home / "model.pt").read_bytes() == noise("model 1", (1 << 20) + 100)
    assert (home / "data/train/deep/c.png").read_bytes() == noise("deep/c.png", 4000)
    tracked.gitmodel("import", "mlflow", "model-v2.0", "--to", "copy.pt")
    assert tracked.read("copy.pt") == tracked.read("model.pt")
    assert json.loads(tracked.read("copy.metrics.json")) == {"accuracy": 0.94, "loss": 0.25}
    assert tracked.read("copy.params.yaml") == (
        b'layers: "[64, 32]"\nlr: 0.01\ntags.team: "fraud"\n'
    )


def test_an_export_into_a_store_of_files(ranker: Repo, tmp_path: Path) -> None:
    home = ranker.path / "mlruns/0"
    home.mkdir(parents=True)
    uri = home.as_uri()
    home.joinpath("meta.yaml").write_text(
        f"artifact_location: {uri}\nexperiment_id: '0'\nlifecycle_stage: active\nname: Default\n"
    )
    ranker.gitmodel("export", "mlflow", "model", "--experiment", "Default")
    found = _read(str(home.parent), "Default", tmp_path / "got")
    assert found["metrics"] == {"accuracy": 0.94, "loss": 0.25}
    assert (tmp_path / "got/model.pt").read_bytes() == ranker.read("model.pt")


def test_what_mlflow_refuses_leaves_no_run(tracked: Repo) -> None:
    tracked.write("model.metrics.json", '{"precision, macro": 0.9}')
    tracked.commit()
    done = tracked.gitmodel("export", "mlflow", "model@HEAD", code=1)
    assert "MLflow refused: " in done.err
    with closing(sqlite3.connect(tracked.path / "mlflow.db")) as file:
        stages = file.execute("SELECT lifecycle_stage FROM runs").fetchall()
    assert stages == [("deleted",)]


def test_without_mlflow_it_is_told_what_to_install(ranker: Repo, tmp_path: Path) -> None:
    # As it is where nobody installed it.
    (tmp_path / "none/mlflow").mkdir(parents=True)
    (tmp_path / "none/mlflow/__init__.py").write_text("raise ImportError('No module named mlflow')")
    env = {"PYTHONPATH": str(tmp_path / "none")}
    done = ranker.gitmodel("export", "mlflow", "model", code=2, env=env)
    assert "next:  pip install mlflow" in done.err
    assert not (ranker.path / "mlflow.db").exists()


def test_hugging_face_reads_the_card_of_a_folder(ranker: Repo) -> None:
    done = ranker.gitmodel("export", "hf-folder", "model", "-o", "out/ranker")
    assert done.out.startswith("exported model-v2.0 to out/ranker (3 files, ")
    assert done.err == "next:  hf upload ACCOUNT/NAME out/ranker\n"
    assert ranker.tree("out/ranker").keys() == {"README.md", "gitmodel.json", "model.pt"}
    assert ranker.read("out/ranker/model.pt") == ranker.read("model.pt")
    card = ModelCard.load(ranker.path / "out/ranker/README.md")
    assert (card.data.license, card.data.pipeline_tag) == ("apache-2.0", "text-ranking")
    results = {each.metric_type: each.metric_value for each in card.data.eval_results or []}
    assert results == {"accuracy": 0.94, "loss": 0.25}
    assert "# Ranker" in card.text
    assert not ranker.leftovers()


def test_the_facts_of_a_folder(ranker: Repo) -> None:
    ranker.gitmodel("export", "hf-folder", "model@v2.0", "-o", "out")
    facts = json.loads(ranker.read("out/gitmodel.json"))
    assert facts["schema"] == "gitmodel/export/1"
    assert {re.sub(r"^(metrics|params).*", r"\1{}", each) for each in fields(facts)} == promised(
        "export"
    )
    assert facts["version"] == facts["tag"] == "model-v2.0"
    assert facts["commit"] == ranker.git("rev-parse", "model-v2.0^{commit}")
    assert facts["metrics"] == {"accuracy": {"value": 0.94, "split": "test"}, "loss": 0.25}
    assert facts["params"] == {"lr": 0.01, "layers": [64, 32], "tags.team": "fraud"}
    assert [each["path"] for each in facts["artifacts"]] == ["model.pt"]
    assert facts["artifacts"][0]["oid"] in ranker.read("model.pt.gitmodel").decode()


def test_a_folder_is_exported_with_its_files_at_the_top(story: Repo) -> None:
    story.write("data/train/README.md", "what was there\n")
    story.gitmodel("add", "data/train")
    story.commit()
    done = story.gitmodel("export", "hf-folder", "train@HEAD", "-o", "out")
    assert "left out: README.md of the artifact" in done.err
    assert story.tree("out").keys() == {"README.md", "gitmodel.json", "a.png", "b.png", "new.png"}
    assert b"## Version" in story.read("out/README.md")


def test_what_is_not_in_the_cache_is_fetched(clone: Repo) -> None:
    clone.gitmodel("export", "hf-folder", "v1.0", "-o", "out")
    assert clone.read("out/model.pt") == noise("model 1", (1 << 20) + 100)
    assert clone.read("out/data/train/b.png") == noise("b.png", 4000)
    shutil.rmtree(clone.path.parent / "remote")
    shutil.rmtree(clone.home)
    clone.gitmodel("export", "hf-folder", "v1.0", "-o", "again", code=5)
    assert not (clone.path / "again").exists()


def test_nothing_is_overwritten(story: Repo) -> None:
    story.write("out/mine.txt", "mine\n")
    for target in ("out", "model.pt", "out/mine.txt"):
        done = story.gitmodel("export", "hf-folder", "model", "-o", target, code=4)
        assert f"{target!r} is there already" in done.err
    story.gitmodel("export", "hf-folder", "model", "-o", ".", code=2)
    (story.path / "empty").mkdir()
    story.gitmodel("export", "hf-folder", "model", "-o", "empty")
    assert "README.md" in story.tree("empty")
    story.gitmodel("export", "hf-folder", "nothing", "-o", "new", code=2)
    assert not (story.path / "new").exists()


def test_a_broken_card_is_not_exported(ranker: Repo) -> None:
    ranker.write("model.card.md", "---\ntags: ranker\n---\n")
    ranker.commit()
    done = ranker.gitmodel("export", "hf-folder", "model@HEAD", "-o", "out", code=7)
    assert "gitmodel card --check model@HEAD" in done.err
    assert not (ranker.path / "out").exists()
