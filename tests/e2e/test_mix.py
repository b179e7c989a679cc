"""`gitmodel checkout V --code A --data B`: a working tree of several versions."""

from __future__ import annotations

import shutil

import pytest

from tests.helpers.repo import Repo, noise
from tests.helpers.story import write_first

MODELS = {number: noise(f"model {number}", (1 << 20) + 100 * number) for number in (1, 2)}
CODE = {1: b"print(1)\n", 2: b"print(2)\n"}
FIRST = ["a.png", "b.png", "deep/c.png"]
SECOND = ["a.png", "b.png", "new.png"]


def parts(repo: Repo) -> tuple[int, int, list[str]]:
    """Return which version's code and model are there, and the files of the data."""
    code = {data: number for number, data in CODE.items()}[repo.read("train.py")]
    model = {data: number for number, data in MODELS.items()}[repo.read("model.pt")]
    return code, model, sorted(repo.tree("data/train"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("model-v1.1", "--code", "v1.0"), (1, 2, SECOND)),
        (("model-v1.1", "--data", "v1.0"), (2, 2, FIRST)),
        (("model-v1.1", "--code", "v1.0", "--data", "v1.0"), (1, 2, FIRST)),
        (("v1.0", "--code", "model-v1.1"), (2, 1, FIRST)),
        (("v1.0", "--data", "model@v1.1"), (1, 1, SECOND)),
        (("model-v1.1", "--data", "v1.0.0", "--code", "v1.1"), (2, 2, FIRST)),
        (("v1.0", "--data", "main", "--", "model.pt"), (1, 2, FIRST)),
        (("--data", "v1.0"), (2, 2, FIRST)),
        (("--code", "v1.0"), (1, 2, SECOND)),
    ],
)
def test_each_part_is_of_its_version_and_all_comes_back(
    story: Repo, arguments: tuple[str, ...], expected: tuple[int, int, list[str]]
) -> None:
    before, branch = story.tree(), story.git("rev-parse", "main")
    story.gitmodel("checkout", *arguments)
    assert parts(story) == expected
    # What is not of HEAD is staged, and the artifacts are what the pointers say.
    assert story.git("diff", "--cached", "--name-only") != ""
    assert story.git("diff", "--name-only") == ""
    story.gitmodel("status", "--exit-code")
    at = arguments[0] if arguments[0][0] != "-" else "main"
    assert story.git("rev-parse", "HEAD") == story.git("rev-parse", f"{at}^{{commit}}")
    story.gitmodel("checkout", at)
    assert story.git("status", "--porcelain") == ""
    story.gitmodel("checkout", "main")
    assert story.tree() == before
    assert story.git("status", "--porcelain") == ""
    assert story.git("rev-parse", "main") == branch
    assert story.git("for-each-ref", "refs/worktree") == ""


def test_it_says_what_came_from_where(story: Repo) -> None:
    done = story.gitmodel("checkout", "model-v1.1", "--code", "v1.0", "--data", "v1.0")
    first = story.git("rev-parse", "--short=12", "v1.0")
    second = story.git("rev-parse", "--short=12", "main")
    assert done.out.splitlines()[1:] == [
        f"data of v1.0 ({first}): data/train",
        f"code of v1.0 ({first}): 1 file changed: train.py",
        f"rest of model-v1.1 ({second}): model.pt",
    ]
    assert "git status" in done.err


def test_from_one_mix_to_another(story: Repo) -> None:
    story.gitmodel("checkout", "model-v1.1", "--data", "v1.0")
    story.gitmodel("checkout", "model-v1.1", "--code", "v1.0")
    assert parts(story) == (1, 2, SECOND)
    story.gitmodel("checkout", "v1.0", "--code", "main", "--data", "main")
    assert parts(story) == (2, 1, SECOND)
    story.gitmodel("checkout", "main")
    assert parts(story) == (2, 2, SECOND)
    assert story.git("status", "--porcelain") == ""


def test_the_same_again_changes_nothing(story: Repo) -> None:
    story.gitmodel("checkout", "v1.0", "--code", "main")
    mixed = story.tree()
    story.gitmodel("checkout", "v1.0", "--code", "main")
    assert story.tree() == mixed


@pytest.mark.parametrize("staged", [False, True])
def test_changes_of_code_are_not_lost(story: Repo, staged: bool) -> None:
    story.write("train.py", "mine\n")
    if staged:
        story.git("add", "train.py")
    before = story.tree()
    done = story.gitmodel("checkout", "v1.0", "--code", "main", code=4)
    assert "'train.py'" in done.err
    assert story.tree() == before
    assert story.git("symbolic-ref", "--short", "HEAD") == "main"


@pytest.mark.parametrize("staged", [False, True])
def test_changes_of_mixed_code_are_not_lost(story: Repo, staged: bool) -> None:
    story.gitmodel("checkout", "model-v1.1", "--code", "v1.0", "--data", "v1.0")
    story.write("train.py", "mine\n")
    if staged:
        story.git("add", "train.py")
    before = story.tree()
    for where in (["main"], ["v1.0"], ["v1.0", "--code", "main"]):
        assert "train.py" in story.gitmodel("checkout", *where, code=4).err
        assert story.tree() == before
    # Git's own ways out are open.
    story.git("reset", "--quiet", "--hard")
    story.gitmodel("checkout", "main")
    assert parts(story) == (2, 2, SECOND)


def test_changes_of_artifacts_are_not_lost(story: Repo) -> None:
    story.write("data/train/b.png", "never saved")
    before = story.tree()
    assert "b.png" in story.gitmodel("checkout", "model-v1.1", "--data", "v1.0", code=4).err
    assert story.tree() == before
    assert story.git("status", "--porcelain") == ""


def test_a_file_in_the_way_that_git_does_not_know_is_not_lost(story: Repo) -> None:
    story.write("extra.py", "theirs\n")
    story.commit()
    story.git("tag", "extra")
    story.gitmodel("checkout", "v1.0")
    story.write("extra.py", "mine\n")
    before = story.tree()
    assert "extra.py" in story.gitmodel("checkout", "v1.0", "--code", "extra", code=4).err
    assert story.tree() == before
    assert story.git("rev-parse", "HEAD") == story.git("rev-parse", "v1.0")


def test_code_that_came_and_went(story: Repo) -> None:
    story.write("src/new.py", "new\n")
    (story.path / "train.py").unlink()
    story.commit()
    story.git("tag", "v2.0")
    story.gitmodel("checkout", "v1.0", "--code", "v2.0")
    assert story.read("src/new.py") == b"new\n"
    assert not (story.path / "train.py").exists()
    assert story.read("model.pt") == MODELS[1]
    story.gitmodel("checkout", "v2.0", "--code", "v1.0")
    assert not (story.path / "src").exists()
    assert story.read("train.py") == CODE[1]
    assert story.read("model.pt") == MODELS[2]


def test_metrics_and_params_stay_with_the_version(story: Repo) -> None:
    story.write("metrics.json", '{"accuracy": 0.5}')
    story.write("params.yaml", "lr: 0.1\n")
    story.commit()
    story.git("tag", "v2.0")
    story.gitmodel("checkout", "v2.0", "--code", "v1.0")
    assert story.read("metrics.json") == b'{"accuracy": 0.5}'
    assert story.read("params.yaml") == b"lr: 0.1\n"
    assert story.read("train.py") == CODE[1]


def test_data_that_the_version_does_not_have(story: Repo) -> None:
    """Git ignores them all the same, and what the other version lacks goes."""
    story.write("more/data/x", noise("more", 4000))
    story.gitmodel("add", "more/data")
    story.git("rm", "--quiet", "data/train.gitmodel")
    shutil.rmtree(story.path / "data/train")
    story.git("add", "--all")
    story.git("commit", "--quiet", "-m", "other data")
    story.git("tag", "v2.0")
    story.gitmodel("checkout", "v1.0")
    story.gitmodel("checkout", "v1.0", "--data", "v2.0")
    assert story.read("more/data/x") == noise("more", 4000)
    assert not (story.path / "data/train").exists()
    assert "??" not in story.git("status", "--porcelain")
    story.gitmodel("status", "--exit-code")
    story.gitmodel("checkout", "v1.0")
    assert not (story.path / "more").exists()
    assert sorted(story.tree("data/train")) == FIRST
    assert story.git("status", "--porcelain") == ""


def test_data_that_git_held_then(repo: Repo) -> None:
    repo.write("data/a", "raw\n")
    repo.write("train.py", "1\n")
    repo.commit()
    repo.git("tag", "v1.0")
    repo.gitmodel("add", "data")
    repo.write("train.py", "2\n")
    repo.commit()
    repo.git("tag", "v2.0")
    repo.gitmodel("checkout", "v2.0", "--data", "v1.0", "--", "data")
    assert repo.git("ls-files", "data") == "data/a"
    assert repo.read("data/a") == b"raw\n"
    repo.gitmodel("checkout", "v1.0", "--data", "v2.0")
    assert repo.git("ls-files", "data", "data.gitmodel") == "data.gitmodel"
    assert repo.read("data/a") == b"raw\n"
    assert repo.read("train.py") == b"1\n"
    repo.gitmodel("checkout", "v1.0")
    assert repo.git("ls-files", "data", "data.gitmodel") == "data/a"


def test_what_is_data_must_be_told_where_nothing_tells(repo: Repo) -> None:
    repo.write("model.pt", "1")
    repo.gitmodel("add", "model.pt")
    repo.commit()
    repo.git("tag", "v1.0")
    done = repo.gitmodel("checkout", "v1.0", "--data", "main", code=2)
    assert "-- PATH" in done.err
    repo.gitmodel("checkout", "v1.0", "--data", "main", "--", "model.pt")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--code", "v9.9"), "'v9.9'"),
        (("v1.0", "--data", "nothing"), "'nothing'"),
        (("v1.0", "--code", "v1.0", "--", "data/train"), "--data"),
        (("v1.0", "--data", "v1.0", "--", "data/train/b.png"), "data/train"),
        (("v1.0", "--data", "v1.0", "--", "train.py"), "train.py"),
        (("v1.0", "--code=--help"), "--help"),
    ],
)
def test_what_makes_no_sense(story: Repo, arguments: tuple[str, ...], says: str) -> None:
    before = story.tree()
    assert says in story.gitmodel("checkout", *arguments, code=2).err
    assert story.tree() == before


def test_what_was_interrupted_is_finished(story: Repo) -> None:
    """Git's files moved, the artifacts did not."""
    story.gitmodel("checkout", "v1.0", "--data", "main")
    write_first(story)
    story.gitmodel("checkout", "--force", "v1.0", "--data", "main")
    assert parts(story) == (1, 1, SECOND)


def test_work_that_was_committed_on_a_mix_stays(story: Repo) -> None:
    story.gitmodel("checkout", "--code", "v1.0")
    story.commit("back to the old code")
    story.gitmodel("checkout", "v1.0")
    story.gitmodel("checkout", "main")
    assert parts(story) == (1, 2, SECOND)
    assert story.git("status", "--porcelain") == ""


def test_git_may_collect_its_garbage_meanwhile(story: Repo) -> None:
    story.gitmodel("checkout", "model-v1.1", "--code", "v1.0", "--data", "v1.0")
    story.git("gc", "--quiet", "--prune=now")
    story.gitmodel("checkout", "main")
    assert parts(story) == (2, 2, SECOND)
    assert story.git("status", "--porcelain") == ""


def test_another_working_tree_has_a_mix_of_its_own(story: Repo) -> None:
    story.git("worktree", "add", "--quiet", "--detach", "../other")
    other = Repo(story.path.parent / "other")
    other.gitmodel("checkout", "v1.0", "--code", "main")
    story.gitmodel("checkout", "main", "--data", "v1.0")
    assert parts(other) == (2, 1, FIRST)
    assert parts(story) == (2, 2, FIRST)
    story.gitmodel("checkout", "main")
    assert parts(other) == (2, 1, FIRST)
    other.gitmodel("checkout", "v1.0")
    assert parts(other) == (1, 1, FIRST)
