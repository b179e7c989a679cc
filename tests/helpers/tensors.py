"""Files with tensors: those that PyTorch wrote, and some that nobody should."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

DATA = Path(__file__).parents[1] / "data" / "tensors"
EXPECTED: dict[str, Any] = json.loads((DATA / "expected.json").read_text())


def fixture(name: str) -> bytes:
    """Return a file that `tests/data/tensors/make.py` has made."""
    return (DATA / name).read_bytes()


def opened(data: bytes) -> tuple[BinaryIO, int]:
    """Return bytes as an open file, and their size."""
    return io.BufferedReader(io.BytesIO(data)), len(data)


def safetensors(header: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    """Return a file with any header, and any length said of it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def torch_zip(pickled: bytes, storages: Mapping[str, bytes] | None = None, **more: bytes) -> bytes:
    """Return a file as `torch.save` lays it out, with any pickle in it."""
    members = {"data.pkl": pickled, "byteorder": b"little", **more}
    members |= {f"data/{key}": data for key, data in (storages or {}).items()}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"archive/{name}", data)
    return target.getvalue()


def with_pickle(name: str, pickled: bytes) -> bytes:
    """Return a fixture whose pickle is replaced by another."""
    source = zipfile.ZipFile(DATA / name)
    target = io.BytesIO()
    with source, zipfile.ZipFile(target, "w") as archive:
        for member in source.infolist():
            is_pickle = member.filename.endswith("/data.pkl")
            archive.writestr(member, pickled if is_pickle else source.read(member))
    return target.getvalue()


class _Evil:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._path),)


def evil_pickle(path: Path) -> bytes:
    """Return a pickle that makes a folder at `path` when it is loaded."""
    return pickle.dumps({"weight": _Evil(path)}, protocol=2)
