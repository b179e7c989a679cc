import io
import math
from dataclasses import replace

import numpy as np
import pytest

from gitmodel.measure import Measured, measure
from gitmodel.safetensors import read_safetensors
from gitmodel.tensors import Tensor, extent, strides_of
from gitmodel.torchzip import read_torch
from tests.helpers.tensors import EXPECTED, fixture, opened

PAIRS = [(name, tensor) for name, found in EXPECTED["changes"].items() for tensor in found]


def tensors(name):
    read = read_safetensors if name.endswith(".safetensors") else read_torch
    return read(*opened(fixture(name))).tensors


@pytest.mark.parametrize(("name", "tensor"), PAIRS)
def test_the_numbers_are_those_that_pytorch_computes(name, tensor):
    after = name.replace("-1.", "-2.")
    files = [io.BytesIO(fixture(each)) for each in (name, after)]
    expected = EXPECTED["changes"][name][tensor]
    found = measure(files[0], tensors(name)[tensor], files[1], tensors(after)[tensor], 1 << 30)
    assert found.same == expected["same"]
    assert math.isclose(found.largest, expected["largest"], rel_tol=1e-9, abs_tol=1e-12)
    assert found.left_out == expected.get("left_out", 0)
    if expected.get("relative"):
        assert math.isclose(found.relative, expected["relative"], rel_tol=1e-5)


def laid(array, dtype=None):
    """Return an array as a file with a few bytes before it, and where it lies in that."""
    base = array
    while base.base is not None:
        base = base.base
    strides = tuple(step // array.itemsize for step in array.strides)
    offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    length = extent(array.shape, strides) * array.itemsize
    tensor = Tensor(dtype or str(array.dtype), array.shape, strides, 7 + offset, length)
    return io.BytesIO(b"x" * 7 + base.tobytes("A")), tensor


def measured(one, other, budget=1 << 30):
    return measure(*laid(one), *laid(other), budget)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_more_than_one_block():
    one, other = numbers(600, 1001), numbers(600, 1001, seed=1)
    found = measured(one, other)
    wide = one.astype(float), other.astype(float)
    assert math.isclose(
        found.relative, np.linalg.norm(wide[0] - wide[1]) / np.linalg.norm(wide[0]), rel_tol=1e-5
    )
    assert found.largest == np.abs(wide[0] - wide[1]).max()


@pytest.mark.parametrize("size", [50, 2600])
def test_other_strides_and_the_same_numbers(size):
    one = numbers(size, size)
    other = np.asfortranarray(one)
    assert other.strides != one.strides
    assert measured(one, other).same
    one[size // 2, 3] += 1
    found = measured(one, other)
    assert not found.same
    assert math.isclose(found.largest, 1, rel_tol=1e-6)


def test_what_lies_between_elements_does_not_count():
    one = np.zeros((100, 100), np.float32)
    other = one.copy()
    other[:, 1] = 5
    assert measured(one[:, ::2], other[:, ::2]).same
    assert not measured(one[:, 1::2], other[:, 1::2]).same


def test_what_would_take_too_long_is_left():
    one = numbers(10)
    file, tensor = laid(one)
    repeated = replace(tensor, shape=(1 << 40, 10), strides=(0, 1))
    assert measure(file, repeated, file, repeated, 1 << 30) is None
    assert measured(one, one, budget=79) is None
    assert measured(one, one, budget=80) is not None
    # Elements that lie a megabyte apart: all that is between would have to be read.
    sparse = Tensor("float32", (1 << 20, 10), (1 << 18, 1), 0, 1 << 40)
    assert measure(file, sparse, file, sparse, 1 << 60) is None


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint16"])
def test_the_other_order_of_bytes(dtype):
    one, other = np.arange(50).astype(dtype), np.arange(50).astype(dtype) + np.dtype(dtype).type(3)
    swapped = other.astype(np.dtype(dtype).newbyteorder())
    file, tensor = laid(swapped, dtype)
    found = measure(*laid(one), file, replace(tensor, swapped=True), 1 << 30)
    assert found == measured(one, other)
    assert found.largest == 3


def test_integers_that_floats_cannot_tell_apart():
    one = np.array([2**63 - 1, -(2**63)])
    assert measured(one, one - np.array([1, 0])).largest == 1
    assert measured(one, one[::-1].copy()).largest == 2**64


def test_nothing_and_from_nothing():
    assert measured(numbers(0, 3), numbers(0, 3)) == Measured(True, None, 0.0, 0)
    assert measured(np.zeros(3), np.ones(3)) == Measured(False, None, 1.0, 0)


def test_what_is_not_finite_is_left_out():
    one = np.array([1, 2, np.nan, np.inf, 3])
    other = np.array([1, 2.5, np.nan, 1, -np.inf])
    assert measured(one, other) == Measured(False, 0.223607, 0.5, 3)


def test_numbers_that_are_too_large_to_square():
    found = measured(np.array([1e300, 0]), np.array([0, 1e300]))
    assert (found.same, found.relative, found.largest) == (False, None, 1e300)


@pytest.mark.parametrize("dtype", ["complex128", "complex64", "float8_e8m0fnu"])
def test_kinds_that_are_only_compared(dtype):
    width = Tensor(dtype, (), (), 0, 0).width
    tensor = Tensor(dtype, (2,), strides_of((2,)), 0, 2 * width)
    one, other = io.BytesIO(bytes(2 * width)), io.BytesIO(b"\1" * 2 * width)
    assert measure(one, tensor, one, tensor, 1 << 30) == Measured(True, None, None, 0)
    assert measure(one, tensor, other, tensor, 1 << 30) == Measured(False, None, None, 0)
