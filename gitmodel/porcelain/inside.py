"""What changed inside a file: tensors of a model, columns and rows of a table."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Literal, NamedTuple

from gitmodel.errors import IntegrityError, UsageError
from gitmodel.progress import Meter
from gitmodel.safetensors import header_size, read_safetensors
from gitmodel.tabular import Table, is_table, read_table
from gitmodel.tensors import Tensor, Tensors, laid_out_alike, same_bytes
from gitmodel.torchzip import is_zip, read_torch

Change = Literal["added", "removed", "changed", "renamed"]
TensorChange = Literal["added", "removed", "changed", "same", "unknown"]

_MODELS = frozenset((".safetensors", ".pt", ".pth", ".ckpt"))
_OLD_TORCH = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""How a file of `torch.save` starts that is no zip: a number of its own, pickled."""
_SLACK = 64 << 20
_READS = 4
"""How many times its size may be read of a file whose tensors share their bytes."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The kind of a tensor's elements, and how many it has along each dimension."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TensorDiff:
    """A tensor at both ends; for the numbers see `gitmodel.measure.Measured`.

    `unknown`: it is of the same kind and shape, but was not compared.
    """

    name: str
    change: TensorChange
    before: Shape | None
    after: Shape | None
    relative: float | None = None
    largest: float | None = None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class ValueDiff:
    """A plain value beside the tensors, as text; None where it is not there."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class TensorsDiff:
    """What changed in a model; `formats` are those of both ends.

    `measured` tells whether it could be said how much.
    """

    formats: tuple[str, str]
    measured: bool
    tensors: tuple[TensorDiff, ...]
    values: tuple[ValueDiff, ...]


@dataclass(frozen=True, slots=True)
class ColumnDiff:
    """A column that both ends have, with other types."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class TableDiff:
    """What changed in a table."""

    format: str
    rows: tuple[int, int]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    retyped: tuple[ColumnDiff, ...]


@dataclass(frozen=True, slots=True)
class ContentDiff:
    """What changed inside a file, or why that cannot be said."""

    tensors: TensorsDiff | None = None
    table: TableDiff | None = None
    note: str = ""


class Opened(NamedTuple):
    """An open file, and its size in bytes."""

    file: BinaryIO
    size: int


def may_have_content(path: str) -> bool:
    """Return whether a file's name promises something inside that can be compared."""
    return is_table(path) or PurePosixPath(path).suffix.lower() in _MODELS


def compare_contents(before: Opened, after: Opened, path: str, meter: Meter) -> ContentDiff | None:
    """Return what changed inside a file; None if it is nothing that can be looked into."""
    if is_table(path):
        return _compare_tables(before, after, path, meter)
    try:
        models = [_read_model(opened) for opened in (before, after)]
        if models[0] is None or models[1] is None:
            return _unreadable(path, _why_none(before, after))
        return ContentDiff(_Comparison(before, after, meter).compare(models[0], models[1]))
    except IntegrityError as error:
        return _unreadable(path, error.message)


def _compare_tables(before: Opened, after: Opened, path: str, meter: Meter) -> ContentDiff:
    try:
        one, other = (read_table(opened.file, path, meter.add) for opened in (before, after))
    except IntegrityError as error:
        return ContentDiff(note=f"not readable as a table: {error.message}")
    except UsageError as error:
        return ContentDiff(note=f"{error.message}: {error.hint}")
    return ContentDiff(table=_table_diff(one, other))


def _table_diff(one: Table, other: Table) -> TableDiff:
    both = [name for name in one.columns if name in other.columns]
    return TableDiff(
        other.format,
        (one.rows, other.rows),
        tuple(name for name in other.columns if name not in one.columns),
        tuple(name for name in one.columns if name not in other.columns),
        tuple(
            ColumnDiff(name, one.columns[name], other.columns[name])
            for name in both
            if one.columns[name] != other.columns[name]
        ),
    )


def _read_model(opened: Opened) -> Tensors | None:
    start = opened.file.read(16)
    if header_size(start, opened.size):
        return read_safetensors(*opened)
    return read_torch(*opened) if is_zip(start) else None


def _why_none(*sides: Opened) -> str:
    for side in sides:
        side.file.seek(0)
        if side.file.read(len(_OLD_TORCH)) == _OLD_TORCH:
            return "it is of torch.save before PyTorch 1.6"
    return "it is of no format that is known"


def _unreadable(path: str, why: str) -> ContentDiff | None:
    """Say so only of what is called a model: any zip file has tensors that cannot be read."""
    if PurePosixPath(path).suffix.lower() not in _MODELS:
        return None
    return ContentDiff(note=f"not readable by tensor: {why}")


class _Comparison:
    """Compares the tensors of two files, reading a bounded number of bytes.

    Many tensors may share their bytes: tied weights do, and a file made with ill will could have
    terabytes of them.
    """

    def __init__(self, before: Opened, after: Opened, meter: Meter) -> None:
        self._files = before.file, after.file
        self._budget = _READS * (before.size + after.size) + _SLACK
        self._meter = meter
        self._measure = _find_measure()
        self._known: dict[tuple[Tensor, Tensor], tuple[TensorChange, tuple[Any, ...]]] = {}

    def compare(self, one: Tensors, other: Tensors) -> TensorsDiff:
        """Return what changed; the tensors in the order of the file before."""
        names = dict.fromkeys((*one.tensors, *other.tensors))
        return TensorsDiff(
            (one.format, other.format),
            self._measure is not None,
            tuple(
                self._tensor_diff(name, one.tensors.get(name), other.tensors.get(name))
                for name in names
            ),
            tuple(_value_diffs(one.values, other.values)),
        )

    def _tensor_diff(self, name: str, before: Tensor | None, after: Tensor | None) -> TensorDiff:
        first, second = _shape(before), _shape(after)
        if before is None or after is None:
            return TensorDiff(name, "added" if before is None else "removed", first, second)
        if first != second:
            return TensorDiff(name, "changed", first, second)
        if (before, after) not in self._known:
            self._known[before, after] = self._compare(before, after)
        change, numbers = self._known[before, after]
        return TensorDiff(name, change, first, second, *numbers)

    def _compare(self, before: Tensor, after: Tensor) -> tuple[TensorChange, tuple[Any, ...]]:
        one, other = self._files
        alike = laid_out_alike(before, after)
        if alike:
            if not self._spend(before.length + after.length):
                return "unknown", ()
            if same_bytes(one, before, other, after):
                return "same", ()
        # Only where elements lie apart can bytes differ that belong to none.
        change: TensorChange = "changed" if alike and before.dense else "unknown"
        if self._measure is None or not before.width:
            return change, ()
        found = self._measure(one, before, other, after, self._budget)
        if found is None or not self._spend(before.length + after.length):
            return change, ()
        same, *numbers = found
        return ("same", ()) if same else ("changed", tuple(numbers))

    def _spend(self, count: int) -> bool:
        """Take bytes from the budget; return whether there were as many."""
        self._budget -= count
        self._meter.add(count)
        return self._budget >= 0


def _find_measure() -> Callable[..., Any] | None:
    try:
        found: Callable[..., Any] = importlib.import_module("gitmodel.measure").measure
    except ImportError:
        return None
    return found


def _shape(tensor: Tensor | None) -> Shape | None:
    return None if tensor is None else Shape(tensor.dtype, tensor.shape)


def _value_diffs(one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[ValueDiff]:
    for name in dict.fromkeys((*one, *other)):
        before, after = one.get(name), other.get(name)
        if before != after:
            yield ValueDiff(name, before, after)
