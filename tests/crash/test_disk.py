"""The disk refuses, the index is noise, the cache is gone, and several work at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.crash.scenes import LARGE, Scenes
from tests.helpers.faults import fail_at, needs_strace, remove
from tests.helpers.repo import GITMODEL, Repo, noise

_MOST = 60


@needs_strace
@pytest.mark.parametrize("step", [6, pytest.param(1, marks=pytest.mark.torture)])
@pytest.mark.parametrize(
    ("name", "call", "error"),
    [
        ("add", "fsync", "EIO"),
        ("add", "link", "EIO"),
        ("add", "rename", "ENOSPC"),
        ("push", "fsync", "EIO"),
        ("pull", "fsync", "EIO"),
        ("pull", "link", "ENOSPC"),
        ("checkout", "rename", "EIO"),
    ],
)
def test_a_disk_that_fails_once(
    scenes: Scenes, tmp_path: Path, name: str, call: str, error: str, step: int
) -> None:
    """It is told, nothing lies about, and when the disk is well again so is everything."""
    scene = scenes[name]
    for number in range(1, _MOST, step):
        repo = scene.copy(tmp_path / str(number))
        done = fail_at(repo, scene.command, call, error, number)
        assert "Traceback" not in done.err
        assert "bug in gitmodel" not in done.err
        if not done.hit:
            return
        # SQLite forgives some: its file is only an index.
        assert done.code in ((0, 6, 8) if name == "push" else (0, 8)), done.err
        assert done.code == 0 or "next:" in done.err
        assert repo.leftovers() == []
        if call == "fsync":
            assert _synced_after_failure(done.log, tmp_path) == []
        scene.check_between(repo)
        scene.check_again(repo)
        remove(tmp_path / str(number))
    pytest.fail("the command never ran to its end")


def _synced_after_failure(log: str, below: Path) -> list[str]:
    """Return the files (not the folders) that were synced again after their fsync failed."""
    failed: set[str] = set()
    again = []
    for line in log.splitlines():
        path = line.partition("<")[2].partition(">")[0]
        if "(INJECTED)" in line:
            failed.add(path)
        elif path in failed and "fsync(" in line and path.startswith(f"{below}/"):
            again.append(path)
    return [path for path in again if not os.path.isdir(path)]


def _limited(repo: Repo, command: tuple[str, ...], limit: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f'{limit}; exec "$0" "$@"', str(GITMODEL), *command],
        cwd=repo.path,
        env=repo.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("name", ["add", "pull", "checkout"])
def test_a_limit_on_the_size_of_files(scenes: Scenes, tmp_path: Path, name: str) -> None:
    """Half of the model can be written."""
    scene = scenes[name]
    repo = scene.copy(tmp_path)
    done = _limited(repo, scene.command, "ulimit -f 512")
    assert done.returncode == 8, done.stderr
    assert f"'{repo.path}/" in done.stderr
    assert "next:  ulimit -f unlimited" in done.stderr
    assert repo.leftovers() == []
    scene.check_between(repo)
    scene.check_again(repo)


@pytest.mark.parametrize("name", ["add", "pull", "checkout"])
def test_a_limit_that_all_files_keep(scenes: Scenes, tmp_path: Path, name: str) -> None:
    """What processes share is memory, though the limit counts it as a file."""
    repo = scenes[name].copy(tmp_path)
    done = _limited(repo, scenes[name].command, "ulimit -f 4096")
    assert done.returncode == 0, done.stderr


def test_few_file_descriptors(scenes: Scenes, tmp_path: Path) -> None:
    for name in ("add", "pull", "checkout"):
        repo = scenes[name].copy(tmp_path / name)
        done = _limited(repo, scenes[name].command, "ulimit -n 32")
        assert done.returncode in (0, 8), done.stderr
        scenes[name].check_again(repo)


def _on_small_disk(place: Path, size: str, script: str) -> str:
    """Run a script with a small file system at a place; return what it printed."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not here")
    mount = f'mount -t tmpfs -o size={size} none "{place}"'
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", f"{mount} || exit 77; {script}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"no small disk can be made here: {done.stderr.strip()}")
    return done.stdout + done.stderr


def test_a_full_disk_under_the_cache(scenes: Scenes, tmp_path: Path) -> None:
    scene = scenes["add-raw"]
    repo = scene.copy(tmp_path)
    shutil.rmtree(repo.home)
    repo.home.mkdir()
    before = repo.tree()
    environment = " ".join(f"{name}='{repo.env[name]}'" for name in ("HOME", "GIT_CONFIG_NOSYSTEM"))
    out = _on_small_disk(
        repo.home,
        "1m",
        f"cd {repo.path} && {environment} {GITMODEL} add model.pt; echo code $?",
    )
    if "dubious ownership" in out or "another owner" in out:
        pytest.skip("git does not know its owner in a user namespace")
    assert "code 8" in out
    assert "No space left" in out
    assert repo.tree() == before
    scene.check_again(repo)


def test_a_full_disk_under_the_working_tree(scenes: Scenes, tmp_path: Path) -> None:
    """The cache lies on another disk, which has room."""
    repo = scenes["pull"].copy(tmp_path)
    disk = tmp_path / "disk"
    disk.mkdir()
    environment = " ".join(f"{name}='{repo.env[name]}'" for name in ("HOME", "GIT_CONFIG_NOSYSTEM"))
    out = _on_small_disk(
        disk,
        "900k",
        f"cd {tmp_path} && export {environment}"
        f" && git clone -q --separate-git-dir {tmp_path}/separate.git origin.git disk/work"
        f" && mkdir disk/remote && mount --bind remote disk/remote"
        f" && cd disk/work && {GITMODEL} pull; echo code $?; find . -name '*.pt' -o -name '*-tmp'",
    )
    if "dubious ownership" in out or "another owner" in out:
        pytest.skip("git does not know its owner in a user namespace")
    assert "code 8" in out
    assert "./model.pt\n" not in out


# The index and the cache


@pytest.mark.parametrize("name", ["add", "push", "pull", "checkout"])
@pytest.mark.parametrize("where", ["whole", "start", "middle", "end", "empty"])
def test_an_index_that_is_noise(scenes: Scenes, tmp_path: Path, name: str, where: str) -> None:
    scene = scenes[name]
    repo = scene.copy(tmp_path)
    index = repo.home / "index.db"
    if name == "pull":
        repo.gitmodel("status")
    data = index.read_bytes()
    middle = len(data) // 2
    index.write_bytes(
        {
            "whole": noise(where, len(data)),
            "start": noise(where, 4096) + data[4096:],
            "middle": data[:4096] + noise(where, middle) + data[4096 + middle :],
            "end": data[:-4096] + noise(where, 4096),
            "empty": b"",
        }[where]
    )
    done = repo.run("gitmodel", *scene.command)
    # Noise that was met only in the middle of the work: it is thrown away, for the next run.
    assert done.code in (0, 8), done.err
    assert done.code == 0 or "run the same command again" in done.err
    scene.check_again(repo)
    repo.gitmodel("verify")


@pytest.mark.parametrize("name", ["add", "push", "pull", "checkout"])
def test_locks_and_journals_that_are_noise(scenes: Scenes, tmp_path: Path, name: str) -> None:
    scene = scenes[name]
    repo = scene.copy(tmp_path)
    repo.home.mkdir(exist_ok=True)
    for path in (
        repo.home / "index.db-wal",
        repo.home / "index.db-shm",
        repo.home / "index.db-journal",
        repo.path / ".git" / "gitmodel.lock",
    ):
        path.write_bytes(noise(path.name, 40_000))
    scene.check_again(repo)
    repo.gitmodel("verify")


@pytest.mark.parametrize("name", ["add", "checkout", "pull"])
def test_a_cache_that_is_gone(scenes: Scenes, tmp_path: Path, name: str) -> None:
    scene = scenes[name]
    repo = scene.copy(tmp_path)
    if name == "checkout":
        # Of the first version nothing is left here; the remote has it.
        repo.gitmodel("push")
    shutil.rmtree(repo.home, ignore_errors=True)
    repo.gitmodel(*scene.command)
    assert repo.tree() == scene.after
    assert all(artifact["work"] == "clean" for artifact in repo.status().values())
    repo.gitmodel("verify")


def test_a_cache_that_goes_while_it_is_used(scenes: Scenes, tmp_path: Path) -> None:
    for number in range(4):
        repo = scenes["add"].copy(tmp_path / str(number))
        process = repo.start(*scenes["add"].command)
        time.sleep(0.12 + 0.02 * number)
        shutil.rmtree(repo.home, ignore_errors=True)
        _, said = process.communicate()
        assert b"Traceback" not in said
        assert b"bug in gitmodel" not in said
        repo.gitmodel(*scenes["add"].command)
        assert repo.tree() == scenes["add"].after
        repo.gitmodel("verify")


# Files that change, and several at once


def test_a_file_that_grows_while_it_is_added(scenes: Scenes, tmp_path: Path) -> None:
    repo = scenes["add"].copy(tmp_path)
    path = repo.write("growing.bin", noise("start", 48 << 20))
    stop = threading.Event()

    def grow() -> None:
        with path.open("ab") as file:
            while not stop.is_set():
                file.write(b"more")
                file.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        done = repo.run("gitmodel", "add", "growing.bin")
    finally:
        stop.set()
        writer.join()
    assert done.code == 4, done.err
    assert "growing.bin" in done.err
    assert not (repo.path / "growing.bin.gitmodel").exists()
    assert repo.leftovers() == []
    repo.gitmodel("add", "growing.bin")
    repo.gitmodel("verify")


def test_a_file_that_becomes_a_symlink_while_it_is_added(scenes: Scenes, tmp_path: Path) -> None:
    repo = scenes["add"].copy(tmp_path)
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    path = repo.write("data/train/a", noise("a", 3000))
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            (tmp_path / "link").symlink_to(secret)
            os.replace(tmp_path / "link", path)
            (tmp_path / "file").write_bytes(b"a file")
            os.replace(tmp_path / "file", path)

    writer = threading.Thread(target=change)
    writer.start()
    try:
        for _ in range(4):
            assert repo.run("gitmodel", "add", "data/train").code in (0, 4, 7)
    finally:
        stop.set()
        writer.join()
    assert not any(b"secret" in pack.read_bytes() for pack in repo.home.glob("packs/*"))


def test_eight_add_the_same(scenes: Scenes, tmp_path: Path) -> None:
    scene = scenes["add"]
    repo = scene.copy(tmp_path)
    _all_succeed([repo.start(*scene.command) for _ in range(8)])
    scene.check_again(repo)
    repo.gitmodel("verify")


def test_eight_add_different_things(scenes: Scenes, tmp_path: Path) -> None:
    repo = scenes["add"].copy(tmp_path)
    for number in range(8):
        repo.write(f"set-{number}/large", noise(number, LARGE))
        for name in ("a", "b", "c"):
            repo.write(f"set-{number}/{name}", noise((number, name), 700))
    _all_succeed([repo.start("add", f"set-{number}") for number in range(8)])
    found = repo.status()
    for number in range(8):
        assert found[f"set-{number}"]["work"] == "clean"
        assert found[f"set-{number}"]["cached"]
    assert repo.read(".gitignore").count(b"/set-") == 8
    assert len(repo.git("ls-files", "set-*.gitmodel").splitlines()) == 8
    assert repo.leftovers() == []
    repo.gitmodel("verify")


def test_several_push_at_once(scenes: Scenes, tmp_path: Path) -> None:
    scene = scenes["push"]
    repo = scene.copy(tmp_path)
    _all_succeed([repo.start("push", "--no-git") for _ in range(4)])
    scene.check_again(repo)


def test_linked_worktrees_add_at_once(scenes: Scenes, tmp_path: Path) -> None:
    repo = scenes["push"].copy(tmp_path)
    linked = []
    for number in range(4):
        repo.git("worktree", "add", "--quiet", "--detach", f"../linked-{number}", "v1.0")
        linked.append(Repo(tmp_path / f"linked-{number}"))
        linked[-1].write("model.pt", noise(number, LARGE))
    _all_succeed([each.start("add", "model.pt") for each in linked])
    for each in linked:
        assert each.status("model.pt")["model.pt"]["work"] == "clean"
    repo.gitmodel("verify")


def _all_succeed(processes: list[subprocess.Popen[bytes]]) -> None:
    said = [process.communicate(timeout=120)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), said
