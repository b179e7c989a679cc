from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.helpers.repo import GITMODEL, Repo, noise

_SLOW = (
    "s3fs",
    "fsspec",
    "aiohttp",
    "asyncio",
    "dulwich",
    "rich",
    "aiobotocore",
    "numpy",
    "pyarrow",
)


def test_nothing_tracked(repo: Repo) -> None:
    assert "no artifacts" in repo.gitmodel("status").out
    assert repo.status() == {}


def test_clean(story: Repo) -> None:
    lines = story.gitmodel("status", "--exit-code").out.splitlines()
    assert [line.split()[0] for line in lines] == ["data/train", "model.pt"]
    assert all(line.endswith("clean") for line in lines)


def test_json_says_its_schema(story: Repo) -> None:
    found = json.loads(story.gitmodel("status", "--json").out)
    assert found["schema"] == "gitmodel/status/1"
    facts = found["artifacts"][1]
    assert facts["path"] == "model.pt"
    assert (facts["work"], facts["cached"], facts["pushed"]) == ("clean", True, True)


def test_touched_is_clean(story: Repo) -> None:
    story.gitmodel("status")
    os.utime(story.path / "model.pt")
    story.gitmodel("status", "--exit-code")


def test_modified(story: Repo) -> None:
    story.write("model.pt", noise("changed", 2000))
    story.write("data/train/a.png", noise("changed", 4000))
    story.write("data/train/more.png", "more")
    (story.path / "data/train/b.png").unlink()
    done = story.gitmodel("status", "--exit-code", code=1)
    assert "modified (1 added, 1 removed, 1 changed)" in done.out
    assert "gitmodel add model.pt" in done.out
    for line in ("+ more.png", "- b.png", "~ a.png"):
        assert line in done.out
    story.gitmodel("status")
    tree = story.status("data/train")["data/train"]
    assert (tree["added"], tree["removed"], tree["modified"]) == (
        ["more.png"],
        ["b.png"],
        ["a.png"],
    )


def test_missing(story: Repo) -> None:
    (story.path / "model.pt").unlink()
    shutil.rmtree(story.path / "data/train")
    done = story.gitmodel("status", "--exit-code", code=1)
    assert done.out.count("missing") == 2
    assert "gitmodel checkout -- model.pt" in done.out


def test_not_pushed(story: Repo) -> None:
    story.write("model.pt", noise("changed", 2000))
    story.gitmodel("add", "model.pt")
    assert "clean, not pushed" in story.gitmodel("status", "model.pt").out
    story.commit()
    story.gitmodel("push")
    assert "not pushed" not in story.gitmodel("status", "model.pt").out


def test_in_a_fresh_clone_nothing_is_here(clone: Repo) -> None:
    done = clone.gitmodel("status", "--exit-code", code=1)
    assert "gitmodel pull" in done.out
    assert "not pushed" not in done.out
    assert not any(each["cached"] for each in clone.status().values())


def test_what_was_never_brought_is_not_said_to_be_removed(clone: Repo) -> None:
    clone.gitmodel("pull", "data/train/a.png")
    assert "gitmodel pull data/train, or" in clone.gitmodel("status", "data/train").out


def test_one_path_or_an_unknown_one(story: Repo) -> None:
    assert set(story.status("model.pt")) == {"model.pt"}
    assert set(story.status("data")) == {"data/train"}
    assert "'nothing'" in story.gitmodel("status", "nothing", code=2).err


def test_a_deleted_cache_is_told(story: Repo) -> None:
    shutil.rmtree(story.home)
    assert "not in the cache" in story.gitmodel("status", "--exit-code", code=1).out


def test_the_output_is_plain_and_the_rest_goes_to_stderr(story: Repo) -> None:
    done = story.gitmodel("status")
    assert "\x1b" not in done.out
    assert done.err == ""


def test_a_reader_that_goes_away_is_no_error(story: Repo) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{GITMODEL} status --json | true; echo ${{PIPESTATUS[0]}}"],
        cwd=story.path,
        env=story.env,
        capture_output=True,
        check=True,
    )
    assert done.stdout.strip() == b"0"
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["status"]])
def test_nothing_slow_is_imported_to_look(story: Repo, arguments: list[str]) -> None:
    script = f"""
import sys
from gitmodel.cli.main import run
code = run({arguments!r})
print([name for name in {_SLOW!r} if name in sys.modules])
sys.exit(code)
"""
    done = story.run(sys.executable, "-c", script)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == "[]"
