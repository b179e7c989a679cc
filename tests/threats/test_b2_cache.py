"""B2 in the cache: `verify` puts away only what is ours and proven not to be what its name says."""

from __future__ import annotations

import errno
import json
import os

import pytest
from blake3 import blake3

from tests.helpers.inside import runner
from tests.helpers.repo import Repo, flip


def _verified(repo: Repo, code: int) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(repo.gitmodel("verify", "--json", code=code).out)[
        "damaged"
    ]
    return found


def test_b2_a_pack_that_a_newer_gitmodel_wrote_stays(story: Repo) -> None:
    (pack, *_) = sorted((story.home / "packs").iterdir())
    data = pack.read_bytes()[:-16] + b"gitmodel-pack 2\n"
    newer = pack.with_name(f"{blake3(data).hexdigest()}.pack")
    newer.write_bytes(data)
    assert [each["left"] for each in _verified(story, 7)] == ["newer"]
    assert "pip install --upgrade gitmodel" in story.gitmodel("verify", code=7).err
    assert newer.read_bytes() == data
    # One bit of the number: it is not what its name says, so nobody wrote it.
    flip(pack, at=-3)
    assert {each["left"] for each in _verified(story, 7)} == {"newer", ""}
    assert not pack.exists()
    assert newer.read_bytes() == data


def test_b2_what_cannot_be_read_stays_and_is_named(
    story: Repo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    before = sorted(story.blobs)
    monkeypatch.setattr("gitmodel.cache.store.digest_file", refused)
    monkeypatch.setattr("gitmodel.cache.store.read_table", refused)
    done = runner(capsys, monkeypatch)(story, "verify")
    assert done.code == 8
    assert done.out.count("left as it is") == len(before)
    assert sorted(story.blobs) == before


def test_b2_files_of_others_in_the_cache_are_not_touched(story: Repo) -> None:
    folder = story.home / "blobs" / "blake3" / "zz"
    folder.mkdir()
    foreign = [
        folder / "README",
        story.home / "packs" / "notes.pack",
        story.home / "packs" / "notes.txt",
    ]
    for path in foreign:
        path.write_text("of somebody")
    story.gitmodel("verify")
    assert all(path.read_text() == "of somebody" for path in foreign)
    assert not (story.home / "quarantine").exists()
