from __future__ import annotations

import re
import shutil

import pytest

from tests.helpers.repo import Repo, flip, noise
from tests.helpers.story import FIRST, SECOND, write_first


def test_versions_branches_and_back(story: Repo) -> None:
    second = story.tree()
    assert "v1.0" in story.gitmodel("checkout", "v1.0").out
    assert story.read("model.pt") == FIRST
    assert sorted(story.tree("data/train")) == ["a.png", "b.png", "deep/c.png"]
    assert story.read("train.py") == b"print(1)\n"
    story.gitmodel("checkout", "main")
    assert story.tree() == second
    assert story.git("symbolic-ref", "--short", "HEAD") == "main"
    story.gitmodel("checkout", "HEAD~1")
    assert story.read("model.pt") == FIRST
    story.gitmodel("checkout", "-q", "model-v1.1")
    assert story.tree() == second


def test_without_anything_restores_what_is_missing(story: Repo) -> None:
    before = story.tree()
    (story.path / "model.pt").unlink()
    shutil.rmtree(story.path / "data/train")
    story.gitmodel("checkout")
    assert story.tree() == before


def test_only_some_paths_of_here(story: Repo) -> None:
    (story.path / "model.pt").unlink()
    (story.path / "data/train/a.png").unlink()
    story.gitmodel("checkout", "--", "model.pt")
    assert story.read("model.pt") == SECOND
    assert not (story.path / "data/train/a.png").exists()


def test_only_some_paths_of_a_version(story: Repo) -> None:
    story.gitmodel("checkout", "v1.0", "--", "model.pt")
    assert story.read("model.pt") == FIRST
    assert story.git("symbolic-ref", "--short", "HEAD") == "main"
    assert (story.path / "data/train/new.png").exists()
    # As with Git, the pointer came along and is staged.
    assert story.git("diff", "--cached", "--name-only") == "model.pt.gitmodel"
    story.gitmodel("status", "--exit-code")


@pytest.mark.parametrize("pattern", ["data/train/b.png", "data/train/b*", "data/train/*.png"])
def test_a_file_or_a_glob_inside_a_folder(story: Repo, pattern: str) -> None:
    story.gitmodel("checkout", "v1.0", "--", pattern)
    assert story.read("data/train/b.png") == noise("b.png", 4000)
    assert story.read("data/train/new.png") == noise("new", 500)
    assert (story.path / "data/train/deep").exists() == (pattern == "data/train/*.png")


def test_unsaved_work_is_not_overwritten(story: Repo) -> None:
    story.write("model.pt", "never saved")
    before = story.tree()
    done = story.gitmodel("checkout", "v1.0", code=4)
    assert "'model.pt'" in done.err
    assert "next:" in done.err
    assert story.tree() == before
    assert story.git("symbolic-ref", "--short", "HEAD") == "main"
    story.gitmodel("checkout", "--", "model.pt", code=4)
    assert story.read("model.pt") == b"never saved"
    story.gitmodel("checkout", "--force", "v1.0")
    assert story.read("model.pt") == FIRST


def test_unsaved_work_inside_a_folder_is_not_overwritten(story: Repo) -> None:
    story.write("data/train/b.png", "never saved")
    assert "data/train/b.png" in story.gitmodel("checkout", "v1.0", code=4).err
    story.gitmodel("add", "data/train")
    story.commit()
    story.gitmodel("checkout", "v1.0")
    story.gitmodel("checkout", "main")
    assert story.read("data/train/b.png") == b"never saved"


def test_an_extra_file_that_is_in_the_way_is_not_overwritten(story: Repo) -> None:
    story.write("data/train/deep/c.png", "never saved")
    story.gitmodel("checkout", "v1.0", code=4)
    assert story.read("data/train/deep/c.png") == b"never saved"


def test_extra_files_are_kept_and_told(story: Repo) -> None:
    story.write("data/train/notes.txt", "mine")
    done = story.gitmodel("checkout", "v1.0")
    assert "data/train/notes.txt" in done.err
    assert story.read("data/train/notes.txt") == b"mine"
    story.gitmodel("checkout", "--force", "main")
    assert not (story.path / "data/train/notes.txt").exists()


def test_what_a_version_does_not_track_goes(story: Repo) -> None:
    story.write("extra.pt", noise("extra", 3000))
    story.gitmodel("add", "extra.pt")
    story.commit()
    story.gitmodel("checkout", "v1.0")
    assert not (story.path / "extra.pt").exists()
    assert not (story.path / "extra.pt.gitmodel").exists()
    story.gitmodel("checkout", "main")
    assert story.read("extra.pt") == noise("extra", 3000)


def test_a_file_becomes_a_folder_and_back(story: Repo) -> None:
    (story.path / "model.pt").unlink()
    story.write("model.pt/part/1", noise("part 1", 100))
    story.write("model.pt/2", noise("part 2", 100))
    story.gitmodel("add", "model.pt")
    story.commit()
    story.gitmodel("checkout", "v1.0")
    assert story.read("model.pt") == FIRST
    story.gitmodel("checkout", "main")
    assert sorted(story.tree("model.pt")) == ["2", "part/1"]


def test_a_file_inside_a_folder_becomes_a_folder_and_back(story: Repo) -> None:
    (story.path / "data/train/a.png").unlink()
    story.write("data/train/a.png/x", "x")
    story.gitmodel("add", "data/train")
    story.commit()
    third = story.tree()
    story.gitmodel("checkout", "v1.0")
    assert story.read("data/train/a.png") == noise("a.png", 4000)
    story.gitmodel("checkout", "main")
    assert story.tree() == third


def test_a_symlink_and_a_file_change_places(repo: Repo) -> None:
    repo.write("data/file", "file")
    repo.write("data/other", "other")
    repo.gitmodel("add", "data")
    repo.commit()
    repo.git("tag", "v1")
    (repo.path / "data/other").unlink()
    (repo.path / "data/other").symlink_to("file")
    repo.gitmodel("add", "data")
    repo.commit()
    repo.gitmodel("checkout", "v1")
    assert not (repo.path / "data/other").is_symlink()
    assert repo.read("data/other") == b"other"
    assert repo.read("data/file") == b"file"
    repo.gitmodel("checkout", "main")
    assert (repo.path / "data/other").is_symlink()


def test_local_changes_of_code_make_git_refuse_and_nothing_changes(story: Repo) -> None:
    story.write("train.py", "local change\n")
    before = story.tree()
    done = story.gitmodel("checkout", "v1.0", code=4)
    assert "train.py" in done.err
    assert story.tree() == before
    assert story.leftovers() == []
    story.gitmodel("status", "--exit-code")


def test_local_changes_of_code_that_git_can_carry_are_carried(story: Repo) -> None:
    story.git("checkout", "--quiet", "-b", "other")
    story.write("train.py", "local change\n")
    story.gitmodel("checkout", "main")
    assert story.read("train.py") == b"local change\n"


def test_missing_blobs_change_nothing(clone: Repo) -> None:
    clone.gitmodel("pull")
    shutil.rmtree(clone.remote)
    before = clone.tree()
    done = clone.gitmodel("checkout", "v1.0", code=5)
    assert "next:" in done.err
    assert clone.tree() == before
    assert clone.git("symbolic-ref", "--short", "HEAD") == "main"


def test_what_does_not_fit_changes_nothing(clone: Repo) -> None:
    pointer = clone.read("model.pt.gitmodel").decode()
    clone.write("model.pt.gitmodel", re.sub("size: .*", f"size: {10**17}", pointer))
    before = clone.tree()
    done = clone.gitmodel("checkout", code=8)
    assert "100000 TB are needed" in done.err
    assert "make room" in done.err
    assert clone.tree() == before
    assert clone.leftovers() == []


def test_a_damaged_blob_changes_nothing_and_is_mended(story: Repo) -> None:
    story.gitmodel("checkout", "v1.0")
    before = story.tree()
    for path in story.home.glob("blobs/*/*/*"):
        flip(path)
    story.gitmodel("checkout", "main", code=7)
    assert story.tree() == before
    story.gitmodel("verify", code=7)
    story.gitmodel("checkout", "main")
    assert story.read("model.pt") == SECOND
    story.gitmodel("verify")


def test_the_last_copy_in_the_working_tree_is_saved_first(story: Repo) -> None:
    """The cache was deleted; what is unmodified is tracked, but lies nowhere else."""
    second = story.tree()
    shutil.rmtree(story.home)
    story.gitmodel("checkout", "v1.0")
    shutil.rmtree(story.remote)
    story.gitmodel("checkout", "main")
    assert story.tree() == second


@pytest.mark.parametrize("revision", ["nothing", "--upload-pack=x", "v9.9", "$(touch x)"])
def test_a_revision_that_is_none(story: Repo, revision: str) -> None:
    before = story.tree()
    story.gitmodel("checkout", revision, code=2)
    assert story.tree() == before


def test_a_path_given_as_revision_is_explained(story: Repo) -> None:
    done = story.gitmodel("checkout", "model.pt", code=2)
    assert "gitmodel checkout -- model.pt" in done.err


def test_two_revisions_are_refused(story: Repo) -> None:
    assert "--" in story.gitmodel("checkout", "v1.0", "model.pt", code=2).err


def test_in_a_clone_everything_is_fetched(clone: Repo) -> None:
    clone.gitmodel("checkout", "v1.0")
    assert clone.read("model.pt") == FIRST
    assert clone.leftovers() == []


def test_in_a_clone_without_a_checkout(story: Repo) -> None:
    story.git("clone", "--quiet", "--no-checkout", "../origin.git", "../bare-ish")
    clone = Repo(story.path.parent / "bare-ish")
    clone.gitmodel("checkout", "v1.0")
    assert clone.read("model.pt") == FIRST


def test_a_commit_from_before_gitmodel(story: Repo) -> None:
    story.git("checkout", "--quiet", "--orphan", "old")
    story.git("rm", "-rfq", "--cached", ".")
    story.git("commit", "--quiet", "--allow-empty", "-m", "nothing")
    story.git("checkout", "--quiet", "--force", "main")
    story.gitmodel("checkout", "old")
    assert not (story.path / "model.pt").exists()
    assert not (story.path / ".gitmodel.yaml").exists()
    story.gitmodel("checkout", "main")
    assert story.read("model.pt") == SECOND


def test_what_was_interrupted_is_finished(story: Repo) -> None:
    """Git moved, and nothing else did."""
    story.git("checkout", "--quiet", "v1.0")
    assert story.read("model.pt") == SECOND
    story.gitmodel("checkout", "v1.0")
    assert story.read("model.pt") == FIRST
    story.gitmodel("checkout", "main")
    write_first(story)
    story.gitmodel("checkout", "--force", "main")
    assert story.read("model.pt") == SECOND


def test_an_added_version_that_is_not_committed_is_carried_along(story: Repo) -> None:
    """As Git carries its pointer, so that both still say the same."""
    story.write("model.pt", noise("new", 4000))
    story.gitmodel("add", "model.pt")
    done = story.gitmodel("checkout", "main")
    assert "model.pt" in done.err
    assert story.read("model.pt") == noise("new", 4000)
    story.gitmodel("status", "--exit-code")


@pytest.mark.parametrize(
    "command", [["pull"], ["fetch"], ["checkout", "--"], ["checkout", "v1.0", "--"]]
)
def test_a_path_that_is_not_in_the_artifact_is_told(story: Repo, command: list[str]) -> None:
    done = story.gitmodel(*command, "data/train/nothing.png", code=2)
    assert "'nothing.png' is not in 'data/train'" in done.err
