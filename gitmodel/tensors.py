"""Tensors in a file of any format: what they are, and where their elements lie."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from gitmodel.errors import IntegrityError

WIDTHS: Mapping[str, int] = {
    "bool": 1,
    "uint8": 1,
    "int8": 1,
    "float8_e4m3fn": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2": 1,
    "float8_e5m2fnuz": 1,
    "float8_e8m0fnu": 1,
    "uint16": 2,
    "int16": 2,
    "float16": 2,
    "bfloat16": 2,
    "uint32": 4,
    "int32": 4,
    "float32": 4,
    "uint64": 8,
    "int64": 8,
    "float64": 8,
    "complex64": 8,
    "complex128": 16,
}
"""Bytes of an element, by the names that PyTorch gives the kinds of elements."""

MAX_DIMENSIONS = 32
BLOCK = 1 << 20
"""Bytes that are compared at a time."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor lies in its file.

    `strides` count elements, `start` is the offset in bytes of the element whose indexes are all
    0, `length` the bytes from there to the end of the last element.  `swapped`: the most
    significant byte comes first.
    """

    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    start: int
    length: int
    swapped: bool = False

    @property
    def count(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)

    @property
    def width(self) -> int:
        """Bytes of an element, 0 if they are not whole bytes or not known."""
        return WIDTHS.get(self.dtype, 0)

    @property
    def dense(self) -> bool:
        """Whether its elements are all that lies between its start and its end."""
        return not self.width or self.count * self.width == self.length


@dataclass(frozen=True, slots=True)
class Tensors:
    """What is in a file: the tensors, and plain values beside them as text, by dotted name."""

    format: str
    tensors: Mapping[str, Tensor]
    values: Mapping[str, str]


def strides_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides of a tensor whose last index runs fastest."""
    strides = [1] * len(shape)
    for at in range(len(shape) - 2, -1, -1):
        strides[at] = strides[at + 1] * shape[at + 1]
    return tuple(strides)


def extent(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """Return how many elements lie between the first and the last of a tensor, both included."""
    if 0 in shape:
        return 0
    return 1 + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))


def laid_out_alike(one: Tensor, other: Tensor) -> bool:
    """Return whether equal bytes mean equal tensors.

    The strides of dimensions that have but one index mean nothing.
    """
    steps = [
        [step for size, step in zip(each.shape, each.strides, strict=True) if size > 1]
        for each in (one, other)
    ]
    return (
        (one.dtype, one.shape, one.length) == (other.dtype, other.shape, other.length)
        and steps[0] == steps[1]
        and one.swapped == other.swapped
    )


def same_bytes(one: BinaryIO, first: Tensor, other: BinaryIO, second: Tensor) -> bool:
    """Return whether two tensors of one length have the same bytes, read up to a difference."""
    for at, count in _steps(first.length):
        if read_at(one, first.start + at, count) != read_at(other, second.start + at, count):
            return False
    return True


def read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    """Return `count` bytes of a file; raise `IntegrityError` if it ends before them."""
    file.seek(offset)
    data = file.read(count)
    if len(data) != count:
        raise IntegrityError("it is cut short")
    return data


def _steps(length: int) -> Iterator[tuple[int, int]]:
    return ((at, min(BLOCK, length - at)) for at in range(0, length, BLOCK))
