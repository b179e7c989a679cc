from __future__ import annotations

import pytest

from gitmodel.errors import UsageError
from gitmodel.manifest import Entry
from gitmodel.pointer import Pointer
from gitmodel.snapshot import Snapshot, find_artifact, name_of, part_of, version_name

POINTER = Pointer("file", f"blake3:{'0' * 64}", f"xxh3-128:{'0' * 32}", 0)
PATHS = ["models/model.pt", "old/model.pt", "data/train", "deep/tokens.tar.gz", "ranker.onnx"]
SNAPSHOT = Snapshot("", dict.fromkeys(PATHS, POINTER))
NAMES = {"fraud/ranker": "ranker.onnx", "model": "models/model.pt", "old": "old/model.pt"}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("models/model.pt", ("models/model.pt", "")),
        ("./models//model.pt", ("models/model.pt", "")),
        ("models/model.pt.gitmodel", ("models/model.pt", "")),
        ("data/train/", ("data/train", "")),
        ("data/train/a/b.png", ("data/train", "a/b.png")),
        ("train", ("data/train", "")),
        ("tokens.tar", ("deep/tokens.tar.gz", "")),
        ("fraud/ranker", ("ranker.onnx", "")),
        ("model", ("models/model.pt", "")),
        ("old", ("old/model.pt", "")),
    ],
)
def test_what_a_path_or_a_name_means(wanted: str, found: tuple[str, str]) -> None:
    assert find_artifact(SNAPSHOT, NAMES, wanted) == found


@pytest.mark.parametrize("wanted", ["ranker", "data", "nothing", "..", "", "train/a.png"])
def test_what_means_nothing(wanted: str) -> None:
    with pytest.raises(UsageError, match="is not the name or path of an artifact there"):
        find_artifact(SNAPSHOT, NAMES, wanted)


def test_a_name_of_two_artifacts() -> None:
    with pytest.raises(UsageError, match=r"'models/model\.pt' or 'old/model\.pt'"):
        find_artifact(SNAPSHOT, {}, "model")


def test_the_name_in_version_tags() -> None:
    assert name_of("ranker.onnx", NAMES) == "fraud/ranker"
    assert name_of("ranker.onnx", {}) == "ranker"
    assert version_name(SNAPSHOT, NAMES, "data/train/a.png") == "train"
    assert version_name(SNAPSHOT, NAMES, "gone/away.pt") == "away"


def test_a_part_of_an_artifact() -> None:
    entries = {path: Entry(path, "", 0, "f", path) for path in ("a", "b/c", "b/d/e", "bb")}
    assert part_of(entries, "") == entries
    assert part_of(entries, "a") == {"": entries["a"]._replace(path="")}
    assert {path: e.path for path, e in part_of(entries, "b").items()} == {"c": "c", "d/e": "d/e"}
    with pytest.raises(UsageError):
        part_of(entries, "d")
