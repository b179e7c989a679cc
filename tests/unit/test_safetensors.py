import pytest

from gitmodel.errors import IntegrityError
from gitmodel.safetensors import read_safetensors, tensor_spans
from gitmodel.tensors import Tensor
from tests.helpers.tensors import EXPECTED, fixture, opened, safetensors

NAMES = [name for name in EXPECTED["tensors"] if name.endswith(".safetensors")]


def entry(start=0, end=4, dtype="F32", shape=(1,)):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize("name", NAMES)
def test_names_kinds_and_shapes_are_those_that_pytorch_sees(name):
    found = read_safetensors(*opened(fixture(name))).tensors
    expected = EXPECTED["tensors"][name]
    assert {key: (each.dtype, list(each.shape)) for key, each in found.items()} == {
        key: (each["dtype"], each["shape"]) for key, each in expected.items()
    }


def test_where_tensors_lie_and_what_stands_beside_them():
    data = safetensors({"__metadata__": {"format": "pt"}, "b": entry(4, 8), "a": entry()}, bytes(8))
    found = read_safetensors(*opened(data))
    base = len(data) - 8
    assert found.tensors["a"] == Tensor("float32", (1,), (1,), base, 4)
    assert found.values == {"__metadata__.format": "'pt'"}
    assert tensor_spans(data[:base], len(data)) == [(base, base + 4), (base + 4, base + 8)]


def test_a_kind_of_elements_that_is_not_known_is_bytes():
    data = safetensors({"a": entry(0, 2, "F4", [4])}, bytes(2))
    found = read_safetensors(*opened(data)).tensors["a"]
    assert (found.dtype, found.width, found.length) == ("F4", 0, 2)


HOSTILE = {
    "empty": b"",
    "no header": safetensors({}, length=1 << 62),
    "longer than the file": safetensors({}, length=1000),
    "not an object": safetensors(b"{]"),
    "no tensor": safetensors({"a": 1}),
    "no kind": safetensors({"a": {"shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
    "overlapping": safetensors({"a": entry(0, 8, shape=[2]), "b": entry(4, 8)}, bytes(8)),
    "negative": safetensors({"a": entry(-4, 0)}, bytes(8)),
    "backwards": safetensors({"a": entry(4, 0)}, bytes(8)),
    "behind the end": safetensors({"a": entry(0, 4)}, bytes(3)),
    "three offsets": safetensors({"a": {**entry(), "data_offsets": [0, 4, 8]}}, bytes(8)),
    "not its size": safetensors({"a": entry(0, 8)}, bytes(8)),
    "floats": safetensors({"a": {**entry(), "data_offsets": [0.0, 4.0]}}, bytes(4)),
    "booleans": safetensors({"a": {**entry(), "shape": [True]}}, bytes(4)),
    "huge shape": safetensors({"a": entry(shape=[1 << 63] * 31)}, bytes(4)),
    "many dimensions": safetensors({"a": entry(shape=[1] * 33)}, bytes(4)),
    "many digits": safetensors(b'{"a":{"dtype":"F32","shape":[' + b"9" * 5000 + b"]}}"),
    "deep": safetensors(b'{"a":' + b"[" * 500_000),
    "many parts": safetensors(b'{"a":[' + b"[]," * 1_000_000 + b"[]]}"),
    "not text": safetensors(b'{"\xff":1}'),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_header_that_cannot_be_is_refused(name):
    with pytest.raises(IntegrityError):
        read_safetensors(*opened(HOSTILE[name]))
