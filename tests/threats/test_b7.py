"""B7: nobody who may write where something is delivered can deliver something else."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitmodel.cache import Cache
from gitmodel.digest import digest_bytes
from gitmodel.errors import ConflictError, IntegrityError
from gitmodel.manifest import FILE, Entry
from gitmodel.paths import TEMPORARY
from gitmodel.progress import silent
from gitmodel.worktree.deliver import deliver, prepared, stats_of
from tests.helpers.foreign import OTHER, needs_root, seen, victim
from tests.helpers.formats import opened_cache
from tests.helpers.repo import Repo, noise

MINE, THEIRS = noise("mine", 3000), noise("theirs", 3000)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with opened_cache(tmp_path / "cache") as cache:
        yield cache


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that others may write to, and rename things in."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o775)
    return folder


def _entries(cache: Cache, *paths: str) -> dict[str, Entry]:
    digests = digest_bytes(MINE)
    with cache.writer() as writer:
        writer.add(MINE, digests)
    return {path: Entry(*digests, type=FILE, path=path) for path in paths}


def _swap(shared: Path, name: str) -> None:
    """Do what an attacker does who waits for a scratch folder: put another in its place."""
    (scratch,) = (path for path in shared.iterdir() if path.name.endswith(TEMPORARY))
    (root,) = (path.name for path in scratch.iterdir() if (path / name).exists())
    scratch.rename(shared / "stolen")
    (scratch / root).mkdir(parents=True)
    (scratch / root / name).write_bytes(THEIRS)


@pytest.mark.parametrize("there", ["nothing", "a file", "a folder"])
@pytest.mark.parametrize("paths", [("",), ("a", "b/c")], ids=["file", "folder"])
def test_b7_what_is_swapped_meanwhile_is_not_delivered(
    shared: Path, cache: Cache, paths: tuple[str, ...], there: str
) -> None:
    target = shared / "model"
    if there == "a file":
        target.write_bytes(b"old")
    elif there == "a folder":
        target.mkdir()
    with prepared(target, _entries(cache, *paths), cache, silent) as new:
        _swap(shared, "model")
        if there == "nothing":
            new.put()
        else:
            new.replace(stats_of(new.target))
    for path in paths:
        assert (target / path).read_bytes() == MINE
    assert not any((shared / "stolen").iterdir())


def test_b7_what_appears_meanwhile_is_kept(shared: Path, cache: Cache) -> None:
    target = shared / "model"
    with prepared(target, _entries(cache, ""), cache, silent) as new:
        target.write_bytes(THEIRS)
        with pytest.raises(ConflictError, match="appeared meanwhile"):
            new.put()
    assert target.read_bytes() == THEIRS
    assert os.listdir(shared) == ["model"]


def test_b7_a_folder_that_is_swapped_meanwhile_gets_nothing(shared: Path, cache: Cache) -> None:
    entries = _entries(cache, "")
    with prepared(shared / "model", entries, cache, silent) as new:
        shared.rename(shared.with_name("moved"))
        strangers = victim(shared)
        before = seen(strangers)
        new.put()
    assert seen(strangers) == before
    assert (shared.with_name("moved") / "model").read_bytes() == MINE


def test_b7_a_scratch_folder_is_private_and_its_name_is_not_known(
    shared: Path, cache: Cache
) -> None:
    names = set()
    for _ in range(3):
        with prepared(shared / "model", _entries(cache, ""), cache, silent):
            (scratch,) = shared.iterdir()
            assert stat.S_IMODE(scratch.stat().st_mode) == 0o700
            names.add(scratch.name)
    assert len(names) == 3


def test_b7_where_everybody_may_rename_nothing_is_delivered(story: Repo) -> None:
    folder = story.path / "all"
    folder.mkdir()
    folder.chmod(0o777)
    said = story.gitmodel("get", ".", "model", "-o", "all/m.pt", code=7).err
    assert said.endswith("next:  chmod +t all\n") or f"chmod +t {folder}\n" in said
    assert os.listdir(folder) == []
    folder.chmod(0o1777)
    story.gitmodel("get", ".", "model", "-o", "all/m.pt")
    assert os.listdir(folder) == ["m.pt"]


@needs_root
def test_b7_what_another_has_prepared_there_is_not_touched(shared: Path, cache: Cache) -> None:
    shared.chmod(0o1777)
    theirs = victim(shared / ".model.gitmodel-tmp")
    for path in (theirs, *theirs.rglob("*")):
        os.chown(path, OTHER, OTHER, follow_symlinks=False)
    before = seen(theirs)
    deliver(shared / "model", _entries(cache, ""), cache, silent, stats_of(shared / "model"))
    assert (shared / "model").read_bytes() == MINE
    assert seen(theirs) == before


def test_b7_an_error_names_the_folder(shared: Path, cache: Cache) -> None:
    shared.chmod(0o777)
    with pytest.raises(IntegrityError, match=f"everybody may write to '{shared}'"):
        deliver(shared / "model", _entries(cache, ""), cache, silent)
