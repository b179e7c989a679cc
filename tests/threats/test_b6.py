"""B6: a configuration in a cache that somebody else made, or in a repository that is only named."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.helpers.repo import Repo
from tests.helpers.traps import Trap

_READ = """
import sys, gitmodel
repo, cache = sys.argv[1:3]
with gitmodel.open("model.pt", repo=repo, cache=cache) as file:
    file.read()
gitmodel.read("model.pt", "v1.0", repo=repo, cache=cache)
gitmodel.path("data/train", "v1.0", repo=repo, cache=cache)
gitmodel.versions(repo=repo)
"""


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path / "trap")


def _get(user: Repo, name: str, code: int = 0) -> str:
    source = ("file://../origin.git", "../origin.git")[0].removeprefix("file://")
    return user.gitmodel(
        "get", source, "model.pt", "-o", name, "--cache", "../cache", code=code
    ).err


def _poison(trap: Trap, cache: Path) -> None:
    """Make a repository with traps of each folder of a cache, and put one in each place."""
    for home in [path for path in cache.iterdir() if path.is_dir()]:
        for folder in (home, home / "git", *(home / "commits").iterdir()):
            folder.mkdir(exist_ok=True)
            for name in ("refs", "objects"):
                (folder / name).mkdir(exist_ok=True)
            (folder / "HEAD").write_text("ref: refs/heads/main\n")
            (folder / "commondir").write_text(f"{folder}\n")
            trap.set(folder, "../origin.git")


def test_b6_no_configuration_in_a_cache_counts(story: Repo, trap: Trap) -> None:
    _get(story, "one.pt")
    _poison(trap, story.path.parent / "cache")
    _get(story, "two.pt")
    assert story.read("two.pt") == story.read("model.pt")
    assert trap.sprung == []


def test_b6_a_cache_holds_objects_of_git_and_no_repository(story: Repo) -> None:
    _get(story, "one.pt")
    [home] = (story.path.parent / "cache").iterdir()
    assert not (home / "git").exists()
    [commit] = (home / "commits").iterdir()
    assert [path.name for path in commit.iterdir()] == ["objects"]


def test_b6_objects_in_a_cache_are_checked_against_their_names(story: Repo) -> None:
    _get(story, "one.pt")
    [home] = (story.path.parent / "cache").iterdir()
    [commit] = (home / "commits").iterdir()
    name = commit.name
    # A pack of somebody else's commit, whose index says that it is the one that is asked for.
    forged = story.git("commit-tree", "-m", "forged", f"{name}^{{tree}}")
    loose = story.path / ".git/objects" / forged[:2] / forged[2:]
    shutil.rmtree(commit / "objects")
    target = commit / "objects" / name[:2] / name[2:]
    target.parent.mkdir(parents=True)
    shutil.copy(loose, target)
    assert "not what its name says" in _get(story, "two.pt", code=7)


def test_b6_the_cache_that_a_repository_names_does_not_count(clone: Repo) -> None:
    clone.git("config", "gitmodel.cache", str(clone.path / "theirs"))
    clone.gitmodel("get", "../origin.git", "model.pt", "-o", "out.pt")
    assert not (clone.path / "theirs").exists()


@pytest.mark.parametrize("bare", [False, True])
def test_b6_reading_a_named_repository_runs_nothing(story: Repo, trap: Trap, *, bare: bool) -> None:
    home = story.path.parent
    named = home / ("origin.git" if bare else "clone")
    if not bare:
        story.clone("clone").write(".gitattributes", "* filter=evil diff=evil merge=evil\n")
    trap.set(named if bare else named / ".git")
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()
    done = story.run(
        sys.executable, "-c", _READ, str(named), str(home / "cache"), cwd=str(elsewhere)
    )
    assert done.code == 0, done.err
    story.gitmodel(
        "get", str(named), "model.pt", "-o", str(elsewhere / "out"), "--cache", "../cache"
    )
    assert trap.sprung == []


@pytest.mark.parametrize("command", ["show v1.0", "versions", "diff v1.0 HEAD", "lineage model.pt"])
def test_b6_questions_run_nothing_where_one_stands(clone: Repo, trap: Trap, command: str) -> None:
    trap.set(clone.path / ".git")
    clone.gitmodel(*command.split())
    assert trap.sprung == []


@pytest.mark.parametrize("bare", [False, True])
def test_b6_what_a_named_repository_lacks_is_not_fetched(
    story: Repo, trap: Trap, *, bare: bool
) -> None:
    named = story.path.parent / "named"
    options = ("--bare",) if bare else ("--no-checkout",)
    story.git("clone", "--quiet", *options, "--no-local", "../origin.git", str(named))
    git_dir = named if bare else named / ".git"
    trap.set(git_dir)
    shutil.rmtree(git_dir / "objects/pack")
    program = "import sys, gitmodel; gitmodel.read('model.pt', 'v1.0', repo=sys.argv[1])"
    assert story.run(sys.executable, "-c", program, str(named)).code
    assert trap.sprung == []


def test_b6_a_confirmation_is_kept_in_a_file(story: Repo) -> None:
    _get(story, "one.pt")
    [home] = (story.path.parent / "cache").iterdir()
    (home / "confirmed").write_text(json.dumps("s3://bucket") + "\n")
    _get(story, "two.pt")
    assert json.loads((home / "confirmed").read_text()) == "s3://bucket"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("part", ["", "commits", "commits/*", "index.db"])
def test_b6_what_belongs_to_another_in_a_cache_is_refused(story: Repo, part: str) -> None:
    _get(story, "one.pt")
    [home] = (story.path.parent / "cache").iterdir()
    for path in home.glob(part) if part else [home]:
        os.chown(path, 12345, 12345)
    assert "another user" in _get(story, "two.pt", code=7)


@pytest.mark.parametrize("part", ["", "commits", "commits/*", "index.db"])
def test_b6_what_others_may_write_in_a_cache_is_refused(story: Repo, part: str) -> None:
    _get(story, "one.pt")
    [home] = (story.path.parent / "cache").iterdir()
    for path in home.glob(part) if part else [home]:
        path.chmod(0o777)
    assert "written to by others" in _get(story, "two.pt", code=7)


def test_b6_a_cache_is_private(story: Repo) -> None:
    _get(story, "one.pt")
    [home] = (story.path.parent / "cache").iterdir()
    assert home.stat().st_mode & 0o777 == 0o700
