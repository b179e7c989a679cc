"""Many small files, read by several processes."""

import contextlib
import os
import signal
import subprocess
import sys
from contextlib import ExitStack

import pytest

from gitmodel.digest import digest_bytes
from gitmodel.errors import ConflictError
from gitmodel.worktree import pool
from gitmodel.worktree.pool import ReaderPool
from gitmodel.worktree.scan import scan


@pytest.fixture
def tree(tmp_path):
    """A working tree with an artifact of 600 small files in several folders."""
    for n in range(600):
        folder = tmp_path / "data" / f"{n % 7}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{n} ü\n.txt").write_bytes(b"%d" % n * (n % 50 * 40))
    (tmp_path / "data" / "empty").write_bytes(b"")
    (tmp_path / "data" / os.fsdecode(b"\xff")).write_bytes(b"not UTF-8")
    return tmp_path


@pytest.fixture
def helped(monkeypatch):
    """Batches are small, so that other processes are started early; returns those."""
    started = []

    class Started(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            started.append(self)

    monkeypatch.setattr(pool, "_FILES", 8)
    monkeypatch.setattr(pool, "_ALONE", 2)
    monkeypatch.setattr(pool, "_processes", lambda: 3)
    monkeypatch.setattr(subprocess, "Popen", Started)
    return started


def read(tree, algorithm="blake3", meanwhile=lambda done: None, founds=None):
    """Read all of an artifact; return digests and bytes by path."""
    got = {}

    def take(founds, data, digests, free):
        start = 0
        for found, each in zip(founds, digests, strict=True):
            got[found.path] = each, bytes(data[start : start + each.size])
            start += each.size
        assert start == len(data)
        meanwhile(len(got))
        free()

    with ReaderPool(tree, algorithm, take) as readers:
        for found in founds or scan(tree, "data", {}):
            readers.add(found)
        readers.finish()
    return got


def expected(tree, algorithm="blake3"):
    files = [path for path in (tree / "data").rglob("*") if path.is_file()]
    return {
        str(path.relative_to(tree / "data")): (
            digest_bytes(path.read_bytes(), algorithm),
            path.read_bytes(),
        )
        for path in files
    }


def wait_until_ready(readers):
    """Have a reader that is asked to help be ready, however slow the machine is."""
    for reader in readers:
        while not reader.ready:
            list(reader.answers())


@pytest.fixture
def eager(helped, monkeypatch):
    """Every process is ready before the next batch."""
    start = ReaderPool._start

    def ready(self):
        reader = start(self)
        wait_until_ready([reader])
        return reader

    monkeypatch.setattr(ReaderPool, "_start", ready)
    return helped


@pytest.mark.parametrize("algorithm", ["blake3", "sha256"])
def test_other_processes_read_what_this_one_would(tree, eager, monkeypatch, algorithm):
    here = []
    monkeypatch.setattr(pool, "read_batch", _counted(pool.read_batch, here))
    assert read(tree, algorithm) == expected(tree, algorithm)
    # Only what came before they were started was read here.
    assert len(here) == 1
    assert len(eager) == 3
    assert [process.poll() for process in eager] == [-signal.SIGKILL] * 3


def _counted(function, calls):
    def call(*args):
        calls.append(args)
        return function(*args)

    return call


def test_each_process_tells_which_files_others_may_write_to(tree, eager):
    written = set()
    with ExitStack() as stack:
        for number in range(0, 600, 10):
            stack.enter_context((tree / f"data/{number % 7}/{number} ü\n.txt").open("r+b"))
        with ReaderPool(tree, "blake3", lambda *given: _note(written, *given)) as readers:
            for found in scan(tree, "data", {}):
                readers.add(found)
            readers.finish()
    assert written == {f"{number % 7}/{number} ü\n.txt" for number in range(0, 600, 10)}


def _note(written, founds, data, digests, free):
    written |= {found.path for found in founds if found.written}
    free()


def test_few_files_start_no_process(tree, monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", never)
    assert read(tree) == expected(tree)


def test_a_system_without_shared_memory_reads_here(tree, monkeypatch):
    monkeypatch.setattr(pool, "_FILES", 8)
    monkeypatch.delattr(os, "memfd_create")
    assert read(tree) == expected(tree)


def test_processes_that_cannot_start_are_not_needed(tree, helped, monkeypatch, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    assert read(tree) == expected(tree)
    assert len(helped) == 3


@pytest.mark.parametrize("after", [1, 30, 200, 500])
def test_processes_that_are_killed_lose_nothing(tree, eager, after):
    def kill(done):
        if done > after:
            for process in eager:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)

    assert read(tree, meanwhile=kill) == expected(tree)


def test_a_file_that_changes_meanwhile_is_told_by_name(tree, eager):
    victim = sorted((tree / "data" / "6").iterdir())[-1]

    def change(done):
        victim.write_bytes(b"changed")

    with pytest.raises(ConflictError, match="changed while it was read") as caught:
        read(tree, meanwhile=change)
    assert repr(f"data/6/{victim.name}") in str(caught.value)
    assert [process.poll() for process in eager] == [-signal.SIGKILL] * 3


def test_a_folder_that_goes_meanwhile_is_told(tree, eager):
    def change(done):
        with contextlib.suppress(FileNotFoundError):
            (tree / "data" / "6").rename(tree / "gone")

    founds = list(scan(tree, "data", {}))
    with pytest.raises(ConflictError, match=r"'data/6.*changed while it was read"):
        read(tree, meanwhile=change, founds=founds)


def test_a_failure_to_store_ends_the_processes(tree, eager):
    def fail(done):
        if done > 100:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        read(tree, meanwhile=fail)
    assert [process.poll() for process in eager] == [-signal.SIGKILL] * 3


def test_a_reader_looks_for_no_module_in_the_current_folder(tree, eager, monkeypatch):
    (tree / "json.py").write_text("open('run', 'w')")
    (tree / "gitmodel").mkdir()
    (tree / "gitmodel" / "__init__.py").write_text("open('run', 'w')")
    monkeypatch.chdir(tree)
    assert read(tree) == expected(tree)
    assert not (tree / "run").exists()


def test_a_reader_ends_when_its_input_ends():
    arguments = [str(os.memfd_create("room")), "8192", "/", "blake3"]
    os.ftruncate(int(arguments[0]), 8192)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "gitmodel.worktree.reader", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        pass_fds=[int(arguments[0])],
        check=True,
    )
    os.close(int(arguments[0]))
    assert (done.stdout, done.stderr) == (b"[]\n", b"")
