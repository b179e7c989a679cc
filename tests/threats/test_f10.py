"""F10: small things."""

import os
import shlex

import pytest

from tests.helpers.repo import Repo, noise

READING = ("diff v1.0 model-v1.1", "diff v1.0", "show v1.0", "compare v1.0 HEAD", "lineage model")
# Root may read everything, unless it may not even that.
AS_ANYBODY = ("setpriv", "--bounding-set=-all") if os.geteuid() == 0 else ()
READ_ONLY = ("unshare", "--mount", "--map-root-user", "sh", "-c")


def test_f10_a_move_that_was_made_is_no_error(repo: Repo) -> None:
    repo.write("m", noise(1, 100))
    repo.gitmodel("add", "m")
    repo.commit()
    for _ in range(2):
        repo.gitmodel("mv", "m", "n")
    assert not (repo.path / "m").exists()
    repo.gitmodel("mv", "other", "n", code=2)
    repo.commit()
    repo.gitmodel("mv", "m", "n", code=2)


@pytest.mark.parametrize("command", READING)
def test_f10_what_only_reads_needs_to_write_nothing(story: Repo, command: str) -> None:
    (story.path / "model.pt").touch()
    (story.path / "data/train/a.png").touch()
    mount = "mount --bind .git .git && mount -o remount,ro,bind .git"
    if story.run(*READ_ONLY, mount).code:
        pytest.skip("this user may mount nothing")
    done = story.run(*READ_ONLY, f"{mount} && exec gitmodel {command}")
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    "command",
    [
        *("status", "verify", "diff", "add data/train", "checkout --force v1.0", "pull"),
        *("checkout --force -- data/train", "rm --force data/train", "add new", "mv new other"),
    ],
)
def test_f10_what_may_not_be_read_is_named_with_what_shows_why(story: Repo, command: str) -> None:
    story.write("data/train/deep/notes", "mine")
    story.write("new", "mine")
    shut = [story.path / "data/train/deep", story.path / "new"]
    for each in shut:
        each.chmod(0)
    done = story.run(*AS_ANYBODY, "gitmodel", *shlex.split(command))
    if command.startswith("mv"):
        assert "'new' is not a tracked artifact" in done.err
    else:
        path = "new" if command == "add new" else "data/train/deep"
        assert done.err == f"error: {path!r}: Permission denied\nnext:  ls -ld {path}\n"
        assert done.code == 8
    for each in shut:
        each.chmod(0o700)
    assert story.read("data/train/deep/notes") == story.read("new") == b"mine"
