"""B11: a token in a URL is shown nowhere, names no folder, and is committed nowhere."""

from __future__ import annotations

import os

import pytest

from gitmodel.secrets import without_secret
from tests.helpers.repo import Repo

C = "CANARY"
SHOWN = {
    f"https://ghp_{C}@host/r.git": "https://host/r.git",
    f"https://user:{C}@host/r.git": "https://host/r.git",
    f"https://user:pa/{C}@host/r.git": "https://host/r.git",
    f"https://user:p@{C}@host/r.git": "https://host/r.git",
    f"https://host/r.git?private_token={C}": "https://host/r.git",
    f"https://host/r.git#{C}": "https://host/r.git",
    f"ssh://git:{C}@host/r.git": "ssh://host/r.git",
    f"u:{C}@h:/x": "***@h:/x",
    f"fatal: access 'https://a:{C}@h/r/': no": "fatal: access 'https://h/r/': no",
    f"git -c remote.source.url=https://{C}@h/r fetch": "git -c remote.source.url=https://h/r fetch",
    "ssh://git@host/r.git": "ssh://git@host/r.git",
    "git@host:a/r.git": "git@host:a/r.git",
    "https://example.org:8443/a/r@v1": "https://example.org:8443/a/r@v1",
    "/home/ada/x@y:z": "/home/ada/x@y:z",
}
TOKENS = [
    f"http://ghp_{C}@127.0.0.1:9/r.git",
    f"http://user:pa/{C}@127.0.0.1:9/r.git",
    f"http://user:{C}@127.0.0.1:9/r.git",
    f"http://127.0.0.1:9/r.git?private_token={C}",
    f"http://127.0.0.1:9/?private_token={C}",
    f"http://127.0.0.1:9/r.git#{C}",
]
REFUSED = [
    *(f"u:{C}@h:/x", f"https://h/x#{C}", f"https://u:{C}@h/x", f"https://{C}@h/x"),
    *(f"sftp://u:{C}@h/x", f"sftp://h/x?password={C}", f"sftp://h/x#{C}", f"//u:{C}@h/x"),
    *(f"s3://b/x?token={C}", f"s3://{C}:x@b/x", f"gs://b/x?access_token={C}", f"file:///x#{C}"),
    *(f"./u:{C}@h/x", f"https%3A//u:{C}@h/x", f"abfs://c:{C}@a.dfs.core.windows.net/x"),
    *(f"../x?token={C}", f"../ghp_{C}0123456789abcdef0123", f"sftp://u%3A{C}@h/x"),
]


@pytest.mark.parametrize("text", SHOWN)
def test_b11_a_url_is_shown_without_its_login_and_query(text: str) -> None:
    assert without_secret(text) == SHOWN[text]


@pytest.mark.parametrize("url", TOKENS)
def test_b11_no_token_of_a_url_is_shown_or_names_a_folder(repo: Repo, url: str) -> None:
    done = repo.gitmodel("get", "-v", url, "m", "-o", "o", "--cache", "c", code=6)
    assert C not in done.out + done.err
    for _, folders, files in os.walk(repo.path / "c"):
        assert not [name for name in (*folders, *files) if C in name or "token" in name]


@pytest.mark.parametrize("url", REFUSED)
def test_b11_a_url_with_a_secret_is_no_remote(repo: Repo, url: str) -> None:
    before = repo.read(".gitmodel.yaml")
    done = repo.gitmodel("remote", "add", "-v", "far", url, code=2)
    assert C not in done.out + done.err
    assert repo.read(".gitmodel.yaml") == before
    assert C not in (repo.path / ".git" / "config").read_text()
