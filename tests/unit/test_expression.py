import pytest

from gitmodel.errors import UsageError
from gitmodel.expression import MAX_DEPTH, MAX_LENGTH, judge, parse_expression

KNOWN = {
    "accuracy": 0.95,
    "top.f1": 0.5,
    "n": 3,
    "params.lr": 0.01,
    "params.optimizer": "adam",
    "params.shuffle": True,
    "tag": "model-v1.1",
    "author": 'Ada "A"',
    "date": "2026-03-01",
    "eval/loss": 0.2,
    "big": 10**400,
}
OTHERS = {("production", "accuracy"): 0.953, ("model@v1.0", "n"): 2, ("model-v1.0", "n"): 3}


class Known:
    def value(self, name):
        return KNOWN.get(name)

    def elsewhere(self, reference, metric):
        return OTHERS.get((reference, metric))


def verdict(text):
    return judge(parse_expression(text), Known())


@pytest.mark.parametrize(
    "text",
    [
        "accuracy > 0.9",
        "accuracy>.9",
        "0.9 < accuracy <= 0.95 != 1",
        "accuracy > 0.9 and params.lr < 0.02",
        "accuracy > 1 or top.f1 == 0.5",
        "not accuracy > 1",
        "not not accuracy < 1",
        "accuracy > 1 or accuracy < 1 and n == 3",
        "(n == 3 or n == 4) and n != 4",
        "n + 1 * 2 - 8 / 4 == 3",
        "n - 1 - 1 == 1",
        "8 / 2 / 2 == 2",
        "-n < -2",
        "--n == 3",
        "-(n + 1) == -4",
        "(n + 1) * 2 == 8",
        "1e1 == 10 and 1.5E-1 == 0.15 and 2. == 2",
        "params.optimizer == 'adam'",
        'params.optimizer != "sgd"',
        "author == 'Ada \"A\"'",
        "date >= '2026-02' and date < '2026-04-01'",
        "tag == 'model-v1.1'",
        "params.shuffle",
        "params.shuffle == true and false != true",
        "true",
        "`eval/loss` < 0.3",
        "`accuracy` > 0.9",
        "accuracy >= production - 0.005",
        "production - 0.005 <= accuracy",
        "n > model@v1.0",
        "n == `model-v1.0`",
        "n == model-v1.0",
        "n >= model-v1.0 - 0.5",
        "n >= model-v1.0-0.5",
        "n == (model-v1.0)",
        "accuracy > 0.9 or nothing > 1",
        "nothing > 1 or accuracy > 0.9",
        "not (nothing > 1 and accuracy > 1)",
        "big > 5",
        "n == 3.0",
        "'3' != n",
    ],
)
def test_what_is_met(text):
    assert verdict(text).met


@pytest.mark.parametrize(
    "text",
    [
        "accuracy > 0.95",
        "accuracy >= production",
        "0.9 < accuracy < 0.94",
        "nothing > 0",
        "nothing <= 0",
        "nothing == nothing",
        "not nothing > 0",
        "not (nothing > 0 or accuracy > 1)",
        "nothing > 0 and accuracy > 0",
        "accuracy / 0 > 0",
        "not accuracy / 0 > 0",
        "big * 1.5 > 0",
        "params.optimizer > 3",
        "not params.optimizer > 3",
        "params.optimizer + 1 > 3",
        "params.shuffle > 0",
        "params.shuffle + 1 == 2",
        "'3' == n",
        "accuracy",
        "not accuracy",
        "nothing",
        "-params.optimizer < 0",
        "(n > 1) + 1 == 2",
        "n > model@v2.0",
        "accuracy >= model-v1.0 - 0.005",
        "n > n-v1.0",
    ],
)
def test_what_is_not_met(text):
    assert not verdict(text).met


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", 1, "cut short"),
        ("accuracy >", 11, "cut short"),
        ("accuracy > > 1", 12, "'>' where"),
        ("accuracy = 1", 10, "'==' compares"),
        ("a > 1 && b", 7, "'and' joins"),
        ("a > 1 | b", 7, "'or' joins"),
        ("a > 1 b", 7, "should be over"),
        ("(a > 1", 7, "')' is missing"),
        ("a > 1)", 6, "should be over"),
        ("a > 'x", 5, "not closed"),
        ("`a > 1", 1, "not closed"),
        ("``> 1", 1, "not closed"),
        ("a > 1_000", 5, "means nothing"),
        ("a > 0x10", 5, "means nothing"),
        ("a > 1e999", 5, "too large"),
        ("a ** 2 > 1", 4, "'*' where"),
        ("f(1) > 1", 2, "should be over"),
        ("a[0] > 1", 2, "means nothing"),
        ("a.__class__.b > 1; x", 18, "means nothing"),
        ("3", 1, "comparison belongs"),
        ("a > 1 and 3", 11, "comparison belongs"),
        ("3 or a > 1", 1, "comparison belongs"),
        ("not 3", 5, "comparison belongs"),
        ("a + 1", 1, "comparison belongs"),
        ("-a", 1, "comparison belongs"),
        ("'x'", 1, "comparison belongs"),
        ("and", 1, "'and' where"),
        ("a > not b", 5, "'not' where"),
        ("ü > 1", 1, "means nothing"),
        ("a > 1\x1b", 6, "means nothing"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(text, place, said):
    with pytest.raises(UsageError, match="at character") as caught:
        parse_expression(text)
    first, *rest = caught.value.message.split("\n")
    assert f"at character {place}:" in first
    assert said in first
    assert "\x1b" not in caught.value.message
    if rest:
        assert rest == [f"  {text}", f"  {' ' * (place - 1)}^"]


def test_length_and_depth_are_bounded():
    ok = "(" * MAX_DEPTH + "accuracy > 0" + ")" * MAX_DEPTH
    assert verdict(ok).met
    for deeper in (f"({ok})", "not " * (MAX_DEPTH + 1) + "n > 1", "-" * (MAX_DEPTH + 1) + "n > 1"):
        with pytest.raises(UsageError, match="deeper"):
            parse_expression(deeper)
    with pytest.raises(UsageError, match="characters"):
        parse_expression("n" + " " * MAX_LENGTH)
    wide = "n" + "+n" * ((MAX_LENGTH - 10) // 2) + "> 1"
    assert verdict(wide).met


def test_what_names_stood_for_is_told():
    found = verdict("accuracy >= production and nothing > 0 and params.optimizer == 'sgd'")
    assert not found.met
    assert found.words == (
        "accuracy is 0.95, production is 0.953, nothing is missing, params.optimizer is 'adam'"
    )
    assert verdict("gone > other").words == "gone is missing, other is missing"


def test_names_are_known_before_anything_is_judged():
    expression = parse_expression("`eval/loss` < model@best:f1 and accuracy > production~1 - 2")
    assert expression.names == ("eval/loss", "model@best:f1", "accuracy", "production~1")


def test_a_name_in_other_letters_needs_backquotes():
    with pytest.raises(UsageError, match="stands between backquotes"):
        parse_expression("準確率 > 0.9")
    assert parse_expression("`準確率` > 0.9").names == ("準確率",)
