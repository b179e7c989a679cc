from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest
from botocore.client import BaseClient

from tests.helpers.memory import Keeper
from tests.helpers.models import share
from tests.helpers.proxy import Proxy, proxy_of
from tests.helpers.repo import Repo, copied, new_repo
from tests.helpers.seaweed import KEY, SECRET, Bucket, S3Server, make_bucket, s3_server
from tests.helpers.sshd import SshServer, ssh_server
from tests.helpers.story import tell

# What pytest compiles is half of a worker's start: keep it, as `make` keeps that of the package.
sys.dont_write_bytecode = False
_MEMORY = Keeper()
share()


def pytest_collection_finish() -> None:
    _MEMORY.set_aside()


def pytest_runtest_logfinish() -> None:
    _MEMORY.give_back()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The S3 server of this test run."""
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(scope="session")
def s3_client(server: S3Server) -> Iterator[BaseClient]:
    """A client of the server that is none of gitmodel's."""
    client = botocore.session.get_session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=server.endpoint,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
    )
    yield client
    client.close()


@pytest.fixture
def s3(server: S3Server, s3_client: BaseClient) -> Bucket:
    """A bucket of its own for a test."""
    return make_bucket(server, s3_client)


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """The SSH server of this test run."""
    with ssh_server(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture
def proxy(server: S3Server) -> Iterator[Proxy]:
    """A proxy in front of the server, that does nothing to requests until told to."""
    with proxy_of(server) as running:
        yield running


@pytest.fixture
def bucketed(tmp_path: Path, s3: Bucket, proxy: Proxy) -> Repo:
    """A repository with a bucket as remote, reached by the proxy, and nothing in it."""
    repo = new_repo(tmp_path, remote=False)
    repo.env.update(s3.env, AWS_ENDPOINT_URL_S3=proxy.url)
    repo.gitmodel("remote", "add", "origin", s3.url)
    return repo


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty repository, one with two versions that were pushed, and a clone of that."""
    folder = tmp_path_factory.mktemp("templates")
    (folder / "empty").mkdir()
    (folder / "story").mkdir()
    new_repo(folder / "empty")
    tell(new_repo(folder / "story"))
    return folder


@pytest.fixture
def repo(templates: Path, tmp_path: Path) -> Repo:
    """A repository with an origin and a remote, and nothing in it."""
    return copied(templates / "empty", tmp_path)


@pytest.fixture
def story(templates: Path, tmp_path: Path) -> Repo:
    """A repository with v1.0 and model-v1.1, both pushed; it is at the second."""
    return copied(templates / "story", tmp_path)


@pytest.fixture
def clone(story: Repo) -> Repo:
    """A fresh clone of the story: pointers only."""
    return story.clone("clone")
