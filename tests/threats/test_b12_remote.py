"""B12, on remotes: nothing that a remote says is read, listed or kept without bound."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitmodel import manifest
from gitmodel.digest import oid_of
from gitmodel.errors import IntegrityError, RemoteError
from gitmodel.manifest import MAX_BYTES, most_bytes, parse_manifest
from gitmodel.pointer import MAX_FILES, Pointer
from gitmodel.progress import Work
from gitmodel.remote.store import Access, open_store
from gitmodel.transfer.fetch import fetch_manifests

# The fixtures of the contract that every kind of remote is held to.
from tests.contract.test_remote import Make, machine, url
from tests.helpers.formats import sizes_in
from tests.helpers.inside import Run, runner
from tests.helpers.proxy import Act, Proxy, changed, said
from tests.helpers.repo import Repo
from tests.helpers.seaweed import Bucket

__all__ = ["machine", "url"]

_TRUNCATED = b"<IsTruncated>false</IsTruncated>"
_MORE = b"<IsTruncated>true</IsTruncated><NextContinuationToken>%s</NextContinuationToken>"
_EMPTY = "<ListBucketResult><IsTruncated>true</IsTruncated>%s</ListBucketResult>"


def _counting() -> Act:
    """Say each time that more follows, under another token."""
    tokens = iter(range(1 << 20))
    return changed(lambda body: body.replace(_TRUNCATED, _MORE % str(next(tokens)).encode()))


@pytest.mark.parametrize(
    "act",
    [
        changed(lambda body: body.replace(_TRUNCATED, _MORE % b"again")),
        _counting(),
        said(200, _EMPTY % "<NextContinuationToken>x</NextContinuationToken>"),
        said(200, _EMPTY % ""),
    ],
    ids=["same token", "other tokens", "empty pages", "no token"],
)
def test_b12_a_bucket_whose_listing_has_no_end(
    tmp_path: Path, s3: Bucket, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, act: Act
) -> None:
    for name, value in {**s3.env, "AWS_ENDPOINT_URL_S3": proxy.url}.items():
        monkeypatch.setenv(name, value)
    store = open_store(s3.url, tmp_path, Access())
    store.put("packs/x", b"x")
    rule = proxy.rule(act, "GET", "list-type=2")
    with pytest.raises(RemoteError, match=r"no end|not one of S3"):
        sizes_in(store, "packs")
    assert rule.hits <= 2


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run commands that may have two gigabytes more than there are in use."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (2 << 30), hard))
    yield runner(capsys, monkeypatch)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.parametrize("files", ["index/*", "gitmodel-remote.json", "roots/*/tags_2fv1.0"])
def test_b12_what_is_longer_than_it_can_be_is_not_read(story: Repo, run: Run, files: str) -> None:
    for path in story.remote.glob(files):
        path.chmod(0o644)
        with path.open("r+b") as file:
            file.truncate(1 << 40)
    clone = story.clone("clone")
    if not files.startswith("roots"):
        assert run(clone, "pull").code == 7
    assert run(story, "verify", "--remote").code == 7
    assert run(story, "push").code == 7
    assert run(story, "remote", "repair").code == 0
    assert run(story, "push").code == 0
    assert run(story, "verify", "--remote").code == 0
    assert run(clone, "pull").code == 0


@pytest.mark.parametrize("url", ["folder"], indirect=True)
@pytest.mark.parametrize("size", [800_000, 3 << 20])
def test_b12_a_manifest_is_no_longer_than_its_pointer_allows(machine: Make, size: int) -> None:
    """It compresses to nothing, and would be a thousand times as large in memory."""
    data = (manifest.HEADER + bytes(size))[:size]
    machine("sender").send(data)
    receiver = machine("receiver")
    tree = Pointer("tree", oid_of(data), f"xxh3-128:{'0' * 32}", 1, files=3)
    with pytest.raises(IntegrityError, match="another size"):
        fetch_manifests([tree], receiver.cache, receiver.remote, Work())
    assert receiver.is_empty()


def test_b12_a_manifest_has_no_more_entries_than_may_be() -> None:
    with pytest.raises(IntegrityError, match="1,000,000 are the most"):
        parse_manifest(manifest.HEADER + b"\n" * (MAX_FILES + 1), "x")
    assert most_bytes(MAX_FILES) == MAX_BYTES
