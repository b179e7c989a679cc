"""What bad networks and servers do to push and pull: right bytes, or a clear error and no harm."""

from __future__ import annotations

import itertools
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient

from gitmodel.remote import retry
from gitmodel.remote.store import Access, open_store
from tests.helpers import proxy as network
from tests.helpers.inside import Run, runner
from tests.helpers.proxy import Act, Proxy, proxy_of
from tests.helpers.repo import Done, Repo, copied, new_repo, noise
from tests.helpers.seaweed import Bucket, S3Server, make_bucket

MIB = 1 << 20
SIZES = {"1 kB": 1000, "8 MB": 8 * MIB, "130 MB": 130 * MIB}
SLOWEST = retry._SLOWEST
STALL = 0.5
"""Seconds without a sign of life after which a request is given up; with all its tries, four times
that."""
_STALL_OF_LARGE = 3.0
"""Five packs at once, through a proxy that reads each of them before it passes it on."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to requests, and how a command may end: exit codes, and what it says."""

    act: Act
    method: str = ""
    target: str = ""
    times: float = float("inf")
    seconds: float = float("inf")
    codes: tuple[int, ...] = (0,)
    says: str = ""

    def arm(self, proxy: Proxy) -> network.Rule:
        rule = partial(proxy.rule, self.act, self.method, self.target)
        return rule(times=self.times, seconds=self.seconds)


INDEX = "index/[0-9a-f]{64}"
LISTING = "list-type=2"
NOT_YET = network.answer(404, "NoSuchKey")
NONSENSE = "<ListBucketResult><Contents><Key>x</Key><Size>y</Size></Contents></ListBucketResult>"
EARLY = {
    "500 for ever": Fault(network.answer(500, "InternalError"), codes=(6,), says="InternalError"),
    "SlowDown for a while": Fault(network.answer(503, "SlowDown"), seconds=2 * STALL),
    "clock skew": Fault(network.answer(403, "RequestTimeTooSkewed"), codes=(6,), says="clock"),
    "access denied": Fault(network.answer(403, "AccessDenied"), codes=(6,), says="denied"),
    "a page to log in": Fault(network.said(200, "<html>Who are you?</html>"), codes=(6, 7)),
    "nonsense": Fault(network.said(200, NONSENSE), codes=(6,), says="not one of S3"),
}
"""They hit the first request, and what a file's size is does not matter yet."""
ANY = {
    **EARLY,
    "500 twice": Fault(network.answer(500, "InternalError"), times=2),
    "stalled once": Fault(network.stall, times=1),
    "every connection reset after 1 MB": Fault(network.reset_after(MIB), codes=(0, 6)),
}
PULLED = {
    **ANY,
    "cut short once": Fault(network.cut(length=True), "GET", "packs/", times=1),
    "cut short": Fault(network.cut(length=True), "GET", "packs/", codes=(6,)),
    "cut short once, no length": Fault(network.cut(length=False), "GET", "packs/", times=1),
    "cut short, no length": Fault(network.cut(length=False), "GET", "packs/", codes=(6,)),
    "index cut short, no length": Fault(network.cut(length=False), "GET", "index/", codes=(6, 7)),
    "one bit of a pack": Fault(network.changed(network.flip), "GET", "packs/", codes=(7,)),
    "one bit of an index": Fault(
        network.changed(network.flip), "GET", "index/[0-9a-f]{64}", codes=(7,)
    ),
    "one bit of all": Fault(network.changed(network.flip), "GET", codes=(5, 6, 7)),
    "another object": Fault(
        network.instead(lambda: noise("other", 9 * MIB)), "GET", "packs/", codes=(7,)
    ),
    "stalled": Fault(network.stall, "GET", "packs/", codes=(6,), says="in time"),
    "one kilobyte a second": Fault(network.trickle(1000), "GET", "packs/", codes=(0, 6)),
    "listing lags": Fault(network.lag(1), "GET", f"{LISTING}.*index/", codes=(5,), says="a root"),
    "all listings lag": Fault(network.lag(9), "GET", LISTING, codes=(5,), says="nor on remote"),
    "listing lags once": Fault(network.lag(1), "GET", LISTING, times=1),
    "index to come": Fault(NOT_YET, "GET", INDEX, times=2),
    "index lost": Fault(NOT_YET, "GET", INDEX, codes=(5,), says="not there"),
    "pack to come": Fault(NOT_YET, "GET", "packs/", times=2),
    "pack lost": Fault(NOT_YET, "GET", "packs/", codes=(5,), says="an index file lists it"),
}
PUSHED = {
    **ANY,
    "one bit on the way up, once": Fault(network.flipped_on_the_way_up, "PUT", times=1),
    "one bit on the way up": Fault(network.flipped_on_the_way_up, "PUT", "packs/", codes=(6,)),
    "stalled": Fault(network.stall, "PUT", "packs/", codes=(0, 6)),
    "one kilobyte a second": Fault(network.trickle(1000), "PUT", "packs/", codes=(0, 6)),
    "never stored": Fault(network.said(200, "<html>Thanks!</html>"), "PUT", codes=(6,)),
    "answers to packs lost": Fault(network.lose_answer, "PUT", "packs/", times=1),
    "answers to indexes lost": Fault(network.lose_answer, "PUT", "/index/", times=1),
    "answers to roots lost": Fault(network.lose_answer, "PUT", "roots/", times=2),
    "all answers lost": Fault(network.lose_answer, "PUT", codes=(0, 6)),
    "listing lags": Fault(network.lag(1), "GET", LISTING),
}


def _cases(faults: Mapping[str, Fault]) -> list[Any]:
    cases = []
    for name, (words, size) in itertools.product(faults, SIZES.items()):
        rare = size != (1000 if name in EARLY else 8 * MIB)
        marks = [pytest.mark.torture] if rare else []
        cases.append(pytest.param(faults[name], size, id=f"{name}-{words}", marks=marks))
    return cases


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    # What is slower is given up: 64 kB/s would let a test wait for minutes.
    monkeypatch.setattr(retry, "_SLOWEST", 8 * MIB)
    return runner(capsys, monkeypatch)


@dataclass(frozen=True, slots=True)
class Model:
    """A file of a size, in a repository that never pushed it, and pushed, with a clone."""

    data: bytes
    unpushed: Path
    pushed: Path


class Models(dict[int, Model]):
    """The models that were asked for, by size."""

    def __init__(
        self, folders: pytest.TempPathFactory, server: S3Server, client: BaseClient
    ) -> None:
        super().__init__()
        self._folders, self._server = folders, server
        self._bucket = make_bucket(server, client)

    def new_url(self) -> str:
        """Return a place where nothing is."""
        return f"{self._bucket.url}/{secrets.token_hex(8)}"

    def __missing__(self, size: int) -> Model:
        stall = str(STALL if size <= 8 * MIB else _STALL_OF_LARGE)
        model = Model(noise(size, size), self._folders.mktemp("from"), self._folders.mktemp("to"))
        repo = new_repo(model.unpushed, remote=False)
        repo.git("config", "gitmodel.timeout", stall)
        repo.gitmodel("remote", "add", "origin", self.new_url())
        repo.write("model.pt", model.data)
        repo.gitmodel("add", "model.pt")
        repo.commit()
        repo.git("tag", "v1.0")
        other = copied(model.unpushed, model.pushed)
        other.env.update(self._server.env)
        # The first write to a new bucket is a slow one.
        other.git("config", "gitmodel.timeout", "60")
        other.gitmodel("push")
        other.git("push", "--quiet", "origin", "main")
        other.clone("clone").git("config", "gitmodel.timeout", stall)
        shutil.rmtree(other.path)
        self[size] = model
        return model


@pytest.fixture(scope="session")
def models(
    tmp_path_factory: pytest.TempPathFactory, server: S3Server, s3_client: BaseClient
) -> Models:
    return Models(tmp_path_factory, server, s3_client)


def _behind(repo: Repo, server: S3Server, proxy: Proxy) -> Repo:
    """Let a repository reach its remote by the proxy."""
    repo.env.update(server.env, AWS_ENDPOINT_URL_S3=proxy.url)
    return repo


@pytest.mark.parametrize(("fault", "size"), _cases(PULLED))
def test_pull(
    fault: Fault,
    size: int,
    models: Models,
    tmp_path: Path,
    server: S3Server,
    proxy: Proxy,
    run: Run,
) -> None:
    model = models[size]
    clone = _behind(copied(model.pushed, tmp_path, "clone"), server, proxy)
    rule = fault.arm(proxy)
    done = run(clone, "pull")
    assert rule.hits
    assert done.code in fault.codes, done
    if done.code:
        _check_error(done, fault)
        assert not (clone.path / "model.pt").exists()
        assert clone.blobs == []
        assert clone.leftovers() == []
        proxy.heal()
        assert run(clone, "pull").code == 0
    assert clone.read("model.pt") == model.data
    assert run(clone, "verify").code == 0
    assert clone.leftovers() == []


@pytest.mark.parametrize(("fault", "size"), _cases(PUSHED))
def test_push(
    fault: Fault,
    size: int,
    models: Models,
    tmp_path: Path,
    server: S3Server,
    proxy: Proxy,
    run: Run,
) -> None:
    model = models[size]
    repo = _behind(copied(model.unpushed, tmp_path), server, proxy)
    assert run(repo, "remote", "add", "here", models.new_url()).code == 0
    rule = fault.arm(proxy)
    done = run(repo, "push", "--remote", "here")
    assert rule.hits
    assert done.code in fault.codes, done
    if done.code:
        _check_error(done, fault)
        assert repo.git("ls-remote", "--tags", "origin") == ""
        proxy.heal()
        assert run(repo, "push", "--remote", "here").code == 0
    proxy.heal()
    assert run(repo, "verify").code == 0
    assert "v1.0" in repo.git("ls-remote", "--tags", "origin")
    _check_remote(repo, model, run)


@pytest.mark.parametrize(
    ("act", "again"),
    [(network.deaf_after(MIB), 1), (network.trickle(4 * MIB), 0)],
    ids=["stands still", "is slow"],
)
def test_an_upload_is_given_up_when_it_stands_still_and_not_when_it_is_slow(
    act: Act,
    again: int,
    models: Models,
    tmp_path: Path,
    server: S3Server,
    proxy: Proxy,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its size alone it would be waited for longer than for all its tries."""
    monkeypatch.setattr(retry, "_SLOWEST", SLOWEST)
    repo = _behind(copied(models[8 * MIB].unpushed, tmp_path), server, proxy)
    assert run(repo, "remote", "add", "here", models.new_url()).code == 0
    rule = proxy.rule(act, "PUT", "packs/", times=1)
    assert run(repo, "push", "--remote", "here", "--no-git").code == 0
    assert rule.hits
    sent = [
        each.target for each in proxy.requests if each.method == "PUT" if "packs/" in each.target
    ]
    assert len(sent) - len(set(sent)) == again


def test_a_slow_upload_tells_how_far_it_is(
    tmp_path: Path, s3: Bucket, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    for name, value in {**s3.env, "AWS_ENDPOINT_URL_S3": proxy.url}.items():
        monkeypatch.setenv(name, value)
    store = open_store(s3.url, tmp_path, Access())
    proxy.rule(network.reset_after(4 * MIB), times=1)
    assert store.put_new("packs/x", noise("far", 8 * MIB), far=told.append)
    # It had to begin again.
    assert told.count(MIB) == 2
    assert told[-1] == 8 * MIB


def test_a_download_of_any_length_may_be_slow(
    models: Models,
    tmp_path: Path,
    server: S3Server,
    proxy: Proxy,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """How long it is, is not known before the server says so."""
    monkeypatch.setattr(retry, "_SLOWEST", SLOWEST)
    clone = _behind(copied(models[8 * MIB].pushed, tmp_path, "clone"), server, proxy)
    rule = proxy.rule(network.trickle(4 * MIB), "GET", "packs/")
    assert run(clone, "verify", "--remote").code == 0
    assert rule.hits


def _check_error(done: Done, fault: Fault) -> None:
    assert fault.says in done.err
    assert "next:" in done.err
    # One message; where things come from is for a log.
    assert done.err.count("\n") == 2


def _check_remote(repo: Repo, model: Model, run: Run) -> None:
    """What is on the remote is enough to bring back all."""
    shutil.rmtree(repo.home)
    (repo.path / "model.pt").unlink()
    assert run(repo, "pull", "--remote", "here").code == 0
    assert repo.read("model.pt") == model.data


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("command", ["pull", "push"])
def test_a_redirect_to_another_host_is_not_followed(
    command: str, status: int, models: Models, tmp_path: Path, server: S3Server, run: Run
) -> None:
    with proxy_of(server) as proxy, proxy_of(server) as elsewhere:
        folder = models[1000].pushed if command == "pull" else models[1000].unpushed
        name = "clone" if command == "pull" else "work"
        repo = _behind(copied(folder, tmp_path, name), server, proxy)
        proxy.rule(network.redirect(status, elsewhere.url))
        done = run(repo, command)
        assert done.code == 6, done
        assert "elsewhere" in done.err
        assert elsewhere.requests == []
        proxy.heal()
        assert run(repo, command).code == 0


def test_what_will_not_pass_is_not_tried_again(
    models: Models, tmp_path: Path, server: S3Server, proxy: Proxy, run: Run
) -> None:
    clone = _behind(copied(models[1000].pushed, tmp_path, "clone"), server, proxy)
    for code in ("AccessDenied", "RequestTimeTooSkewed"):
        proxy.heal()
        proxy.rule(network.answer(403, code))
        assert run(clone, "pull").code == 6
        assert len(proxy.requests) == 1


def test_a_root_that_arrived_damaged_once_is_asked_for_again(
    models: Models, tmp_path: Path, server: S3Server, proxy: Proxy, run: Run
) -> None:
    clone = _behind(copied(models[1000].pushed, tmp_path, "clone"), server, proxy)
    clone.env["GITMODEL_TRUST_REMOTE"] = "1"
    rule = proxy.rule(network.changed(network.flip), "GET", "roots/.+/tags_", times=1)
    done = run(clone, "push", "--no-git")
    assert done.code == 7, done
    assert rule.hits
    assert "next:" in done.err
    assert run(clone, "push", "--no-git").code == 0


def test_a_bucket_that_is_said_to_be_elsewhere_is_not_looked_for_elsewhere(
    models: Models, tmp_path: Path, server: S3Server, run: Run
) -> None:
    """A region may be told; where that is, is for the endpoint that the user named to say."""
    with proxy_of(server) as proxy, proxy_of(server) as elsewhere:
        clone = _behind(copied(models[1000].pushed, tmp_path, "clone"), server, proxy)
        for region in ("eu-west-1", elsewhere.url.removeprefix("http://") + "/#"):
            proxy.heal()
            proxy.rule(network.redirect(301, elsewhere.url, region))
            assert run(clone, "pull").code == 6
        assert elsewhere.requests == []
