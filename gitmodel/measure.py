"""How much a tensor changed.  Needs numpy, so it is loaded only where that is installed."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from gitmodel.tensors import Tensor, extent, read_at, strides_of

_ELEMENTS = 1 << 14
"""Elements that are compared at a time: what they become stays in the processor's cache.

Sixteen times as many take seven times as long.
"""
_WINDOW = 32 << 20
"""Bytes that elements are picked from which do not lie one after the other."""
_SPREAD = 4
"""How many times its own size may be read for a tensor, at most."""
_SEEK = 4096
"""Bytes that a read counts as, however short it is."""

_Array = Any


class Measured(NamedTuple):
    """How much a tensor changed.

    `relative` is the norm (L2) of the difference in terms of the norm before, to six digits, None
    if that was 0; `largest` the largest absolute difference of two elements; both None if the
    elements are no numbers that are known here.  `left_out` counts the elements that are NaN or
    infinite before or after, which the other two leave out.
    """

    same: bool
    relative: float | None
    largest: float | None
    left_out: int


def measure(
    one: BinaryIO, before: Tensor, other: BinaryIO, after: Tensor, budget: int
) -> Measured | None:
    """Compare two tensors of one kind and shape, reading no more than about `budget` bytes.

    Returns None if it would take more.
    """
    order = _order(before)
    sides = [_Laid.of(each, order) for each in (before, after)]
    if sum(side.cost for side in sides) > budget:
        return None
    sums = _Sums(before.dtype)
    elements = [side.elements(file) for side, file in zip(sides, (one, other), strict=True)]
    for first, second in _in_step(*elements):
        sums.add(first, second)
    return sums.result()


def _order(tensor: Tensor) -> list[int]:
    """Return the dimensions, the one with the longest steps first: as they lie in the file."""
    return sorted(range(len(tensor.shape)), key=lambda at: -tensor.strides[at])


class _Laid(NamedTuple):
    """A tensor with its dimensions in another order.

    `depth` of them are stepped through one by one; what is below fits into the window.
    """

    tensor: Tensor
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    depth: int

    @classmethod
    def of(cls, tensor: Tensor, order: list[int]) -> _Laid:
        shape = tuple(tensor.shape[at] for at in order)
        strides = tuple(tensor.strides[at] for at in order)
        depth, most = 0, _WINDOW // tensor.width
        while max(extent(shape[depth:], strides[depth:]), math.prod(shape[depth:])) > most:
            depth += 1
        return cls(tensor, shape, strides, depth)

    @property
    def linear(self) -> bool:
        pairs = zip(self.shape, self.strides, strides_of(self.shape), strict=True)
        return all(size == 1 or step == expected for size, step, expected in pairs)

    @property
    def cost(self) -> int:
        """Bytes to read, and to make where elements are repeated; more than allowed if absurd."""
        own = self.tensor.count * self.tensor.width
        if self.linear or not own:
            return own
        inner = extent(self.shape[self.depth :], self.strides[self.depth :]) * self.tensor.width
        read = math.prod(self.shape[: self.depth]) * (inner + _SEEK)
        return max(own, read) if read <= _SPREAD * own + _WINDOW else sys.maxsize

    def elements(self, file: BinaryIO) -> Iterator[_Array]:
        """Yield the elements, as unsigned integers of their width, a block at a time."""
        if not self.tensor.count:
            return
        if self.linear:
            yield from self._linear(file)
            return
        shape, strides = self.shape[self.depth :], self.strides[self.depth :]
        width = self.tensor.width
        for indexes in itertools.product(*map(range, self.shape[: self.depth])):
            steps = zip(indexes, self.strides[: self.depth], strict=True)
            start = self.tensor.start + width * sum(at * step for at, step in steps)
            raw = self._decode(read_at(file, start, extent(shape, strides) * width))
            bytes_apart = tuple(step * width for step in strides)
            view = np.lib.stride_tricks.as_strided(raw, shape, bytes_apart, writeable=False)
            yield view.ravel()

    def _linear(self, file: BinaryIO) -> Iterator[_Array]:
        step = _ELEMENTS * self.tensor.width
        for at in range(0, self.tensor.length, step):
            count = min(step, self.tensor.length - at)
            yield self._decode(read_at(file, self.tensor.start + at, count))

    def _decode(self, data: bytes) -> _Array:
        if self.tensor.width > 8:
            return np.frombuffer(data, f"V{self.tensor.width}")
        order = ">" if self.tensor.swapped else "<"
        raw = np.frombuffer(data, f"{order}u{self.tensor.width}")
        return raw.astype(raw.dtype.newbyteorder("="), copy=False)


def _in_step(ones: Iterator[_Array], others: Iterator[_Array]) -> Iterator[tuple[_Array, _Array]]:
    """Yield what comes from both, cut into blocks of equal length."""
    one = other = np.empty(0)
    while True:
        one = one if len(one) else next(ones, one)
        other = other if len(other) else next(others, other)
        count = min(len(one), len(other), _ELEMENTS)
        if not count:
            return
        yield one[:count], other[:count]
        one, other = one[count:], other[count:]


class _Sums:
    """Adds up the differences."""

    def __init__(self, dtype: str) -> None:
        self._dtype = dtype
        self._numbers = dtype in _NUMBERS
        self._same = True
        self._difference = self._norm = self._largest = 0.0
        self._left_out = 0

    def add(self, one: _Array, other: _Array) -> None:
        """Add two blocks of elements."""
        self._same = self._same and bool((one == other).all())
        if not self._numbers:
            return
        # What is no number becomes NaN on the way, and is left out below.
        with np.errstate(all="ignore"):
            before, difference = self._subtract(one, other)
            good = np.isfinite(difference)
            if not good.all():
                self._left_out += int(good.size - np.count_nonzero(good))
                before, difference = before[good], difference[good]
            # Not `np.dot`, whose threads wait for each other where processors are busy.
            self._norm += float(np.einsum("i,i", before, before))
            self._difference += float(np.einsum("i,i", difference, difference))
            self._largest = max(self._largest, float(np.abs(difference).max(initial=0.0)))

    def result(self) -> Measured:
        """Return what was found."""
        if not self._numbers:
            return Measured(self._same, None, None, 0)
        relative = math.sqrt(self._difference / self._norm) if self._norm else None
        return Measured(self._same, _rounded(relative), _finite(self._largest), self._left_out)

    def _subtract(self, one: _Array, other: _Array) -> tuple[_Array, _Array]:
        """Return the elements before and how far those after are from them."""
        if self._dtype in _FLOATS:
            before, after = (_floats(raw, self._dtype) for raw in (one, other))
            return before, after - before
        kind = np.uint8 if self._dtype == "bool" else np.dtype(self._dtype)
        before, after = one.view(kind), other.view(kind)
        # In floats, large integers that differ a little would be equal.
        high, low = (np.maximum(before, after), np.minimum(before, after))
        distance = high.astype(np.uint64) - low.astype(np.uint64)
        return before.astype(np.float64), distance.astype(np.float64)


def _floats(raw: _Array, dtype: str) -> _Array:
    if dtype == "bfloat16":
        return (raw.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    if dtype == "float8_e5m2":
        return (raw.astype(np.uint16) << 8).view(np.float16).astype(np.float64)
    if dtype == "float8_e4m3fn":
        return _E4M3[raw]
    return raw.view(np.dtype(dtype)).astype(np.float64)


def _rounded(value: float | None) -> float | None:
    """Leave out the digits that depend on the order in which numbers were added."""
    return None if _finite(value) is None else float(f"{value:.6g}")


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _e4m3() -> _Array:
    """Return the number that each byte means: a sign, 4 bits of exponent, 3 of mantissa."""
    codes = np.arange(256)
    exponent, mantissa = codes >> 3 & 15, codes & 7
    normal = (1 + mantissa / 8) * 2.0 ** (exponent - 7)
    value = np.where(exponent == 0, mantissa / 8 * 2.0**-6, normal)
    value[codes & 127 == 127] = np.nan
    return np.where(codes & 128, -value, value)


_E4M3 = _e4m3()
_FLOATS = ("float64", "float32", "float16", "bfloat16", "float8_e5m2", "float8_e4m3fn")
_INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
_NUMBERS = frozenset((*_FLOATS, *_INTEGERS, "bool"))
