"""What is in a safetensors file, and where its tensors lie.

The format: https://huggingface.co/docs/safetensors.  Eight bytes, the little-endian length of a
JSON header; the header, which gives each tensor's start and end behind it; the tensors.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import BinaryIO, TypeGuard

from gitmodel.errors import IntegrityError
from gitmodel.tensors import MAX_DIMENSIONS, WIDTHS, Tensor, Tensors, read_at, strides_of

FORMAT = "safetensors"
MAX_HEADER = 16 << 20
"""Bytes of the longest header that is read; that of a large language model takes about one."""

_LENGTH = struct.Struct("<Q")
_METADATA = "__metadata__"
_MAX_MARKS = 1_000_000
"""Brackets and commas of a header: each may cost a hundred bytes of memory."""
_DTYPES = {
    "BOOL": "bool",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    "BF16": "bfloat16",
    "C64": "complex64",
    **{f"{kind[0].upper()}{bits}": f"{kind}{bits}" for kind in ("uint", "int") for bits in (8, 16)},
    **{
        f"{kind[0].upper()}{bits}": f"{kind}{bits}"
        for kind in ("uint", "int", "float")
        for bits in (32, 64)
    },
    "F16": "float16",
}


def header_size(start: bytes, size: int) -> int:
    """Return the bytes before the tensors of a file of `size` bytes, 0 if it is no safetensors.

    `start` are the file's first bytes, nine at least.
    """
    if len(start) <= _LENGTH.size or start[_LENGTH.size : _LENGTH.size + 1] != b"{":
        return 0
    length = int(_LENGTH.unpack_from(start)[0])
    return length + _LENGTH.size if length <= min(MAX_HEADER, size) else 0


def tensor_spans(header: bytes, size: int) -> list[tuple[int, int]]:
    """Return start and end of each tensor in the file, in order; none if the header is amiss.

    `header` is what comes before the tensors.
    """
    try:
        found = parse_header(header, size)
    except IntegrityError:
        return []
    return sorted((each.start, each.start + each.length) for each in found.tensors.values())


def read_safetensors(file: BinaryIO, size: int) -> Tensors:
    """Return what is in a file of `size` bytes; raise `IntegrityError` if it is amiss."""
    start = read_at(file, 0, min(size, _LENGTH.size + 1))
    length = header_size(start, size)
    if not length:
        raise IntegrityError("it has no header of safetensors, or too long a one")
    return parse_header(read_at(file, 0, length), size)


def parse_header(header: bytes, size: int) -> Tensors:
    """Return what a header says of a file of `size` bytes.

    `header` is what comes before the tensors.  Raises `IntegrityError` if it is malformed, or if
    tensors overlap or do not lie in the file.
    """
    if sum(map(header.count, (b"{", b"[", b","))) > _MAX_MARKS:
        raise IntegrityError("its header has too many parts")
    try:
        said = json.loads(header[_LENGTH.size :])
    except (ValueError, RecursionError) as error:
        raise IntegrityError("its header is not JSON") from error
    if not isinstance(said, dict):
        raise IntegrityError("its header is not a JSON object")
    metadata = said.pop(_METADATA, None)
    found = {name: _tensor(name, each, len(header)) for name, each in said.items()}
    _check_apart(found, len(header), size)
    return Tensors(FORMAT, found, _values(metadata))


def _tensor(name: str, said: object, base: int) -> Tensor:
    if not isinstance(said, dict):
        raise _malformed(name)
    kind, shape, offsets = said.get("dtype"), said.get("shape"), said.get("data_offsets")
    if not isinstance(kind, str) or not _are_naturals(shape) or not _are_naturals(offsets):
        raise _malformed(name)
    if len(shape) > MAX_DIMENSIONS or len(offsets) != 2 or offsets[1] < offsets[0]:
        raise _malformed(name)
    dtype, length = _DTYPES.get(kind, kind[:40]), offsets[1] - offsets[0]
    dimensions = tuple(shape)
    if dtype in WIDTHS and math.prod(dimensions) * WIDTHS[dtype] != length:
        raise _malformed(name)
    return Tensor(dtype, dimensions, strides_of(dimensions), base + offsets[0], length)


def _are_naturals(value: object) -> TypeGuard[list[int]]:
    # A bool is an int too, but none of these.
    return isinstance(value, list) and all(type(each) is int and each >= 0 for each in value)


def _check_apart(tensors: Mapping[str, Tensor], position: int, size: int) -> None:
    spans = sorted((each.start, each.start + each.length) for each in tensors.values())
    for start, end in spans:
        if not position <= start <= end <= size:
            raise IntegrityError("its tensors overlap, or lie outside of it")
        position = end


def _values(metadata: object) -> dict[str, str]:
    if not isinstance(metadata, dict):
        return {}
    texts = metadata.items()
    return {f"{_METADATA}.{key}": repr(text) for key, text in texts if isinstance(text, str)}


def _malformed(name: str) -> IntegrityError:
    return IntegrityError(f"its header says of {name[:100]!r} what cannot be")
