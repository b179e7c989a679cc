"""What MLflow says, in our words: params, metrics, times and places."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from gitmodel.errors import IntegrityError, UsageError
from gitmodel.mlflow.facts import Dataset, Head, Point, Run
from gitmodel.mlflow.files import FileStore
from gitmodel.mlflow.place import Place, Spot, find_place, locate
from gitmodel.mlflow.source import Source
from gitmodel.mlflow.translate import Translated, translate

_RUN = Run(Head("1" * 32, "one", "0", deleted=False), "artifacts", None, None, {}, {}, {}, ())


def _translated(run: Run) -> Translated:
    return translate(Source("one", "model", Spot(Path("/"), "x"), run), {}, "/work")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("1", 1), ("-3", -3), ("0.1", 0.1), ("1e-05", 1e-05), ("1e+20", 1e20), ("1.0", 1.0)),
        *(("True", True), ("False", False), ("true", "true"), ("None", "None")),
        *(("1.10", "1.10"), ("007", "007"), ("1_000", "1_000"), (" 1", " 1"), ("+1", "+1")),
        *(("nan", "nan"), ("inf", "inf"), ("", ""), ("adam", "adam"), ("[1, 2]", "[1, 2]")),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_a_param_is_what_python_would_have_written_so(text: str, value: object) -> None:
    said = _translated(replace(_RUN, params={"p": text}))
    assert repr(dict(said.params)) == repr({"p": value})


def test_a_metric_that_ends_in_no_number_is_left_out_in_words() -> None:
    metrics = {
        "good": (Point(0, 1, 0.5), Point(0, 2, 0.75)),
        "bad": (Point(0, 1, 1.0), Point(1, 2, math.nan)),
        "step": (Point(0, 1, 1.0), Point(1, 2, 2.0)),
        "\x1b": (Point(0, 1, 1.0),),
    }
    said = _translated(replace(_RUN, metrics=metrics))
    assert {name: metric.value for name, metric in said.metrics.items()} == {
        "good": 0.75,
        "step": 2.0,
    }
    assert said.curves.names == ["bad"]
    assert len(said.left) == 3
    assert all(name in " ".join(said.left) for name in ("'\\x1b'", "'bad'", "'step'"))


def test_a_time_that_is_none_is_left_out() -> None:
    for time in (None, 0, 10**18):
        assert _translated(replace(_RUN, started=time)).lineage.started == ""
    assert (
        _translated(replace(_RUN, started=1767225600999)).lineage.started == "2026-01-01T00:00:00Z"
    )


def test_a_dataset_is_told_of_without_secrets() -> None:
    sources = ('{"uri": "s3://key:secret@bucket/a.csv"}', '{"path": "/work/data/a.csv"}', "{", "1")
    said = [
        _translated(replace(_RUN, datasets=(Dataset("d", "abc", source, ""),))).lineage.steps[-1]
        for source in sources
    ]
    start = "MLflow: data set d, digest abc"
    assert said == [
        f"{start}, from s3://***@bucket/a.csv",
        f"{start}, from data/a.csv",
        start,
        start,
    ]


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("{root}/0/a", "0/a"),
        ("file://{root}/0/a%20b", "0/a b"),
        ("file://localhost{root}/0/a", "0/a"),
        ("mlruns/0/a", "0/a"),
        ("./mlruns/x/../0/a", "0/a"),
    ],
)
def test_where_artifacts_are(tmp_path: Path, uri: str, path: str) -> None:
    place = Place(tmp_path / "mlruns", False, (tmp_path / "mlruns",))
    assert locate(place, uri.format(root=place.path), "") == Spot(place.path, path)


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        *(("/etc", IntegrityError), ("file:///etc/passwd", IntegrityError)),
        *(("mlruns/../x", IntegrityError), ("mlruns", IntegrityError), ("..", IntegrityError)),
        *(("{root}2/0", IntegrityError), ("mlruns/a\0b", IntegrityError), ("", IntegrityError)),
        *(("file://server/x", UsageError), ("s3://bucket/x", UsageError), ("http://[", UsageError)),
    ],
)
def test_where_artifacts_may_not_be(tmp_path: Path, uri: str, error: type[Exception]) -> None:
    place = Place(tmp_path / "mlruns", False, (tmp_path / "mlruns",))
    with pytest.raises(error):
        locate(place, uri.format(root=place.path), "0/none")
    with pytest.raises(IntegrityError):
        locate(place, "/etc", "../etc")


def test_a_store_of_files_is_older_than_a_database_beside_it(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"")
    (tmp_path / "mlruns/1/0123/artifacts").mkdir(parents=True)
    assert find_place("", tmp_path).database
    (tmp_path / "mlruns/0").mkdir()
    (tmp_path / "mlruns/0/meta.yaml").write_text("name: Default\n")
    assert find_place("", tmp_path) == Place(tmp_path / "mlruns", False, (tmp_path / "mlruns",))


@pytest.mark.parametrize(
    "line", ["x", "1", "1 x 0", "1 0.5 x", "1.5 0.5 0", "1 0.5 0\n\n", "1 0.5 0\n?"]
)
def test_a_metric_that_is_broken_is_refused_by_its_line(tmp_path: Path, line: str) -> None:
    home = tmp_path / "0" / ("1" * 32)
    (home / "metrics").mkdir(parents=True)
    (tmp_path / "0/meta.yaml").write_text("name: x\n")
    (home / "meta.yaml").write_text("artifact_uri: x\n")
    (home / "metrics/loss").write_text(line)
    with pytest.raises(IntegrityError, match=r"metrics/loss', line \d"):
        FileStore(Place(tmp_path, False, (tmp_path,))).run("1" * 32)


def test_the_metrics_of_mlflow_0_have_no_steps(tmp_path: Path) -> None:
    home = tmp_path / "0" / ("1" * 32)
    (home / "metrics/val").mkdir(parents=True)
    (tmp_path / "0/meta.yaml").write_text("name: x\n")
    (home / "meta.yaml").write_text("artifact_uri: x\nrun_uuid: y\n")
    (home / "metrics/val/loss").write_text("1548000000 0.5\n1548000001 0.25\n")
    run = FileStore(Place(tmp_path, False, (tmp_path,))).run("1" * 32)
    assert run
    assert run.metrics == {"val/loss": (Point(0, 1548000000, 0.5), Point(0, 1548000001, 0.25))}
