"""Killed between any two requests: no wrong byte, and no garbage that `remote check` hides."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import time
from pathlib import Path

import pytest
from botocore.client import BaseClient

from gitmodel.root import root_name
from tests.helpers.proxy import Proxy
from tests.helpers.repo import Repo, copied, new_repo, noise
from tests.helpers.seaweed import Bucket, S3Server

_SOME = 2
_KILLS = max(30, int(os.environ.get("GITMODEL_KILLS", "0")))
_REQUESTS = 16
"""Of a push and of a pull of what is here; a command that makes fewer ends unharmed."""
_KEY = re.compile(r"(gitmodel-remote\.json|packs/../\w{64}|index/\w{64}|roots/\w{32}/[\w.%]+)")
SEEDS = [
    *range(_SOME),
    *(pytest.param(seed, marks=pytest.mark.torture) for seed in range(_SOME, _KILLS)),
]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two versions that were never pushed: three packs, some small files."""
    folder = tmp_path_factory.mktemp("killed")
    repo = new_repo(folder, remote=False)
    weights = noise("weights", 36 << 20)
    for number in (1, 2):
        repo.write("model.pt", noise(number, 1 << 20) + weights)
        for name in range(20):
            repo.write(f"data/{name}", noise((number, name // number), 3000))
        repo.gitmodel("add", "model.pt", "data")
        repo.commit()
        repo.git("tag", f"v{number}.0")
    return folder


@pytest.mark.parametrize("seed", SEEDS)
def test_a_push_that_is_killed(
    seed: int, template: Path, tmp_path: Path, s3: Bucket, proxy: Proxy, s3_client: BaseClient
) -> None:
    repo = _behind(copied(template, tmp_path), s3.server, proxy)
    repo.gitmodel("remote", "add", "origin", s3.url)
    _killed(repo, "push", proxy, seed)
    repo.gitmodel("verify")
    if _stored(s3, s3_client):
        assert repo.run("gitmodel", "remote", "check").code == 0
    roots = {key.rpartition("/")[2] for key in _stored(s3, s3_client) if key.startswith("roots/")}
    tags = repo.git("ls-remote", "--tags", "origin").splitlines()
    assert {root_name(tag.partition("\t")[2]) for tag in tags} <= roots
    repo.gitmodel("push")
    _check_garbage(repo, s3, s3_client)
    _check_all_is_there(repo)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_pull_that_is_killed(
    seed: int, template: Path, tmp_path: Path, s3: Bucket, proxy: Proxy
) -> None:
    repo = _behind(copied(template, tmp_path), s3.server, proxy)
    repo.gitmodel("remote", "add", "origin", s3.url)
    repo.commit()
    repo.gitmodel("push")
    repo.git("push", "--quiet", "origin", "main")
    clone = _behind(repo.clone("clone"), s3.server, proxy)
    before, after = clone.tree(), repo.tree()
    _killed(clone, "pull", proxy, seed)
    for path, what in clone.tree().items():
        assert what in (before.get(path), after.get(path)), path
    assert clone.run("gitmodel", "verify").code in (0, 5)
    clone.gitmodel("pull")
    assert clone.tree() == after
    assert clone.leftovers() == []
    clone.gitmodel("verify")


def _behind(repo: Repo, server: S3Server, proxy: Proxy) -> Repo:
    repo.env.update(server.env, AWS_ENDPOINT_URL_S3=proxy.url)
    return repo


def _killed(repo: Repo, command: str, proxy: Proxy, seed: int) -> None:
    """Kill a command some time after one of its requests began."""
    chance = random.Random(seed)
    number, delay = chance.randrange(1, _REQUESTS), chance.choice((0, 0.02, 0.1, 0.3))
    proxy.heal()
    process = repo.start(command)
    while len(proxy.requests) < number and process.poll() is None:
        time.sleep(0.001)
    time.sleep(delay)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    # What was under way at the server is not over yet.
    time.sleep(0.1)


def _check_garbage(repo: Repo, s3: Bucket, client: BaseClient) -> None:
    """Whatever lies on the remote is of a known kind, and what nobody needs is told."""
    keys = _stored(s3, client)
    assert all(_KEY.fullmatch(key) for key in keys), keys
    found = json.loads(repo.gitmodel("remote", "check", "--json").out)["health"]
    packs = {key.rpartition("/")[2] for key in keys if key.startswith("packs/")}
    assert found["packs"] == len(packs)
    assert set(found["unlisted"]) <= packs
    # A push that ended needs all that it sent, and found all that another one had sent before it.
    assert sum(key.startswith("roots/") for key in keys) == 3


def _stored(s3: Bucket, client: BaseClient) -> list[str]:
    page = client.list_objects_v2(Bucket=s3.name)
    return [each["Key"].removeprefix("some/prefix/") for each in page.get("Contents", ())]


def _check_all_is_there(repo: Repo) -> None:
    """What is on the remote is enough to bring back all."""
    tree = repo.tree()
    shutil.rmtree(repo.home)
    shutil.rmtree(repo.path / "data")
    (repo.path / "model.pt").unlink()
    repo.gitmodel("pull")
    assert repo.tree() == tree
