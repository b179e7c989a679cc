"""B12, on remotes: nothing that a remote says is read, listed or kept without bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitmodel.errors import RemoteError
from gitmodel.remote.store import Access, open_store
from tests.helpers.proxy import Act, Proxy, changed, said
from tests.helpers.seaweed import Bucket

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
        store.list("packs")
    assert rule.hits <= 2
