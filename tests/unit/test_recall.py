from dataclasses import replace
from pathlib import Path

from gitmodel.config import Config
from gitmodel.recall import recall, remember
from gitmodel.record import Measured
from gitmodel.sidecar import Metric

CONFIG = Config("0" * 32)
FULL = Measured(
    {
        "f1": Metric(0.5, "max", True),
        "loss": Metric(10**300, "min", False, "test", 7, (0.1, 0.2)),
    },
    {"lr": float("inf"), "layers": [1, {"a": None}], "name": "é\ud7ff", "on": True},
    ("'m.json', line 1, is broken",),
)


def _many(count: int, start: int = 0) -> dict[tuple[str, str], Measured]:
    return {(f"{n:040x}", "model"): FULL for n in range(start, start + count)}


def test_what_is_remembered_comes_back_the_same(tmp_path: Path) -> None:
    path = tmp_path / "gitmodel" / "versions.cache"
    new = {**_many(60), ("f" * 40, ""): FULL}
    remember(path, CONFIG, {}, new, new)
    assert recall(path, CONFIG) == new
    assert [each.name for each in path.parent.iterdir() if each.is_file()] == [path.name]


def test_a_few_are_not_worth_a_file(tmp_path: Path) -> None:
    remember(tmp_path / "gitmodel" / "c", CONFIG, {}, _many(49), [])
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_wanted_now_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "c"
    remember(path, CONFIG, _many(500), _many(60, 1000), _many(60, 1000))
    assert len(recall(path, CONFIG)) == 560


def test_other_rules_remember_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c"
    remember(path, CONFIG, {}, _many(60), [])
    for other in (
        {"goals": {"f1": "min"}},
        {"artifacts": {"a": "b"}},
        {"sidecars": {"*": {"metrics": ("m.json",)}}},
    ):
        assert recall(path, replace(CONFIG, **other)) == {}
    for same in ({"id": "1" * 32}, {"remotes": {"origin": "../r"}}, {"tag_formats": ("gto",)}):
        assert len(recall(path, replace(CONFIG, **same))) == 60


def test_no_file_remembers_nothing(tmp_path: Path) -> None:
    assert recall(tmp_path / "c", CONFIG) == {}
    assert recall(tmp_path, CONFIG) == {}
