"""B11: a token in a URL is shown nowhere, names no folder, and is committed nowhere."""

from __future__ import annotations

import os
import subprocess
import threading
from base64 import b64encode
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gitmodel.secrets import without_secret
from tests.helpers.inside import runner
from tests.helpers.repo import Repo

C = "CANARY"
SHOWN = {
    f"https://ghp_{C}@host/r.git": "https://host/r.git",
    f"https://user:{C}@host/r.git": "https://host/r.git",
    f"https://user:pa/{C}@host/r.git": "https://host/r.git",
    f"https://user:p@{C}@host/r.git": "https://host/r.git",
    f"https://host/r.git?private_token={C}": "https://host/r.git",
    f"https://host/r.git#{C}": "https://host/r.git",
    f"https://host/r.git;jsessionid={C}": "https://host/r.git",
    f"ssh://git:{C}@host/r.git": "ssh://host/r.git",
    f"u:{C}@h:/x": "***@h:/x",
    f"http:/u:{C}@h/x?a=b": "http:/h/x",
    f"https:///{C}@h/x": "https:///h/x",
    f"https//u:{C}@h/x": "https//h/x",
    f"//u:{C}@h/x": "//h/x",
    f"ssh:/u:{C}@h/x": "ssh:/***@h/x",
    f"u:{C}@h:x.git": "***@h:x.git",
    "postgresql://user1@db/x": "postgresql://user1@db/x",
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
    f"http://127.0.0.1:9/r.git;jsessionid={C}",
]
MISTYPED = [
    *(f"http:/user:{C}@127.0.0.1:9/x", f"//user:{C}@127.0.0.1:9/x", f"http:/{C}@127.0.0.1:9/x"),
    *(f"HTTP:///user:{C}@127.0.0.1:9/x", f"https//user:{C}@h/x", f"http:user:{C}@h/x"),
    *(f"user:{C}@h:x.git", f"ssh:/user:{C}@h/x"),
]
ELSEWHERE = [
    *(("add", "@"), ("run", "--use", "@", "--", "true"), ("run", "--params", "@", "--", "true")),
    *(("checkout", "@"), ("show", "@"), ("card", "@"), ("lineage", "@"), ("versions", "@")),
    *(("push", "-r", "@"), ("push", "@"), ("pull", "@"), ("rm", "@"), ("status", "@"), ("@",)),
    *(("verify", "--remote", "@"), ("diff", "@"), ("impact", "@"), ("get", ".", "@", "-o", "o")),
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


@pytest.mark.parametrize("url", MISTYPED)
def test_b11_no_password_of_a_mistyped_url_is_shown(
    story: Repo, url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # No name is asked for that the network would have to answer.
    monkeypatch.setenv("GIT_SSH_COMMAND", "false")
    done = runner(capsys, monkeypatch)(story, "get", "-v", url, "m", "-o", "o", "--cache", "c")
    assert done.code in (2, 6), done.err
    assert C not in done.out + done.err


@pytest.mark.parametrize("command", ELSEWHERE, ids=" ".join)
def test_b11_a_url_where_none_is_meant_is_shown_without_its_login(
    story: Repo,
    command: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = f"https://user:{C}@host/r.git"
    run = runner(capsys, monkeypatch)
    done = run(story, *(url if word == "@" else word for word in command))
    assert done.code in (2, 6), done.err
    assert C not in done.out + done.err
    assert "host/r.git" in done.err


@pytest.mark.parametrize("url", REFUSED)
def test_b11_a_url_with_a_secret_is_no_remote(repo: Repo, url: str) -> None:
    before = repo.read(".gitmodel.yaml")
    done = repo.gitmodel("remote", "add", "-v", "far", url, code=2)
    assert C not in done.out + done.err
    assert repo.read(".gitmodel.yaml") == before
    assert C not in (repo.path / ".git" / "config").read_text()


def test_b11_programs_that_git_starts_are_not_given_the_password(story: Repo) -> None:
    story.git("--git-dir", "../origin.git", "config", "uploadpack.allowFilter", "true")
    with ThreadingHTTPServer(("127.0.0.1", 0), _GitServer) as server:
        server.folder = story.path.parent  # type: ignore[attr-defined]
        server.seen = seen = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://me:{C}%2F@127.0.0.1:{server.server_port}/origin.git"
        config = story.read(".gitmodel.yaml").decode()
        story.write(".gitmodel.yaml", config.replace('"../remote"', f'"{story.remote}"'))
        story.commit()
        story.git("push", "--quiet", "origin", "main")
        story.gitmodel("get", url, "model@main", "-o", "m.pt")
        wrong = url.replace(C, "wrong")
        done = story.gitmodel("get", wrong, "model@main", "-o", "n.pt", "--cache", "c", code=6)
        server.shutdown()
    assert "wrong" not in done.out + done.err
    assert (story.path / "m.pt").exists()
    assert any(f"Basic {b64encode(f'me:{C}/'.encode()).decode()}" == each for each, _ in seen)
    assert not [call for _, calls in seen for call in calls if C in call]


class _GitServer(BaseHTTPRequestHandler):
    """Git's own server of the web, for one user; notes who runs which Git meanwhile."""

    def log_message(self, *told: object) -> None:
        pass

    def do_GET(self) -> None:
        asked = self.headers.get("Authorization", "")
        self.server.seen.append((asked, _calls_of_git()))  # type: ignore[attr-defined]
        if asked != f"Basic {b64encode(f'me:{C}/'.encode()).decode()}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.folder),  # type: ignore[attr-defined]
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True)
        head, _, data = done.stdout.partition(b"\r\n\r\n")
        self.send_response(200)
        for line in head.decode().splitlines():
            self.send_header(*line.split(": ", 1))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET  # noqa: N815 - named by http.server


def _calls_of_git() -> list[str]:
    calls = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            program, *arguments = process.read_bytes().decode(errors="replace").split("\0")
            if os.path.basename(program).startswith("git") and "gitmodel" not in program:
                calls.append(" ".join(arguments))
    return calls
