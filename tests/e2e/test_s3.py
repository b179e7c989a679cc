"""A bucket as the remote, as a user types it; the proxy counts what is asked of it."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.helpers.proxy import Exchange, Proxy, answer, stall
from tests.helpers.repo import Done, Repo, new_repo, noise
from tests.helpers.seaweed import KEY, SECRET, Bucket, free_ports

MIB = 1 << 20


@pytest.fixture
def repo(bucketed: Repo) -> Repo:
    return bucketed


def _commit(repo: Repo, data: bytes, tag: str) -> None:
    repo.write("model.pt", data)
    repo.gitmodel("add", "model.pt")
    repo.commit(tag)
    repo.git("tag", tag)


def _clone(repo: Repo) -> Repo:
    repo.git("push", "--quiet", "origin", "main")
    clone = repo.clone("clone")
    clone.env = repo.env
    return clone


def test_two_versions_there_and_back(tmp_path: Path, s3: Bucket) -> None:
    repo = new_repo(tmp_path, remote=False)
    repo.env.update(s3.env)
    del repo.env["AWS_ENDPOINT_URL_S3"]
    endpoint = ("--endpoint-url", s3.server.endpoint, "--region", "us-east-1")
    repo.gitmodel("remote", "add", "origin", s3.url, *endpoint)
    first = {"model.pt": noise(1, 9 * MIB), **{f"data/{n}": noise(n, 5000) for n in range(30)}}
    for path, data in first.items():
        repo.write(path, data)
    repo.gitmodel("add", "model.pt", "data")
    repo.commit()
    repo.git("tag", "v1.0")
    repo.gitmodel("push")
    before = repo.tree()
    repo.write("data/new", b"new")
    repo.gitmodel("add", "data")
    _commit(repo, noise(2, 9 * MIB), "v1.1")
    repo.gitmodel("push")
    clone = _clone(repo)
    # An endpoint that came with the clone is contacted when the user said so, and not before.
    refused = clone.gitmodel("checkout", "v1.0", code=7)
    hint = refused.err.strip().rpartition("next:")[2].strip()
    assert clone.run("bash", "-c", hint).code == 0, hint
    clone.gitmodel("checkout", "v1.0")
    assert clone.tree() == before
    assert all(clone.read(path) == data for path, data in first.items())
    clone.gitmodel("checkout", "v1.1")
    assert clone.tree() == repo.tree()
    clone.gitmodel("verify")
    repo.gitmodel("verify", "--remote")


def test_an_endpoint_that_came_with_the_clone_is_not_contacted(
    tmp_path: Path, s3: Bucket, proxy: Proxy
) -> None:
    repo = new_repo(tmp_path, remote=False)
    repo.env.update(s3.env)
    repo.gitmodel("remote", "add", "origin", s3.url, "--endpoint-url", proxy.url)
    _commit(repo, noise(1, 3000), "v1.0")
    repo.gitmodel("push")
    clone = _clone(repo)
    proxy.heal()
    for command in ("pull", "fetch", "push"):
        assert proxy.url in clone.gitmodel(command, code=7).err
    for command in ("check", "repair"):
        clone.gitmodel("remote", command, code=7)
    assert proxy.requests == []
    clone.gitmodel("pull", env={"GITMODEL_TRUST_REMOTE": "1"})
    assert clone.read("model.pt") == noise(1, 3000)
    assert proxy.requests


@pytest.mark.parametrize(
    "url",
    [
        f"s3://{KEY}:{SECRET}@bucket/x",
        f"s3://bucket/x?key={KEY}",
        "s3://bucket/x?endpoint=file:///etc",
        "s3://bucket/x?endpoint=http://user:pass@host",
        "s3:///x",
        "https://host/x?endpoint=http://host",
    ],
)
def test_a_url_with_credentials_or_unknown_options_is_refused(tmp_path: Path, url: str) -> None:
    repo = new_repo(tmp_path, remote=False)
    done = repo.gitmodel("remote", "add", "origin", url, code=2)
    assert SECRET not in done.out + done.err
    assert b"remotes" not in repo.read(".gitmodel.yaml")


# What is wrong with the set-up


def _wrong(repo: Repo, env: Mapping[str, str]) -> Done:
    _commit(repo, noise(1, 3000), "v1.0")
    repo.git("config", "gitmodel.timeout", "0.5")
    done = repo.gitmodel("push", code=6, env=env)
    assert "next:" in done.err
    return done


def test_wrong_credentials(repo: Repo) -> None:
    assert "denied" in _wrong(repo, {"AWS_SECRET_ACCESS_KEY": "wrong"}).err


def test_no_credentials(repo: Repo) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del repo.env[name]
    assert "AWS_PROFILE" in _wrong(repo, {}).err


def test_no_bucket(repo: Repo, s3: Bucket) -> None:
    repo.gitmodel("remote", "remove", "origin")
    repo.gitmodel("remote", "add", "origin", f"s3://not-{s3.name}/x")
    assert f"no bucket 'not-{s3.name}'" in _wrong(repo, {}).err


def test_no_server(repo: Repo) -> None:
    (port,) = free_ports(1)
    done = _wrong(repo, {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}"})
    assert str(port) in done.err


def test_a_profile_of_the_user(repo: Repo, s3: Bucket) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del repo.env[name]
    folder = Path(repo.env["HOME"]) / ".aws"
    folder.mkdir()
    keys = f"aws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
    (folder / "credentials").write_text(f"[team]\n{keys}")
    repo.gitmodel("remote", "add", "origin", s3.url, "--profile", "team")
    assert b"team" not in repo.read(".gitmodel.yaml")
    _commit(repo, noise(1, 3000), "v1.0")
    repo.gitmodel("push")
    (folder / "credentials").unlink()
    assert "team" in repo.gitmodel("push", code=2).err
    repo.gitmodel("remote", "remove", "origin")
    assert "team" not in repo.git("config", "--local", "--list")


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_profile_without_a_name(repo: Repo, variable: str) -> None:
    """AWS tools take a variable that is set to nothing for the name of a profile."""
    _commit(repo, noise(1, 3000), "v1.0")
    repo.env[variable] = ""
    done = repo.gitmodel("push", code=2)
    assert "AWS_PROFILE is set to nothing" in done.err
    assert "unset AWS_PROFILE" in done.err
    repo.env[variable] = "nobody"
    assert "there is no AWS profile 'nobody'" in repo.gitmodel("push", code=2).err


def test_a_secret_is_never_told(repo: Repo, proxy: Proxy) -> None:
    """Not in what is printed, nor in the log of a bug, of which Python is made to have one."""
    token = "a-token-of-a-session"
    logs = repo.path.parent / "logs"
    (logs / "bug").mkdir(parents=True)
    (logs / "bug" / "sitecustomize.py").write_text("import hmac; hmac.new = None")
    _commit(repo, noise(1, 3000), "v1.0")
    repo.env.update(AWS_SESSION_TOKEN=token, TMPDIR=str(logs), PYTHONASYNCIODEBUG="1")
    repo.git("config", "gitmodel.timeout", "0.2")
    done = [repo.run("gitmodel", "push")]
    for fault in (answer(403, "SignatureDoesNotMatch"), answer(500, "InternalError"), stall):
        proxy.heal()
        proxy.rule(fault)
        done.append(repo.run("gitmodel", "push"))
    done.append(repo.run("gitmodel", "push", env={"PYTHONPATH": str(logs / "bug")}))
    assert [each.code for each in done] == [6, 6, 6, 6, 1]
    (log,) = logs.glob("*.log")
    told = [*(each.out + each.err for each in done), log.read_text()]
    assert not any(secret in text for secret in (SECRET, token) for text in told)


# How much is asked


def test_many_small_files_take_few_requests(repo: Repo, proxy: Proxy) -> None:
    for number in range(4000):
        repo.write(f"data/{number % 50}/{number}.txt", noise(number, 3000))
    repo.gitmodel("add", "data")
    repo.commit()
    proxy.heal()
    repo.gitmodel("push")
    assert len(proxy.requests) < 30
    clone = _clone(repo)
    proxy.heal()
    clone.gitmodel("pull")
    assert len(proxy.requests) < 30
    assert clone.tree("data") == repo.tree("data")


# Care


def test_check_proves_that_a_bucket_works_and_leaves_nothing(repo: Repo, proxy: Proxy) -> None:
    done = repo.gitmodel("remote", "check")
    assert "conditional write" in done.out
    assert "nothing was pushed" in done.out
    assert proxy.count("DELETE", "scratch/") == proxy.count("PUT", "scratch/") - 2
    _commit(repo, noise(1, 3000), "v1.0")
    repo.gitmodel("push")
    assert "1 pack, " in repo.gitmodel("remote", "check").out


def test_check_tells_what_a_killed_push_left(repo: Repo, proxy: Proxy) -> None:
    _commit(repo, noise(1, 3 * MIB), "v1.0")
    stored = threading.Event()

    def keep_quiet(exchange: Exchange) -> None:
        exchange.forward()
        stored.set()
        exchange.pause(60)

    proxy.rule(keep_quiet, "PUT", "/index/")
    process = repo.start("push")
    while not stored.wait(0.01):
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    proxy.heal()
    # The index was stored, though nobody was told.
    assert "not indexed" not in repo.gitmodel("remote", "check").out
    _commit(repo, noise(2, 3 * MIB), "v2.0")
    rule = proxy.rule(lambda exchange: exchange.pause(60) and None, "PUT", "/index/")
    process = repo.start("push")
    while not rule.hits:
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    proxy.heal()
    assert "1 pack not indexed" in repo.gitmodel("remote", "check").out
    found = json.loads(repo.gitmodel("remote", "check", "--json").out)
    assert len(found["health"]["unlisted"]) == 1
    repo.gitmodel("push")
    assert "not indexed" not in repo.gitmodel("remote", "check").out


# Options


def test_limit_rate_holds(repo: Repo) -> None:
    _commit(repo, noise(1, 4 * MIB), "v1.0")
    start = time.monotonic()
    repo.gitmodel("push", "--limit-rate", "2M")
    assert time.monotonic() - start > 2
    clone = _clone(repo)
    start = time.monotonic()
    clone.gitmodel("pull", "--limit-rate", "100M", "--jobs", "1")
    assert clone.read("model.pt") == noise(1, 4 * MIB)


@pytest.mark.parametrize("rate", ["fast", "-1", "1.5X", "nan", "1e999", ""])
def test_a_rate_that_is_none(repo: Repo, rate: str) -> None:
    assert "rate" in repo.gitmodel("push", f"--limit-rate={rate}", code=2).err


@pytest.mark.parametrize("timeout", ["soon", "-1", "0", "nan", "inf"])
def test_a_timeout_that_is_none(repo: Repo, timeout: str) -> None:
    _commit(repo, b"x", "v1.0")
    repo.git("config", "gitmodel.timeout", timeout)
    assert "gitmodel.timeout" in repo.gitmodel("push", code=2).err
