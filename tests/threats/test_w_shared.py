"""What a group shares is its group's: a folder remote, and a repository that Git shares."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.repo import noise
from tests.helpers.users import GROUP, User, needs_users

ADA, BOB = 54242, 55252


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody can reach: those of pytest are root's alone."""
    with tempfile.TemporaryDirectory(prefix="gitmodel-test-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def _folder(path: Path, owner: int, mode: int = 0o755, group: int = -1) -> Path:
    path.mkdir()
    os.chown(path, owner, group if group >= 0 else owner)
    path.chmod(mode)
    return path


@needs_users
@pytest.mark.parametrize(
    ("mode", "umask"),
    [
        (0o2775, 0o022),
        pytest.param(0o770, 0o077, marks=pytest.mark.torture),
        pytest.param(0o2775, 0o077, marks=pytest.mark.torture),
        pytest.param(0o770, 0o022, marks=pytest.mark.torture),
    ],
)
def test_w_two_users_share_a_folder_remote(place: Path, mode: int, umask: int) -> None:
    remote = _folder(place / "remote", ADA, mode, GROUP)
    ada = User(ADA, _folder(place / "ada", ADA), umask)
    ada.run("git", "init", "--quiet", "-b", "main")
    ada.gitmodel("init")
    ada.gitmodel("remote", "add", "origin", str(remote))
    ada.save("m", noise("ada", 3000))
    ada.gitmodel("push")
    origin = _folder(place / "origin.git", ADA, 0o2770, GROUP)
    ada.run("git", "init", "--quiet", "--bare", "--shared=group", "-b", "main", str(origin))
    ada.run("git", "push", "--quiet", str(origin), "main")
    bob = User(BOB, _folder(place / "bob", BOB), umask)
    bob.run("git", "clone", "--quiet", str(origin), ".")
    bob.gitmodel("remote", "add", "origin", str(remote))
    bob.gitmodel("pull")
    bob.save("n", noise("bob", 3000))
    bob.gitmodel("push")
    bob.run("git", "push", "--quiet", "origin", "main")
    ada.run("git", "pull", "--quiet", str(origin), "main")
    ada.gitmodel("pull")
    assert (ada.folder / "n").read_bytes() == noise("bob", 3000)
    ada.gitmodel("push")
    for path in remote.rglob("*"):
        status = path.stat()
        if path.name.startswith(".gitmodel-scratch-"):
            assert stat.S_IMODE(status.st_mode) & 0o077 == 0
            continue
        rights = 0o2070 if path.is_dir() else 0o040
        assert (status.st_mode & rights, status.st_gid) == (rights, GROUP), path


@needs_users
@pytest.mark.parametrize("umask", [0o022, pytest.param(0o077, marks=pytest.mark.torture)])
def test_w_two_users_work_in_a_repository_that_git_shares(place: Path, umask: int) -> None:
    folder = _folder(place / "work", ADA, 0o2775, GROUP)
    ada, bob = User(ADA, folder, umask), User(BOB, folder, umask)
    ada.run("git", "init", "--quiet", "--shared=group", "-b", "main")
    ada.gitmodel("init")
    ada.save("m", noise("ada", 3000))
    ada.save("large", noise("large", (1 << 20) + 1))
    bob.save("n", noise("bob", 3000))
    bob.gitmodel("verify")
    ada.gitmodel("verify")
    ada.save("o", noise("again", 3000))
    assert ada.gitmodel("status", "--exit-code") == bob.gitmodel("status", "--exit-code")
    for path in (folder / ".git" / "gitmodel").rglob("*"):
        status = path.stat()
        if path.name.startswith("scratch-"):
            assert stat.S_IMODE(status.st_mode) & 0o077 == 0
            continue
        rights = 0o2070 if path.is_dir() else 0o060 if path.name.startswith("index.db") else 0o040
        assert (status.st_mode & rights, status.st_gid) == (rights, GROUP), path


@needs_users
def test_w_what_git_shares_later_is_shared(place: Path) -> None:
    ada = User(ADA, _folder(place / "work", ADA))
    ada.run("git", "init", "--quiet", "-b", "main")
    ada.gitmodel("init")
    home = ada.folder / ".git" / "gitmodel"
    assert home.stat().st_mode & 0o2020 == 0
    ada.run("git", "config", "core.sharedRepository", "group")
    ada.save("m", noise("ada", 3000))
    assert home.stat().st_mode & 0o2070 == 0o2070
    assert (home / "packs").stat().st_mode & 0o2070 == 0o2070
