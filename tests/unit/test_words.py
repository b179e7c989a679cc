from __future__ import annotations

from gitmodel.words import some


def test_a_few_names_are_all_told() -> None:
    assert some([]) == ""
    assert some(["a"]) == "'a'"
    assert some(["a", "b"], str.upper) == "A, B"


def test_many_names_are_counted() -> None:
    assert some(list("abcdef")) == "'a', 'b', 'c', 'd', 'e' and 1 more"
    assert some(list("abcdef"), str, 2) == "a, b and 4 more"
