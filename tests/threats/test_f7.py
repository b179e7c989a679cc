"""F7: disks without modes, symlinks or case."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.repo import Repo, noise


@pytest.fixture
def modeless(repo: Repo) -> Repo:
    """A clone on a disk where every file is executable, as exFAT shows them."""
    repo.write("data/run.sh", "#!/bin/sh\n").chmod(0o755)
    repo.write("data/plain", "1")
    repo.write("tool", "#!/bin/sh\n").chmod(0o755)
    repo.write("model", "1")
    repo.gitmodel("add", "data", "tool", "model")
    repo.commit()
    repo.git("config", "core.fileMode", "false")
    all_executable(repo)
    return repo


def all_executable(repo: Repo) -> None:
    for name in ("data/run.sh", "data/plain", "tool", "model"):
        (repo.path / name).chmod(0o777)


def test_f7_modes_that_mean_nothing_change_nothing(modeless: Repo) -> None:
    before = {name: modeless.read(f"{name}.gitmodel") for name in ("data", "tool", "model")}
    assert {each["work"] for each in modeless.status().values()} == {"clean"}
    assert modeless.gitmodel("diff").out == ""
    modeless.gitmodel("verify")
    modeless.gitmodel("add", "data", "tool", "model")
    assert {name: modeless.read(f"{name}.gitmodel") for name in before} == before
    assert "0 files written" in modeless.gitmodel("checkout").out


def test_f7_the_executable_bit_is_what_was_recorded(modeless: Repo) -> None:
    modeless.write("data/plain", "2")
    modeless.write("data/run.sh", "2")
    modeless.write("data/new", "2").chmod(0o777)
    modeless.write("tool", "2")
    modeless.gitmodel("add", "data/plain")
    modeless.gitmodel("add", "data", "tool")
    modeless.commit()
    modeless.git("config", "core.fileMode", "true")
    shutil.rmtree(modeless.path / "data")
    (modeless.path / "tool").unlink()
    modeless.gitmodel("checkout")
    kinds = {path: kind[0] for path, kind in modeless.tree().items()}
    assert kinds["data/run.sh"] == kinds["tool"] == "x"
    assert kinds["data/plain"] == kinds["data/new"] == "f"


@pytest.fixture
def linked(repo: Repo) -> Repo:
    repo.write("data/upper/file", "1")
    repo.gitmodel("add", "data")
    repo.commit()
    (repo.path / "data/link").symlink_to("upper/file")
    repo.gitmodel("add", "data")
    repo.commit()
    repo.git("tag", "linked")
    repo.gitmodel("checkout", "HEAD~1")
    return repo


def test_f7_a_symlink_where_there_are_none_is_told_before_git_moves(linked: Repo) -> None:
    head = linked.git("rev-parse", "HEAD")
    linked.git("config", "core.symlinks", "false")
    done = linked.gitmodel("checkout", "linked", code=8)
    assert "'data/link' is a symlink" in done.err
    assert linked.git("rev-parse", "HEAD") == head


@pytest.mark.parametrize(
    ("one", "other"),
    [("X", "x"), ("model", "MODEL/in"), ("caf\u00e9", "cafe\u0301"), ("Data/a", "data/b")],
)
@pytest.mark.parametrize("command", ["add", "add both", "mv"])
def test_f7_artifacts_that_are_twins_are_refused(
    repo: Repo, one: str, other: str, command: str
) -> None:
    for path in (one, other, "third"):
        repo.write(path, path)
    if command == "add both":
        done = repo.gitmodel("add", one, other, code=7)
    else:
        repo.gitmodel("add", one, "third")
        arguments = ("add", other) if command == "add" else ("mv", "third", f"{other}2/in")
        done = repo.gitmodel(*arguments, code=7 if command == "add" or "/" in other else 0)
    if done.code:
        assert "one name on some systems" in done.err


def test_f7_an_artifact_may_change_its_case(repo: Repo) -> None:
    repo.write("Model", "1")
    repo.gitmodel("add", "Model")
    repo.gitmodel("mv", "Model", "model")
    repo.gitmodel("add", "model")
    assert list(repo.status()) == ["model"]


def test_f7_twins_of_a_commit_stay_away_from_a_disk_without_case(repo: Repo) -> None:
    repo.write("X", "1")
    repo.gitmodel("add", "X")
    head = repo.commit()
    for suffix in ("", ".gitmodel"):
        shutil.copy(repo.path / f"X{suffix}", repo.path / f"x{suffix}")
    repo.write(".gitignore", "/X\n/x\n")
    repo.commit()
    repo.git("tag", "twins")
    repo.gitmodel("checkout", head)
    repo.git("config", "core.ignoreCase", "true")
    done = repo.gitmodel("checkout", "twins", code=7)
    assert "'X' and 'x' are one name on this disk" in done.err
    assert repo.git("rev-parse", "HEAD") == head
    repo.git("config", "core.ignoreCase", "false")
    repo.gitmodel("checkout", "twins")
    assert repo.read("x") == b"1"


@pytest.fixture
def exfat(tmp_path: Path) -> Iterator[Path]:
    """A disk without modes, symlinks, links, exchange and case."""
    needed = ("mkfs.exfat", "mount.exfat-fuse", "losetup")
    if missing := [name for name in needed if shutil.which(name) is None]:
        pytest.skip(f"{missing[0]} is not here")
    image, disk = tmp_path / "image", tmp_path / "exfat"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    disk.mkdir()
    run("mkfs.exfat", str(image))
    device = run("losetup", "--find", "--show", str(image)).strip()
    try:
        run("mount.exfat-fuse", device, str(disk))
        try:
            yield disk
        finally:
            run("umount", str(disk))
    finally:
        run("losetup", "--detach", device)


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{command[0]}: {done.stderr}")
    return done.stdout


def test_f7_a_clone_on_exfat_is_clean_and_goes_from_version_to_version(
    linked: Repo, exfat: Path
) -> None:
    linked.gitmodel("checkout", "main")
    linked.write("model", noise("model", 5000))
    linked.write("data/run.sh", "#!/bin/sh\n").chmod(0o755)
    (linked.path / "data/link").unlink()
    linked.gitmodel("add", "data", "model")
    linked.commit()
    linked.git("tag", "v1.0")
    linked.git("tag", "v0.9", "linked")
    linked.gitmodel("push")
    linked.write("model", noise("another", 6000))
    linked.write("data/run.sh", "#!/bin/sh\nexit\n")
    linked.gitmodel("add", "data", "model")
    linked.commit()
    linked.gitmodel("push")
    linked.git("push", "-q", "origin", "main", "v1.0", "v0.9")
    linked.git("clone", "-q", str(linked.path.parent / "origin.git"), str(exfat / "clone"))
    clone = Repo(exfat / "clone")
    clone.env = linked.env
    shutil.copytree(linked.remote, exfat / "remote")
    clone.gitmodel("pull")
    for revision in ("v1.0", "main"):
        clone.gitmodel("checkout", revision)
        assert {each["work"] for each in clone.status().values()} == {"clean"}
    clone.gitmodel("add", "data", "model")
    assert clone.git("status", "--porcelain", "--", "*.gitmodel") == ""
    done = clone.gitmodel("checkout", "v0.9", code=8)
    assert "'data/link' is a symlink" in done.err
    assert clone.git("branch", "--show-current") == "main"
    assert clone.leftovers() == []
