import math
import time

import pytest
import yaml

from gitmodel.errors import IntegrityError
from gitmodel.strict_yaml import MAX_BYTES, MAX_DEPTH, format_yaml, parse_yaml

REFUSED = {
    "anchor": b"a: &x 1\n",
    "anchor on a mapping": b"a: &x {b: 1}\n",
    "anchor on a sequence": b"a: &x [1]\n",
    "alias": b"a: *x\n",
    "alias of an anchor": b"a: &x 1\nb: *x\n",
    "many laughs": b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "merge key": b"a: &x {b: 1}\nc:\n  <<: *x\n",
    "tag": b"a: !!str 1\n",
    "tag that makes an object": b"!!python/object/apply:os.system ['true']\n",
    "tag of one's own": b"a: !mine 1\n",
    "tag without a name": b"a: ! b\n",
    "tag on a mapping": b"!!map {a: 1}\n",
    "duplicate key": b"a: 1\na: 2\n",
    "duplicate key deep down": b"a:\n  b: 1\n  'b': 2\n",
    "duplicate key in flow style": b"{a: 1, a: 1}\n",
    "number as a key": b"1: a\n",
    "boolean as a key": b"true: a\n",
    "null as a key": b"null: a\n",
    "nothing as a key": b": a\n",
    "sequence as a key": b"[a]: b\n",
    "mapping as a key": b"? {a: 1}\n: b\n",
    "two documents": b"a: 1\n---\nb: 2\n",
    "two documents with an end": b"a: 1\n...\n---\nb: 2\n",
    "tab as indentation": b"a:\n\tb: 1\n",
    "open bracket": b"a: [1, 2\n",
    "open quote": b"a: 'b\n",
    "control character": b"a: \x01\n",
    "not UTF-8": b"a: \xff\n",
    "lone surrogate": b'a: "\\ud800"\n',
    "beyond Unicode": b'a: "\\U00110000"\n',
    "carriage of NUL": b"a: b\0\n",
    "too long": b"#" * (MAX_BYTES + 1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_two_meanings_or_costs_too_much_is_refused(name):
    with pytest.raises(IntegrityError, match=r"'x\.yaml'") as caught:
        parse_yaml(REFUSED[name], "x.yaml")
    assert caught.value.exit_code == 7


def test_message_names_the_line():
    with pytest.raises(IntegrityError, match="line 3, has the key 'a' twice"):
        parse_yaml(b"a: 1\nb: 2\na: 3\n", "x.yaml")


@pytest.mark.parametrize(
    ("part", "times"),
    [
        (b"[", MAX_BYTES),
        (b"{", MAX_BYTES),
        (b"{a: ", MAX_BYTES // 4),
        (b"[a, ", MAX_BYTES // 4),
        (b"- ", MAX_BYTES // 2),
        (b"? ", MAX_BYTES // 2),
    ],
    ids=["sequences", "mappings", "pairs", "items", "block", "keys"],
)
def test_nesting_without_an_end_fails_quickly(part, times):
    fails_quickly(part * times)


@pytest.mark.parametrize(
    "data",
    [b"[" * 1000 + b"]" * 1000, b"\n".join(b" " * n + b"a:" for n in range(1000))],
    ids=["1000", "indented"],
)
def test_deep_nesting_fails_quickly(data):
    fails_quickly(data)


def fails_quickly(data):
    start = time.process_time()
    with pytest.raises(IntegrityError):
        parse_yaml(data, "x.yaml")
    assert time.process_time() - start < 2


def test_nesting_up_to_the_limit_is_read():
    value = parse_yaml(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, "x")
    depth = 0
    while value:
        value, depth = value[0], depth + 1
    assert depth == MAX_DEPTH - 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# only a comment", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("FALSE", False),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("12", 12),
        ("-12", -12),
        ("+12", 12),
        ("012", 12),
        ("0x1f", "0x1f"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1e400", math.inf),
        ("-.inf", -math.inf),
        ("2024-01-01", "2024-01-01"),
        ("'12'", "12"),
        ('"null"', "null"),
        ("a b", "a b"),
        ("|\n  x\n  y\n", "x\ny\n"),
        ("[]", []),
        ("{}", {}),
        ("[1, a, ~]", [1, "a", None]),
        ("a:\nb: {c: [d]}", {"a": None, "b": {"c": ["d"]}}),
        ("<<: x", {"<<": "x"}),
        ("é: 🙂", {"é": "🙂"}),
        ("---\na: 1\n...\n", {"a": 1}),
    ],
)
def test_plain_data_means_what_yaml_1_2_says(text, value):
    found = parse_yaml(text.encode(), "x")
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_is_one():
    assert math.isnan(parse_yaml(b".nan", "x"))


def test_an_endless_number_is_no_trouble():
    assert parse_yaml(b"9" * 5000, "x") == math.inf


VALUES = {
    "lr": 1e-05,
    "big": 1e300,
    "n": -3,
    "none": None,
    "flag": False,
    "on": "yes",
    "text": 'a "b" \\ \n\t\u2028 #: é',
    "odd key: #": {"deep": {"er": [1, "no", [2.5, None], {"a": {}}]}, "empty": {}},
    "nothing": [],
}


def test_what_is_written_is_read_again():
    assert parse_yaml(format_yaml(VALUES).encode(), "x") == VALUES
    assert parse_yaml(format_yaml({}).encode(), "x") == {}


def test_what_is_written_says_the_same_to_readers_of_yaml_1_1():
    loaded = yaml.load(format_yaml(VALUES), Loader=yaml.SafeLoader)  # noqa: TID251 - as users do
    assert loaded == VALUES


def test_what_is_no_yaml_is_told_with_its_line():
    with pytest.raises(IntegrityError, match="line 2, is not valid YAML: "):
        parse_yaml(b"a: 1\nb: [1\nc: 2\n", "m.yaml")
    with pytest.raises(IntegrityError, match="is not valid YAML: it is not plain text"):
        parse_yaml(b"a: \xff", "m.yaml")
