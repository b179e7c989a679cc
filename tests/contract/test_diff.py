"""What `diff` prints, byte for byte, and the fields of its JSON."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.helpers.repo import Repo, new_repo, noise
from tests.helpers.tensors import fixture

TESTS = Path(__file__).parents[1]
GOLDEN = TESTS / "data" / "diff"
SCHEMAS = (TESTS.parent / "docs" / "json.md").read_text()
COMMANDS = {
    "diff.txt": ("diff", "v1.0", "v2.0"),
    "stat.txt": ("diff", "--stat", "v1.0", "v2.0"),
    "diff.json": ("diff", "--json", "v1.0", "v2.0"),
    "worktree.json": ("diff", "--json"),
}


def write(repo: Repo, number: int) -> None:
    for name in ("state", "views", "module", "checkpoint", "bf16"):
        repo.write(f"models/{name}.pt", fixture(f"{name}-{number}.pt"))
    repo.write("ranker.safetensors", fixture(f"state-{number}.safetensors"))
    table = TESTS / "data" / "tables" / f"people-{number}.parquet"
    repo.write("data/people.parquet", table.read_bytes())
    repo.write("data/rows.jsonl", '{"a": 1}\n' * number)
    repo.write("data/table.csv", ("id,name\n", "id;label;age\n")[number - 1] + "1;x;2\n" * number)
    repo.write(f"data/moved-{number}.bin", noise("moved", 2000))
    repo.write(f"data/only-{number}.bin", noise(number, 100 * number))
    for each in range(12):
        repo.write(f"data/many/{each}.bin", noise((number, each), 50))
    repo.write(f"place-{number}.bin", noise("moved artifact", 3000))
    repo.write("old.pt", fixture("legacy.pt") + b" " * number)


def add(repo: Repo) -> None:
    repo.gitmodel("add", "models", "ranker.safetensors", "data", "old.pt")


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    repo = new_repo(tmp_path_factory.mktemp("diff"))
    write(repo, 1)
    repo.gitmodel("add", "place-1.bin")
    add(repo)
    repo.commit()
    repo.git("tag", "v1.0")
    for path in ("place-1.bin", "place-1.bin.gitmodel", "data/moved-1.bin", "data/only-1.bin"):
        os.unlink(repo.path / path)
    write(repo, 2)
    repo.gitmodel("add", "place-2.bin")
    add(repo)
    repo.commit()
    repo.git("tag", "v2.0")
    repo.write("data/table.csv", "id\n")
    repo.write("old.pt", "")
    return repo


@pytest.mark.parametrize("name", COMMANDS)
def test_output(repo: Repo, name: str) -> None:
    done = repo.gitmodel(*COMMANDS[name])
    # A repository has an id of its own, and so its commits are never the same.
    found = re.sub(r'"commit": "[0-9a-f]{40}"', '"commit": "…"', done.out)
    assert found == (GOLDEN / name).read_text()


def test_each_output_has_its_command() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(COMMANDS)


def test_the_fields_are_those_that_are_documented() -> None:
    found = {
        field
        for name in COMMANDS
        if name.endswith(".json")
        for field in fields(json.loads((GOLDEN / name).read_text()))
    }
    section = SCHEMAS.split("## `gitmodel/diff/1`\n")[1].split("\n## ")[0]
    assert found == set(re.findall(r"^\| `([a-z_.\[\]]+)` \|", section, re.M))


def fields(value: object, path: str = "") -> list[str]:
    if isinstance(value, list):
        return [field for item in value for field in fields(item, f"{path}[]")]
    if not isinstance(value, dict):
        return []
    named = {f"{path}.{key}".lstrip("."): inner for key, inner in value.items()}
    return [field for key, inner in named.items() for field in (key, *fields(inner, key))]
