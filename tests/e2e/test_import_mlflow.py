"""gitmodel import mlflow: what MLflow itself has written becomes artifacts and sidecars."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from gitmodel.curves import parse_curves
from gitmodel.lineage import parse_lineage
from gitmodel.strict_yaml import parse_yaml
from tests.helpers.mlflow_store import COMMIT, make_store
from tests.helpers.repo import Done, Repo, tree


class Stored(NamedTuple):
    """A store that MLflow has made in a folder, and the ids of what is in it."""

    folder: Path
    uri: str
    ids: dict[str, str]


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    folder = tmp_path_factory.mktemp("database")
    ids = make_store("sqlite:///mlflow.db", folder)
    return Stored(folder, f"sqlite:///{folder / 'mlflow.db'}", ids)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    folder = tmp_path_factory.mktemp("files")
    ids = make_store(str(folder / "mlruns"), folder)
    return Stored(folder, str(folder / "mlruns"), ids)


@pytest.fixture(params=["databases", "folders"])
def store(request: pytest.FixtureRequest) -> Stored:
    """A store of either kind; nobody may change it."""
    found: Stored = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def moved(store: Stored, tmp_path: Path) -> Iterator[Path]:
    """A copy of a store elsewhere: what it says of itself is no longer true."""
    shutil.copytree(store.folder, tmp_path / "moved", symlinks=True)
    away = store.folder.with_name("away")
    store.folder.rename(away)
    yield tmp_path / "moved"
    away.rename(store.folder)


def _import(repo: Repo, store: Stored, *arguments: str, code: int = 0) -> Done:
    return repo.gitmodel("import", "mlflow", *arguments, "--store", store.uri, code=code)


def test_a_run_becomes_an_artifact_with_its_sidecars(repo: Repo, store: Stored) -> None:
    done = _import(repo, store, f"runs:/{store.ids['first']}/model")
    assert "imported first-try as model (5 files, " in done.out
    assert "next:  git commit -m 'import first-try from MLflow' && gitmodel tag model" in done.err
    assert repo.read("model/model.pkl").startswith(b"\x80\x04cos\nsystem")
    assert not (repo.path / "pwned").exists()
    assert repo.status()["model"]["work"] == "clean"
    staged = repo.git("diff", "--cached", "--name-only").splitlines()
    assert {f"model.{each}" for each in ("gitmodel", "metrics.json", "params.yaml")} < {*staged}
    assert {"model.curves.csv", "model.lineage.yaml"} < {*staged}


def test_metrics_are_the_last_values_and_those_with_steps_are_curves(
    repo: Repo, store: Stored
) -> None:
    done = _import(repo, store, f"runs:/{store.ids['first']}/model")
    metrics = json.loads(repo.read("model.metrics.json"))
    assert metrics == {"accuracy": 0.94, "loss": 0.3, "warm-up": 1.0}
    assert "left out: the metric 'val/loss', which is nan in the end" in done.err
    assert "left out: the points of 'warm-up' at negative steps: 1" in done.err
    curves = parse_curves(repo.read("model.curves.csv"), "curves")
    assert curves.points("loss") == {0: 0.9, 1: 0.5, 2: 0.3}
    assert repr(curves.points("val/loss")) == "{0: 0.8, 1: inf, 2: nan}"
    assert "accuracy" not in curves.names


def test_params_are_of_the_kind_that_they_were_before_mlflow_made_texts_of_them(
    repo: Repo, store: Stored
) -> None:
    _import(repo, store, f"runs:/{store.ids['first']}/model")
    assert parse_yaml(repo.read("model.params.yaml"), "params") == {
        "lr": 0.01,
        "decay": 1e-05,
        "epochs": 10,
        "warm": True,
        "optimizer": "adam",
        "layers": "[64, 32]",
        "cuda": "12.10",
        "note": "two\nlines",
        "tags.team": "fraud",
    }


def test_where_it_came_from_is_its_lineage(repo: Repo, store: Stored) -> None:
    _import(repo, store, "ranker/1", "--to", "models/ranker")
    lineage = parse_lineage(repo.read("models/ranker.lineage.yaml"), "lineage")
    assert [output.path for output in lineage.outputs] == ["models/ranker"]
    assert (lineage.code.commit, lineage.code.dirty) == (COMMIT, True)
    assert (lineage.started, lineage.ended) == ("2026-01-01T00:00:00Z", "2026-01-01T01:00:05Z")
    assert lineage.command == ("train.py",)
    assert lineage.environment.python == "3.11.2"
    assert lineage.environment.lock
    assert lineage.environment.lock.path == "models/ranker/requirements.txt"
    said = "\n".join(lineage.steps)
    assert "version 1 of the registered model ranker" in said
    assert f"run {store.ids['first']} first-try" in said
    assert "data set queries, digest a1b2c3d4, for training, from https://***@example.org/" in said
    assert "secret" not in said


def test_what_names_a_run(repo: Repo, store: Stored) -> None:
    id = store.ids["file"]
    for reference in (id, id[:8], "single", f"runs:/{id}", f"runs:/{id}/weights.bin"):
        _import(repo, store, reference, "--to", "w.bin", "--force")
        assert repo.read("w.bin") == b"one file\n", reference


@pytest.mark.parametrize(
    ("reference", "number"),
    [
        ("ranker", 2),
        ("ranker/1", 1),
        ("ranker/2", 2),
        ("ranker/latest", 2),
        ("ranker@champion", 1),
        ("models:/ranker/1", 1),
        ("models:/ranker@champion", 1),
        ("models:/ranker", 2),
    ],
)
def test_what_names_a_registered_model(
    repo: Repo, databases: Stored, reference: str, number: int
) -> None:
    done = _import(repo, databases, reference)
    assert f"imported ranker/{number} as ranker" in done.out
    assert f"gitmodel tag ranker-v{number}.0" in done.err
    metrics = json.loads(repo.read("ranker.metrics.json"))
    assert metrics["accuracy"] == {1: 0.94, 2: 0.95}[number]


def test_a_logged_model_has_the_params_of_its_own_and_of_its_run(repo: Repo, store: Stored) -> None:
    for reference in (store.ids["model"], f"models:/{store.ids['model']}", "with-model"):
        _import(repo, store, reference, "--force")
        assert set(repo.tree("ranker-model")) == set(tree(repo.path / "ranker-model"))
        assert (repo.path / "ranker-model/MLmodel").exists()
        params = parse_yaml(repo.read("ranker-model.params.yaml"), "params")
        assert params == {"depth": 3, "lr": 0.02}, reference


def test_versions_of_a_model_become_versions(repo: Repo, store: Stored) -> None:
    for number in ("1", "2"):
        _import(repo, store, f"ranker/{number}")
        repo.commit(f"ranker {number}")
        repo.gitmodel("tag", f"ranker-v{number}.0")
    listed = json.loads(repo.gitmodel("versions", "ranker", "--json").out)["versions"]
    assert [each["tag"] for each in listed] == ["ranker-v2.0", "ranker-v1.0"]
    assert not repo.git("status", "--porcelain", "--", "ranker*")
    # The second run has no curves: those of the first are not its own.
    assert repo.read("ranker.curves.csv") == b"step\n"


def test_a_store_that_was_moved(repo: Repo, store: Stored, moved: Path) -> None:
    uri = str(moved / "mlruns") if "mlruns" in store.uri else f"sqlite:///{moved / 'mlflow.db'}"
    for reference in (f"runs:/{store.ids['first']}/model", "ranker/1", "ranker/2"):
        repo.gitmodel("import", "mlflow", reference, "--store", uri, "--to", "m", "--force")
        assert (repo.path / "m/MLmodel").exists()


@pytest.mark.parametrize("form", ["folder", "inside", "file", "uri", "environment"])
def test_where_the_store_is(repo: Repo, folders: Stored, databases: Stored, form: str) -> None:
    arguments = {
        "folder": [str(folders.folder)],
        "inside": [str(databases.folder)],
        "file": [str(databases.folder / "mlflow.db")],
        "uri": [(folders.folder / "mlruns").as_uri()],
        "environment": [],
    }[form]
    options = ["--store", *arguments] if arguments else []
    env = {"MLFLOW_TRACKING_URI": databases.uri}
    repo.gitmodel("import", "mlflow", "single", *options, env=env)
    assert repo.read("weights.bin") == b"one file\n"


def test_the_store_of_the_current_folder_or_of_the_top(repo: Repo, store: Stored) -> None:
    shutil.copytree(store.folder, repo.path, symlinks=True, dirs_exist_ok=True)
    (repo.path / "deep/er").mkdir(parents=True)
    for folder in ("", "deep/er"):
        repo.gitmodel("import", "mlflow", "single", cwd=folder)
        assert (repo.path / folder / "weights.bin").read_bytes() == b"one file\n"


def test_what_means_nothing_or_several_things(repo: Repo, store: Stored) -> None:
    first = store.ids["first"]
    for reference, words in {
        "nothing": ("neither a run nor a registered model", "models ranker; runs "),
        "ranker/9": ("has no version '9'", "1, 2"),
        "ranker@none": ("has no version '@none'", "1, 2"),
        "two files": ("may be several things", f"runs:/{store.ids['two']}"),
        store.ids["two"]: ("has 2 artifacts", f"runs:/{store.ids['two']}/a.bin"),
        "no files": ("has no artifacts", "name another"),
        "gone": ("was deleted", f"mlflow runs restore --run-id {store.ids['deleted']}"),
        store.ids["deleted"]: ("was deleted", "mlflow runs restore"),
        f"runs:/{first}/none": ("no artifact 'none'", "ls "),
        f"runs:/{first}/../x": ("not a plain relative path", ""),
        f"models:/m-{'0' * 32}": ("is not there", "name another"),
        "": ("neither a run", "runs "),
    }.items():
        done = _import(repo, store, reference, code=7 if ".." in reference else 2)
        for each in words:
            assert each in done.err, (reference, done.err)
    assert repo.git("status", "--porcelain", "--", ":!.gitmodel.yaml", ":!.gitattributes") == ""


def test_what_is_not_taken_is_named(repo: Repo, databases: Stored) -> None:
    done = _import(repo, databases, databases.ids["first"])
    assert f"not taken: runs:/{databases.ids['first']}/roc.svg" in done.err
    assert not (repo.path / "roc.svg").exists()


def test_work_that_is_saved_nowhere_is_kept(repo: Repo, databases: Stored) -> None:
    repo.write("weights.bin", "mine\n")
    done = _import(repo, databases, "single", code=4)
    assert "'weights.bin' would be overwritten" in done.err
    assert repo.read("weights.bin") == b"mine\n"
    assert not (repo.path / "weights.lineage.yaml").exists()
    (repo.path / "weights.bin").unlink()
    repo.write("weights.lineage.yaml", "mine\n")
    done = _import(repo, databases, "single", code=4)
    assert "'weights.lineage.yaml' would be overwritten" in done.err
    assert not (repo.path / "weights.bin").exists()
    _import(repo, databases, "single", "--force")
    assert repo.read("weights.bin") == b"one file\n"
    # The same again changes nothing.
    before = repo.git("write-tree")
    _import(repo, databases, "single")
    assert repo.git("write-tree") == before


def test_a_folder_takes_it_under_its_own_name(repo: Repo, databases: Stored) -> None:
    (repo.path / "models").mkdir()
    _import(repo, databases, "single", "--to", "models")
    assert repo.read("models/weights.bin") == b"one file\n"
    _import(repo, databases, "ranker/1", "--to", "models")
    assert repo.status()["models/ranker"]["work"] == "clean"
    # What is an artifact itself is replaced.
    _import(repo, databases, "ranker/2", "--to", "models/ranker", "--force")
    assert "models/ranker/ranker.gitmodel" not in repo.git("ls-files")


def test_other_things_in_its_folder_are_in_the_way(repo: Repo, databases: Stored) -> None:
    repo.write("ranker/notes.txt", "mine\n")
    done = _import(repo, databases, "ranker/1", code=4)
    assert "'ranker/notes.txt' is there already" in done.err
    assert repo.tree("ranker").keys() == {"notes.txt"}


def test_what_died_before_git_heard_of_it_is_done_again(repo: Repo, databases: Stored) -> None:
    _import(repo, databases, "ranker/1")
    whole = repo.git("write-tree")
    repo.git("rm", "--quiet", "--cached", "ranker.gitmodel", "ranker.lineage.yaml")
    (repo.path / "ranker.gitmodel").unlink()
    (repo.path / "ranker/model.pkl").unlink()
    _import(repo, databases, "ranker/1")
    assert repo.git("write-tree") == whole
    assert repo.status()["ranker"]["work"] == "clean"


def test_inside_another_artifact(repo: Repo, databases: Stored) -> None:
    repo.write("data/train/a.csv", "1\n")
    repo.gitmodel("add", "data/train")
    assert "--to" in _import(repo, databases, "single", "--to", "data/train/w", code=2).err
    assert "--to" in _import(repo, databases, "single", "--to", "x.gitmodel", code=2).err
    assert "outside" in _import(repo, databases, "single", "--to", "../x", code=2).err


@pytest.fixture
def own(databases: Stored, tmp_path: Path) -> Stored:
    """A database that a test may change."""
    shutil.copytree(databases.folder, tmp_path / "own", symlinks=True)
    return databases._replace(folder=tmp_path / "own", uri=f"sqlite:///{tmp_path}/own/mlflow.db")


def _change(store: Stored, *statements: str) -> None:
    with closing(sqlite3.connect(store.folder / "mlflow.db")) as file:
        for statement in statements:
            file.execute(statement)
        file.commit()


@pytest.mark.parametrize(
    "uri", ["file:///etc", "/etc", "file:///etc/%2e%2e/etc", "mlruns/../../../../../../../../etc"]
)
def test_artifacts_outside_the_store_are_refused(repo: Repo, own: Stored, uri: str) -> None:
    _change(own, f"UPDATE runs SET artifact_uri = '{uri}', experiment_id = 0")
    done = _import(repo, own, f"runs:/{own.ids['file']}/hostname", code=7)
    assert "outside the store" in done.err
    assert "--artifacts" in done.err
    assert not (repo.path / "hostname").exists()


def test_a_folder_that_the_user_names_counts(repo: Repo, own: Stored, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/w.bin").write_bytes(b"there\n")
    _change(own, f"UPDATE runs SET artifact_uri = '{tmp_path}/elsewhere', experiment_id = 0")
    _import(repo, own, own.ids["file"], code=7)
    _import(repo, own, own.ids["file"], "--artifacts", str(tmp_path))
    assert repo.read("w.bin") == b"there\n"


def test_a_version_outlives_its_run(repo: Repo, own: Stored) -> None:
    _change(own, "UPDATE runs SET lifecycle_stage = 'deleted'")
    for number in ("1", "2"):
        _import(repo, own, f"ranker/{number}", "--force")
        assert (repo.path / "ranker/MLmodel").exists()


@pytest.mark.parametrize("uri", ["s3://bucket/x", "https://example.org/x", "dbfs:/x"])
def test_artifacts_that_are_elsewhere(repo: Repo, own: Stored, uri: str) -> None:
    _change(own, f"UPDATE runs SET artifact_uri = '{uri}', experiment_id = 0")
    done = _import(repo, own, own.ids["file"], code=2)
    assert f"{uri!r}, which is not on this machine" in done.err


@pytest.mark.parametrize("at", ["file", "folder", "artifacts"])
def test_a_symlink_leads_nowhere(repo: Repo, own: Stored, at: str) -> None:
    home = next(own.folder.glob(f"mlruns/*/{own.ids['file']}"))
    target = {"file": "weights.bin", "folder": "weights.bin/deep", "artifacts": ""}[at]
    shutil.rmtree(home / "artifacts")
    if target:
        (home / "artifacts" / target).parent.mkdir(parents=True)
    (home / "artifacts" / target).symlink_to("/etc/hostname" if target else "/etc")
    reference = f"runs:/{own.ids['file']}/{'weights.bin' if target else 'hostname'}"
    done = _import(repo, own, reference, code=7)
    assert "symlink" in done.err
    assert not (repo.path / "weights.bin").exists()


def test_a_database_that_is_none(repo: Repo, own: Stored) -> None:
    (own.folder / "mlflow.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    assert "cannot be read" in _import(repo, own, "single", code=7).err
    (own.folder / "mlflow.db").write_bytes(b"")
    assert "not a database of MLflow" in _import(repo, own, "single", code=7).err


def test_a_database_that_is_being_written_to(repo: Repo, own: Stored) -> None:
    with closing(sqlite3.connect(own.folder / "mlflow.db", isolation_level=None)) as file:
        file.execute("BEGIN EXCLUSIVE")
        done = _import(repo, own, "single", code=4)
    assert "is being written to" in done.err


def test_a_view_is_not_asked(repo: Repo, own: Stored) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT * FROM n"
    _change(own, "DROP TABLE tags", f"CREATE VIEW tags(run_uuid) AS {endless}")
    _import(repo, own, "single")
    assert b"tags." not in repo.read("weights.lineage.yaml")


def test_names_from_a_stranger_are_shown_harmless(repo: Repo, own: Stored) -> None:
    escape = "\x1b]0;owned\x07"
    _change(
        own,
        f"UPDATE runs SET name = '{escape}' WHERE run_uuid = '{own.ids['file']}'",
        f"INSERT INTO params VALUES ('{escape}', 'x', '{own.ids['file']}')",
    )
    done = _import(repo, own, own.ids["file"])
    assert "\x1b" not in done.out + done.err
    assert "left out: the param '\\x1b" in done.err
    assert "\x1b" not in _import(repo, own, "unknown", code=2).err


def test_no_store_and_one_that_is_not_on_this_machine(repo: Repo) -> None:
    done = repo.gitmodel("import", "mlflow", "x", code=2)
    assert "no MLflow store here" in done.err
    done = repo.gitmodel("import", "mlflow", "x", "--store", "https://example.org", code=2)
    assert "a store of 'https' is not on this machine" in done.err
    done = repo.gitmodel("import", "mlflow", "x", "--store", "none", code=2)
    assert "no MLflow store at 'none'" in done.err
