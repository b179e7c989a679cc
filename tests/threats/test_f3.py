"""F3: damage of the index that SQLite does not notice costs time, and nobody is told of it."""

import random
import shutil
import sqlite3
from contextlib import closing

import pytest

from tests.helpers.repo import Repo, flip, noise

STATEMENTS = {
    "offset": "UPDATE packed SET offset=offset+1",
    "negative offset": "UPDATE packed SET offset=-5",
    "length": "UPDATE packed SET length=length+1, stored=stored+1",
    "encoding": "UPDATE packed SET encoding=7",
    "fingerprint": "UPDATE packed SET fingerprint=zeroblob(16)",
    "types": "UPDATE packed SET fingerprint='text', length=zeroblob(3)",
    "unknown pack": "UPDATE packed SET pack=pack+1000",
    "name of a pack": "UPDATE OR REPLACE pack SET name=upper(name)",
    "name that is no text": "UPDATE OR REPLACE pack SET name=CAST(x'ff41' AS TEXT)",
    "remote": "UPDATE OR REPLACE remote SET id='0' || substr(id, 2)",
    "remote that is no text": "UPDATE OR REPLACE remote SET id=CAST(x'ff41' AS TEXT)",
    "root": "UPDATE remote_root SET root=substr(root, 2)",
    "index file": "UPDATE OR REPLACE remote_index SET name=CAST(x'ff41' AS TEXT)",
    "index file not entered yet": "UPDATE remote_index SET unread=zeroblob(100)",
    "chunk": "UPDATE remote_chunk SET offset=offset+1",
    "pack of a remote": "UPDATE remote_pack SET name=upper(name)",
    "tree": "UPDATE tree SET files=files+1",
    "artifact": "UPDATE tree SET path='other' WHERE path=(SELECT min(path) FROM tree)",
    "no table": "DROP TABLE packed",
    "another table": "ALTER TABLE seen RENAME COLUMN stamp TO stump",
}


FEW = ("offset", "name that is no text", "remote")


@pytest.fixture
def known(story: Repo) -> Repo:
    """A repository of which everything is pushed, and its index knows of it."""
    story.gitmodel("verify", "--remote")
    story.gitmodel("status")
    return story


def do(repo: Repo, *arguments: str) -> None:
    """Run a command; one that was told of the damage is right when it is run again."""
    done = repo.run("gitmodel", *arguments)
    if done.code == 8:
        assert "run the same command again" in done.err
        done = repo.run("gitmodel", *arguments)
    assert done.code == 0, (arguments, done)


def everyday(repo: Repo) -> None:
    """Do what people do all day; nothing may be said to be damaged or missing."""
    tree = repo.tree("data/train")
    do(repo, "status")
    shutil.rmtree(repo.path / "data/train")
    do(repo, "checkout", "--", "data/train")
    assert repo.tree("data/train") == tree
    repo.write("data/train/a.png", noise("another", 2000))
    do(repo, "add", "data/train")
    repo.commit()
    do(repo, "push")
    do(repo, "verify", "--remote")
    do(repo, "verify")


@pytest.mark.parametrize(
    "name",
    [name if name in FEW else pytest.param(name, marks=pytest.mark.torture) for name in STATEMENTS],
)
def test_f3_a_damaged_row_is_healed_without_a_word(known: Repo, name: str) -> None:
    with closing(sqlite3.connect(known.home / "index.db")) as database, database:
        database.execute(STATEMENTS[name])
    everyday(known)


@pytest.mark.parametrize(
    "seed",
    # Of 11, SQLite's message is no text; 99 is met in the middle of a command.
    [
        seed if seed in (0, 11, 99) else pytest.param(seed, marks=pytest.mark.torture)
        for seed in range(500)
    ],
)
def test_f3_a_flipped_bit_raises_no_alarm(known: Repo, seed: int) -> None:
    path = known.home / "index.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    dice = random.Random(seed)
    for _ in range(dice.randint(1, 20)):
        flip(path, dice.randrange(path.stat().st_size), 1 << dice.randrange(8))
    everyday(known)
