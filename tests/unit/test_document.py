import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.document import is_document, parse_document
from gitmodel.errors import IntegrityError
from gitmodel.strict_yaml import MAX_BYTES, MAX_DEPTH

BROKEN = {
    "nothing": (b"", 1, "is cut short"),
    "cut short": (b'{"a": 1', 1, "is cut short"),
    "NaN": (b'{\n "a": NaN}', 2, "has NaN, which is no number of JSON"),
    "infinity": (b'{\n "a": -Infinity}', 2, "has -Infinity, which is no number of JSON"),
    "Infinity": (b'{"a": Infinity}', 1, "has Infinity, which"),
    "minus Infinity": (b'{"a":\n\n-Infinity}', 3, "has -Infinity, which"),
    "twice": (b'{"a": 1,\n"a": 2}', 2, "the key 'a' twice"),
    "twice by escape": (b'{"a": 1,\n"\\u0061": 2}', 2, "the key 'a' twice"),
    "comma at the end": (b'{"a": 1,}', 1, "',' with nothing behind it"),
    "comma at the end of an array": (b"[1,]", 1, "',' with nothing behind it"),
    "no comma": (b'{"a": 1 "b": 2}', 1, "where ',' or '}' belongs"),
    "no colon": (b'{"a" 1}', 1, "where ':' belongs"),
    "no quotes": (b"{a: 1}", 1, "where a key belongs"),
    "single quotes": (b"{'a': 1}", 1, "where it may not be"),
    "comment": (b'{"a": 1} // no', 1, "goes on"),
    "two values": (b"1\n2", 2, "goes on"),
    "leading zero": (b"01", 1, "where it may not be"),
    "plus": (b"+1", 1, "where it may not be"),
    "bare point": (b"1.", 1, "where it may not be"),
    "minus alone": (b"-", 1, "'-' where a value belongs"),
    "line break in a string": (b'"a\nb"', 1, "where it may not be"),
    "unknown escape": (b'"\\x41"', 1, "broken string"),
    "half a surrogate": (b'"\\ud800"', 1, "broken string"),
    "too many digits": (b"1" * 5000, 1, "more than 4000 digits"),
    "too deep": (b"[" * 1000, 1, f"deeper than {MAX_DEPTH}"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_json_is_refused_with_its_line(name):
    data, line, why = BROKEN[name]
    with pytest.raises(IntegrityError) as caught:
        parse_document(data, "m.json")
    assert caught.value.message.startswith(f"'m.json', line {line}, ")
    assert why in caught.value.message
    assert caught.value.hint == "edit m.json"


@pytest.mark.parametrize("data", [b"\xff", b" " * (MAX_BYTES + 1)])
def test_what_is_no_text_or_too_long_is_refused(data):
    with pytest.raises(IntegrityError, match=r"'m\.json' is"):
        parse_document(data, "m.json")


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_VALUES, st.sampled_from([None, 2]))
def test_all_that_json_can_say_is_read(value, indent):
    for ascii_only in (True, False):
        text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
        assert parse_document(text.encode("utf-8", "surrogatepass"), "m.json").value == value


@given(st.binary() | st.text(alphabet='{}[]:,"0123456789.eE+-\\ntrufalse \n').map(str.encode))
def test_any_bytes_are_read_as_the_standard_library_does_or_refused(data):
    try:
        found = parse_document(data, "m.json").value
    except IntegrityError:
        return
    assert found == json.loads(data)


def test_a_byte_order_mark_and_tabs_are_fine():
    assert parse_document(b'\xef\xbb\xbf{\r\n\t"a":\t1e3\r\n}', "m.json").value == {"a": 1000.0}


def test_each_key_has_its_line():
    json_lines = parse_document(b'{"a": {\n  "b": 1,\n  "c": [\n {"d": 2}]}}', "m.json").lines
    yaml_lines = parse_document(b"a:\n  b: 1\n  c:\n  - d: 2\n", "m.yaml").lines
    assert (json_lines["a",], json_lines["a", "b"], json_lines["a", "c"]) == (1, 2, 3)
    assert (yaml_lines["a",], yaml_lines["a", "b"], yaml_lines["a", "c"]) == (1, 2, 3)


def test_numbers_keep_their_kind():
    value = parse_document(b"[1, 1.0, -0.0, 10000000000000000000000]", "m.json").value
    assert [type(each) for each in value] == [int, float, float, int]
    assert math.copysign(1, value[2]) == -1


@pytest.mark.parametrize(
    ("name", "there"),
    [("a.json", True), ("a.yaml", True), ("a.yml", True), ("a.toml", False), ("json", False)],
)
def test_a_name_tells_whether_a_file_is_read_here(name, there):
    assert is_document(name) == there
