"""A server that is reached by SFTP, from end to end."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from gitmodel.errors import IntegrityError, MissingError
from gitmodel.pack import PACK_MAGIC
from gitmodel.remote.sftp import SftpStore, open_at
from gitmodel.remote.store import Access
from gitmodel.url import parse_url
from tests.helpers.formats import sizes_in
from tests.helpers.repo import Repo, noise
from tests.helpers.sshd import SshServer

_KILLS = max(20, int(os.environ.get("GITMODEL_KILLS", "0")))


@pytest.fixture
def url(repo: Repo, sshd: SshServer, tmp_path: Path) -> str:
    """A folder that is not there yet, nor is the one above it."""
    sshd.welcome(Path(repo.env["HOME"]))
    return sshd.url(tmp_path / "far" / "deep")


@pytest.fixture
def far(repo: Repo, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SftpStore:
    """The store there, for which the folder was made."""
    monkeypatch.setenv("HOME", repo.env["HOME"])
    (tmp_path / "far" / "deep").mkdir(parents=True)
    return open_at(url, parse_url(url), Access())


def _with_model(repo: Repo, url: str) -> Repo:
    repo.write("model.pt", noise("weights", 20 << 20))
    for number in range(20):
        repo.write(f"data/{number}", noise(number, 3000))
    repo.gitmodel("remote", "remove", "origin")
    repo.gitmodel("remote", "add", "origin", url)
    repo.gitmodel("add", "model.pt", "data")
    repo.commit()
    return repo


def test_a_version_goes_there_and_comes_back(repo: Repo, url: str) -> None:
    _with_model(repo, url).git("tag", "v1.0")
    assert "v1.0" in repo.gitmodel("push").out
    assert "everything is on origin already" in repo.gitmodel("push").out
    checked = json.loads(repo.gitmodel("remote", "check", "--json").out)
    assert checked["sound"]
    assert checked["probed"]["lacking"] == []
    repo.git("push", "--quiet", "origin", "main")
    clone = repo.clone("clone")
    assert "was not confirmed" in clone.gitmodel("pull", code=7).err
    clone.gitmodel("remote", "add", "origin", url)
    clone.gitmodel("pull")
    assert clone.tree() == repo.tree()
    assert "all good" in clone.gitmodel("verify", "--remote").out


def test_what_a_dead_writer_left_is_removed_and_nothing_else(
    far: SftpStore, tmp_path: Path
) -> None:
    far.put("a", b"a")
    scratch = tmp_path / "far" / "deep" / ".gitmodel-scratch"
    part = f"part-{'0' * 32}"
    names = [part, part.replace("0", "1"), f"{part}x", "part-1", "theirs", f"part-{'G' * 32}"]
    for name in names:
        (scratch / name).write_bytes(b"x")
    (scratch / part.replace("0", "2")).symlink_to("/etc/passwd")
    (scratch / part.replace("0", "3")).mkdir()
    names += [part.replace("0", "2"), part.replace("0", "3")]
    for name in set(names) - {part}:
        os.utime(scratch / name, (1, 1), follow_symlinks=False)
    far.sweep()
    # One is new: somebody may still write to it.
    assert set(os.listdir(scratch)) == set(names) - {part.replace("0", "1")}


def test_what_is_written_leads_nowhere_else(far: SftpStore, tmp_path: Path) -> None:
    home, deep = tmp_path / "somebody", tmp_path / "far" / "deep"
    home.mkdir()
    (home / "id").write_bytes(b"secret")
    (deep / "packs").symlink_to(home)
    (deep / "index").mkdir()
    (deep / "index" / "x").symlink_to(home / "id")
    assert sizes_in(far, "index") == {}
    for act in (far.files, far.read, far.delete, lambda key: far.put_new(key, b"y")):
        with pytest.raises(IntegrityError, match="not a folder"):
            act("packs/aa/x")
    with pytest.raises(MissingError):
        far.read("index/x")
    far.put("index/x", b"y")
    assert (home / "id").read_bytes() == b"secret"
    assert os.listdir(home) == ["id"]


def test_two_who_write_one_file_are_told_apart(far: SftpStore) -> None:
    wins = [far.put_new("packs/x", noise(number, 100_000)) for number in range(3)]
    assert wins == [True, False, False]
    assert far.read("packs/x") == noise(0, 100_000)


def test_a_connection_that_is_lost_is_made_again(far: SftpStore) -> None:
    far.put("a", b"a")
    far._lines._client.get_transport().sock.close()
    assert far.read("a") == b"a"
    assert far.put_new("b", b"b")


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(_KILLS))
def test_a_push_that_is_killed_is_pushed_again(
    repo: Repo, url: str, tmp_path: Path, seed: int
) -> None:
    _with_model(repo, url).git("tag", "v1.0")
    process = repo.start("push")
    time.sleep(random.Random(seed).uniform(0.1, 2.5))
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    _check_whole(tmp_path / "far" / "deep")
    repo.gitmodel("push")
    assert json.loads(repo.gitmodel("remote", "check", "--json").out)["sound"]
    repo.git("push", "--quiet", "origin", "main")
    clone = repo.clone("clone")
    clone.gitmodel("remote", "add", "origin", url)
    clone.gitmodel("checkout", "v1.0")
    assert clone.tree() == repo.tree()


def _check_whole(folder: Path) -> None:
    """A file has its name only since it is whole: the last bytes of a pack say that it is one."""
    for pack in folder.glob("packs/*/*"):
        assert pack.read_bytes().endswith(PACK_MAGIC)
