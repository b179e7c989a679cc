"""push, fetch and pull."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gitmodel.root import root_name
from tests.helpers.repo import Repo, flip, noise, replace, tree


def _roots(repo: Repo, tag: str) -> list[Path]:
    return list(repo.remote.glob(f"roots/*/{root_name(f'refs/tags/{tag}')}"))


def test_pull_brings_all(clone: Repo, story: Repo) -> None:
    clone.gitmodel("pull")
    assert clone.tree() == story.tree()
    assert clone.git("status", "--porcelain") == ""
    assert clone.leftovers() == []
    assert "0 files written" in clone.gitmodel("pull").out


def test_fetch_leaves_the_working_tree_alone(clone: Repo, story: Repo) -> None:
    before = clone.tree()
    assert "5 blobs of 5 wanted" in clone.gitmodel("fetch").out
    assert clone.tree() == before
    shutil.rmtree(clone.remote)
    clone.gitmodel("checkout")
    assert clone.tree() == story.tree()


@pytest.mark.parametrize("path", ["model.pt", "data/train/b.png", "data/train/n*.png"])
def test_pull_brings_only_a_part(clone: Repo, path: str) -> None:
    before = clone.tree().keys()
    clone.gitmodel("pull", path)
    new = clone.tree().keys() - before
    assert new == {path.replace("n*", "new")}


def test_fetch_brings_only_a_part(clone: Repo) -> None:
    assert "of 2 wanted" in clone.gitmodel("fetch", "data/train/b.png").out
    clone.gitmodel("fetch", "nothing", code=2)


def test_nothing_new_to_push(story: Repo) -> None:
    before = tree(story.remote)
    assert "already" in story.gitmodel("push").out
    assert tree(story.remote) == before


def test_push_names_tags_that_only_look_like_versions(story: Repo) -> None:
    for tag in ("v2", "model-v3", "1.4", "nightly", "v1.2", "llama-3b", "bert-v2-large"):
        story.git("tag", tag)
    done = story.gitmodel("push")
    assert "complete on origin: v1.2\n" in done.out
    assert "not pushed, for these tags are not versions: 1.4, model-v3, v2  (" in done.err
    for tag in ("1.4", "model-v3"):
        story.git("tag", "--delete", tag)
    story.git("tag", "v3.0", "HEAD:.gitmodel.yaml")
    story.git("tag", "v3.1rc1")
    story.git("tag", "model\N{EN DASH}v3.2")
    done = story.gitmodel("push")
    assert "model\N{EN DASH}v3.2, v2, v3.0, v3.1rc1  (" in done.err
    assert "complete on origin: v2\n" in story.gitmodel("push", "v2").out


def test_push_without_a_commit(repo: Repo) -> None:
    repo.write("model.pt", noise(1, 100))
    repo.gitmodel("add", "model.pt")
    assert "git commit" in repo.gitmodel("push", code=2).err


def test_what_is_not_committed_is_told(story: Repo) -> None:
    story.write("model.pt", noise("not yet", 200))
    story.gitmodel("add", "model.pt")
    done = story.gitmodel("push")
    assert "model.pt" in done.err
    assert "git commit" in done.err


def test_how_much_is_not_committed_is_told(story: Repo) -> None:
    names = [f"models/new{number}.bin" for number in range(7)]
    for name in names:
        story.write(name, name)
    story.gitmodel("add", *names)
    done = story.gitmodel("push")
    assert f"no commit has it yet: {', '.join(names[:5])} and 2 more  (git commit)" in done.err


def test_without_a_remote(story: Repo) -> None:
    story.gitmodel("remote", "remove", "origin")
    assert "gitmodel remote add" in story.gitmodel("push", code=2).err


def test_only_the_tags_asked_for(story: Repo) -> None:
    story.git("tag", "v2.0")
    story.git("tag", "v3.0")
    story.gitmodel("push", "v2.0")
    tags = story.git("ls-remote", "--tags", "origin")
    assert "v2.0" in tags
    assert "v3.0" not in tags
    story.gitmodel("push", "nothing", code=2)


def test_a_tag_that_is_no_version_stays_here(story: Repo) -> None:
    story.git("tag", "scratch")
    story.gitmodel("push")
    assert "scratch" not in story.git("ls-remote", "--tags", "origin")


def test_no_git_pushes_no_tags(story: Repo) -> None:
    story.git("tag", "v2.0")
    story.gitmodel("push", "--no-git")
    assert "v2.0" not in story.git("ls-remote", "--tags", "origin")
    assert list(story.remote.glob("roots/*/tags_2fv2.0"))


def test_a_tag_that_moved_is_refused(story: Repo) -> None:
    root = next(story.remote.glob("roots/*/tags_2fv1.0"))
    before = root.read_bytes()
    story.git("tag", "--force", "v1.0", "main")
    done = story.gitmodel("push", code=4)
    assert "v1.0" in done.err
    assert root.read_bytes() == before


def test_a_tag_that_someone_else_pushed_elsewhere_is_refused(clone: Repo, story: Repo) -> None:
    clone.gitmodel("pull")
    clone.write("model.pt", noise("theirs", 500))
    clone.gitmodel("add", "model.pt")
    clone.commit()
    clone.git("tag", "v2.0")
    clone.gitmodel("push", env={"GITMODEL_TRUST_REMOTE": "1"})
    story.git("tag", "v2.0")
    assert "v2.0" in story.gitmodel("push", code=4).err
    assert story.git("ls-remote", "--tags", "origin", "v2.0").split()[0] == clone.git(
        "rev-parse", "v2.0"
    )


def test_missing_blobs_keep_the_tag_here(clone: Repo) -> None:
    """This clone has a pointer of which nobody has the bytes."""
    clone.gitmodel("pull")
    clone.write("model.pt", noise("lost", (1 << 20) + 9))
    clone.gitmodel("add", "model.pt")
    clone.commit()
    clone.git("tag", "v2.0")
    for path in clone.home.glob("blobs/*/*/*"):
        path.unlink()
    (clone.path / "model.pt").unlink()
    done = clone.gitmodel("push", code=5, env={"GITMODEL_TRUST_REMOTE": "1"})
    assert "model.pt" in done.err
    assert "v2.0" not in clone.git("ls-remote", "--tags", "origin")
    assert not list(clone.remote.glob("roots/*/tags_2fv2.0"))


@pytest.mark.parametrize("command", ["pull", "fetch", "checkout"])
def test_what_is_nowhere_is_named(clone: Repo, command: str) -> None:
    clone.gitmodel("pull")
    clone.write("model.pt", noise("lost", (1 << 20) + 9))
    clone.gitmodel("add", "model.pt")
    for path in clone.home.glob("blobs/*/*/*"):
        path.unlink()
    (clone.path / "model.pt").unlink()
    assert "'model.pt' (blake3:" in clone.gitmodel(command, code=5).err


def test_a_clone_without_the_data_can_push_what_is_there_already(clone: Repo) -> None:
    clone.write("train.py", "print(3)\n")
    clone.commit()
    clone.git("tag", "v2.0")
    clone.gitmodel("push", env={"GITMODEL_TRUST_REMOTE": "1"})
    assert "v2.0" in clone.git("ls-remote", "--tags", "origin")
    assert _roots(clone, "v2.0")


def test_a_remote_that_came_with_the_clone_is_confirmed_before_it_is_written_to(
    clone: Repo,
) -> None:
    clone.gitmodel("pull")
    clone.write("model.pt", noise("new", 600))
    clone.gitmodel("add", "model.pt")
    clone.commit()
    before = tree(clone.remote)
    done = clone.gitmodel("push", code=7)
    assert "gitmodel remote add origin ../remote" in done.err
    assert tree(clone.remote) == before
    clone.gitmodel("push", env={"GITMODEL_TRUST_REMOTE": "1"})
    assert tree(clone.remote) != before


def test_the_command_to_type_runs_nothing_else(clone: Repo) -> None:
    url = "../x'; touch '../pwned"
    clone.write(".gitmodel.yaml", clone.read(".gitmodel.yaml").replace(b"../remote", url.encode()))
    hint = clone.gitmodel("push", code=7).err.strip().rpartition("next:")[2]
    assert clone.run("bash", "-c", hint).code == 0
    assert not (clone.path.parent / "pwned").exists()
    assert url in clone.gitmodel("remote", "list").out


def test_typing_the_command_confirms(clone: Repo) -> None:
    clone.gitmodel("pull")
    clone.gitmodel("remote", "add", "origin", "../remote")
    clone.gitmodel("push")


def test_a_changed_url_asks_again(story: Repo) -> None:
    config = story.read(".gitmodel.yaml").replace(b"../remote", b"../elsewhere")
    story.write(".gitmodel.yaml", config)
    assert "../elsewhere" in story.gitmodel("push", code=7).err
    assert not (story.path.parent / "elsewhere").exists()


def test_a_push_from_another_clone_adds_to_it(clone: Repo, story: Repo) -> None:
    clone.gitmodel("pull")
    clone.gitmodel("remote", "add", "origin", "../remote")
    clone.write("data/train/theirs.png", noise("theirs", 4000))
    clone.gitmodel("add", "data/train")
    clone.commit()
    clone.gitmodel("push")
    clone.git("push", "--quiet", "origin", "main")
    story.git("pull", "--quiet", "origin", "main")
    story.gitmodel("pull")
    assert story.tree() == clone.tree()


def test_unsaved_work_is_not_pulled_over(clone: Repo) -> None:
    clone.write("model.pt", "mine")
    assert "'model.pt'" in clone.gitmodel("pull", code=4).err
    assert clone.read("model.pt") == b"mine"
    clone.gitmodel("pull", "--force")
    assert clone.read("model.pt") == noise("model 2", (1 << 20) + 200)


def test_a_remote_that_is_not_there(clone: Repo) -> None:
    shutil.rmtree(clone.remote)
    done = clone.gitmodel("pull", code=5)
    assert "'origin'" in done.err
    assert "next:" in done.err
    assert clone.blobs == []


def test_a_git_remote_that_is_not_there(story: Repo) -> None:
    shutil.rmtree(story.path.parent / "origin.git")
    story.git("tag", "v2.0")
    assert "origin" in story.gitmodel("push", code=6).err


def test_a_blob_that_is_damaged_here_is_not_pushed(story: Repo) -> None:
    story.write("model.pt", noise("new", (1 << 20) + 50))
    story.gitmodel("add", "model.pt")
    story.commit()
    story.git("tag", "v2.0")
    for path in story.home.glob("blobs/*/*/*"):
        flip(path)
    story.gitmodel("push", code=7)
    assert not list(story.remote.glob("roots/*/tags_2fv2.0"))
    assert "v2.0" not in story.git("ls-remote", "--tags", "origin")


@pytest.mark.parametrize("harm", ["flip", "truncate", "empty", "swap", "delete"])
def test_damage_on_the_remote_never_gets_in(clone: Repo, harm: str) -> None:
    packs = sorted(clone.remote.glob("packs/*/*"))
    contents = [pack.read_bytes() for pack in packs]
    for pack, data, other in zip(packs, contents, reversed(contents), strict=True):
        if harm == "flip":
            flip(pack, len(data) // 3)
        elif harm == "delete":
            pack.unlink()
        else:
            replace(pack, {"truncate": data[: len(data) // 3], "empty": b"", "swap": other}[harm])
    before = clone.tree()
    done = clone.run("gitmodel", "pull")
    assert done.code in (5, 6, 7), done.err
    assert "Traceback" not in done.err
    assert clone.tree() == before
    assert clone.leftovers() == []
    # What did get in is right.
    assert clone.run("gitmodel", "verify").code in (0, 5)


@pytest.mark.parametrize("harm", ["flip", "truncate"])
def test_a_damaged_index_file_is_told_and_mended(clone: Repo, story: Repo, harm: str) -> None:
    index = next(clone.remote.glob("index/*"))
    flip(index) if harm == "flip" else replace(index, index.read_bytes()[:50])
    assert "gitmodel remote repair" in clone.gitmodel("pull", code=7).err
    story.gitmodel("remote", "repair")
    clone.gitmodel("pull")
    assert clone.tree() == story.tree()
