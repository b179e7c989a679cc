"""B16: a Git repository inside an artifact is never removed, whatever is forced."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.helpers.repo import Repo, noise


def nested(repo: Repo, path: str) -> None:
    """A repository with a commit that is nowhere else, and empty folders, as fresh ones have."""
    repo.git("init", "--quiet", path)
    repo.write(f"{path}/work", "mine")
    repo.git("-C", path, "add", "work")
    repo.git("-C", path, "commit", "--quiet", "-m", "unpushed")


def submodule(repo: Repo, path: str) -> None:
    nested(repo, "../library")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../library", "lib")
    repo.git("mv", "lib", path)


def linked_worktree(repo: Repo, path: str) -> None:
    nested(repo, "../library")
    repo.git("-C", "../library", "worktree", "add", "--quiet", str(repo.path / path))


def bare(repo: Repo, path: str) -> None:
    nested(repo, "../library")
    repo.git("clone", "--quiet", "--bare", "../library", path)


KINDS = [nested, submodule, linked_worktree, bare]


def is_whole(repo: Repo, path: str) -> bool:
    return repo.run("git", "-C", path, "log", "--format=%s").out == "unpushed\n"


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize(
    "command",
    [
        ("checkout", "--force", "--", "data"),
        ("checkout", "--force", "v1.0"),
        ("checkout", "--force", "v1.0", "--data", "main"),
        ("pull", "--force"),
        ("rm", "--force", "data/train"),
    ],
)
def test_b16_a_repository_in_an_artifact_stops_what_is_forced(
    story: Repo, make: Callable[[Repo, str], None], command: tuple[str, ...]
) -> None:
    make(story, "data/train/mine")
    before = story.tree("data/train/mine")
    done = story.gitmodel(*command, code=4)
    # Code and data of several versions are not put together where Git has changes.
    assert "'data/train/mine' is a Git repository" in done.err or "no commit has" in done.err
    assert "--force" not in done.err
    assert story.tree("data/train/mine") == before
    assert is_whole(story, "data/train/mine")


def test_b16_an_artifact_that_is_a_repository_stays(story: Repo) -> None:
    nested(story, "data/train")
    done = story.gitmodel("checkout", "--force", code=4)
    assert "'data/train' is a Git repository" in done.err
    assert is_whole(story, "data/train")


def test_b16_what_is_not_forced_leaves_a_repository_whole(story: Repo) -> None:
    story.git("init", "--quiet", "data/train/mine")
    assert story.run("git", "-C", "data/train/mine", "status").code == 0
    for command in (("checkout", "v1.0"), ("checkout", "model-v1.1"), ("pull",)):
        story.gitmodel(*command)
        assert story.run("git", "-C", "data/train/mine", "status").code == 0
    assert (story.path / "data/train/mine/.git/refs/tags").is_dir()


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("force", [[], ["--force"]])
def test_b16_a_pointer_over_a_repository_does_not_replace_it(
    story: Repo, make: Callable[[Repo, str], None], force: list[str]
) -> None:
    """The pointer of a file, where the repository of a colleague has a submodule."""
    make(story, "sub")
    story.write("sub.gitmodel", story.read("model.pt.gitmodel"))
    story.git("add", "--force", "sub.gitmodel")
    done = story.gitmodel("pull", *force, code=4)
    assert "'sub' is a Git repository" in done.err
    assert "--force" not in done.err
    assert is_whole(story, "sub")


def test_b16_a_hook_does_not_advise_to_force_it(story: Repo) -> None:
    """A folder becomes a file at this commit, and a colleague has a repository in it."""
    story.git("rm", "-q", "--cached", "data/train.gitmodel")
    story.write("data/train.gitmodel", story.read("model.pt.gitmodel"))
    story.commit()
    story.git("tag", "file")
    story.gitmodel("checkout", "model-v1.1")
    story.gitmodel("install")
    nested(story, "data/train/mine")
    done = story.run("git", "checkout", "-q", "file")
    assert "'data/train/mine' is a Git repository" in done.err
    assert "--force" not in done.err
    assert is_whole(story, "data/train/mine")


@pytest.mark.parametrize("make", [nested, bare])
@pytest.mark.parametrize("inside", ["", "/deep/mine"])
def test_b16_get_replaces_no_folder_with_a_repository_in_it(
    story: Repo, make: Callable[[Repo, str], None], inside: str
) -> None:
    make(story, f"../out{inside}")
    done = story.gitmodel("get", ".", "data/train", "-o", "../out", "--force", code=4)
    assert "Git repository" in done.err
    assert is_whole(story, f"../out{inside}")


@pytest.mark.parametrize("target", [".git/HEAD", "sub/.git"])
def test_b16_get_writes_into_no_repository(story: Repo, target: str) -> None:
    submodule(story, "sub")
    before = story.read(target)
    done = story.gitmodel("get", ".", "model.pt", "-o", target, "--force", code=2)
    assert "belongs to Git itself" in done.err
    assert story.read(target) == before


def test_b16_a_bare_repository_that_is_tracked_is_data(story: Repo) -> None:
    bare(story, "data/train/mine")
    story.gitmodel("add", "data/train")
    story.commit("with")
    story.git("tag", "with")
    story.gitmodel("checkout", "v1.0")
    assert not (story.path / "data/train/mine").exists()
    story.gitmodel("checkout", "with")
    assert is_whole(story, "data/train/mine")


def test_b16_add_writes_no_pointer_into_a_bare_repository(story: Repo) -> None:
    bare(story, "mine.git")
    story.write("mine.git/objects/big.bin", noise("big", 5000))
    before = story.tree()
    for path in ("mine.git/objects/big.bin", "mine.git/objects"):
        done = story.gitmodel("add", path, code=2)
        assert "'mine.git' is a Git repository of its own" in done.err
    assert story.tree() == before
    story.gitmodel("add", "mine.git")
    story.gitmodel("add", "mine.git/objects/big.bin")


def test_b16_an_empty_folder_of_the_users_stays(story: Repo) -> None:
    mine = [story.path / "data/train" / name for name in ("mine", "backup.git/refs/heads")]
    for folder in mine:
        folder.mkdir(parents=True)
    for arguments in (["checkout", "v1.0"], ["checkout", "main"], ["checkout", "--", "data/train"]):
        story.gitmodel(*arguments)
        assert all(folder.is_dir() for folder in mine), arguments


@pytest.mark.parametrize("name", ["LITERAL", "GLOB", "NOGLOB", "ICASE"])
def test_b16_what_patterns_mean_is_not_the_environments_affair(story: Repo, name: str) -> None:
    before = story.gitmodel("status").out
    story.env[f"GIT_{name}_PATHSPECS"] = "1"
    assert story.gitmodel("status").out == before
    (story.path / "model.pt").unlink()
    story.gitmodel("checkout", "v1.0")
    story.gitmodel("checkout", "main")
    assert "3 artifacts" in story.gitmodel("doctor").out or "model.pt" in story.tree()


@pytest.mark.parametrize("rule", ["filter=lfs -text", "filter=lfs"])
def test_b16_a_pointer_that_an_attribute_changes_is_told(repo: Repo, rule: str) -> None:
    repo.git("config", "filter.lfs.clean", "tr a-z A-Z")
    repo.write("models/.gitattributes", f"* {rule}\n")
    repo.write("models/m.pt", noise(1, 3000))
    for _ in range(2):
        assert "git check-attr" in repo.gitmodel("add", "models/m.pt", code=7).err


def test_b16_a_pointer_that_is_assumed_to_be_unchanged_is_told(repo: Repo) -> None:
    repo.write("m.pt", noise(1, 3000))
    repo.gitmodel("add", "m.pt")
    repo.commit()
    repo.git("update-index", "--assume-unchanged", "m.pt.gitmodel")
    repo.write("m.pt", noise(2, 3000))
    assert "--no-assume-unchanged" in repo.gitmodel("add", "m.pt", code=7).err
    repo.git("update-index", "--no-assume-unchanged", "m.pt.gitmodel")
    repo.gitmodel("add", "m.pt")
    assert "M  m.pt.gitmodel" in repo.git("status", "--porcelain")
