import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from gitmodel.errors import IntegrityError
from gitmodel.paths import TEMPORARY
from gitmodel.scratch import BESIDE, MARKER, TARGET, Scratch, owner_of_new, sweep
from tests.helpers.foreign import OTHER, needs_root, seen, victim
from tests.helpers.scratch import finished, leave

HOLD = """
import sys
from pathlib import Path
from gitmodel.scratch import Scratch
scratch = Scratch(Path(sys.argv[1]))
scratch.new_file()
print(scratch.path, flush=True)
sys.stdin.read()
"""


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


@pytest.mark.parametrize("when", ["mkdir", "rmdir"])
def test_a_signal_leaves_no_folder_whenever_it_comes(tmp_path, monkeypatch, when):
    def told(act):
        def do(*arguments, **options):
            act(*arguments, **options)
            signal.raise_signal(signal.SIGINT)

        return do

    parent = tmp_path / "tmp"
    parent.mkdir()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), Scratch(parent) as scratch:  # noqa: PT012
            with monkeypatch.context() as patch:
                if when == "mkdir":
                    patch.setattr(os, "mkdir", told(os.mkdir))
                scratch.new_path()
            monkeypatch.setattr(os, "rmdir", told(os.rmdir))
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
        assert len(list(folder.iterdir())) == 2


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


def _named(change: Callable[[str], str] = str) -> Callable[[Path], Path]:
    """Leave a scratch folder of ours, under another name."""

    def make(parent: Path) -> Path:
        left = leave(parent)
        return left.rename(left.with_name(change(left.name)))

    return make


def _marked(data: bytes) -> Callable[[Path], Path]:
    """Leave a scratch folder of ours whose marker says something else."""

    def make(parent: Path) -> Path:
        left = leave(parent)
        (left / MARKER).write_bytes(data)
        return left

    return make


def _unmarked(put: Callable[[Path], object]) -> Callable[[Path], Path]:
    """Leave a scratch folder of ours with something else where its marker should be."""

    def make(parent: Path) -> Path:
        left = leave(parent)
        (left / MARKER).unlink()
        put(left / MARKER)
        return left

    return make


def _linked(parent: Path) -> Path:
    left = leave(parent)
    elsewhere = left.rename(parent.parent / "elsewhere")
    left.symlink_to(elsewhere)
    return left


def _plain(name: str) -> Callable[[Path], Path]:
    def make(parent: Path) -> Path:
        (parent / name).mkdir()
        (parent / name / "half").write_bytes(b"precious")
        return parent / name

    return make


FOREIGN = {
    "a folder of somebody": _plain("colleague"),
    "one of an earlier gitmodel": _plain(f"123-{'0' * 16}"),
    "a name that begins like ours": _named(lambda name: f"{name}0"),
    "a name without digits": _named(lambda name: f"{name[:-16]}{'x' * 16}"),
    "the name of another one of ours": _named(lambda name: f"{name[:-16]}{'0' * 16}"),
    "of another host": _named(lambda name: f"elsewhere{name[name.index('-') :]}"),
    "no marker": _unmarked(lambda path: None),
    "an empty marker": _marked(b""),
    "a marker of somebody": _marked(b"held by cron"),
    "a folder as marker": _unmarked(Path.mkdir),
    "a FIFO as marker": _unmarked(os.mkfifo),
    "a symlink as marker": _unmarked(lambda path: path.symlink_to("half")),
    "a symlink": _linked,
}


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
def test_what_is_not_ours_is_never_swept(tmp_path, make):
    parent = tmp_path / "tmp"
    parent.mkdir()
    make(parent)
    before = seen(tmp_path)
    assert sweep(parent) == []
    assert seen(tmp_path) == before
    with Scratch(parent) as scratch:
        finished(scratch, b"x")
    assert seen(tmp_path, apart=[str(parent)]) == {
        **before,
        str(parent): seen(parent, apart=[str(parent)])[str(parent)],
    }


@needs_root
@pytest.mark.parametrize("part", ["", MARKER])
def test_what_belongs_to_another_is_never_swept(tmp_path, part):
    left = leave(tmp_path / "tmp")
    os.chown(left / part, OTHER, OTHER)
    assert sweep(tmp_path / "tmp") == []
    assert (left / "half").read_bytes() == b"half"


def test_what_was_being_made_when_its_process_died_is_swept(tmp_path):
    parent = tmp_path / "tmp"
    for number in range(2):
        left = leave(parent)
        (left / "half").unlink()
        (left / MARKER).write_bytes(b"")
        if number:
            (left / MARKER).unlink()
        assert sweep(parent) == [left]
    assert list(parent.iterdir()) == []


def test_a_scratch_folder_is_of_nobody_else_and_says_whose_it_is(tmp_path):
    with Scratch(tmp_path / "tmp") as scratch:
        host, pid, token = scratch.path.name.rsplit("-", 2)
        assert (pid, len(token)) == (str(os.getpid()), 16)
        assert stat.S_IMODE(scratch.path.stat().st_mode) == 0o700
        assert stat.S_IMODE(scratch.path.parent.stat().st_mode) == 0o700
        said = (scratch.path / MARKER).read_text()
        assert said.startswith(f"scratch folder of gitmodel: {scratch.path.name}\npid {pid}\n")
        assert f"\nhost {host}\nsince 20" in said


def _symlink(parent: Path) -> None:
    parent.symlink_to(victim(parent.with_name("home")))


def _foreign(parent: Path) -> None:
    os.chown(victim(parent), OTHER, OTHER)


@pytest.mark.parametrize(
    "make",
    [_symlink, Path.touch, pytest.param(_foreign, marks=needs_root)],
    ids=["symlink", "file", "another's"],
)
@pytest.mark.parametrize("use", [sweep, lambda parent: Scratch(parent).path])
def test_a_parent_that_is_not_ours_is_refused(tmp_path, make, use):
    parent = tmp_path / "tmp"
    make(parent)
    before = seen(tmp_path)
    with pytest.raises(IntegrityError) as failed:
        use(parent)
    assert failed.value.hint == f"ls -ld {parent}"
    assert seen(tmp_path) == before


def test_a_folder_of_the_users_is_used_under_a_name_that_nobody_can_know(tmp_path):
    folder = tmp_path / "link"
    (tmp_path / "real").mkdir()
    folder.symlink_to("real")
    with Scratch(folder, BESIDE) as scratch:
        scratch.new_file()
        (name,) = os.listdir(folder)
        assert name.startswith(".")
        assert name.endswith(TEMPORARY)
        # Whoever moves it away, or puts another in its place, changes nothing.
        (folder / name).rename(folder / "moved")
        victim(folder / name)
        path = finished(scratch, b"mine")
        assert path.read_bytes() == b"mine"
        assert (folder / "moved" / path.name).exists()
        before = seen(folder / name)
    assert seen(folder / name) == before
    left = leave(folder, BESIDE)
    assert sweep(folder, BESIDE) == [left]


def test_a_folder_where_everybody_may_rename_is_no_target(tmp_path):
    tmp_path.chmod(0o777)
    with pytest.raises(IntegrityError, match="everybody") as failed:
        assert Scratch(tmp_path, TARGET).path
    assert failed.value.hint == f"chmod +t {tmp_path}"
    tmp_path.chmod(0o1777)
    with Scratch(tmp_path, TARGET) as scratch:
        assert scratch.path.is_dir()


def test_the_owner_of_what_is_made_where_every_file_has_a_name(tmp_path, monkeypatch):
    """As on network file systems and on macOS."""
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        owner = owner_of_new(folder)
        monkeypatch.delattr(os, "O_TMPFILE")
        assert owner_of_new(folder) == owner == os.geteuid()
    finally:
        os.close(folder)
    assert os.listdir(tmp_path) == []
