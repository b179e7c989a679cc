from __future__ import annotations

import pytest

from gitmodel.contents import Item, format_contents, is_listed, root_of
from gitmodel.digest import oid_of

OID = oid_of(b"model")


@pytest.mark.parametrize(
    "path",
    [
        "model.pt.gitmodel",
        "a/b.gitmodel",
        ".gitmodel.yaml",
        "metrics.json",
        "a/params.yml",
        "model.metrics.yaml",
        "a/.params.json",
        "m.lineage.yaml",
        "a/m.card.md",
        "new\nline.metrics.json",
    ],
)
def test_listed(path: str) -> None:
    assert is_listed(path)


@pytest.mark.parametrize(
    "path",
    [
        ".gitmodel",
        "a/.gitmodel",
        "a/.gitmodel.yaml",
        "mymetrics.json",
        "metrics.json.bak",
        "metrics.json\n",
        "metrics.toml",
        "model.pt",
        "README.md",
        "card.md",
        "metrics.json/x",
    ],
)
def test_not_listed(path: str) -> None:
    assert not is_listed(path)


@pytest.mark.parametrize(
    "other",
    [
        Item("x", 5, OID, "a"),
        Item("f", 6, OID, "a"),
        Item("f", 5, oid_of(b"other"), "a"),
        Item("f", 5, OID, "b"),
    ],
)
def test_each_field_counts(other: Item) -> None:
    assert root_of([other]) != root_of([Item("f", 5, OID, "a")])


def test_order_is_by_the_bytes_of_paths() -> None:
    paths = ["b", "a/b", "a.b", "a", "é", "z", "\ue000", "𐀀", "\udcff"]
    items = [Item("f", 5, OID, path) for path in paths]
    lines = format_contents(items).decode().splitlines()[1:]
    given = sorted(paths, key=lambda path: path.encode("utf-8", "surrogateescape"))
    assert [line.split(" ", 3)[3] for line in lines] == [
        format_contents([Item("f", 5, OID, path)]).decode().splitlines()[1].split(" ", 3)[3]
        for path in given
    ]


def test_one_path_may_be_an_artifact_and_a_file_of_git() -> None:
    items = [Item("s", 5, OID, "a"), Item("f", 5, OID, "a")]
    assert format_contents(items) == format_contents(items[::-1])


def test_a_path_cannot_pretend_to_be_two_lines() -> None:
    items = [Item("f", 5, OID, f'a"\ns 5 {OID} "b')]
    assert format_contents(items).count(b"\n") == 2


def test_nothing_is_tracked() -> None:
    assert format_contents([]) == b"gitmodel-contents 1\n"
