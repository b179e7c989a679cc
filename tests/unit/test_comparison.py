import pytest

from gitmodel.comparison import (
    Change,
    FileChanges,
    compare_artifacts,
    compare_files,
    compare_metrics,
    compare_params,
    difference_of,
)
from gitmodel.manifest import Entry
from gitmodel.pointer import Pointer
from gitmodel.sidecar import Metric


def metrics(goal="max", **values):
    return {name: Metric(value, goal) for name, value in values.items()}


@pytest.mark.parametrize(
    ("goal", "before", "after", "change"),
    [
        ("max", 0.91, 0.94, Change(0.03, "better")),
        ("max", 0.94, 0.91, Change(-0.03, "worse")),
        ("min", 0.3, 0.1, Change(-0.2, "better")),
        ("min", 1, 3, Change(2, "worse")),
        ("max", 1, 1.0, Change(0, "same")),
        ("max", -1e308, 1e308, Change(None, "better")),
    ],
)
def test_whether_a_metric_is_better(goal, before, after, change):
    [row] = compare_metrics([metrics(goal, a=before), metrics(goal, a=after)])
    assert row.changes == (change,)


def test_a_metric_that_only_some_versions_have():
    rows = compare_metrics([metrics(gone=1), metrics(new=0), metrics()])
    assert [(row.name, [change.verdict for change in row.changes]) for row in rows] == [
        ("gone", ["removed", "removed"]),
        ("new", ["added", "absent"]),
    ]
    assert rows[1].values == (None, Metric(0, "max"), None)


def test_the_goal_is_the_last_versions():
    [row] = compare_metrics([metrics("max", wer=1), metrics("min", wer=2)])
    assert (row.goal, row.changes[0].verdict) == ("min", "worse")


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [(0.91, 0.94, 0.03), (0.1, 0.3, 0.2), (10**20, 10**20 + 1, 1), (5, 5e-324, -5)],
)
def test_a_difference_is_what_a_person_would_reckon(before, after, difference):
    assert difference_of(before, after) == difference


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [
        (1, 1.0, "same"),
        (1, True, "changed"),
        (0, False, "changed"),
        ("1", 1, "changed"),
        (float("nan"), float("nan"), "same"),
        ([1, {"a": [2]}], [1, {"a": [2]}], "same"),
        ([1, 2], [2, 1], "changed"),
        ([True], [1], "changed"),
        (None, "", "changed"),
        (None, None, "same"),
    ],
)
def test_params(before, after, state):
    [row] = compare_params([{"p": before}, {"p": after}])
    assert row.states == (state,)


def test_an_empty_param_is_not_an_absent_one():
    rows = compare_params([{"gone": None}, {"new": None}])
    assert [(row.present, row.states) for row in rows] == [
        ((True, False), ("removed",)),
        ((False, True), ("added",)),
    ]


def pointer(digit, *, executable=False):
    return Pointer("file", f"blake3:{digit * 64}", f"xxh3-128:{digit * 32}", 3, None, executable)


def test_artifacts_are_the_same_by_their_oid_and_the_versions_own_come_first():
    one, other = pointer("1"), pointer("2")
    rows = compare_artifacts(
        [{"a": one, "m": one, "x": one}, {"a": one, "m": other, "new": other}], {"m"}.__contains__
    )
    assert [(row.path, row.own, row.states) for row in rows] == [
        ("m", True, ("changed",)),
        ("a", False, ("same",)),
        ("new", False, ("added",)),
        ("x", False, ("removed",)),
    ]


def test_an_artifact_that_may_be_executed_now_has_changed():
    [row] = compare_artifacts([{"a": pointer("1")}, {"a": pointer("1", executable=True)}], bool)
    assert row.states == ("changed",)


def test_files_of_a_folder():
    def entries(**oids):
        return {path: Entry(oid, "", 1, oid[0], path) for path, oid in oids.items()}

    found = compare_files(
        entries(a="f1", b="f1", c="f1", e="f1"), entries(a="f1", b="f2", d="f1", e="x1")
    )
    assert found == FileChanges(("d",), ("c",), ("b", "e"))
