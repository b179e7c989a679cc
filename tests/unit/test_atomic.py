import os
import resource
import signal
import stat
from pathlib import Path

import pytest

from gitmodel.atomic import move, publish, write_file
from gitmodel.disk import make_folder
from gitmodel.locks import locked
from gitmodel.scratch import Scratch
from tests.helpers.foreign import OTHER, needs_root
from tests.helpers.scratch import finished, held


@pytest.fixture
def scratch(tmp_path):
    with Scratch(tmp_path / "tmp") as scratch:
        yield scratch


def test_write_file_makes_and_replaces(tmp_path, scratch):
    path = tmp_path / "file"
    for data in (b"old", b"new and longer", b""):
        write_file(path, data, scratch)
        assert path.read_bytes() == data
    assert held(scratch) == []


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
    assert held(scratch) == []
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
        assert held(scratch) == []
    finally:
        target.unlink()


def test_make_folder_makes_parents_and_is_content_with_what_is_there(tmp_path):
    for _ in range(2):
        make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()


@needs_root
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_what_lies_in_a_shared_folder_is_its_groups(tmp_path, scratch, umask):
    os.chown(tmp_path, 0, OTHER)
    tmp_path.chmod(0o2770)
    before = os.umask(umask)
    try:
        publish(finished(scratch, b"x"), tmp_path / "a" / "b" / "blob")
        with locked(tmp_path / "a" / "lock"):
            pass
    finally:
        os.umask(before)
    rights = {
        path.name: (stat.S_IMODE(path.stat().st_mode) & 0o2070, path.stat().st_gid)
        for path in (tmp_path / "a").rglob("*")
    }
    assert rights["b"] == (0o2070, OTHER)
    assert rights["lock"] == (0o060, OTHER)
    assert rights["blob"][0] == 0o060


# Waiting for locks
