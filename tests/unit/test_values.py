"""What programs give to `gitmodel.run`: plain data, or an error in words."""

import pytest

from gitmodel.errors import UsageError
from gitmodel.porcelain.values import as_params, as_point


def nested(depth):
    value = 1
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("params", "says"),
    [
        (nested(200), "nests deeper than"),
        ({"a": {1: 2}}, "has the key 1, which is no text"),
        ({"a": "\ud800"}, "is not valid Unicode"),
        ({"a": object()}, "object"),
    ],
)
def test_params_that_are_none(params, says):
    with pytest.raises(UsageError, match=says):
        as_params(params)


def test_a_point_is_a_number():
    assert as_point("loss", 1) == 1.0
    for value in (True, "high", None):
        with pytest.raises(UsageError, match="'loss' is not a number"):
            as_point("loss", value)
