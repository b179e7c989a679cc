"""Whatever a store of MLflow's says: it is taken over, or refused in words."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitmodel.errors import GitmodelError
from gitmodel.mlflow.place import find_place
from gitmodel.mlflow.source import find_source, open_store
from gitmodel.mlflow.translate import translate
from tests.property.strategies import examples

RUN, MODEL = "0123456789abcdef0123456789abcdef", "m-0123456789abcdef0123456789abcdef"
REFERENCES = ("first", RUN[:8], f"runs:/{RUN}/model", "ranker", "ranker/1", "ranker@best", MODEL)

FILES = {
    "1/meta.yaml": "experiment_id: '1'\nlifecycle_stage: active\nname: first\n",
    f"1/{RUN}/meta.yaml": f"run_id: {RUN}\nrun_name: first\nstart_time: 1700000000000\n"
    f"end_time: 1700000000001\nlifecycle_stage: active\nartifact_uri: mlruns/1/{RUN}/artifacts\n",
    f"1/{RUN}/artifacts/model/MLmodel": "flavors: {}\n",
    f"1/{RUN}/metrics/loss": "1700000000000 0.5 0\n1700000000001 0.25 1\n",
    f"1/{RUN}/params/lr": "0.1",
    f"1/{RUN}/tags/mlflow.source.name": "train.py",
    f"1/{RUN}/inputs/one/meta.yaml": "source_id: two\ntags: {mlflow.data.context: train}\n",
    "1/datasets/two/meta.yaml": 'name: d\ndigest: abc\nsource: \'{"uri": "s3://b/d"}\'\n',
    f"1/models/{MODEL}/meta.yaml": f"name: model\nsource_run_id: {RUN}\n"
    f"artifact_location: mlruns/1/models/{MODEL}/artifacts\nlifecycle_stage: READY\n",
    f"1/models/{MODEL}/artifacts/MLmodel": "flavors: {}\n",
    f"1/models/{MODEL}/metrics/loss": "1700000000000 0.5 0\n",
    "models/ranker/meta.yaml": "name: ranker\n",
    "models/ranker/version-1/meta.yaml": f"version: 1\nsource: models:/{MODEL}\nrun_id: {RUN}\n"
    "current_stage: None\n",
    "models/ranker/aliases/best": "1",
}

TABLES = {
    "runs": {
        "run_uuid": RUN,
        "name": "first",
        "experiment_id": 1,
        "lifecycle_stage": "active",
        "artifact_uri": f"mlruns/1/{RUN}/artifacts",
        "start_time": 1700000000000,
        "end_time": 1700000000001,
    },
    "tags": {"run_uuid": RUN, "key": "mlflow.runName", "value": "first"},
    "params": {"run_uuid": RUN, "key": "lr", "value": "0.1"},
    "metrics": {
        "run_uuid": RUN,
        "key": "loss",
        "step": 1,
        "timestamp": 1700000000000,
        "value": 0.5,
        "is_nan": 0,
    },
    "inputs": {
        "destination_id": RUN,
        "source_type": "DATASET",
        "input_uuid": "one",
        "source_id": "two",
    },
    "input_tags": {"input_uuid": "one", "name": "mlflow.data.context", "value": "train"},
    "datasets": {"dataset_uuid": "two", "name": "d", "digest": "abc", "dataset_source": "{}"},
    "logged_models": {
        "model_id": MODEL,
        "name": "model",
        "experiment_id": 1,
        "source_run_id": RUN,
        "artifact_location": f"mlruns/1/models/{MODEL}/artifacts",
        "lifecycle_stage": "",
    },
    "logged_model_params": {"model_id": MODEL, "param_key": "lr", "param_value": "0.1"},
    "logged_model_metrics": {
        "model_id": MODEL,
        "metric_name": "loss",
        "metric_step": 1,
        "metric_timestamp_ms": 1700000000000,
        "metric_value": 0.5,
    },
    "registered_models": {"name": "ranker"},
    "model_versions": {
        "name": "ranker",
        "version": 1,
        "storage_location": "",
        "source": f"models:/{MODEL}",
        "run_id": RUN,
        "current_stage": "None",
    },
    "registered_model_aliases": {"name": "ranker", "alias": "best", "version": 1},
}

ODD = ("", "0", "-1", "9" * 5000, "nan", "1e999", "\x00", "..", "/etc", "a/../b", "[[[", "mlruns")
texts = st.sampled_from(ODD) | st.text(max_size=40)
cells = texts | st.none() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats() | st.binary()
yaml_values = texts | st.sampled_from(["{a: 1}", "[1]", "~", "1.5", "true", "2026-01-01", "&a *a"])


@st.composite
def _changes(draw: st.DrawFn) -> dict[str, bytes | None]:
    """Return files with another content, None for a symlink that leads out."""
    found: dict[str, bytes | None] = {}
    for path in draw(st.lists(st.sampled_from(sorted(FILES)), min_size=1, max_size=3)):
        text = FILES[path]
        lines = text.splitlines()
        at = draw(st.integers(0, len(lines) - 1))
        lines[at] = lines[at].partition(":")[0] + ": " + draw(yaml_values)
        content = [text[:at].encode(), "\n".join(lines).encode(errors="replace")]
        found[path] = draw(st.sampled_from([*content, None]) | st.binary() | texts.map(_encoded))
    return found


def _encoded(text: str) -> bytes:
    return text.encode(errors="replace")


def _check(store: Path) -> int:
    """Take over all that a store may name; return how much of it was there."""
    found = 0
    for reference in REFERENCES:
        with suppress(GitmodelError):
            place = find_place(str(store), store.parent)
            with closing(open_store(place)) as opened:
                source = find_source(opened, place, reference)
                translate(source, {}, "/top")
                found += 1
    return found


def _write(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files") / "mlruns"
    _write(folder, FILES)
    assert _check(folder) == len(REFERENCES)
    return folder


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=_changes())
def test_folders(folder: Path, changes: dict[str, bytes | None]) -> None:
    try:
        for path, content in changes.items():
            (folder / path).unlink()
            if content is None:
                (folder / path).symlink_to("/etc/passwd")
            else:
                (folder / path).write_bytes(content)
        _check(folder)
    finally:
        for path in changes:
            (folder / path).unlink(missing_ok=True)
            (folder / path).write_text(FILES[path])


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("database") / "mlflow.db"
    _write(path.parent / "mlruns", {name: FILES[name] for name in FILES if "artifacts" in name})
    with closing(sqlite3.connect(path)) as file:
        for table, row in TABLES.items():
            file.execute(f"CREATE TABLE {table} ({', '.join(row)})")
            marks = ", ".join("?" * len(row))
            file.execute(f"INSERT INTO {table} VALUES ({marks})", tuple(row.values()))
        file.commit()
    assert _check(path) == len(REFERENCES)
    return path


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_databases(database: Path, data: st.DataObject) -> None:
    changed = database.with_name("changed.db")
    shutil.copyfile(database, changed)
    table = data.draw(st.sampled_from(sorted(TABLES)))
    column = data.draw(st.sampled_from(sorted(TABLES[table])))
    with closing(sqlite3.connect(changed)) as file:
        cell = data.draw(cells)
        if isinstance(cell, str):
            cell = cell.encode(errors="replace").decode()
        file.execute(f"UPDATE {table} SET {column} = ?", (cell,))
        file.commit()
    for _ in range(data.draw(st.sampled_from([0, 0, 1, 5]))):
        with changed.open("r+b") as raw:
            raw.seek(data.draw(st.integers(0, os.path.getsize(changed) - 1)))
            raw.write(data.draw(st.binary(min_size=1, max_size=8)))
    _check(changed)
