"""Plain Git, as people type it: with the hooks it brings the data, without them one pull does.

The table in docs/git.md names these tests.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.helpers.repo import Repo, copied, noise
from tests.helpers.story import FIRST, SECOND, write_first, write_second

TRUSTED = {"GITMODEL_TRUST_REMOTE": "1"}


@pytest.fixture(params=["hooks", "plain"])
def hooks(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "hooks")


@pytest.fixture
def work(story: Repo, hooks: bool) -> Repo:
    """The story at its second version, with the hooks or without."""
    if hooks:
        _install(story)
    # It was copied: Git and gitmodel see each file for the first time.
    story.git("status")
    story.gitmodel("status")
    return story


def settle(repo: Repo, hooks: bool) -> None:
    """Without hooks, one command brings the data; with them, Git has brought it already."""
    if not hooks:
        repo.gitmodel("pull")
    repo.gitmodel("status", "--exit-code")
    assert repo.git("status", "--porcelain") == ""
    assert repo.leftovers() == []


def add(repo: Repo, path: str, data: bytes, message: str = "") -> str:
    repo.write(path, data)
    repo.gitmodel("add", path)
    return repo.commit(message or f"change {path}")


def cloned(story: Repo, hooks: bool, *options: str) -> Repo:
    """Clone the origin, by a template that has the hooks, as `init.templateDir` may name one."""
    if hooks:
        _install(story)
        options = (f"--template={_template(story)}", *options)
    url = f"file://{story.path.parent / 'origin.git'}"
    story.git("clone", "--quiet", *options, url, "../fresh")
    fresh = Repo(story.path.parent / "fresh")
    fresh.env["PATH"] = story.env["PATH"]
    return fresh


def _install(repo: Repo) -> None:
    repo.gitmodel("install")
    # A template brings the hooks alone.
    repo.fork_hooks(by_path=True)


def _template(repo: Repo) -> Path:
    """Return a folder that brings the hooks of a repository to all that Git clones with it."""
    template = repo.path.parent / "template"
    shutil.copytree(repo.path / ".git/hooks", template / "hooks")
    return template


def test_clone(story: Repo, hooks: bool) -> None:
    fresh = cloned(story, hooks)
    settle(fresh, hooks)
    assert fresh.tree() == story.tree()


def test_clone_without_a_checkout(story: Repo, hooks: bool) -> None:
    fresh = cloned(story, hooks, "--no-checkout")
    fresh.git("checkout", "--quiet", "main")
    settle(fresh, hooks)
    assert fresh.tree() == story.tree()


def test_clone_of_a_tag_is_a_detached_head(story: Repo, hooks: bool) -> None:
    fresh = cloned(story, hooks, "-c", "advice.detachedHead=false", "--branch", "v1.0")
    settle(fresh, hooks)
    assert fresh.read("model.pt") == FIRST
    # Work goes on from there, and nothing is lost that is pushed.
    add(fresh, "model.pt", noise("detached", 3 << 20))
    fresh.git("tag", "v1.0.1")
    if hooks:
        done = fresh.run("git", "push", "--quiet", "origin", "v1.0.1", env=TRUSTED)
        assert done.code == 0, done.err
    else:
        fresh.gitmodel("push", env=TRUSTED)
    story.git("fetch", "--quiet", "--tags", "origin")
    story.gitmodel("checkout", "v1.0.1")
    assert story.read("model.pt") == noise("detached", 3 << 20)


@pytest.mark.parametrize("verb", ["checkout", "switch"])
def test_checkout_and_switch(work: Repo, hooks: bool, verb: str) -> None:
    second = work.tree()
    work.git(verb, "--quiet", "--detach", "v1.0")
    settle(work, hooks)
    assert work.read("model.pt") == FIRST
    assert sorted(work.tree("data/train")) == ["a.png", "b.png", "deep/c.png"]
    work.git(verb, "--quiet", "-")
    settle(work, hooks)
    assert work.tree() == second
    work.git("branch", "topic", "v1.0")
    work.git(verb, "--quiet", "topic")
    settle(work, hooks)
    assert work.read("model.pt") == FIRST


def test_checkout_takes_an_artifact_away_and_brings_it_back(work: Repo, hooks: bool) -> None:
    add(work, "extra.pt", noise("extra", 3000))
    work.git("checkout", "--quiet", "v1.0")
    if hooks:
        assert not (work.path / "extra.pt").exists()
        work.git("checkout", "--quiet", "main")
        settle(work, hooks)
        assert work.read("extra.pt") == noise("extra", 3000)


def test_checkout_of_one_pointer(work: Repo) -> None:
    """Git tells its hook nothing of what it took; one pull does it, with the hooks or without."""
    work.git("checkout", "--quiet", "v1.0", "--", "model.pt.gitmodel")
    work.gitmodel("pull")
    assert work.read("model.pt") == FIRST
    work.git("restore", "--source=main", "--staged", "--worktree", "model.pt.gitmodel")
    work.gitmodel("pull")
    settle(work, True)
    assert work.read("model.pt") == SECOND


def test_merge(work: Repo, hooks: bool) -> None:
    work.git("checkout", "--quiet", "-b", "topic")
    add(work, "model.pt", noise("topic", 5000))
    work.git("checkout", "--quiet", "main")
    settle(work, hooks)
    work.git("merge", "--quiet", "--ff-only", "topic")
    settle(work, hooks)
    assert work.read("model.pt") == noise("topic", 5000)
    work.git("checkout", "--quiet", "-b", "other")
    add(work, "data/train/other.png", noise("other", 600))
    work.git("checkout", "--quiet", "main")
    settle(work, hooks)
    add(work, "model.pt", noise("again", 6000))
    work.git("merge", "--quiet", "--no-edit", "other")
    settle(work, hooks)
    assert work.read("model.pt") == noise("again", 6000)
    assert work.read("data/train/other.png") == noise("other", 600)


def test_squashed_merge(work: Repo, hooks: bool) -> None:
    work.git("checkout", "--quiet", "-b", "topic")
    add(work, "model.pt", noise("topic", 5000))
    work.git("checkout", "--quiet", "main")
    settle(work, hooks)
    work.git("merge", "--quiet", "--squash", "topic")
    work.git("commit", "--quiet", "-m", "squashed")
    settle(work, hooks)
    assert work.read("model.pt") == noise("topic", 5000)


def test_merge_with_a_conflict(work: Repo, hooks: bool) -> None:
    work.git("checkout", "--quiet", "-b", "topic")
    add(work, "model.pt", noise("theirs", 5000))
    work.git("checkout", "--quiet", "main")
    settle(work, hooks)
    add(work, "model.pt", noise("ours", 6000))
    assert work.run("git", "merge", "--quiet", "topic").code == 1
    work.git("checkout", "--quiet", "--theirs", "model.pt.gitmodel")
    work.git("add", "model.pt.gitmodel")
    work.git("commit", "--quiet", "--no-edit")
    settle(work, hooks)
    assert work.read("model.pt") == noise("theirs", 5000)


def _fork(repo: Repo) -> None:
    """Let topic change the dataset, and main the model."""
    repo.git("checkout", "--quiet", "-b", "topic")
    add(repo, "data/train/topic.png", noise("topic 1", 700))
    add(repo, "data/train/topic.png", noise("topic 2", 700))
    repo.git("checkout", "--quiet", "main")
    repo.gitmodel("checkout")
    add(repo, "model.pt", noise("main", 6000))
    repo.git("checkout", "--quiet", "topic")
    repo.gitmodel("checkout")


@pytest.mark.parametrize("way", ["--merge", "--apply", "--interactive"])
def test_rebase(work: Repo, hooks: bool, way: str) -> None:
    _fork(work)
    work.git("-c", "sequence.editor=true", "rebase", "--quiet", way, "main")
    settle(work, hooks)
    assert work.read("model.pt") == noise("main", 6000)
    assert work.read("data/train/topic.png") == noise("topic 2", 700)


def test_rebase_that_only_moves_forward(work: Repo, hooks: bool) -> None:
    _fork(work)
    work.git("checkout", "--quiet", "-B", "topic", "main~1")
    settle(work, hooks)
    work.git("rebase", "--quiet", "main")
    settle(work, hooks)
    assert work.read("model.pt") == noise("main", 6000)


def test_rebase_that_is_given_up(work: Repo, hooks: bool) -> None:
    _fork(work)
    add(work, "model.pt", noise("topic", 5000))
    before = work.tree()
    assert work.run("git", "rebase", "--quiet", "main").code == 1
    work.git("rebase", "--abort")
    settle(work, hooks)
    assert work.tree() == before


def test_rebase_with_a_conflict(work: Repo, hooks: bool) -> None:
    _fork(work)
    add(work, "model.pt", noise("topic", 5000))
    assert work.run("git", "rebase", "--quiet", "main").code == 1
    work.git("checkout", "--quiet", "--theirs", "model.pt.gitmodel")
    work.git("add", "model.pt.gitmodel")
    work.git("-c", "core.editor=true", "rebase", "--continue")
    settle(work, hooks)
    assert work.read("model.pt") == noise("topic", 5000)
    assert work.read("data/train/topic.png") == noise("topic 2", 700)


@pytest.mark.parametrize("way", ["--merge", "--apply"])
def test_rebase_with_a_conflict_before_the_last_commit(work: Repo, hooks: bool, way: str) -> None:
    """What `resolve` restored half way is another model than that of both ends."""
    _fork(work)
    add(work, "model.pt", noise("half way", 5000))
    add(work, "model.pt", noise("topic", 5000))
    assert work.run("git", "rebase", "--quiet", way, "main").code == 1
    work.gitmodel("resolve", "--theirs", "model.pt")
    work.git("-c", "core.editor=true", "rebase", "--continue")
    settle(work, hooks)
    assert work.read("model.pt") == noise("topic", 5000)


def test_cherry_pick(work: Repo, hooks: bool) -> None:
    _fork(work)
    work.git("checkout", "--quiet", "main")
    settle(work, hooks)
    work.git("cherry-pick", "topic~1", "topic")
    settle(work, hooks)
    assert work.read("data/train/topic.png") == noise("topic 2", 700)
    assert work.read("model.pt") == noise("main", 6000)


def test_cherry_pick_with_a_conflict(work: Repo, hooks: bool) -> None:
    _fork(work)
    add(work, "model.pt", noise("topic", 5000))
    work.git("checkout", "--quiet", "main")
    settle(work, hooks)
    assert work.run("git", "cherry-pick", "topic").code == 1
    work.git("checkout", "--quiet", "--theirs", "model.pt.gitmodel")
    work.git("add", "model.pt.gitmodel")
    work.git("-c", "core.editor=true", "cherry-pick", "--continue")
    settle(work, hooks)
    assert work.read("model.pt") == noise("topic", 5000)


def test_revert(work: Repo, hooks: bool) -> None:
    work.git("revert", "--no-edit", "HEAD")
    settle(work, hooks)
    assert work.read("model.pt") == FIRST
    work.git("revert", "--no-edit", "HEAD")
    settle(work, hooks)
    assert work.read("model.pt") == SECOND


def test_stash(work: Repo) -> None:
    """Git calls no hook for a stash: one pull does it, with the hooks or without."""
    work.write("model.pt", noise("wip", 9000))
    work.gitmodel("add", "model.pt")
    work.git("stash", "--quiet")
    work.gitmodel("pull")
    settle(work, True)
    assert work.read("model.pt") == SECOND
    work.git("stash", "pop", "--quiet")
    work.gitmodel("pull")
    assert work.read("model.pt") == noise("wip", 9000)
    work.gitmodel("status", "--exit-code")


def test_stash_never_takes_work_that_was_not_added(work: Repo) -> None:
    work.write("model.pt", noise("wip", 9000))
    work.write("train.py", "print('wip')\n")
    work.git("stash", "--quiet")
    assert "'model.pt'" in work.gitmodel("pull", code=4).err
    assert work.read("model.pt") == noise("wip", 9000)


@pytest.mark.parametrize("how", ["--hard", "--merge", "--keep"])
def test_reset(work: Repo, how: str) -> None:
    """Git calls no hook for a reset: one pull does it, with the hooks or without."""
    work.git("reset", "--quiet", how, "HEAD~1")
    work.gitmodel("pull")
    settle(work, True)
    assert work.read("model.pt") == FIRST
    work.git("reset", "--quiet", how, "ORIG_HEAD")
    work.gitmodel("pull")
    settle(work, True)
    assert work.read("model.pt") == SECOND


def test_bisect(work: Repo, hooks: bool) -> None:
    """The model went bad in the fourth of six commits."""
    for number in range(6):
        good = b"good" if number < 3 else b"bad!"
        add(work, "model.pt", good + noise(number, 2000), f"number {number}")
    work.git("bisect", "start", "HEAD", "HEAD~5")
    pull = "" if hooks else "gitmodel pull -q || exit 125; "
    done = work.run("git", "bisect", "run", "sh", "-c", f"{pull}grep -q good model.pt")
    assert done.code == 0, done.err
    assert "number 3" in work.git("log", "-1", "--format=%s", "refs/bisect/bad")
    work.git("bisect", "reset")
    settle(work, hooks)
    assert work.read("model.pt") == b"bad!" + noise(5, 2000)


def test_worktree_add(work: Repo, hooks: bool) -> None:
    here = work.tree()
    work.git("worktree", "add", "--quiet", "../linked", "v1.0")
    linked = Repo(work.path.parent / "linked")
    if not hooks:
        linked.gitmodel("pull")
    assert linked.read("model.pt") == FIRST
    linked.gitmodel("status", "--exit-code")
    linked.git("checkout", "--quiet", "-b", "topic")
    add(linked, "model.pt", noise("linked", 2 << 20))
    linked.git("push", "--quiet", "origin", "topic")
    if not hooks:
        linked.gitmodel("push")
    assert work.tree() == here
    work.git("worktree", "remove", "--force", "../linked")
    settle(work, hooks)


def test_pull_by_merge_and_by_rebase(work: Repo, hooks: bool) -> None:
    other = work.clone("other")
    other.gitmodel("pull")
    other.gitmodel("remote", "add", "origin", "../remote")
    for number, way in enumerate(("--ff-only", "--no-rebase", "--rebase")):
        add(other, "model.pt", noise(("other", number), 4000))
        other.gitmodel("push")
        other.git("push", "--quiet", "origin", "main")
        if way != "--ff-only":
            add(work, "data/train/own.png", noise(("own", number), 300))
        work.git("pull", "--quiet", "--no-edit", way, "origin", "main")
        settle(work, hooks)
        assert work.read("model.pt") == noise(("other", number), 4000)
        work.git("push", "--quiet", "origin", "main")
        work.gitmodel("push")
        other.git("pull", "--quiet", "--ff-only", "origin", "main")
        other.gitmodel("pull")


def test_shallow_clone(story: Repo, hooks: bool) -> None:
    fresh = cloned(story, hooks, "--depth=1")
    settle(fresh, hooks)
    assert fresh.tree() == story.tree()
    add(fresh, "model.pt", noise("shallow", 2 << 20))
    fresh.git("tag", "v2.0")
    if hooks:
        done = fresh.run("git", "push", "--quiet", "origin", "main", "v2.0", env=TRUSTED)
        assert done.code == 0, done.err
    else:
        fresh.gitmodel("push", env=TRUSTED)
    story.git("fetch", "--quiet", "--tags", "origin")
    story.gitmodel("checkout", "v2.0")
    assert story.read("model.pt") == noise("shallow", 2 << 20)
    fresh.git("fetch", "--quiet", "--depth=1", "origin", "tag", "v1.0")
    fresh.git("checkout", "--quiet", "v1.0")
    settle(fresh, hooks)
    assert fresh.read("model.pt") == FIRST


@pytest.mark.parametrize("what", ["blob:none", "tree:0"])
def test_partial_clone(story: Repo, hooks: bool, what: str) -> None:
    """Git fetches what is missing of its own objects when gitmodel asks for them."""
    origin = Repo(story.path.parent / "origin.git")
    origin.git("config", "uploadpack.allowFilter", "true")
    origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
    fresh = cloned(story, hooks, f"--filter={what}")
    settle(fresh, hooks)
    assert fresh.tree() == story.tree()
    fresh.gitmodel("checkout", "v1.0")
    assert fresh.read("model.pt") == FIRST
    fresh.git("checkout", "--quiet", "main")
    settle(fresh, hooks)
    fresh.gitmodel("push", env=TRUSTED)


def test_sparse_checkout(work: Repo, hooks: bool) -> None:
    """What is left out stays out, whoever moves."""
    for name in ("a", "b"):
        add(work, f"{name}/model.pt", noise((name, 1), 3000))
    work.git("tag", "v2.0")
    for name in ("a", "b"):
        add(work, f"{name}/model.pt", noise((name, 2), 3000))
    work.gitmodel("push")
    work.git("push", "--quiet", "origin", "main")
    fresh = cloned(work, hooks, "--sparse")
    fresh.git("sparse-checkout", "set", "a")
    fresh.git("checkout", "--quiet", "HEAD")
    fresh.gitmodel("pull")
    assert fresh.read("a/model.pt") == noise(("a", 2), 3000)
    assert not (fresh.path / "b").exists()
    fresh.git("checkout", "--quiet", "v2.0")
    settle(fresh, hooks)
    assert fresh.read("a/model.pt") == noise(("a", 1), 3000)
    assert not (fresh.path / "b").exists()
    fresh.gitmodel("checkout", "main")
    assert fresh.read("a/model.pt") == noise(("a", 2), 3000)
    assert not (fresh.path / "b").exists()
    fresh.git("sparse-checkout", "disable")
    fresh.gitmodel("pull")
    settle(fresh, True)
    assert fresh.read("b/model.pt") == noise(("b", 2), 3000)


def test_a_sparse_checkout_that_shrinks_and_grows(work: Repo, hooks: bool) -> None:
    """Git itself takes away what it ignores in a folder that it leaves out."""
    add(work, "a/model.pt", noise("a", 3000))
    add(work, "b/model.pt", noise("b", 3000))
    work.git("sparse-checkout", "set", "a")
    work.git("checkout", "--quiet", "-b", "topic")
    add(work, "a/model.pt", noise("a again", 3000))
    work.git("checkout", "--quiet", "main")
    settle(work, hooks)
    assert work.read("a/model.pt") == noise("a", 3000)
    assert not (work.path / "b").exists()
    work.git("sparse-checkout", "disable")
    work.gitmodel("pull")
    settle(work, hooks)
    assert work.read("b/model.pt") == noise("b", 3000)


def test_submodule(work: Repo, hooks: bool) -> None:
    outer = _outer(work)
    outer.git(*_FILES, "submodule", "--quiet", "add", "../origin.git", "sub")
    sub = Repo(outer.path / "sub")
    sub.env = work.env
    if hooks:
        _install(sub)
    sub.gitmodel("pull")
    assert sub.tree("data/train") == work.tree("data/train")
    sub.git("checkout", "--quiet", "v1.0")
    if not hooks:
        sub.gitmodel("pull")
    assert sub.read("model.pt") == FIRST
    outer.commit("at the first")
    sub.git("checkout", "--quiet", "main")
    # The outer repository moves it back.
    outer.git(*_FILES, "submodule", "--quiet", "update")
    if not hooks:
        sub.gitmodel("pull")
    assert sub.read("model.pt") == FIRST
    assert sub.gitmodel("status", "--exit-code").out
    assert not (outer.path / ".git/gitmodel").exists()


def test_submodule_of_a_clone(work: Repo, hooks: bool) -> None:
    """Git clones it without a checkout, and only then goes to the commit that is wanted."""
    outer = _outer(work)
    outer.git(*_FILES, "submodule", "--quiet", "add", "../origin.git", "sub")
    sub = Repo(outer.path / "sub")
    outer.commit("with a submodule")
    shutil.rmtree(sub.path)
    shutil.rmtree(outer.path / ".git/modules/sub")
    template = ("-c", f"init.templateDir={_template(work)}") if hooks else ()
    del outer.env["GIT_TEMPLATE_DIR"]
    outer.git(*_FILES, *template, "submodule", "--quiet", "update", "--init")
    settle(sub, hooks)
    assert sub.read("model.pt") == SECOND


_FILES = ("-c", "protocol.file.allow=always")


def _outer(work: Repo) -> Repo:
    outer = work.path.parent / "outer"
    work.run("git", "init", "--quiet", "-b", "main", str(outer))
    (outer / ".git/info/exclude").write_text("/remote\n")
    # The remote of a submodule is relative to its working tree.
    (outer / "remote").symlink_to(work.remote)
    repo = Repo(outer)
    repo.git("remote", "add", "origin", str(work.path.parent / "outer.git"))
    return repo


def test_empty_repository(templates: Path, tmp_path: Path, hooks: bool) -> None:
    repo = copied(templates / "empty", tmp_path)
    if hooks:
        _install(repo)
    assert "no artifacts" in repo.gitmodel("status").out
    repo.gitmodel("checkout")
    repo.gitmodel("pull")
    assert "git commit" in repo.gitmodel("push", code=2).err
    repo.gitmodel("versions")
    write_first(repo)
    repo.gitmodel("add", "model.pt", "data/train")
    # The first commit has no parent, and the first push meets nothing on the other side.
    repo.commit("first")
    done = repo.run("git", "push", "--quiet", "origin", "main")
    assert done.code == 0, done.err
    if not hooks:
        repo.gitmodel("push")
    fresh = repo.clone("fresh")
    fresh.gitmodel("pull")
    assert fresh.tree() == repo.tree()


def test_clone_of_an_empty_repository(repo: Repo) -> None:
    fresh = repo.clone("fresh")
    assert "gitmodel init" in fresh.gitmodel("status", code=2).err
    fresh.gitmodel("init")
    _install(fresh)
    assert "no artifacts" in fresh.gitmodel("status").out


def test_bare_repository_is_read(story: Repo) -> None:
    origin = Repo(story.path.parent / "origin.git")
    origin.env = story.env
    assert "model-v1.1" in origin.gitmodel("versions").out
    for command in ("status", "push", "checkout", "pull"):
        assert "bare" in origin.gitmodel(command, code=2).err
    target = story.path.parent / "got.pt"
    origin.gitmodel("get", ".", "model", "-o", str(target))
    assert target.read_bytes() == SECOND


def test_sha256_repository(tmp_path: Path, hooks: bool) -> None:
    repo = Repo(tmp_path / "work")
    repo.path.mkdir()
    form = ("--quiet", "--object-format=sha256", "-b", "main")
    repo.git("init", *form, "--bare", "../origin.git")
    repo.git("init", *form)
    repo.git("remote", "add", "origin", "../origin.git")
    repo.gitmodel("init")
    repo.gitmodel("remote", "add", "origin", "../remote")
    if hooks:
        _install(repo)
    write_first(repo)
    repo.gitmodel("add", "model.pt", "data/train")
    repo.commit("first")
    repo.git("tag", "v1.0")
    write_second(repo)
    repo.gitmodel("add", "model.pt", "data/train")
    repo.commit("second")
    repo.git("tag", "-a", "model-v1.1", "-m", "better")
    repo.git("gc", "--quiet")
    second = repo.tree()
    if hooks:
        repo.git("push", "--quiet", "origin", "main", "v1.0", "model-v1.1")
    else:
        repo.gitmodel("push")
        repo.git("push", "--quiet", "origin", "main")
    repo.git("checkout", "--quiet", "v1.0")
    settle(repo, hooks)
    assert repo.read("model.pt") == FIRST
    repo.gitmodel("checkout", "model-v1.1")
    assert repo.tree() == second
    fresh = repo.clone("fresh")
    fresh.gitmodel("checkout", "v1.0")
    assert fresh.read("model.pt") == FIRST
    fresh.gitmodel("verify")
    assert "model-v1.1" in fresh.gitmodel("versions").out
    repo.gitmodel("get", "../origin.git", "model", "-o", "got.pt")
    assert repo.read("got.pt") == SECOND
