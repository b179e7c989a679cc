"""Weak places: each a row of docs/threat-model.md that begins with W."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gitmodel.errors import IntegrityError
from gitmodel.paths import check_artifact, not_on_windows
from tests.helpers.repo import Repo, noise

READ = (
    ".gitattributes",
    "models/.gitattributes",
    ".GitAttributes",
    ".gitattributes.",
    ".gitattributes::$DATA",
    ".gitattr\u200cibutes",
    "GITATT~1",
    "gi7eba~1",
    ".gitignore",
    ".gitmodules",
    ".mailmap",
    ".lfsconfig",
    ".gitmodel.yaml",
    ".gitmodel.imported",
    "x/.GITMODEL.yaml",
)


@pytest.mark.parametrize("path", READ)
def test_w_no_artifact_is_a_file_that_git_or_gitmodel_reads(path: str) -> None:
    with pytest.raises(IntegrityError):
        check_artifact(path)


def test_w_a_pointer_for_gits_own_attributes_is_refused(repo: Repo, tmp_path: Path) -> None:
    repo.write("m", "* filter=evil\n")
    repo.gitmodel("add", "m")
    repo.git("mv", "m.gitmodel", ".gitattributes.gitmodel")
    repo.commit()
    done = repo.gitmodel("pull", code=7)
    assert ".gitattributes" in done.err
    assert "filter" not in (repo.path / ".gitattributes").read_text()


def test_w_a_folder_may_hold_files_of_such_names(repo: Repo) -> None:
    repo.write("hub/.gitattributes", "*.bin filter=lfs\n")
    repo.write("hub/model.bin", noise(1, 100))
    repo.gitmodel("add", "hub")


def test_w_names_that_windows_cannot_have_are_told(repo: Repo) -> None:
    for name in ("x:y", "a.", "b ", "c?", "fine.txt"):
        repo.write(f"d/{name}", noise(name, 10))
    done = repo.gitmodel("add", "d")
    assert "4 names cannot exist on Windows" in done.err
    assert "Windows" not in repo.gitmodel("add", "d").err
    assert not_on_windows(["a.b/c d", ".x", "…"]) == []


def test_w_new_files_that_may_be_run_or_are_hidden_are_told(repo: Repo) -> None:
    repo.write("d/run.sh", "true\n").chmod(0o755)
    for name in (".env", "a/.x/b", "plain"):
        repo.write(f"d/{name}", name)
    repo.gitmodel("add", "d")
    repo.commit()
    repo.gitmodel("push")
    repo.git("push", "--quiet", "origin", "main")
    clone = repo.clone("clone")
    assert "note: 3 new files may be run or have a hidden name" in clone.gitmodel("pull").err
    assert "note" not in clone.gitmodel("pull").err


@pytest.mark.parametrize(
    "path", [".github/workflows/ci.yml", "src/setup.json", "a/.x/metrics.json"]
)
def test_w_a_run_writes_only_sidecars(repo: Repo, path: str) -> None:
    config = repo.read(".gitmodel.yaml").decode()
    repo.write(".gitmodel.yaml", f'{config}sidecars:\n  m: {{metrics: ["{path}"]}}\n')
    repo.write("m.pt", noise(1, 100))
    repo.write(
        "log.py", "import gitmodel\nwith gitmodel.run('m') as r:\n r.log(a=1); r.save('m.pt')\n"
    )
    done = repo.run("python", "log.py")
    assert "IntegrityError" in done.err
    assert not (repo.path / path).exists()


@pytest.mark.parametrize("table", ["registered_models", "tags"])
def test_w_a_virtual_table_of_a_store_is_none(repo: Repo, table: str) -> None:
    with closing(sqlite3.connect(repo.path / "mlflow.db")) as store, store:
        store.execute("CREATE TABLE runs (run_uuid TEXT, artifact_uri TEXT)")
        store.execute(f"CREATE VIRTUAL TABLE {table} USING fts5(name)")
    done = repo.run("gitmodel", "import", "mlflow", "models:/m/1", "--store", "sqlite:///mlflow.db")
    assert done.code in (2, 5, 7)
    assert "Traceback" not in done.err
    assert "bug" not in done.err
