"""F2: a damaged row of the index never makes a pointer that names other bytes."""

import sqlite3
from contextlib import closing

import pytest

from tests.helpers.repo import Repo, noise

SWAPPED = "UPDATE seen SET oid=(SELECT oid FROM seen WHERE path='d/2') WHERE path='d/1'"
BOTH = SWAPPED.replace("SET oid=", "SET fingerprint=(SELECT fingerprint FROM seen), oid=")
FLIPPED = "UPDATE seen SET oid=x'01' || zeroblob(32) WHERE path='d/1'"
NUMBER = "UPDATE seen SET stamp='later' WHERE path='d/1'"


def damage(repo: Repo, statement: str) -> None:
    with closing(sqlite3.connect(repo.home / "index.db")) as database, database:
        assert database.execute(statement).rowcount > 0


@pytest.fixture
def folder(repo: Repo) -> Repo:
    """A repository with a folder of three files, added and committed."""
    for name in "123":
        repo.write(f"d/{name}", noise(name, 3000))
    repo.gitmodel("add", "d")
    repo.commit()
    return repo


@pytest.mark.parametrize("statement", [SWAPPED, BOTH, FLIPPED, NUMBER])
def test_f2_a_damaged_row_is_never_written_into_a_pointer(folder: Repo, statement: str) -> None:
    damage(folder, statement)
    folder.write("d/4", b"x\n")
    folder.gitmodel("add", "d")
    folder.commit()
    folder.gitmodel("verify")
    folder.gitmodel("push")
    folder.git("push", "--quiet", "origin", "main")
    clone = folder.clone("clone")
    clone.gitmodel("pull")
    assert clone.tree("d") == folder.tree("d")


def test_f2_verify_never_tells_of_a_good_file_that_it_changed(folder: Repo) -> None:
    damage(folder, SWAPPED)
    done = folder.gitmodel("verify")
    assert "changed" not in done.out + done.err


def test_f2_a_file_is_stored_as_what_it_is_if_its_blob_has_gone(folder: Repo) -> None:
    for pack in folder.home.glob("packs/*"):
        pack.unlink()
    folder.write("d/4", b"x\n")
    folder.gitmodel("add", "d")
    folder.gitmodel("verify")
