import pytest

from gitmodel.cli.facts import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (-3, "-3"),
        (1234567, "1234567"),
        (10**11, "100000000000"),
        (10**12, "1e+12"),
        (0.1 + 0.2, "0.3"),
        (1e-9, "1e-09"),
        (-0.0, "-0"),
        (1 / 3, "0.333333"),
        (10**300, "1e+300"),
    ],
)
def test_a_number_has_few_digits(value: float, text: str) -> None:
    assert numbers([value]) == [text]


def test_numbers_that_differ_look_different() -> None:
    assert numbers([0.12345678, 0.12345679, None]) == ["0.12345678", "0.12345679", ""]
