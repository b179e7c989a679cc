"""Reading a blob in part from a remote is reading a file: any seeks and reads give the same."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.digest import oid_of
from gitmodel.index import opened_index
from gitmodel.progress import Work
from gitmodel.remote.packstore import Remote
from gitmodel.remote.store import open_store
from gitmodel.remote.upload import Upload
from gitmodel.transfer.download import Wanted
from gitmodel.transfer.ranges import BlobFile, open_blob
from tests.helpers.repo import noise
from tests.property.strategies import examples

_START, _SAME, _END = 3 << 20, 2 << 20, (1 << 20) + 77

_positions = st.integers(0, _START + _SAME + _END + 1000)
_lengths = st.one_of(st.integers(0, 20_000), st.integers(0, 2 << 20), st.just(-1))
_steps = st.one_of(
    st.tuples(st.just("read"), _lengths),
    st.tuples(st.just("seek"), _positions),
    st.tuples(st.just("skip"), st.integers(-5000, 5000)),
    st.tuples(st.just("back"), st.integers(0, 70_000)),
)


@functools.cache
def _blob() -> bytes:
    """Noise, and a stretch that repeats, so that chunks occur more than once."""
    return noise("start", _START) + b"same" * (_SAME // 4) + noise("end", _END)


@contextmanager
def _opened(folder: Path, blob: bytes) -> Iterator[tuple[Remote, io.BufferedReader]]:
    with opened_index(folder / "index.db") as index:
        remote = Remote("origin", open_store(str(folder), folder), index, "0" * 32)
        remote.create()
        source = io.BytesIO(blob)
        with Upload(remote, len(blob), Work()) as upload:
            if len(blob) < remote.chunking.smallest:
                upload.add_small(oid_of(blob), blob)
            else:
                upload.add_large(oid_of(blob), source.readinto)
            upload.finish()
        with open_blob(remote, Wanted(oid_of(blob), len(blob))) as file:
            yield remote, file


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[io.BufferedReader]:
    with ExitStack() as stack:
        yield stack.enter_context(_opened(tmp_path_factory.mktemp("remote"), _blob()))[1]


@settings(max_examples=examples(60), deadline=None)
@given(steps=st.lists(_steps, max_size=12))
def test_any_seeks_and_reads(file: io.BufferedReader, steps: list[tuple[str, int]]) -> None:
    model = io.BytesIO(_blob())
    file.seek(0)
    for verb, number in steps:
        if verb == "read":
            assert file.read(number) == model.read(number)
        elif verb == "seek":
            assert file.seek(number) == model.seek(number)
        elif verb == "back":
            assert file.seek(-number, io.SEEK_END) == model.seek(-number, io.SEEK_END)
        else:
            step = max(number, -model.tell())
            assert file.seek(step, io.SEEK_CUR) == model.seek(step, io.SEEK_CUR)
        assert file.tell() == model.tell()


@settings(max_examples=examples(30), deadline=None)
@given(reads=st.lists(st.tuples(_positions, st.integers(0, 3 << 20)), max_size=6))
def test_any_raw_reads(file: io.BufferedReader, reads: list[tuple[int, int]]) -> None:
    raw = file.raw
    assert isinstance(raw, BlobFile)
    for position, length in reads:
        raw.seek(position)
        part = raw.read(length)
        assert part is not None
        whole = _blob()[position : position + length]
        assert whole.startswith(part)
        assert part or not whole


@pytest.mark.parametrize("size", [0, 1, 100, (1 << 20) - 1, 1 << 20])
def test_sizes(tmp_path: Path, size: int) -> None:
    blob = noise("blob", size)
    with _opened(tmp_path, blob) as (_, file):
        assert file.read() == blob
        assert file.read(1) == b""
        file.seek(-min(size, 10), io.SEEK_END)
        assert file.read() == blob[-10:]


def test_a_position_before_the_start_is_refused(file: io.BufferedReader) -> None:
    with pytest.raises(ValueError, match="before the start"):
        file.raw.seek(-1)
    with pytest.raises(ValueError, match="whence"):
        file.raw.seek(0, 9)


def test_a_closed_file_is_closed(tmp_path: Path) -> None:
    with _opened(tmp_path, b"x" * 100) as (_, file):
        raw = file.raw
        file.close()
        with pytest.raises(ValueError, match="closed"):
            raw.read(1)
