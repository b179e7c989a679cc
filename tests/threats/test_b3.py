"""B3: a URL that came with a clone reaches no driver, and no server that nobody confirmed."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gitmodel.errors import RemoteError, UsageError
from gitmodel.porcelain.dvc_bytes import DvcBytes
from gitmodel.project import open_project
from gitmodel.remote.store import Access, open_store
from gitmodel.url import REMOTES, WEB
from tests.helpers.repo import Repo
from tests.helpers.sshd import SshServer

TRUST = {"GITMODEL_TRUST_REMOTE": "1"}
COMMANDS = [
    *(("pull",), ("fetch",), ("push",), ("status",), ("checkout", "v1.0"), ("verify", "--remote")),
    *(("remote", "check"), ("remote", "repair"), ("doctor",), ("diff", "v1.0", "--fetch")),
]
DVC_CONFIG = "[core]\n    remote = far\n['remote \"far\"']\n    url = {}\n"
DVC_OUT = "outs:\n- md5: 5d41402abc4b2a76b9719d911017c592\n  size: 5\n  hash: md5\n  path: x\n"
HELLO = "files/md5/5d/41402abc4b2a76b9719d911017c592"


@pytest.fixture
def listener() -> Iterator[tuple[int, list[str]]]:
    """A port of this machine, and who came to it."""
    came: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, peer = server.accept()
                except OSError:
                    return
                came.append(str(peer))
                connection.close()

        threading.Thread(target=listen, daemon=True).start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)


def _pointed_at(clone: Repo, url: str) -> None:
    config = clone.read(".gitmodel.yaml").decode()
    clone.write(".gitmodel.yaml", config.replace('"../remote"', f'"{url}"'))


@pytest.mark.parametrize(
    "url",
    [
        *("dask://127.0.0.1:{}/x::file:///none", "simplecache::http://127.0.0.1:{}/x"),
        *("http://127.0.0.1:{}/x", "smb://127.0.0.1:{}/x", "s3://b/x%3a%3ahttp://127.0.0.1:{}/x"),
    ],
)
def test_b3_a_url_of_another_kind_contacts_nobody(
    clone: Repo, listener: tuple[int, list[str]], url: str
) -> None:
    port, came = listener
    clone.gitmodel("remote", "add", "far", url.format(port), code=2, env=TRUST)
    _pointed_at(clone, url.format(port))
    for command in COMMANDS[:3]:
        assert ".gitmodel.yaml" in clone.gitmodel(*command, code=7, env=TRUST).err
    assert came == []


def test_b3_a_server_that_only_a_clone_names_is_not_contacted_unasked(
    clone: Repo, listener: tuple[int, list[str]]
) -> None:
    port, came = listener
    _pointed_at(clone, f"sftp://127.0.0.1:{port}/x")
    for command in COMMANDS:
        clone.run("gitmodel", *command)
    assert came == []
    assert "was not confirmed" in clone.gitmodel("pull", code=7).err
    clone.git("config", "gitmodel.timeout", "2")
    clone.gitmodel("pull", code=6, env=TRUST)
    assert came
    # It was confirmed once, which is remembered.
    before = len(came)
    clone.gitmodel("pull", code=6)
    assert len(came) > before


@pytest.mark.parametrize("url", ["ssh://127.0.0.1:{}/x", "http://127.0.0.1:{}/x"])
def test_b3_a_server_that_dvc_names_is_not_contacted_unasked(
    repo: Repo, listener: tuple[int, list[str]], url: str
) -> None:
    port, came = listener
    repo.write(".dvc/config", DVC_CONFIG.format(url.format(port)))
    repo.write("x.dvc", DVC_OUT)
    repo.commit()
    assert "was not confirmed" in repo.gitmodel("import", "dvc", code=7).err
    assert came == []
    repo.gitmodel("import", "dvc", code=6, env=TRUST)
    assert came


def test_b3_a_web_server_that_was_confirmed_is_read(repo: Repo, tmp_path: Path) -> None:
    held = tmp_path / "site" / "some where" / HELLO
    held.parent.mkdir(parents=True)
    held.write_bytes(b"hello")
    repo.write("x.dvc", DVC_OUT)
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(_Quiet, directory=tmp_path / "site")
    ) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{site.server_port}/some where"
        repo.write(".dvc/config", DVC_CONFIG.format(url))
        repo.commit()
        repo.gitmodel("import", "dvc", env=TRUST)
        store = open_store(url, tmp_path, Access(), (*REMOTES, *WEB))
        assert store.read(HELLO, 1, 3) == b"ell"
        site.shutdown()
    repo.gitmodel("checkout")
    assert repo.read("x") == b"hello"


def test_b3_a_web_server_does_not_say_whom_to_ask(
    repo: Repo, listener: tuple[int, list[str]]
) -> None:
    port, came = listener
    with ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere) as site:
        _Elsewhere.target = f"http://127.0.0.1:{port}/x"
        threading.Thread(target=site.serve_forever, daemon=True).start()
        repo.write(".dvc/config", DVC_CONFIG.format(f"http://127.0.0.1:{site.server_port}"))
        repo.write("x.dvc", DVC_OUT)
        repo.commit()
        assert "leads elsewhere" in repo.gitmodel("import", "dvc", code=6, env=TRUST).err
        site.shutdown()
    assert came == []


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *told: object) -> None:
        pass


class _Elsewhere(_Quiet):
    target = ""

    def do_HEAD(self) -> None:
        self.send_response(302)
        self.send_header("Location", self.target)
        self.end_headers()


@pytest.mark.parametrize("brought", ["tracked", "nested", "artifact", "own"])
def test_b3_what_a_clone_brings_is_not_the_users_own(repo: Repo, brought: str) -> None:
    repo.write(".dvc/config", DVC_CONFIG.format("s3://bucket/x"))
    repo.write(".dvc/config.local", "['remote \"far\"']\n    profile = admin\n")
    if brought == "artifact":
        repo.gitmodel("add", ".dvc/config.local")
    if brought == "nested":
        repo.git("init", "--quiet", ".dvc")
    else:
        repo.git("add", ".dvc/config", *[".dvc/config.local"] * (brought == "tracked"))
    with open_project(repo.path, named=True) as project:
        (home,) = DvcBytes(project)._homes
    assert home.settings.get("remote far", "profile") == "admin"
    assert home.settings.own == ({("remote far", "profile")} if brought == "own" else frozenset())


def test_b3_a_folder_that_became_a_link_is_another_place(repo: Repo, tmp_path: Path) -> None:
    repo.gitmodel("remote", "remove", "origin")
    repo.gitmodel("remote", "add", "origin", "store")
    repo.write("m", "1")
    repo.gitmodel("add", "m")
    repo.commit()
    repo.gitmodel("push")
    os.rename(repo.path / "store", tmp_path / "elsewhere")
    (repo.path / "store").symlink_to("../elsewhere")
    assert "was not confirmed" in repo.gitmodel("push", code=7).err
    assert "not confirmed" in repo.gitmodel("remote", "list").out
    # Even then no link is followed that a commit could have put there.
    repo.gitmodel("remote", "add", "origin", "store")
    assert "symlink" in repo.gitmodel("push", code=7).err


def test_b3_a_clone_that_moved_with_its_remote_is_still_confirmed(
    story: Repo, tmp_path: Path
) -> None:
    (tmp_path / "moved").mkdir()
    for name in ("work", "remote", "origin.git"):
        os.rename(tmp_path / name, tmp_path / "moved" / name)
    moved = Repo(tmp_path / "moved" / "work")
    moved.gitmodel("push")
    # The remote of another worktree lies elsewhere.
    moved.git("worktree", "add", "--quiet", "../../another/tree")
    assert "was not confirmed" in Repo(tmp_path / "another/tree").gitmodel("push", code=7).err


@pytest.mark.parametrize("known", ["unknown", "another"])
def test_b3_a_server_without_its_own_key_is_not_logged_in_to(
    repo: Repo, sshd: SshServer, tmp_path: Path, known: str
) -> None:
    home = Path(repo.env["HOME"])
    sshd.welcome(home)
    hosts = home / ".ssh" / "known_hosts"
    other = (sshd.folder / "user.pub").read_text()
    hosts.write_text("" if known == "unknown" else f"[127.0.0.1]:{sshd.port} {other}")
    repo.gitmodel("remote", "add", "far", sshd.url(tmp_path / "far"))
    said = repo.gitmodel("remote", "check", "far", code=7).err
    assert "known_hosts" in said
    assert f"ssh -p {sshd.port} 127.0.0.1" in said
    assert not (tmp_path / "far").exists()


@pytest.mark.parametrize("url", ["dask://h/x", "memory://x", "x://y::s3://b", "http://h/x"])
def test_b3_no_driver_is_chosen_by_a_url(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        open_store(url, tmp_path, Access())


def test_b3_a_driver_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("paramiko", "gitmodel.remote.ssh", "gitmodel.remote.sftp"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "paramiko", None)
    with pytest.raises(RemoteError, match="needs a driver") as caught:
        open_store("sftp://host/x", tmp_path, Access())
    assert caught.value.hint == "pip install 'gitmodel[sftp]'"
