"""Whatever bytes are compared: an answer, or a note why there is none."""

import functools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitmodel.porcelain.inside import ContentDiff, Opened, compare_contents
from gitmodel.progress import Meter
from tests.helpers.tables import parquet
from tests.helpers.tensors import DATA, fixture, opened, safetensors, torch_zip
from tests.property.strategies import examples

MODELS = sorted(path.name for path in DATA.iterdir() if path.suffix in (".pt", ".safetensors"))
SUFFIXES = (".pt", ".safetensors", ".ckpt", ".bin", ".csv", ".tsv", ".jsonl", ".parquet")


TABLES = {
    ".csv": lambda: b'id,name\n1,"x\ny"\n2,z\n',
    ".jsonl": lambda: b'{"a": 1}\n{"b": [2, {"c": 3}]}\n',
    ".parquet": functools.cache(
        lambda: parquet(
            {"a": [1, 2], "s": ["x", None], "l": [[1.5], []], "m": [{"k": 1}, {"k": 2}]}
        )
    ),
}


def compared(one, other, path):
    found = compare_contents(Opened(*opened(one)), Opened(*opened(other)), path, Meter())
    assert found is None or isinstance(found, ContentDiff)
    return found


@st.composite
def mutated(draw, data):
    """Draw bytes like `data`, with some turned, taken away, put in or repeated."""
    found = bytearray(data)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(found)))
        change = draw(st.sampled_from(("turn", "cut", "put", "repeat", "end")))
        if change == "turn" and at < len(found):
            found[at] = draw(st.integers(0, 255))
        elif change == "cut":
            del found[at : at + draw(st.integers(1, 40))]
        elif change == "put":
            found[at:at] = draw(st.binary(max_size=20))
        elif change == "repeat":
            found[at:at] = found[at : at + draw(st.integers(1, 200))]
        elif change == "end":
            del found[at:]
    return bytes(found)


@given(st.binary(max_size=300), st.binary(max_size=300), st.sampled_from(SUFFIXES))
def test_random_bytes(one, other, suffix):
    compared(one, other, f"file{suffix}")


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_models_that_were_changed(name, data):
    original = fixture(name)
    changed = data.draw(mutated(original))
    compared(original, changed, name)
    compared(changed, original, "file")


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(mutated(fixture("checkpoint-1.pt")[64:6000]))
def test_pickles_that_were_changed(pickled):
    whole = torch_zip(pickled, {str(number): bytes(512) for number in range(30)})
    compared(whole, fixture("checkpoint-1.pt"), "file.pt")
    compared(whole, whole, "file.pt")


@settings(max_examples=examples(200))
@given(st.binary(max_size=60).map(lambda data: b"\x80\x02" + data + b"."))
def test_random_pickles(pickled):
    whole = torch_zip(pickled, {"0": bytes(64)})
    compared(whole, whole, "file.pt")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
OFFSETS = st.integers(-2, 40)
TENSOR = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(("F32", "BF16", "I64", "BOOL", "F8_E4M3", "F4", "?")) | JSON,
        "shape": st.lists(st.integers(-1, 6) | JSON, max_size=4) | JSON,
        "data_offsets": st.lists(OFFSETS, min_size=2, max_size=2) | JSON,
    }
)


@given(st.dictionaries(st.text(max_size=4), TENSOR | JSON, max_size=4), st.binary(max_size=40))
def test_headers(header, data):
    compared(safetensors(header, data), safetensors(header, data[::-1]), "file.safetensors")


@pytest.mark.parametrize("suffix", TABLES)
@settings(max_examples=examples(200), deadline=None)
@given(st.data())
def test_tables_that_were_changed(suffix, data):
    table = TABLES[suffix]()
    compared(table, data.draw(mutated(table)), f"file{suffix}")


def test_what_was_not_changed_is_the_same():
    for name in MODELS:
        found = compared(fixture(name), fixture(name), name)
        if name != "legacy.pt":
            assert {each.change for each in found.tensors.tensors} == {"same"}
            assert found.tensors.values == ()
