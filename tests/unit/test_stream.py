import errno
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gitmodel import stream
from gitmodel.stream import BlockFile, BlockWriter, ReadAhead, copy, read_blocks

BLOCK = 4 << 20
OURS = ("reader", "writer")
SIZES = [0, 1, 4095, 4096, 4097, BLOCK - 1, BLOCK, BLOCK + 5, 3 * BLOCK + 4096, 6 * BLOCK + 9]


def _left_behind() -> list[str]:
    """The threads of this module that still run."""
    return [thread.name for thread in threading.enumerate() if thread.name in OURS]


@contextmanager
def opened(path: Path, mode: str = "r") -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY if mode == "r" else os.O_RDWR | os.O_CREAT)
    try:
        yield fd
    finally:
        os.close(fd)


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [1000, 4096, 3 << 20, 1 << 30])
def test_a_file_is_what_was_written_whatever_the_parts(tmp_path, size, step, durable):
    data = os.urandom(size)
    parts = [data[at : at + step] for at in range(0, size, step)][:5000]
    with opened(tmp_path / "one", "w") as fd:
        file = BlockFile(fd, durable=durable)
        for part in parts:
            file.write(part)
        file.finish()
    with opened(tmp_path / "two", "w") as fd, BlockWriter(fd, durable=durable) as writer:
        for part in parts:
            writer.write(part)
    assert (tmp_path / "one").read_bytes() == b"".join(parts)
    assert (tmp_path / "two").read_bytes() == b"".join(parts)


def test_a_disk_that_refuses_to_bypass_the_cache_only_when_written_to(tmp_path, monkeypatch):
    """Some file systems take the flag, and then refuse the write."""
    data = os.urandom(2 * BLOCK + 77)
    write, refused = os.write, []

    def picky(fd, part):
        if not refused:
            refused.append(len(part))
            raise OSError(errno.EINVAL, "not aligned to my liking")
        return write(fd, part)

    monkeypatch.setattr(stream.os, "write", picky)
    with opened(tmp_path / "file", "w") as fd:
        file = BlockFile(fd, durable=True)
        file.write(data)
        file.finish()
    assert (tmp_path / "file").read_bytes() == data
    assert refused == [BLOCK]


def test_a_disk_that_writes_less_than_it_was_given(tmp_path, monkeypatch):
    data = os.urandom(2 * BLOCK + 77)
    write = os.write
    monkeypatch.setattr(stream.os, "write", lambda fd, part: write(fd, part[:5000]))
    with opened(tmp_path / "file", "w") as fd, BlockWriter(fd, durable=True) as writer:
        writer.write(data)
    assert (tmp_path / "file").read_bytes() == data


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (9 << 20) + 5])
@pytest.mark.parametrize("durable", [True, False])
def test_copy_shows_and_writes_every_byte(tmp_path, size, durable):
    data = os.urandom(size)
    (tmp_path / "source").write_bytes(data)
    seen = io.BytesIO()
    with opened(tmp_path / "source") as source, opened(tmp_path / "target", "w") as target:
        copy(source, target, seen.write, durable=durable)
    assert seen.getvalue() == data
    assert (tmp_path / "target").read_bytes() == data


def test_copy_passes_a_write_error_on(tmp_path):
    (tmp_path / "source").write_bytes(bytes(20 << 20))
    with (
        opened(tmp_path / "source") as source,
        opened(Path("/dev/full"), "w") as target,
        pytest.raises(OSError, match="No space left") as caught,
    ):
        copy(source, target, len, durable=False)
    assert caught.value.errno == errno.ENOSPC
    assert not _left_behind()


def test_copy_passes_a_read_error_on(tmp_path):
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        with opened(tmp_path / "target", "w") as target, pytest.raises(IsADirectoryError):
            copy(folder, target, len, durable=False)
    finally:
        os.close(folder)
    assert not _left_behind()


def test_copy_stops_when_its_watcher_fails(tmp_path):
    (tmp_path / "source").write_bytes(bytes(20 << 20))

    def see(block: memoryview) -> None:
        raise KeyboardInterrupt

    with (
        opened(tmp_path / "source") as source,
        opened(tmp_path / "target", "w") as target,
        pytest.raises(KeyboardInterrupt),
    ):
        copy(source, target, see, durable=False)
    assert not _left_behind()


# Reading ahead


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [1000, 3 << 20, 9 << 20])
def test_reading_ahead_gives_every_byte(tmp_path, size, step):
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    with opened(tmp_path / "file") as fd, ReadAhead(fd) as reader:
        view, parts = memoryview(bytearray(step)), []
        while count := reader.readinto(view):
            parts.append(bytes(view[:count]))
        assert reader.readinto(view) == 0 or not parts
    assert b"".join(parts) == data
    assert not _left_behind()


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_file_that_is_closed_already_is_told_of(tmp_path: Path) -> None:
    """As when a signal comes just when the thread was started."""
    fd = os.open(tmp_path, os.O_RDONLY)
    os.close(fd)
    with ReadAhead(fd) as reader, pytest.raises(OSError, match="Bad file descriptor"):
        reader.readinto(memoryview(bytearray(10)))


def test_reading_ahead_passes_an_error_on(tmp_path):
    with opened(tmp_path) as fd, ReadAhead(fd) as reader, pytest.raises(IsADirectoryError):
        reader.readinto(memoryview(bytearray(10)))
    assert not _left_behind()


def test_reading_ahead_may_end_early(tmp_path):
    (tmp_path / "file").write_bytes(bytes(40 << 20))
    with opened(tmp_path / "file") as fd, ReadAhead(fd) as reader:
        reader.readinto(memoryview(bytearray(10)))
    assert not _left_behind()


@pytest.mark.parametrize("size", [0, 1, (1 << 20) + 1, (16 << 20) - 1, 16 << 20, (19 << 20) + 7])
def test_blocks_are_the_rest_of_a_file(tmp_path, size):
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(b"start" + data)
    with opened(tmp_path / "file") as fd:
        os.lseek(fd, 5, os.SEEK_SET)
        assert b"".join(map(bytes, read_blocks(fd))) == data
        assert os.read(fd, 1) == b""
    assert not _left_behind()


def test_blocks_may_end_early(tmp_path):
    (tmp_path / "file").write_bytes(bytes(40 << 20))
    with opened(tmp_path / "file") as fd, closing(read_blocks(fd)) as blocks:
        next(blocks)
    assert not _left_behind()


@pytest.mark.parametrize("size", [1, 16 << 20])
def test_blocks_pass_an_error_on(tmp_path, size):
    (tmp_path / "file").write_bytes(bytes(size))
    fd = os.open(tmp_path / "file", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="Bad file descriptor"):
            list(read_blocks(fd))
    finally:
        os.close(fd)
    assert not _left_behind()


def test_a_disk_that_refuses_to_bypass_the_cache_only_when_read_from(tmp_path, monkeypatch):
    data = os.urandom(BLOCK + 77)
    (tmp_path / "file").write_bytes(data)
    read, refused = os.preadv, []

    def picky(fd, blocks, at):
        if not refused:
            refused.append(at)
            raise OSError(errno.EINVAL, "not aligned to my liking")
        return read(fd, blocks, at)

    monkeypatch.setattr(stream.os, "preadv", picky)
    with opened(tmp_path / "file") as fd, ReadAhead(fd) as reader:
        view = memoryview(bytearray(2 * BLOCK))
        count = reader.readinto(view)
        count += reader.readinto(view[count:])
    assert bytes(view[:count]) == data


@pytest.mark.timeout(60)
@pytest.mark.parametrize("what", ["BlockWriter(fd, durable=True)", "ReadAhead(fd)"])
def test_a_program_that_is_stopped_before_the_block_ends_all_the_same(
    tmp_path: Path, what: str
) -> None:
    # As a signal does it that comes just then.
    program = f"""
import os
from gitmodel.stream import BlockWriter, ReadAhead
fd = os.open({str(tmp_path / "file")!r}, os.O_RDWR | os.O_CREAT)
thread = {what}
raise SystemExit(7)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=30)
    assert done.returncode == 7
