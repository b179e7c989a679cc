"""The whole way: two versions are made and pushed, and a clone gets both back, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.repo import Repo, new_repo, noise, tree


def _write(repo: Repo, version: int) -> dict[str, str]:
    repo.write("train.py", f"print({version})\n")
    repo.write("models/model.pt", noise(("model", version), (3 << 20) + version))
    for number in range(3 + version):
        repo.write(f"data/train/{number}.png", noise(("image", number), 5000 + number))
    repo.write("data/train/0.png", noise(("first image", version), 5000))
    return _artifacts(repo)


def _artifacts(repo: Repo) -> dict[str, str]:
    found = repo.tree()
    return {path: found[path] for path in found if path.endswith((".pt", ".png", ".py"))}


@pytest.mark.parametrize("algorithm", ["blake3", "sha256"])
def test_two_versions_come_back_in_a_clone(tmp_path: Path, algorithm: str) -> None:
    repo = new_repo(tmp_path, "--hash", algorithm)
    first = _write(repo, 1)
    repo.gitmodel("add", "models/model.pt", "data/train")
    assert f'oid: "{algorithm}:'.encode() in repo.read("models/model.pt.gitmodel")
    repo.commit("first ranker")
    repo.git("tag", "v1.0")
    repo.gitmodel("push")
    second = _write(repo, 2)
    repo.gitmodel("add", "models/model.pt", "data/train")
    repo.commit("better ranker")
    repo.git("tag", "model-v1.1")
    done = repo.gitmodel("push")
    assert "model-v1.1" in done.out
    repo.git("push", "--quiet", "origin", "main")
    assert repo.git("ls-remote", "--tags", "origin").count("refs/tags/") == 2

    clone = repo.clone("clone")
    assert not (clone.path / "models/model.pt").exists()
    clone.gitmodel("checkout", "v1.0")
    assert _artifacts(clone) == first
    clone.gitmodel("checkout", "model-v1.1")
    assert _artifacts(clone) == second
    clone.gitmodel("checkout", "main")
    assert _artifacts(clone) == second
    assert clone.git("status", "--porcelain") == ""
    clone.gitmodel("status", "--exit-code")
    clone.gitmodel("verify")
    clone.gitmodel("verify", "--remote")


def test_git_never_stores_the_bytes(story: Repo) -> None:
    sizes = story.git("cat-file", "--batch-all-objects", "--batch-check=%(objectsize)")
    assert max(map(int, sizes.split())) < 2000


def test_what_is_equal_is_sent_once(story: Repo) -> None:
    before = tree(story.remote)
    story.write("copy.pt", story.read("model.pt"))
    story.gitmodel("add", "copy.pt")
    story.commit()
    assert "pushed" not in story.gitmodel("push").out
    new = tree(story.remote).keys() - before.keys()
    assert all(path.startswith("roots/") for path in new)


def test_a_linked_worktree_shares_the_cache(clone: Repo) -> None:
    clone.gitmodel("pull")
    clone.git("worktree", "add", "--quiet", "../linked", "v1.0")
    clone.remote.rename(clone.path.parent / "away")
    linked = Repo(clone.path.parent / "linked")
    linked.gitmodel("checkout", "main", "--", "model.pt")
    assert linked.read("model.pt") == clone.read("model.pt")
    linked.write("model.pt", noise("another", (1 << 20) + 7))
    linked.gitmodel("add", "model.pt")
    # What one worktree does changes nothing in the other.
    clone.gitmodel("status", "--exit-code")
    assert not (linked.path / ".git" / "gitmodel").exists()


def test_hooks_installed_by_hand_do_their_work_and_do_not_recurse(story: Repo) -> None:
    hooks = Path(__file__).parents[2] / "hooks"
    for name in ("post-checkout", "pre-push"):
        target = story.path / ".git/hooks" / name
        target.write_bytes((hooks / name).read_bytes())
        target.chmod(0o755)
    new = story.read("model.pt")
    story.git("checkout", "--quiet", "v1.0")
    assert story.read("model.pt") == noise("model 1", (1 << 20) + 100)
    # gitmodel runs Git, whose hook must not run gitmodel again: it would wait for its own lock.
    story.gitmodel("checkout", "main")
    assert story.read("model.pt") == new
    story.write("model.pt", noise("model 3", 2 << 20))
    story.gitmodel("add", "model.pt")
    story.commit("third")
    story.git("tag", "v3.0")
    story.git("push", "--quiet", "origin", "main", "v3.0")
    roots = [path.name for path in (story.remote / "roots").glob("*/*")]
    assert "tags_2fv3.0" in roots
    story.git("tag", "v3.1")
    story.gitmodel("push")
    assert "v3.1" in story.git("ls-remote", "--tags", "origin")
