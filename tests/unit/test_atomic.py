import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import pytest

from gitmodel.atomic import (
    Scratch,
    lock,
    locked,
    make_folder,
    move,
    publish,
    sweep,
    write_all,
    write_file,
)

HOLD = """
import sys
from pathlib import Path
from gitmodel.atomic import Scratch
scratch = Scratch(Path(sys.argv[1]))
scratch.new_file()
print(scratch.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def scratch(tmp_path):
    with Scratch(tmp_path / "tmp") as scratch:
        yield scratch


@pytest.fixture
def holder(tmp_path):
    """Another process that holds a scratch folder, and the folder."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "tmp")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        yield process, Path(process.stdout.readline().decode().strip())
        process.kill()


def finished(scratch: Scratch, data: bytes) -> Path:
    """A scratch file, written and closed."""
    fd, path = scratch.new_file()
    write_all(fd, data)
    os.close(fd)
    return path


@contextmanager
def opened(path: Path, mode: str = "r") -> Iterator[int]:
    """The descriptor of an open file."""
    with path.open(f"{mode}b", buffering=0) as file:
        yield file.fileno()


# Scratch folders


@pytest.mark.parametrize("when", ["mkdir", "rmtree"])
def test_a_signal_leaves_no_folder_whenever_it_comes(tmp_path, monkeypatch, when):
    def told(act):
        def do(*arguments, **options):
            act(*arguments, **options)
            signal.raise_signal(signal.SIGINT)

        return do

    parent = tmp_path / "tmp"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), Scratch(parent) as scratch:  # noqa: PT012
            parent.mkdir()
            with monkeypatch.context() as patch:
                if when == "mkdir":
                    patch.setattr(Path, "mkdir", told(Path.mkdir))
                scratch.new_path()
            monkeypatch.setattr(shutil, "rmtree", told(shutil.rmtree))
    finally:
        signal.signal(signal.SIGINT, before)
    assert list(parent.iterdir()) == []


def test_scratch_is_gone_when_closed(tmp_path):
    with Scratch(tmp_path / "tmp") as scratch:
        finished(scratch, b"x")
        assert scratch.path.is_dir()
    assert not list((tmp_path / "tmp").iterdir())


def test_scratch_that_is_not_used_makes_nothing(tmp_path):
    with Scratch(tmp_path / "tmp"):
        pass
    assert not (tmp_path / "tmp").exists()


def test_scratch_of_a_living_process_stays(tmp_path, holder):
    _, folder = holder
    assert sweep(tmp_path / "tmp") == []
    with Scratch(tmp_path / "tmp") as scratch:
        assert scratch.path != folder
        assert len(list(folder.iterdir())) == 1


def test_scratch_of_a_killed_process_goes(tmp_path, holder):
    process, folder = holder
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert folder.is_dir()
    with Scratch(tmp_path / "tmp") as scratch:
        finished(scratch, b"x")
        assert not folder.exists()


def test_sweep_leaves_files_and_symlinks_alone(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    parent = tmp_path / "tmp"
    parent.mkdir()
    (parent / "file").touch()
    (parent / "link").symlink_to(kept)
    assert sweep(parent) == []
    assert (kept / "file").exists()
    assert sweep(tmp_path / "nowhere") == []


def _use_scratch(parent: Path) -> None:
    for _ in range(30):
        with Scratch(parent) as scratch:
            assert finished(scratch, b"x").read_bytes() == b"x"


def test_many_processes_at_once_never_sweep_each_other(tmp_path):
    with ProcessPoolExecutor(4, get_context("spawn")) as pool:
        assert list(pool.map(_use_scratch, [tmp_path / "tmp"] * 8)) == [None] * 8


# Files


def test_write_file_makes_and_replaces(tmp_path, scratch):
    path = tmp_path / "file"
    for data in (b"old", b"new and longer", b""):
        write_file(path, data, scratch)
        assert path.read_bytes() == data
    assert not list(scratch.path.iterdir())


def test_write_file_that_fails_keeps_the_old_one(tmp_path, scratch):
    path = tmp_path / "file"
    write_file(path, b"old", scratch)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_file(path, bytes(8192), scratch)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["file"]


def test_write_file_replaces_a_symlink_not_what_it_points_to(tmp_path, scratch):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"precious")
    link.symlink_to(target)
    write_file(link, b"new", scratch)
    assert target.read_bytes() == b"precious"
    assert not link.is_symlink()


def test_write_file_over_a_folder_fails(tmp_path, scratch):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_file(tmp_path / "folder", b"x", scratch)
    assert (tmp_path / "folder").is_dir()


def test_new_files_have_the_mode_that_the_umask_leaves(tmp_path, scratch):
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "file", b"x", scratch)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_publish_gives_a_name_once(tmp_path, scratch):
    path = tmp_path / "new" / "folder" / "blob"
    assert publish(finished(scratch, b"first"), path) is True
    assert publish(finished(scratch, b"second"), path) is False
    assert path.read_bytes() == b"first"
    assert not list(scratch.path.iterdir())
    assert path.stat().st_nlink == 1


def test_publish_of_nothing_fails(tmp_path, scratch):
    with pytest.raises(FileNotFoundError):
        publish(scratch.new_path(), tmp_path / "new" / "blob")


def test_move_to_another_file_system(tmp_path, scratch):
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system here")
    target = other / f"gitmodel-test-{os.getpid()}"
    try:
        target.write_bytes(b"old")
        move(finished(scratch, b"new"), target)
        assert target.read_bytes() == b"new"
        assert not list(other.glob(".*.gitmodel-tmp"))
        assert not list(scratch.path.iterdir())
    finally:
        target.unlink()


def test_make_folder_makes_parents_and_is_content_with_what_is_there(tmp_path):
    for _ in range(2):
        make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()


def test_lock_is_held_by_one_at_a_time(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(20):
            with locked(tmp_path / "lock"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1


def test_a_lock_is_held_by_one(tmp_path):
    path = tmp_path / "file"
    with path.open("w") as one, path.open("w") as other:
        assert lock(one.fileno())
        assert not lock(other.fileno())
    with path.open("w") as third:
        assert lock(third.fileno())
