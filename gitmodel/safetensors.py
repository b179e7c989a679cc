"""Where the tensors of a safetensors file lie.

The format: https://huggingface.co/docs/safetensors.  Eight bytes, the little-endian length of a
JSON header; the header, which gives each tensor's start and end behind it; the tensors.
"""

from __future__ import annotations

import json
import struct
from operator import index

MAX_HEADER = 16 << 20
"""Bytes of the longest header that is read; that of a large language model takes about one."""

_LENGTH = struct.Struct("<Q")


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
        tensors = json.loads(header[_LENGTH.size :])
        spans = sorted(
            (len(header) + index(start), len(header) + index(end))
            for name, tensor in tensors.items()
            if name != "__metadata__"
            for start, end in (tensor["data_offsets"],)
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
    position = len(header)
    for start, end in spans:
        if not position <= start <= end <= size:
            return []
        position = end
    return spans
