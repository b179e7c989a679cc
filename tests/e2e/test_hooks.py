"""What the installed hooks do when Git calls them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gitmodel.root import root_name
from tests.helpers.faults import faulty_path, kill_at, needs_strace
from tests.helpers.repo import BIN, Done, Repo, noise, tree
from tests.helpers.story import FIRST, SECOND


@pytest.fixture
def work(story: Repo) -> Repo:
    """The story at its second version, with the hooks."""
    story.gitmodel("install")
    story.fork_hooks()
    story.git("status")
    story.gitmodel("status")
    return story


def add(repo: Repo, path: str, data: bytes) -> str:
    repo.write(path, data)
    repo.gitmodel("add", path)
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "-m", f"change {path}")
    return repo.git("rev-parse", "HEAD")


def roots(repo: Repo) -> set[str]:
    return {path.name for path in (repo.path.parent / "remote/roots").glob("*/*")}


def published(repo: Repo) -> set[str]:
    lines = repo.git("ls-remote", "origin").splitlines()
    return {line.split("\t")[1] for line in lines if not line.endswith(("^{}", "HEAD"))}


def _by_path(repo: Repo) -> None:
    """Have hooks look for gitmodel on PATH, as where another clone set them up."""
    repo.run("git", "config", "--unset", "gitmodel.program")


def without_gitmodel(repo: Repo) -> dict[str, str]:
    """Return a PATH without gitmodel, but with all that a hook may call."""
    _by_path(repo)
    folder = repo.path.parent / "only"
    folder.mkdir()
    for name in ("git", "sh", "cat", "grep", "ps"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return {"PATH": str(folder)}


def counting(repo: Repo) -> tuple[dict[str, str], Path]:
    """Return a PATH whose gitmodel notes that it was started, and where it does."""
    _by_path(repo)
    log = repo.path.parent / "started"
    program = repo.path.parent / "counting" / "gitmodel"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho \"$@\" >> '{log}'\nexec '{BIN}/gitmodel' \"$@\"\n")
    program.chmod(0o755)
    log.touch()
    return {"PATH": os.pathsep.join((str(program.parent), os.environ["PATH"]))}, log


# --- pre-push


def _three_tags(repo: Repo) -> list[str]:
    """Make a branch and three tags, each with a model that nobody has."""
    for number in (2, 3, 4):
        add(repo, "model.pt", noise(("new", number), (1 << 20) + number))
        repo.git("tag", f"v{number}.0")
    add(repo, "data/train/last.png", noise("last", 4000))
    return ["main:refs/heads/next", "v2.0", "v3.0", "v4.0"]


NAMES = ["refs/heads/next", *(f"refs/tags/v{number}.0" for number in (2, 3, 4))]


def _push(repo: Repo, refs: list[str], path: str = "") -> Done:
    env = {"PATH": path} if path else {}
    if path:
        _by_path(repo)
    return repo.run("git", "push", "--quiet", "origin", *refs, env=env)


@needs_strace
@pytest.mark.parametrize(
    ("call", "fault"), [("fsync", "signal=KILL"), ("link", "signal=KILL"), ("fsync", "error=EIO")]
)
def test_no_ref_is_published_before_its_blobs(work: Repo, call: str, fault: str) -> None:
    """The upload dies, or its disk fails, at a different step each time."""
    refs = _three_tags(work)
    before = published(work)
    hits = 0
    for number in (1, 2, 3, 5, 8, 99):
        path = faulty_path(work.path.parent / "faulty", call, f"{fault}:when={number}")
        done = _push(work, refs, path)
        log = (work.path.parent / "faulty/strace.log").read_text()
        hits += "killed by SIGKILL" in log or "(INJECTED)" in log
        if done.code == 0:
            break
        assert published(work) == before
    assert done.code == 0, done.err
    assert hits > 1
    assert published(work) == before | set(NAMES)
    assert {root_name(name) for name in NAMES} <= roots(work)
    fresh = work.clone("fresh")
    for tag in ("v2.0", "v3.0", "v4.0"):
        fresh.gitmodel("checkout", tag)
    fresh.gitmodel("verify")


def test_a_remote_that_fails_stops_the_push(work: Repo) -> None:
    refs = _three_tags(work)
    before = published(work)
    remote = work.path.parent / "remote"
    remote.rename(remote.with_name("away"))
    remote.write_text("not a folder")
    done = _push(work, refs)
    assert done.code == 1
    assert "Git pushes nothing" in done.err
    assert "next:" in done.err
    assert published(work) == before
    remote.unlink()
    remote.with_name("away").rename(remote)
    assert _push(work, refs).code == 0
    assert {root_name(name) for name in NAMES} <= roots(work)


def test_no_advice_amends_a_commit_that_was_there_before(work: Repo) -> None:
    work.gitmodel("install")
    work.write("model.pt", "changed")
    done = work.run("git", "commit", "-am", "nothing")
    assert done.code == 1
    assert "next:  gitmodel add --update, then git commit\n" in done.err
    work.write("train.py", "print('new')")
    work.git("add", "train.py")
    done = work.run("git", "commit", "-m", "code only")
    assert "next:  gitmodel add --update, then git commit --amend --no-edit\n" in done.err


def test_a_remote_that_is_gone_stops_the_push(work: Repo) -> None:
    """As when its drive is not mounted: nobody would see what is written in its place."""
    refs = _three_tags(work)
    before = published(work)
    remote = work.path.parent / "remote"
    remote.rename(remote.with_name("away"))
    done = _push(work, refs)
    assert "was there before, and is gone" in done.err
    assert published(work) == before
    assert not remote.exists()
    for command in (("remote", "check"), ("doctor",)):
        assert "was there before, and is gone" in str(work.run("gitmodel", *command))
    assert not remote.exists()
    # Who means it says so.
    work.gitmodel("remote", "remove", "origin")
    work.gitmodel("remote", "add", "origin", "../remote")
    done = _push(work, refs)
    assert done.code == 0, done.err
    assert {root_name(name) for name in NAMES} <= roots(work)


def test_a_bucket_that_fails_stops_the_push(work: Repo) -> None:
    work.gitmodel("remote", "remove", "origin")
    work.gitmodel("remote", "add", "origin", "s3://none?endpoint=http://127.0.0.1:9")
    work.git("config", "gitmodel.timeout", "1")
    refs = _three_tags(work)
    before = published(work)
    env = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    done = work.run("git", "push", "--quiet", "origin", *refs, env=env)
    assert done.code == 1
    assert "127.0.0.1:9" in done.err
    assert published(work) == before


def test_blobs_that_are_nowhere_stop_the_push(work: Repo) -> None:
    add(work, "model.pt", noise("lost", 2 << 20))
    for path in work.home.glob("blobs/*/*/*"):
        path.unlink()
    done = _push(work, ["main"])
    assert done.code == 1
    assert "model.pt" in done.err
    assert published(work) == {"refs/heads/main", "refs/tags/v1.0", "refs/tags/model-v1.1"}


def test_exactly_what_is_pushed_is_uploaded(work: Repo) -> None:
    add(work, "model.pt", noise("other", 2 << 20))
    work.git("tag", "v8.0")
    work.git("tag", "v9.0", "v1.0")
    before = tree(work.path.parent / "remote")
    assert _push(work, ["v9.0"]).code == 0
    new = tree(work.path.parent / "remote").keys() - before.keys()
    assert [Path(path).name for path in new] == [root_name("refs/tags/v9.0")]


def test_refs_without_artifacts_ask_no_remote(work: Repo) -> None:
    shutil.rmtree(work.path.parent / "remote")
    work.git("checkout", "--quiet", "--orphan", "docs")
    work.git("rm", "-rf", "--quiet", ".")
    work.write("page.md", "hello")
    work.commit("docs")
    assert _push(work, ["docs"]).code == 0
    assert not (work.path.parent / "remote").exists()


def test_from_a_branch_that_knows_nothing_of_gitmodel(work: Repo) -> None:
    add(work, "model.pt", noise("new", 2 << 20))
    work.git("checkout", "--quiet", "--orphan", "docs")
    work.git("rm", "-rf", "--quiet", ".")
    work.write("page.md", "hello")
    work.commit("docs")
    assert _push(work, ["main:refs/heads/next"]).code == 0
    assert "heads_2fnext" in roots(work)


@pytest.mark.parametrize("refs", [["--delete", "v1.0"], ["--force", "main:refs/tags/v1.0"]])
def test_a_version_neither_moves_nor_goes(work: Repo, refs: list[str]) -> None:
    there = work.git("ls-remote", "origin")
    done = _push(work, refs)
    assert done.code == 1
    assert "'v1.0'" in done.err
    assert "--no-verify" in done.err
    assert work.git("ls-remote", "origin") == there
    work.git("push", "--quiet", "--no-verify", "origin", *refs)
    assert work.git("ls-remote", "origin") != there


def test_other_tags_and_branches_may_go(work: Repo) -> None:
    work.git("tag", "scratch")
    assert _push(work, ["scratch", "main:refs/heads/topic"]).code == 0
    work.git("tag", "--force", "scratch", "HEAD~1")
    assert _push(work, ["--force", "scratch"]).code == 0
    assert _push(work, ["--delete", "scratch", "topic"]).code == 0


def test_a_remote_that_was_not_confirmed_stops_the_push(work: Repo) -> None:
    clone = work.clone("clone")
    clone.gitmodel("install")
    clone.gitmodel("pull")
    add(clone, "model.pt", noise("new", 2 << 20))
    done = _push(clone, ["main"])
    assert done.code == 1
    assert "gitmodel remote add origin ../remote" in done.err


def test_without_a_remote_of_gitmodel(work: Repo) -> None:
    work.gitmodel("remote", "remove", "origin")
    work.commit("no remote")
    done = _push(work, ["main"])
    assert done.code == 1
    assert "gitmodel remote add" in done.err


def test_a_push_without_gitmodel_on_the_path(work: Repo) -> None:
    add(work, "model.pt", noise("new", 2 << 20))
    before = published(work)
    env = without_gitmodel(work)
    line = f"refs/heads/main {work.git('rev-parse', 'main')} refs/heads/next {'0' * 40}\n"
    work.write("line", line)
    done = work.run("sh", "-c", ".git/hooks/pre-push origin url < line", env=env)
    assert done.code == 2
    assert "not on PATH" in done.err
    done = work.run("git", "push", "origin", "main:refs/heads/next", env=env)
    assert done.code == 1
    assert published(work) == before


# --- post-*


def test_a_checkout_without_gitmodel_on_the_path(work: Repo) -> None:
    done = work.run("git", "checkout", "--quiet", "v1.0", env=without_gitmodel(work))
    assert done.code == 0
    assert "not on PATH" in done.err
    assert "gitmodel pull" in done.err


def test_nothing_is_started_where_no_pointer_differs(work: Repo) -> None:
    work.git("branch", "before")
    work.write("train.py", "print(3)\n")
    work.commit("code only")
    env, started = counting(work)
    for command in (
        ("checkout", "--quiet", "before"),
        ("switch", "--quiet", "main"),
        ("checkout", "--quiet", "HEAD", "--", "train.py"),
        ("merge", "--quiet", "before"),
        ("commit", "--quiet", "--no-verify", "--allow-empty", "-m", "empty"),
        ("commit", "--quiet", "--no-verify", "--allow-empty", "--amend", "--no-edit"),
        ("rebase", "--quiet", "HEAD~1"),
    ):
        assert work.run("git", *command, env=env).code == 0
    assert started.read_text() == ""
    work.run("git", "checkout", "--quiet", "v1.0", env=env)
    assert started.read_text().startswith("hook post-checkout ")


def test_unsaved_work_stays_and_the_rest_is_restored(work: Repo) -> None:
    work.write("model.pt", "unsaved")
    done = work.run("git", "checkout", "--quiet", "v1.0")
    assert done.code == 0
    assert work.read("model.pt") == b"unsaved"
    assert sorted(work.tree("data/train")) == ["a.png", "b.png", "deep/c.png"]
    assert "'model.pt' would be overwritten" in done.err
    assert "gitmodel checkout --force -- model.pt replaces it" in done.err
    work.gitmodel("checkout", "--force", "--", "model.pt")
    assert work.read("model.pt") == FIRST


def test_unsaved_work_that_no_commit_touched_is_no_news(work: Repo) -> None:
    add(work, "data/train/more.png", noise("more", 300))
    work.write("model.pt", "unsaved")
    done = work.run("git", "checkout", "--quiet", "HEAD~1")
    assert (done.code, done.err) == (0, "gitmodel: 0 files written, 1 removed\n")
    assert work.read("model.pt") == b"unsaved"


def test_gitmodel_fetch_false_asks_no_remote(work: Repo) -> None:
    clone = work.clone("clone")
    clone.gitmodel("install")
    clone.gitmodel("pull", "model.pt")
    clone.git("config", "gitmodel.fetch", "false")
    done = clone.run("git", "checkout", "--quiet", "v1.0")
    assert done.code == 0
    assert "gitmodel pull" in done.err
    assert clone.read("model.pt") == SECOND
    clone.git("config", "gitmodel.fetch", "true")
    clone.git("checkout", "--quiet", "main")
    clone.git("checkout", "--quiet", "v1.0")
    assert clone.read("model.pt") == FIRST


def test_a_remote_that_is_gone_fails_no_checkout(work: Repo) -> None:
    clone = work.clone("clone")
    clone.gitmodel("install")
    clone.gitmodel("pull")
    shutil.rmtree(work.path.parent / "remote")
    done = clone.run("git", "checkout", "--quiet", "v1.0")
    assert done.code == 0
    assert "model.pt was left as it is" in done.err
    assert clone.read("model.pt") == SECOND


def test_an_artifact_that_git_holds_itself_is_not_taken_away(repo: Repo) -> None:
    """Before it was one, its file was in Git."""
    repo.gitmodel("install")
    repo.write("model.pt", noise("raw", 3000))
    repo.commit("raw")
    repo.gitmodel("add", "model.pt")
    repo.commit("tracked")
    repo.git("checkout", "--quiet", "HEAD~1")
    assert repo.read("model.pt") == noise("raw", 3000)
    assert repo.git("status", "--porcelain") == ""
    repo.git("checkout", "--quiet", "main")
    assert repo.read("model.pt") == noise("raw", 3000)


def test_a_broken_pointer_fails_no_checkout(work: Repo) -> None:
    work.write("model.pt.gitmodel", "gitmodel: 1\nkind: nonsense\n")
    work.git("commit", "--quiet", "--no-verify", "-am", "broken")
    work.git("checkout", "--quiet", "v1.0")
    done = work.run("git", "checkout", "main")
    assert done.code == 0
    assert "model.pt.gitmodel" in done.err


@needs_strace
@pytest.mark.parametrize("call", ["rename", "unlink"])
def test_killed_while_it_restores(work: Repo, call: str) -> None:
    work.gitmodel("fetch")
    work.gitmodel("checkout", "v1.0")
    first = work.tree()
    for number in range(1, 12):
        work.gitmodel("checkout", "main")
        work.run("git", "checkout", "--quiet", "v1.0", env={"GITMODEL_SKIP_HOOKS": "1"})
        hit = kill_at(work, ("hook", "post-checkout", "main"), call, number).hit
        work.gitmodel("checkout")
        assert work.tree() == first
        assert work.leftovers() == []
        work.gitmodel("verify")
        if not hit:
            break
    assert number > 2


# --- pre-commit


def test_a_large_file_does_not_enter_history(work: Repo) -> None:
    work.write("raw data.bin", noise("raw", 11 << 20))
    work.git("add", "raw data.bin")
    done = work.run("git", "commit", "-m", "oops")
    assert done.code == 1
    assert "gitmodel add 'raw data.bin'" in done.err
    work.gitmodel("add", "raw data.bin")
    work.git("commit", "--quiet", "-m", "better")
    assert work.git("ls-files", "raw data.bin") == ""
    work.gitmodel("status", "--exit-code")


def test_what_is_large_can_be_set(work: Repo) -> None:
    work.write("a.csv", noise("a", 2000))
    work.git("add", "a.csv")
    work.git("config", "gitmodel.largeFile", "1k")
    assert work.run("git", "commit", "-m", "a").code == 1
    work.git("config", "gitmodel.largeFile", "0")
    work.git("commit", "--quiet", "-m", "a")
    # It is there already: to change it is no news.
    work.git("config", "gitmodel.largeFile", "1k")
    work.write("a.csv", noise("b", 2000))
    work.git("commit", "--quiet", "-am", "b")
    work.git("config", "gitmodel.largeFile", "many")
    assert "gitmodel.largeFile" in work.run("git", "commit", "--allow-empty", "-m", "c").err


def test_a_stale_pointer_is_told(work: Repo) -> None:
    work.write("model.pt", noise("changed", 500))
    work.write("train.py", "print(3)\n")
    done = work.run("git", "commit", "--quiet", "-am", "code")
    assert done.code == 0
    assert "model.pt" in done.err
    assert "gitmodel add --update" in done.err
    work.git("config", "gitmodel.stale", "block")
    assert work.run("git", "commit", "--allow-empty", "-m", "more").code == 1
    work.git("config", "gitmodel.stale", "ignore")
    assert work.run("git", "commit", "--quiet", "--allow-empty", "-m", "more").err == ""


def test_data_that_is_not_here_or_only_in_part_is_not_stale(work: Repo) -> None:
    (work.path / "model.pt").unlink()
    (work.path / "data/train/a.png").unlink()
    done = work.run("git", "commit", "--quiet", "--allow-empty", "-m", "empty")
    assert (done.code, done.err) == (0, "")


# --- the guard of tags


def test_a_tag_without_its_data_is_refused(work: Repo) -> None:
    work.gitmodel("install", "--tag-guard")
    work.git("tag", "v2.0")
    add(work, "model.pt", noise("lost", 2 << 20))
    work.git("tag", "model-v2.0")
    for path in work.home.glob("blobs/*/*/*"):
        path.unlink()
    work.write("model.pt", "something else")
    done = work.run("git", "tag", "-a", "model-v3.0", "-m", "fetch this")
    assert done.code != 0
    assert "'model-v3.0'" in done.err
    assert "'model.pt'" in done.err
    assert "model-v3.0" not in work.git("tag")
    work.git("tag", "scratch")
    work.git("tag", "--delete", "model-v2.0")


def test_a_tag_without_its_metrics_is_refused(work: Repo) -> None:
    work.gitmodel("install", "--tag-guard")
    work.write("model.metrics.json", '{"accuracy": 0.94}')
    done = work.run("git", "tag", "model-v2.0")
    assert done.code != 0
    assert "git add model.metrics.json" in done.err
    work.commit("metrics")
    work.git("tag", "model-v2.0")
    work.write("model.metrics.json", '{"accuracy": NaN}')
    work.commit("broken metrics")
    assert "model.metrics.json" in work.run("git", "tag", "model-v3.0").err


def test_tags_of_others_pass_the_guard(work: Repo) -> None:
    """A fresh clone has none of the data, but the remote has."""
    clone = work.clone("clone")
    clone.gitmodel("install", "--tag-guard")
    clone.git("tag", "v2.0", "v1.0")
    for path in (work.path.parent / "remote").glob("packs/*/*"):
        path.unlink()
    work.git("tag", "v3.0")
    work.git("push", "--quiet", "--no-verify", "origin", "v3.0")
    clone.git("fetch", "--quiet", "--tags", "origin")
    assert "v3.0" in clone.git("tag")


# --- all


def test_gitmodel_skip_hooks_makes_all_return_at_once(work: Repo) -> None:
    work.gitmodel("install", "--tag-guard")
    env, started = counting(work)
    env = {**env, "GITMODEL_SKIP_HOOKS": "1"}
    work.write("model.pt", noise("wip", 500))
    for command in (
        ("commit", "--quiet", "--allow-empty", "-m", "more"),
        ("tag", "v7.0"),
        ("push", "--quiet", "origin", "main", "v7.0"),
        ("checkout", "--quiet", "v1.0"),
    ):
        assert work.run("git", *command, env=env).code == 0
    assert started.read_text() == ""
    assert work.read("model.pt") == noise("wip", 500)


def test_hooks_for_all_repositories_leave_others_alone(work: Repo) -> None:
    """`core.hooksPath` may be the user's own, for every repository there is."""
    other = Repo(work.path.parent / "other")
    other.path.mkdir()
    other.git("init", "--quiet", "-b", "main")
    other.git("config", "core.hooksPath", str(work.path / ".git/hooks"))
    env, started = counting(work)
    other.write("big.bin", noise("big", 11 << 20))
    for command in (
        ("add", "big.bin"),
        ("commit", "--quiet", "-m", "first"),
        ("tag", "v1.0"),
        ("checkout", "--quiet", "-b", "topic"),
        ("init", "--quiet", "--bare", "../others.git"),
        ("push", "--quiet", "../others.git", "main", "v1.0"),
        ("push", "--quiet", "../others.git", "--delete", "v1.0"),
    ):
        done = other.run("git", *command, env=env)
        assert done.code == 0, done.err
    assert started.read_text() == ""
