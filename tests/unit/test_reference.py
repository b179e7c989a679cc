import pytest

from gitmodel.errors import UsageError
from gitmodel.reference import (
    Best,
    Named,
    Stage,
    best_of,
    near,
    parse_wanted,
    split_reference,
    stages_of,
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("model@v1.1", ("model", "v1.1")),
        ("a/b.pt@", ("a/b.pt", "")),
        ("a@b@c", ("a@b", "c")),
        ("model", ("", "")),
        ("@", ("", "")),
        ("@~2", ("", "")),
        ("HEAD@{1}", ("", "")),
        ("", ("", "")),
    ],
)
def test_what_stands_before_and_behind_the_at(text: str, parts: tuple[str, str]) -> None:
    assert split_reference(text) == parts


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", Named("")),
        ("v1.1", Named("v1.1")),
        ("HEAD~1", Named("HEAD~1")),
        ("best:eval/f1", Best("eval/f1")),
        ("best", Named("best")),
        ("production", Stage("production")),
        ("production~12", Stage("production", 12)),
        ("production:2026-03-01", Stage("production", 0, "2026-03-01")),
        ("other:2026-03-01T12:00Z", Stage("other", 0, "2026-03-01T12:00Z")),
        ("other~1", Named("other~1")),
        ("production~", Named("production~")),
        ("production^", Named("production^")),
        ("refs/heads/production", Named("refs/heads/production")),
    ],
)
def test_what_is_wanted(text: str, wanted: object) -> None:
    assert parse_wanted(text, ("production",)) == wanted


def test_best_of_nothing() -> None:
    with pytest.raises(UsageError, match="names no metric"):
        parse_wanted("best:", ())


def test_stages_are_the_usual_ones_and_those_with_gates() -> None:
    assert stages_of(["tag", "canary", "staging"]) == ("production", "staging", "canary")


def test_the_first_of_equal_values_is_the_best() -> None:
    assert best_of({"b": 1, "a": 2, "c": 2}, less=False) == "a"
    assert best_of({"b": 1, "a": 1, "c": 2}, less=True) == "b"
    assert best_of({}, less=True) is None


def test_what_is_near() -> None:
    assert near("modle", ["model", "data", "models"]) == "; near it: 'model', 'models'"
    assert near("x", ["model"]) == ""
