"""docs/json.md promises the fields of all that `--json` prints, once, and no others."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.repo import Repo, new_repo, noise, replace
from tests.helpers.schemas import fields, promised

TOP = Path(__file__).parents[2]

COMMANDS = {
    "get": ["get", "../origin.git", "model@v1.0", "-o", "../got"],
    "verify": ["verify"],
    "verify-remote": ["verify", "--remote"],
    "doctor": ["doctor"],
    "remotes": ["remote", "list"],
    "remote-check": ["remote", "check"],
}


def test_each_kind_is_documented_once() -> None:
    headings = re.findall(r"^## `gitmodel/(.+)/1`$", (TOP / "docs" / "json.md").read_text(), re.M)
    sources = [path.read_text() for path in (TOP / "gitmodel" / "cli").glob("*.py")]
    printed = {kind for text in sources for kind in re.findall(r'say_json\("([^"]+)"', text)}
    written = {kind for text in sources for kind in re.findall(r'"gitmodel/([a-z-]+)/1"', text)}
    assert Counter(headings) == Counter(printed | written)


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """A repository whose cache is damaged, so that there is something to tell."""
    repo = new_repo(tmp_path_factory.mktemp("json"))
    repo.write("model.pt", noise("model", 2 << 20))
    repo.gitmodel("add", "model.pt")
    repo.commit()
    repo.git("tag", "v1.0")
    repo.gitmodel("push")
    repo.git("push", "--quiet", "origin", "main")
    return repo


@pytest.mark.parametrize("kind", COMMANDS)
def test_the_fields_are_those_that_are_documented(repo: Repo, kind: str) -> None:
    if "verify" in kind:
        _damage(repo)
    done = repo.run("gitmodel", *COMMANDS[kind], "--json")
    found = json.loads(done.out)
    assert found["schema"] == f"gitmodel/{kind}/1"
    said = set(fields(found))
    assert said <= promised(kind), done.err
    assert promised(kind) - said <= {"health"}


def _damage(repo: Repo) -> None:
    """Spoil a blob of the cache, a pack of the remote, and what a pointer says."""
    blobs = [path for path in (repo.home / "blobs").rglob("*") if path.is_file()]
    packs = [path for path in (repo.path.parent / "remote" / "packs").rglob("*") if path.is_file()]
    for path in (*blobs, *packs):
        replace(path, b"x" * path.stat().st_size)
    repo.write("other.pt", noise("other", 3000))
    repo.gitmodel("add", "other.pt")
    pointer = repo.path / "other.pt.gitmodel"
    pointer.write_text(pointer.read_text().replace("size: 3000", "size: 3001"))
