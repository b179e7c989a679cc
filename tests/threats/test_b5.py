"""B5: a remote whose files are all sound, but that says of a blob that it consists of others."""

from __future__ import annotations

import functools
import io
import pickle
import shutil
import zipfile
from pathlib import Path

import pytest

import gitmodel
from gitmodel.digest import digest_bytes
from gitmodel.encoding import RAW
from gitmodel.errors import IntegrityError
from gitmodel.index import opened_index
from gitmodel.pack import Listed, Piece, format_recipe
from gitmodel.remote.packing import Building, Chunk, Encoded
from gitmodel.remote.packstore import Remote
from gitmodel.remote.store import open_store
from gitmodel.stream import Memory
from tests.helpers.repo import Repo, noise

_CHUNK = 1 << 20


def _model(payload: bytes) -> bytes:
    """A model in a zip file, as torch saves one; whoever opens it seeks to the end first."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(zipfile.ZipInfo("model/data.pkl"), pickle.dumps(payload))
    return whole.getvalue()


@functools.cache
def good() -> bytes:
    return _model(noise("good", 3_000_000))


@functools.cache
def evil() -> bytes:
    return _model(b"EVIL MODEL " + noise("evil", 3_000_000 - 11))


def _lie(folder: Path, claimed: bytes, given: bytes, *, packed: bool = True) -> None:
    """Make a folder remote that says that one blob consists of the bytes of another one.

    Without `packed`, just the index file says so.
    """
    pack = Building(Memory(8 << 20))
    pieces = []
    for start in range(0, len(given), _CHUNK):
        data = given[start : start + _CHUNK]
        oid, fingerprint, size = digest_bytes(data)
        pieces.append(Piece(oid, size))
        pack.append_chunk(Encoded(Chunk(oid, fingerprint, data), RAW, data))
    lie = format_recipe(pieces)
    pack.append_recipe(digest_bytes(claimed).oid, lie if packed else format_recipe(pieces[::-1]))
    name, parts = pack.seal()
    with opened_index(folder / "index.db") as index:
        remote = Remote("evil", open_store(str(folder), folder), index, "0" * 32)
        remote.create()
        remote.put_pack(name, parts)
        remote.put_index([Listed(name, pack.table, (lie,))])


@pytest.fixture
def here(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A clone that has just the pointer, and a remote that lies about its blob."""
    assert len(good()) == len(evil())
    repo.write("model.zip", good())
    repo.gitmodel("add", "model.zip")
    repo.commit()
    (repo.path / "model.zip").unlink()
    for path in repo.blobs:
        path.unlink()
    _lie(repo.remote, good(), evil())
    for name, value in repo.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(repo.path)
    return repo


def test_b5_open_gives_no_byte_that_git_does_not_vouch_for(here: Repo) -> None:
    with pytest.raises(IntegrityError, match="not what it says"):
        zipfile.ZipFile(gitmodel.open("model.zip"))
    for read in (gitmodel.read, gitmodel.path):
        with pytest.raises(IntegrityError, match="not what it says"):
            read("model.zip")
    here.gitmodel("pull", code=7)
    assert here.blobs == []


@pytest.mark.parametrize("packed", [True, False])
def test_b5_what_verifies_a_remote_puts_blobs_together(here: Repo, packed: bool) -> None:
    shutil.rmtree(here.remote)
    _lie(here.remote, good(), evil(), packed=packed)
    said = here.gitmodel("verify", "--remote", code=7).out
    assert digest_bytes(good()).oid in said
    assert ("index file" in said) != packed


def test_b5_reading_in_part_believes_the_remote_until_all_was_read(here: Repo) -> None:
    with gitmodel.open("model.zip", verify="chunks") as file:
        file.seek(-100, io.SEEK_END)
        assert file.read() == evil()[-100:]
    with gitmodel.open("model.zip", verify="chunks") as file:
        with pytest.raises(IntegrityError, match="not what it says"):
            file.read()
        with pytest.raises(IntegrityError, match="not what it says"):
            file.read(1)
    with gitmodel.open("model.zip", verify="chunks") as file:
        assert file.read(100_000) == evil()[:100_000]
        with pytest.raises(IntegrityError):
            file.readlines()
