"""`gitmodel mv` and `gitmodel rm`, and what plain `git mv` and `git rm` of a pointer leave."""

from __future__ import annotations

import sqlite3

import pytest

from gitmodel.worktree.replaced import kept_in
from tests.helpers.repo import Repo, noise

MODEL = noise("model 2", (1 << 20) + 200)


def _staged(repo: Repo) -> list[str]:
    return sorted(repo.git("diff", "--cached", "--name-status", "-M").splitlines())


def _config(repo: Repo, text: str) -> None:
    repo.write(".gitmodel.yaml", repo.read(".gitmodel.yaml") + text.encode())


def _is_sound(repo: Repo) -> None:
    repo.gitmodel("status", "--exit-code")
    repo.gitmodel("verify")
    assert repo.leftovers() == []
    repo.commit("done")
    assert repo.git("status", "--porcelain") == ""


def test_a_model_takes_everything_along(story: Repo) -> None:
    _config(story, 'artifacts:\n  "ranker": "model.pt"\n')
    story.write("model.metrics.json", '{"accuracy": 0.9}')
    story.write("model.card.md", "# card\n")
    story.commit("sidecars")
    story.write("model.curves.csv", "1,2\n")
    done = story.gitmodel("mv", "model.pt", "models/best.pt")
    assert "moved model.pt to models/best.pt" in done.out
    assert "moved along: models/best.metrics.json" in done.out
    assert done.err == ""
    assert story.read("models/best.pt") == MODEL
    assert story.read("models/best.curves.csv") == b"1,2\n"
    assert story.read("models/.gitignore") == b"/best.pt\n"
    assert not list(story.path.glob("model.*"))
    assert b'"ranker": "models/best.pt"' in story.read(".gitmodel.yaml")
    assert _staged(story) == [
        "A\tmodels/.gitignore",
        "D\t.gitignore",
        "M\t.gitmodel.yaml",
        "R100\tmodel.card.md\tmodels/best.card.md",
        "R100\tmodel.metrics.json\tmodels/best.metrics.json",
        "R100\tmodel.pt.gitmodel\tmodels/best.pt.gitmodel",
    ]
    assert story.git("status", "--porcelain", "models/best.curves.csv").startswith("??")
    _is_sound(story)


def test_a_folder_is_not_read_again(story: Repo) -> None:
    story.gitmodel("status")
    story.gitmodel("mv", "data/train", "sets/one")
    assert sorted(story.tree("sets/one")) == ["a.png", "b.png", "new.png"]
    assert not (story.path / "data/train").exists()
    _is_sound(story)
    with sqlite3.connect(story.home / "index.db") as database:
        query = "SELECT seen.path FROM seen JOIN worktree ON id = worktree WHERE worktree.path = ?"
        paths = {path for (path,) in database.execute(query, (bytes(story.path),))}
    assert "sets/one/a.png" in paths
    assert not any(path.startswith("data/train") for path in paths)


def test_into_a_folder_from_a_folder(story: Repo) -> None:
    (story.path / "models").mkdir()
    assert "models/model.pt" in story.gitmodel("mv", "../model.pt", ".", cwd="models").out
    assert story.read("models/model.pt") == MODEL
    _is_sound(story)


def test_a_pointer_without_its_file(clone: Repo) -> None:
    clone.gitmodel("mv", "model.pt.gitmodel", "best.pt")
    assert clone.status()["best.pt"]["work"] == "missing"
    clone.gitmodel("pull")
    assert clone.read("best.pt") == MODEL


def test_unsaved_work_moves_along(story: Repo) -> None:
    story.write("model.pt", "never saved")
    story.gitmodel("mv", "model.pt", "best.pt")
    assert story.read("best.pt") == b"never saved"
    assert story.status()["best.pt"]["work"] == "modified"


def test_another_name_is_told(story: Repo) -> None:
    done = story.gitmodel("mv", "model.pt", "best.pt")
    assert "its versions are now called best-v..., no longer model-v..." in done.err
    assert "'artifacts: {model: best.pt}'" in done.err


@pytest.mark.parametrize(
    ("source", "target", "code", "words"),
    [
        ("model.pt", "train.py", 4, "'train.py' is there already"),
        ("model.pt", "data/train/x", 2, "inside the artifact 'data/train'"),
        ("data/train", "data/train/sub", 2, "cannot be moved"),
        ("model.pt", "model.pt", 2, "cannot be moved"),
        ("model.pt", ".git/x", 2, "belongs to Git"),
        ("model.pt", "con.txt", 7, "device"),
        ("data/train/a.png", "a.png", 2, "is inside the artifact"),
        ("train.py", "x.py", 2, "is not a tracked artifact"),
        ("model.pt", "../x", 2, "outside"),
        ("model.pt", "data/train", 4, "is an artifact already"),
        ("model.pt", "taken", 4, "'taken.metrics.json' is there already"),
    ],
)
def test_where_nothing_can_be_moved(
    story: Repo, source: str, target: str, code: int, words: str
) -> None:
    story.write("model.metrics.json", "{}")
    story.write("taken.metrics.json", "{}")
    before = story.tree()
    done = story.gitmodel("mv", source, target, code=code)
    assert words in done.err
    assert story.tree() == before
    assert story.git("diff", "--cached", "--name-only") == ""


def test_not_through_a_symlink(story: Repo) -> None:
    (story.path / "elsewhere").mkdir()
    (story.path / "link").symlink_to("elsewhere")
    story.gitmodel("mv", "model.pt", "link/x.pt", code=7)
    assert story.read("model.pt") == MODEL
    assert not list((story.path / "elsewhere").iterdir())


def test_sidecars_of_two_artifacts_stay(story: Repo) -> None:
    story.write("model.onnx", "x")
    story.write("model.metrics.json", "{}")
    story.gitmodel("add", "model.onnx")
    story.gitmodel("mv", "model.pt", "best.pt")
    assert (story.path / "model.metrics.json").exists()
    assert sorted(story.read(".gitignore").split()) == [b"/best.pt", b"/model.onnx"]


# rm


def test_rm_takes_all_but_the_sidecars(story: Repo) -> None:
    _config(story, 'artifacts:\n  "ranker": "model.pt"\n')
    story.write("model.metrics.json", "{}")
    story.commit("sidecars")
    done = story.gitmodel("rm", "model.pt")
    assert "removed model.pt" in done.out
    assert "kept model.metrics.json (--sidecars removes that too)" in done.err
    assert not (story.path / "model.pt").exists()
    assert not (story.path / ".gitignore").exists()
    assert b"ranker" not in story.read(".gitmodel.yaml")
    _is_sound(story)
    story.gitmodel("checkout", "v1.0")
    assert (story.path / "model.pt").exists()


def test_rm_with_sidecars(story: Repo) -> None:
    story.write("model.metrics.json", "{}")
    story.commit("sidecars")
    story.write("model.params.yaml", "a: 1\n")
    done = story.gitmodel("rm", "--sidecars", "model.pt")
    assert "removed model.metrics.json" in done.out
    assert "kept model.params.yaml which Git does not track (--force)" in done.err
    assert not (story.path / "model.metrics.json").exists()


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_rm_sees_an_edit_that_git_looks_away_from(story: Repo, flag: str) -> None:
    story.write("model.metrics.json", "{}")
    story.commit("sidecars")
    story.git("update-index", flag, "model.metrics.json")
    story.write("model.metrics.json", '{"a": 1}')
    done = story.gitmodel("rm", "--sidecars", "model.pt", code=4)
    assert "'model.metrics.json' has changes that are not committed" in done.err
    assert story.read("model.metrics.json") == b'{"a": 1}'


def test_rm_takes_shared_sidecars_with_the_last_artifact(story: Repo) -> None:
    for path in ("model.onnx", "model.gguf"):
        story.write(path, path)
    story.gitmodel("add", "model.onnx", "model.gguf")
    story.write("model.metrics.json", "{}")
    story.commit("more")
    done = story.gitmodel("rm", "--sidecars", "model.gguf")
    assert "metrics" not in done.out + done.err
    done = story.gitmodel("rm", "--sidecars", "model.pt", "model.onnx")
    assert "removed model.metrics.json" in done.out
    assert not list(story.path.glob("model*"))


def test_rm_does_not_lose_work(story: Repo) -> None:
    story.write("model.pt", "never saved")
    assert "'model.pt' would be overwritten" in story.gitmodel("rm", "model.pt", code=4).err
    story.gitmodel("add", "model.pt")
    assert "is not committed in this form" in story.gitmodel("rm", "model.pt", code=4).err
    story.commit()
    story.write("model.metrics.json", "{}")
    story.commit()
    story.write("model.metrics.json", '{"a": 1}')
    done = story.gitmodel("rm", "--sidecars", "model.pt", code=4)
    assert "'model.metrics.json' has changes that are not committed" in done.err
    assert story.read("model.pt") == b"never saved"
    story.gitmodel("rm", "--sidecars", "--force", "model.pt")
    assert not list(story.path.glob("model*"))
    _is_sound(story)


def test_rm_forced_keeps_for_a_day_what_is_saved_nowhere(story: Repo) -> None:
    story.write("model.pt", "never saved")
    story.write("model.metrics.json", '{"a": 1}')
    story.write("data/train/notes", "mine")
    done = story.gitmodel("rm", "--force", "--sidecars", "model.pt", "data/train")
    assert not (story.path / "model.pt").exists()
    assert not (story.path / "data/train").exists()
    kept = {path.name: path.read_text() for path in kept_in(story.home / "replaced", inside=False)}
    assert kept == {"model.pt": "never saved", "model.metrics.json": '{"a": 1}', "notes": "mine"}
    assert done.err.count("kept for a day in") == len(kept)


def test_rm_forced_keeps_what_only_gits_index_has(story: Repo) -> None:
    story.write("model.metrics.json", '{"a": 1}')
    story.git("add", "model.metrics.json")
    story.gitmodel("rm", "--force", "--sidecars", "model.pt")
    [kept] = kept_in(story.home / "replaced", inside=False)
    assert kept.read_text() == '{"a": 1}'


def test_rm_takes_no_folder_for_a_sidecar(story: Repo) -> None:
    story.git("init", "--quiet", "model.metrics.json")
    story.write("model.metrics.json/mine", "mine")
    story.gitmodel("rm", "--force", "--sidecars", "model.pt")
    assert story.read("model.metrics.json/mine") == b"mine"


def test_rm_forced_keeps_the_pointer_that_no_commit_has(story: Repo) -> None:
    story.write("new.pt", "added only")
    story.gitmodel("add", "new.pt")
    story.gitmodel("rm", "--force", "new.pt")
    [kept] = kept_in(story.home / "replaced", inside=False)
    story.write("new.pt.gitmodel", kept.read_bytes())
    story.git("add", "new.pt.gitmodel")
    story.gitmodel("checkout", "--", "new.pt")
    assert story.read("new.pt") == b"added only"


def test_rm_keeps_files_that_no_version_has(story: Repo) -> None:
    story.write("data/train/notes.txt", "mine")
    done = story.gitmodel("rm", "data/train")
    assert "kept 1 file that no version has: data/train/notes.txt" in done.err
    assert sorted(story.tree("data/train")) == ["notes.txt"]


def test_rm_cached_keeps_the_files(story: Repo) -> None:
    before = story.tree("data/train")
    done = story.gitmodel("rm", "--cached", "data/train", "model.pt")
    assert "removed data/train from Git; what is on the disk stays" in done.out
    assert story.tree("data/train") == before
    assert story.read("model.pt") == MODEL
    assert story.git("ls-files", "*.gitmodel") == ""
    assert "?? model.pt" in story.git("status", "--porcelain").splitlines()
    story.gitmodel("add", "data/train", "model.pt")
    assert story.git("diff", "--cached", "--name-only") == ""


@pytest.mark.parametrize("path", ["data", "data/train/a.png", "train.py", "nothing"])
def test_rm_is_for_artifacts(story: Repo, path: str) -> None:
    before = story.tree()
    story.gitmodel("rm", path, code=2)
    assert story.tree() == before


# Plain Git


def test_a_pointer_that_git_moved(story: Repo) -> None:
    story.gitmodel("status")
    story.git("mv", "model.pt.gitmodel", "best.pt.gitmodel")
    found = story.status()
    assert found["best.pt"]["work"] == "missing"
    assert found["model.pt"]["work"] == "left"
    out = story.gitmodel("status").out
    assert "model.pt" in out
    assert "no longer tracked" in out
    story.gitmodel("pull")
    assert story.read("best.pt") == MODEL
    assert "not ignored by Git  (gitmodel add best.pt)" in story.gitmodel("status").out
    story.gitmodel("add", "best.pt")
    assert "/best.pt" in story.read(".gitignore").decode().split()
    story.gitmodel("rm", "model.pt")
    assert not (story.path / "model.pt").exists()
    assert story.read(".gitignore") == b"/best.pt\n"
    _is_sound(story)


def test_a_pointer_that_git_removed(story: Repo) -> None:
    story.gitmodel("status")
    story.git("rm", "--quiet", "model.pt.gitmodel", "data/train.gitmodel")
    out = story.gitmodel("status", "--exit-code", code=1).out
    assert out.count("no longer tracked  (gitmodel rm") == 2
    story.gitmodel("add", "model.pt")
    assert story.status()["model.pt"]["work"] == "clean"
    story.write("data/train/notes.txt", "mine")
    done = story.gitmodel("rm", "data/train")
    assert "notes.txt" in done.err
    assert sorted(story.tree("data/train")) == ["notes.txt"]


def test_what_git_removed_and_nobody_saved_stays(story: Repo) -> None:
    story.gitmodel("status")
    story.git("rm", "--quiet", "model.pt.gitmodel")
    story.write("model.pt", "never saved")
    assert "kept 1 file that no version has: model.pt" in story.gitmodel("rm", "model.pt").err
    assert story.read("model.pt") == b"never saved"
    assert story.gitmodel("status").out.count("model.pt") == 0
