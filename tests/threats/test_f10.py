"""F10: small things."""

import pytest

from tests.helpers.repo import Repo, noise

READING = ("diff v1.0 model-v1.1", "diff v1.0", "show v1.0", "compare v1.0 HEAD", "lineage model")
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
