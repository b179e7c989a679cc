"""B1: nothing is ever removed that gitmodel did not make."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gitmodel.errors import IntegrityError
from gitmodel.git.command import open_git
from gitmodel.porcelain.install import CONFIGURED, install, uninstall
from tests.helpers.foreign import OTHER, needs_root, seen, victim
from tests.helpers.repo import Repo, noise

OTHER_DISK = Path("/dev/shm")


def _push(repo: Repo, code: int = 0) -> str:
    repo.write("m", noise(code, 2000))
    repo.gitmodel("add", "m")
    repo.commit()
    return repo.gitmodel("push", code=code).err


def test_b1_a_folder_tmp_of_a_shared_remote_is_not_ours(repo: Repo) -> None:
    victim(repo.remote / "tmp" / "colleague")
    before = seen(repo.remote / "tmp")
    _push(repo)
    checked = repo.gitmodel("remote", "check")
    repo.gitmodel("remote", "repair")
    assert seen(repo.remote / "tmp") == before
    assert "left alone, as it may belong to somebody else: tmp\n" in checked.out


@pytest.mark.parametrize("name", ["tmp", f".gitmodel-scratch-{os.geteuid()}", "scratch"])
def test_b1_a_symlink_on_a_remote_leads_nowhere(repo: Repo, name: str) -> None:
    home = victim(repo.path.parent / "victim")
    repo.remote.mkdir()
    (repo.remote / name).symlink_to(home)
    before = seen(home)
    ours = name.startswith(".")
    said = _push(repo, 7 if ours else 0)
    repo.gitmodel("remote", "check", code=7 if name != "tmp" else 0)
    assert seen(home) == before
    assert ("is a symlink: temporary files" in said) is ours
    assert (f"next:  ls -ld {repo.remote / name}\n" in said) is ours


@needs_root
def test_b1_a_scratch_folder_of_another_user_on_a_remote_is_refused(repo: Repo) -> None:
    theirs = victim(repo.remote / f".gitmodel-scratch-{os.geteuid()}")
    os.chown(theirs, OTHER, OTHER)
    before = seen(theirs)
    assert "belongs to another user" in _push(repo, 7)
    assert seen(theirs) == before


@pytest.mark.parametrize("name", ["tmp", f"scratch-{os.geteuid()}"])
def test_b1_a_restored_cache_leads_nowhere(story: Repo, name: str) -> None:
    home = victim(story.path.parent / "victim")
    shutil.rmtree(story.home / name, ignore_errors=True)
    (story.home / name).symlink_to(home)
    before = seen(home)
    code = 0 if name == "tmp" else 7
    story.write("models/ranker.pt", "new")
    for command in (("verify", "--quick"), ("add", "-u"), ("install",), ("pull",)):
        done = story.run("gitmodel", *command)
        assert done.code in (code, 4), (command, done)
    assert seen(home) == before


def test_b1_a_symlink_in_the_place_of_our_hooks_leads_nowhere(story: Repo) -> None:
    home = victim(story.path.parent / "victim")
    for name in ("pre-commit", "pre-push"):
        (home / name).write_text("precious")
    (story.home / "hooks").symlink_to(home)
    before = seen(home)
    git = open_git(story.path)
    for act in (lambda: install(git, CONFIGURED, tag_guard=True), lambda: uninstall(git)):
        with pytest.raises(IntegrityError, match="symlink"):
            act()
    assert seen(home) == before


@pytest.fixture
def two_disks(clone: Repo) -> Repo:
    """A clone whose working tree lies on another disk than its cache."""
    if not OTHER_DISK.is_dir() or OTHER_DISK.stat().st_dev == clone.path.stat().st_dev:
        pytest.skip("no second file system here")
    return clone


def test_b1_a_hostile_tree_on_another_disk_leads_nowhere(two_disks: Repo) -> None:
    place = OTHER_DISK / f"gitmodel-{os.getpid()}"
    try:
        two_disks.git("worktree", "add", "--quiet", "--detach", str(place / "tree"))
        (place / "remote").symlink_to(two_disks.remote)
        tree = Repo(place / "tree")
        home = victim(place / "victim")
        (tree.path / ".gitmodel-tmp").symlink_to("../victim")
        before = seen(home)
        tree.gitmodel("pull")
        assert seen(home) == before
        assert tree.git("status", "--short") == "?? .gitmodel-tmp"
    finally:
        shutil.rmtree(place)


def test_b1_a_hostile_tree_does_not_lead_what_is_delivered(story: Repo) -> None:
    home = victim(story.path.parent / "victim")
    (story.path / "copies").mkdir()
    (story.path / "copies" / ".m.pt.gitmodel-tmp").symlink_to(home)
    before = seen(home)
    name = next(iter(story.status()))
    story.gitmodel("get", ".", name, "-o", "copies/m.pt")
    assert seen(home) == before


def test_b1_a_pipe_is_written_to_and_not_replaced(story: Repo) -> None:
    pipe = story.path.parent / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        story.gitmodel("card", "model-v1.1", "-o", "../pipe")
        assert b"model" in os.read(reader, 1 << 16)
    finally:
        os.close(reader)
    told = story.gitmodel("get", "../origin.git", "model", "-o", "../pipe", "--force", code=4).err
    assert "is not replaced" in told
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    "name",
    [
        ".host-1-0123456789abcdef.gitmodel-tmp",
        ".20260101T000000Z-0123456789abcdef.gitmodel-replaced",
    ],
)
def test_b1_what_is_only_named_like_ours_is_not_passed_over(story: Repo, name: str) -> None:
    story.write(f"data/train/{name}/mine", "mine")
    assert story.status()["data/train"]["work"] == "modified"
    done = story.gitmodel("add", "data/train", code=7)
    assert name in done.err
    assert story.read(f"data/train/{name}/mine") == b"mine"
