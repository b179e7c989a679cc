"""gitmodel get: one artifact, without a clone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.helpers.repo import GITMODEL, Repo, flip, noise, replace, tree
from tests.helpers.story import FIRST, SECOND


@pytest.fixture
def user(story: Repo) -> Repo:
    """A folder of somebody who has no clone of the story."""
    folder = story.path.parent / "user"
    folder.mkdir()
    return Repo(folder)


def _cache(user: Repo) -> Path:
    return user.path.parent / "home" / ".cache" / "gitmodel"


def test_the_newest_version_by_name(user: Repo) -> None:
    done = user.gitmodel("get", "../origin.git", "model", "-o", "m.pt")
    assert "model-v1.1" in done.out
    assert user.read("m.pt") == SECOND
    assert user.tree().keys() == {"m.pt"}


@pytest.mark.parametrize(
    ("artifact", "expected"),
    [
        ("model.pt", SECOND),
        ("model.pt.gitmodel", SECOND),
        ("model.pt@", SECOND),
        ("model@v1.1", SECOND),
        ("model@v1.1.0", SECOND),
        ("model@model-v1.1", SECOND),
        ("model.pt@main", SECOND),
        ("model@v1.0", FIRST),
        ("model.pt@v1.0.0", FIRST),
    ],
)
def test_what_names_an_artifact_and_a_version(user: Repo, artifact: str, expected: bytes) -> None:
    user.gitmodel("get", "../origin.git", artifact, "-o", "out/deep/m.pt")
    assert user.read("out/deep/m.pt") == expected


def test_a_commit_needs_no_git_once_it_is_here(user: Repo, story: Repo) -> None:
    commit = story.git("rev-parse", "v1.0")
    done = user.gitmodel("get", "../origin.git", f"model@{commit}", "-o", "m.pt")
    assert f" at {commit[:12]}: " in done.out
    assert user.read("m.pt") == FIRST
    (user.path / "m.pt").unlink()
    shutil.rmtree(story.path.parent / "remote")
    shutil.rmtree(story.path.parent / "origin.git/refs/heads")
    user.gitmodel("get", "../origin.git", f"model@{commit}", "-o", "m.pt")
    assert user.read("m.pt") == FIRST


def test_a_short_commit_is_found_at_the_end_of_a_branch(user: Repo, story: Repo) -> None:
    short = story.git("rev-parse", "--short", "main")
    user.gitmodel("get", "../origin.git", f"model@{short}", "-o", "m.pt")
    assert user.read("m.pt") == SECOND


def test_a_name_that_was_given(user: Repo, story: Repo) -> None:
    config = story.read(".gitmodel.yaml") + b'artifacts:\n  "fraud/ranker": "model.pt"\n'
    story.write(".gitmodel.yaml", config)
    story.commit("name it")
    story.git("tag", "fraud/ranker-v2.0")
    story.git("push", "--quiet", "origin", "main", "fraud/ranker-v2.0")
    for artifact in ("fraud/ranker", "fraud/ranker@v2.0", "model.pt"):
        done = user.gitmodel("get", "../origin.git", artifact, "-o", "m.pt", "--force")
        assert "fraud/ranker-v2.0" in done.out, artifact


def test_a_release_comes_before_a_candidate(user: Repo, story: Repo) -> None:
    story.git("tag", "model-v2.0-rc.1", "v1.0")
    story.git("push", "--quiet", "origin", "model-v2.0-rc.1")
    assert "model-v1.1" in user.gitmodel("get", "../origin.git", "model", "-o", "m.pt").out
    done = user.gitmodel("get", "../origin.git", "model@v2.0-rc.1", "-o", "m1.pt")
    assert "model-v2.0-rc.1" in done.out


def test_without_a_version_of_its_own_it_is_that_of_the_repository(user: Repo) -> None:
    assert " v1.0 (" in user.gitmodel("get", "../origin.git", "data/train", "-o", "d").out


def test_without_any_version_it_is_the_default_branch(user: Repo, story: Repo) -> None:
    story.git("push", "--quiet", "--delete", "origin", "v1.0", "model-v1.1")
    done = user.gitmodel("get", "../origin.git", "train", "-o", "d", "--json")
    assert json.loads(done.out)["commit"] == story.git("rev-parse", "main")
    assert json.loads(done.out)["revision"] == ""


def test_a_folder_comes_whole(user: Repo, story: Repo) -> None:
    done = user.gitmodel("get", str(story.path), "train@main", "-o", "d", "--json")
    assert tree(user.path / "d") == story.tree("data/train")
    found = json.loads(done.out)
    assert found["schema"] == "gitmodel/get/1"
    assert (found["artifact"], found["files"], found["written"]) == ("data/train", 3, True)


def test_a_file_inside_a_folder(user: Repo, story: Repo) -> None:
    user.gitmodel("get", "../origin.git", "data/train/b.png@v1.0", "-o", "b.png")
    assert user.read("b.png") == noise("b.png", 4000)
    user.gitmodel("get", "../origin.git", "data/train/deep@v1.0", "-o", "deep")
    assert user.tree("deep").keys() == {"c.png"}
    user.gitmodel("get", "../origin.git", "data/train/none@v1.0", "-o", "none", code=2)


@pytest.mark.parametrize("form", ["path", "absolute", "file", "worktree", "inside"])
def test_where_a_repository_may_be(user: Repo, story: Repo, form: str) -> None:
    origin = story.path.parent / "origin.git"
    repository = {
        "path": "../origin.git",
        "absolute": str(origin),
        "file": f"file://{origin}",
        "worktree": "../work",
        "inside": "../work/data",
    }[form]
    user.gitmodel("get", repository, "model", "-o", "m.pt")
    assert user.read("m.pt") == SECOND


@pytest.mark.parametrize(
    "repository",
    ["nowhere", "ext::sh -c touch% pwned", "ext::", "fd::17", "file:///nowhere", "--upload-pack=x"],
)
def test_what_is_not_fetched_from(user: Repo, repository: str) -> None:
    done = user.gitmodel("get", "-o", "m.pt", "--", repository, "model", code=2)
    assert "error:" in done.err
    assert user.tree() == {}


def test_a_url_that_does_not_answer_hides_its_password(user: Repo) -> None:
    url = "http://ada:secret@127.0.0.1:9/repo.git"
    done = user.gitmodel("get", url, "model", "-o", "m.pt", code=6)
    assert "//127.0.0.1" in done.err
    assert "ada" not in done.err
    assert "secret" not in done.err


@pytest.mark.parametrize("version", ["v9.9", "nothing", "abcdef1", "-x", "main^", "a b"])
def test_a_version_that_is_not_there(user: Repo, version: str) -> None:
    done = user.gitmodel("get", "../origin.git", f"model@{version}", "-o", "m.pt", code=2)
    assert repr(version) in done.err


def test_an_artifact_that_is_not_there(user: Repo) -> None:
    done = user.gitmodel("get", "../origin.git", "nothing@main", "-o", "m.pt", code=2)
    assert "model.pt" in done.err


def test_what_is_there_already_is_left(user: Repo, story: Repo) -> None:
    user.gitmodel("get", "../origin.git", "model", "-o", "m.pt")
    user.gitmodel("get", "../origin.git", "train", "-o", "d")
    places = [user.path / "m.pt", user.path / "d"]
    before = [place.stat().st_ino for place in places]
    shutil.rmtree(story.path.parent / "remote")
    assert "already there" in user.gitmodel("get", "../origin.git", "model", "-o", "m.pt").out
    assert "already there" in user.gitmodel("get", "../origin.git", "train", "-o", "d").out
    assert [place.stat().st_ino for place in places] == before


def test_something_else_is_not_overwritten(user: Repo) -> None:
    user.write("m.pt", "mine")
    user.write("d/mine", "mine")
    before = user.tree()
    for artifact, place in (("model", "m.pt"), ("train", "d"), ("train", "m.pt"), ("model", "d")):
        user.gitmodel("get", "../origin.git", artifact, "-o", place, code=4)
    assert user.tree() == before
    user.gitmodel("get", "../origin.git", "model", "-o", "m.pt", "--force")
    user.gitmodel("get", "../origin.git", "train@main", "-o", "d", "--force")
    assert user.read("m.pt") == SECOND
    assert user.tree("d").keys() == {"a.png", "b.png", "new.png"}
    user.gitmodel("get", "../origin.git", "train@main", "-o", "m.pt", "--force")
    assert user.tree("m.pt").keys() == {"a.png", "b.png", "new.png"}


@pytest.mark.parametrize("place", ["./m.pt", "a/../m.pt", "../user/m.pt", "new/m.pt"])
def test_where_it_may_go(user: Repo, place: str) -> None:
    user.gitmodel("get", "../origin.git", "model", "-o", place)
    assert user.tree().keys() == {"new/m.pt" if "new" in place else "m.pt"}


def test_force_does_not_replace_what_nobody_means(user: Repo) -> None:
    user.write("d/mine", "mine")
    user.git("init", "--quiet", "r")
    user.gitmodel("get", "../origin.git", "model", "-o", "d", "--force", code=4)
    user.gitmodel("get", "../origin.git", "train", "-o", "r", "--force", code=4)
    (user.path.parent / "link").symlink_to(".")
    for place in (".", "..", "/", "d/..", "../user", str(user.path), "../link/user"):
        user.gitmodel("get", "../origin.git", "train", "-o", place, "--force", code=2)
    assert user.tree().keys() >= {"d/mine"}


def test_a_symlink_is_replaced_itself(user: Repo) -> None:
    user.write("real", "mine")
    (user.path / "m.pt").symlink_to("real")
    user.gitmodel("get", "../origin.git", "model", "-o", "m.pt", code=4)
    user.gitmodel("get", "../origin.git", "model", "-o", "m.pt", "--force")
    assert user.read("real") == b"mine"
    assert not (user.path / "m.pt").is_symlink()


def test_an_empty_folder_is_no_obstacle(user: Repo) -> None:
    (user.path / "d").mkdir()
    user.gitmodel("get", "../origin.git", "train@v1.0", "-o", "d")
    assert user.tree("d").keys() == {"a.png", "b.png", "deep/c.png"}


def test_modes_and_links_come_along(user: Repo, story: Repo) -> None:
    story.write("tool", "#!/bin/sh\n").chmod(0o755)
    story.write("set/run", "#!/bin/sh\n").chmod(0o755)
    (story.path / "set/link").symlink_to("run")
    (story.path / "set/empty").mkdir()
    story.gitmodel("add", "tool", "set")
    story.commit()
    story.gitmodel("push")
    for name in ("tool", "set"):
        user.gitmodel("get", "../work", f"{name}@main", "-o", name)
    assert user.tree() == {path: what for path, what in story.tree().items() if path in user.tree()}
    assert user.tree().keys() == {"tool", "set/run", "set/link", "set/empty"}
    assert "already" in user.gitmodel("get", "../work", "set@main", "-o", "set").out


@pytest.mark.parametrize("artifact", ["model", "train"])
def test_damage_on_the_remote_delivers_nothing(user: Repo, artifact: str) -> None:
    user.write("out", "mine")
    for pack in (user.path.parent / "remote").glob("packs/*/*"):
        data = bytearray(pack.read_bytes())
        for at in range(0, len(data) - 2000, 997):
            data[at] ^= 1
        replace(pack, bytes(data))
    done = user.gitmodel("get", "../origin.git", artifact, "-o", "out", "--force", code=7)
    assert "damaged" in done.err
    assert user.read("out") == b"mine"
    assert user.tree().keys() == {"out"}


def test_damage_in_the_cache_is_found(user: Repo) -> None:
    user.gitmodel("get", "../origin.git", "model", "-o", "m.pt")
    for blob in _cache(user).glob("*/blobs/*/*/*"):
        flip(blob)
    done = user.gitmodel("get", "../origin.git", "model", "-o", "again", code=7)
    assert "rm -r" in done.err
    assert user.tree().keys() == {"m.pt"}
    shutil.rmtree(_cache(user))
    user.gitmodel("get", "../origin.git", "model", "-o", "again")


def test_where_the_cache_is(user: Repo) -> None:
    home = user.path.parent / "home"
    command = ("get", "../origin.git", "model", "-o", "m.pt")
    user.gitmodel(*command)
    assert [path.name[:7] for path in (home / ".cache/gitmodel").iterdir()] == ["origin-"]
    xdg = user.path.parent / "xdg"
    user.gitmodel(*command, env={"XDG_CACHE_HOME": str(xdg)})
    assert len(list((xdg / "gitmodel").iterdir())) == 1
    user.gitmodel(*command, "--cache", "here")
    assert len(list((user.path / "here").iterdir())) == 1
    config = user.path.parent / "config"
    config.write_text("[gitmodel]\n\tcache = ~/there\n")
    user.gitmodel(*command, env={"GIT_CONFIG_GLOBAL": str(config)})
    assert len(list((home / "there").iterdir())) == 1


def test_a_folder_remote_of_a_url_cannot_be_resolved(user: Repo, story: Repo) -> None:
    bare = story.path.parent / "origin.git"
    config = user.path.parent / "config"
    # Git takes the address for a URL, and finds the repository at a path.
    config.write_text(f'[url "{bare}"]\n\tinsteadOf = https://example.org/origin.git\n')
    done = user.gitmodel(
        *("get", "https://example.org/origin.git", "model", "-o", "m.pt"),
        code=2,
        env={"GIT_CONFIG_GLOBAL": str(config)},
    )
    assert "'../remote'" in done.err
    assert "next:" in done.err


def test_over_the_network_only_small_files_of_one_commit_come(user: Repo, story: Repo) -> None:
    story.gitmodel("remote", "remove", "origin")
    story.gitmodel("remote", "add", "origin", str(story.path.parent / "remote"))
    story.write("raw.bin", noise("raw", 3 << 20))
    story.commit()
    story.git("push", "--quiet", "origin", "main")
    origin = story.path.parent / "origin.git"
    story.git("--git-dir", str(origin), "config", "uploadpack.allowFilter", "true")
    with _daemon(origin.parent) as address:
        user.gitmodel("get", f"{address}/origin.git", "model@main", "-o", "m.pt")
        # The remote that it had then is a folder beside a clone.
        user.gitmodel("get", f"{address}/origin.git", "train@v1.0", "-o", "d")
        commit = story.git("rev-parse", "v1.0")
        user.gitmodel("get", f"{address}/origin.git", f"model@{commit}", "-o", "x", code=2)
        user.gitmodel("get", f"{address}/none.git", "model", "-o", "x", code=6)
    assert user.read("m.pt") == SECOND
    stored = [path for path in _cache(user).glob("*/commits/*/objects/**/*") if path.is_file()]
    assert sum(path.stat().st_size for path in stored) < 20_000


@contextmanager
def _daemon(folder: Path) -> Iterator[str]:
    """Serve the repositories in a folder by Git's own server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ("--export-all", f"--base-path={folder}", "--listen=127.0.0.1", f"--port={port}")
    with subprocess.Popen(
        ["git", "daemon", "--reuseaddr", *options],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            for _ in range(100):
                with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            yield f"git://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_an_endpoint_is_contacted_only_when_it_was_confirmed(user: Repo, story: Repo) -> None:
    url = "s3://bucket/x?endpoint=http://127.0.0.1:9&region=us-east-1"
    config = story.read(".gitmodel.yaml").replace(b"../remote", url.encode())
    story.write(".gitmodel.yaml", config)
    story.commit()
    command = ("get", "../work", "model@main", "-o", "m.pt")
    done = user.gitmodel(*command, code=7)
    assert "GITMODEL_TRUST_REMOTE=1" in done.err
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    story.git("config", "--file", str(user.path.parent / "config"), "gitmodel.timeout", "0.2")
    more = {**keys, "GIT_CONFIG_GLOBAL": str(user.path.parent / "config")}
    user.gitmodel(*command, code=6, env={**more, "GITMODEL_TRUST_REMOTE": "1"})
    # It was confirmed once, which is remembered.
    user.gitmodel(*command, code=6, env=more)


def test_quiet_is_quiet_and_nothing_is_left_behind(user: Repo) -> None:
    done = user.gitmodel("get", "../origin.git", "model", "-o", "m.pt", "--quiet")
    assert (done.out, done.err) == ("", "")
    assert os.listdir(user.path) == ["m.pt"]
    assert not list(_cache(user).glob("*/scratch-*/*"))


def test_a_tag_that_moved_is_followed(user: Repo, story: Repo) -> None:
    user.gitmodel("get", "../origin.git", "model@main", "-o", "one")
    story.write("model.pt", FIRST)
    story.gitmodel("add", "model.pt")
    story.commit()
    story.git("push", "--quiet", "origin", "main")
    user.gitmodel("get", "../origin.git", "model@main", "-o", "two")
    assert user.read("two") == FIRST


def test_a_version_that_is_older_than_the_remote(user: Repo, story: Repo) -> None:
    story.gitmodel("remote", "remove", "origin")
    story.write("model.pt", noise("early", 5000))
    story.gitmodel("add", "model.pt")
    story.commit()
    story.git("tag", "model-v0.1")
    story.gitmodel("remote", "add", "origin", "../remote")
    story.commit()
    story.gitmodel("push")
    story.git("push", "--quiet", "origin", "main")
    user.gitmodel("get", "../origin.git", "model@v0.1", "-o", "m.pt")
    assert user.read("m.pt") == noise("early", 5000)


def _hook(repo: Repo, folder: str, name: str, command: str) -> None:
    path = repo.write(f"{folder}/hooks/{name}", f"#!/bin/sh\nset -e\n{command}\n")
    path.chmod(0o755)


def test_in_real_hooks_of_other_repositories(user: Repo) -> None:
    """Before a commit, Git names an index of its own; before it receives, a store of objects."""
    get = f"{GITMODEL} get -q {user.path.parent}"
    user.git("init", "--quiet", "-b", "main", "other")
    user.git("init", "--quiet", "--bare", "server.git")
    _hook(user, "other/.git", "pre-commit", f"{get}/origin.git model -o {user.path}/before.pt")
    _hook(user, "server.git", "pre-receive", f"{get}/work train -o {user.path}/received")
    user.write("other/a", "a")
    user.git("-C", "other", "add", "a")
    user.git("-C", "other", "commit", "--quiet", "-am", "a")
    user.git("-C", "other", "push", "--quiet", "../server.git", "main")
    assert user.read("before.pt") == SECOND
    assert (user.path / "received").is_dir()
    assert user.git("-C", "other", "ls-files") == "a"


def test_in_hooks_of_its_own_worktrees_and_of_a_module(story: Repo) -> None:
    """There the environment is right, and the current folder alone would not do."""
    above = story.path.parent
    status = f"{GITMODEL} status | grep -c model.pt >> {above}/hooked"
    _hook(story, ".git", "pre-commit", status)
    story.git("worktree", "add", "--quiet", "../linked")
    story.git("init", "--quiet", "../super")
    allowed = ("-c", "protocol.file.allow=always")
    story.git(
        "-C", "../super", *allowed, "submodule", "--quiet", "add", f"{above}/origin.git", "sub"
    )
    _hook(story, "../super/.git/modules/sub", "pre-commit", status)
    for folder in (story.path, above / "linked", above / "super/sub"):
        (folder / "train.py").write_text("print(3)\n")
        story.git("-C", str(folder), "commit", "--quiet", "-am", "note")
    assert (above / "hooked").read_text() == "1\n" * 3


def test_in_a_hook_of_another_repository(user: Repo) -> None:
    user.git("init", "--quiet", "other")
    env = {"GIT_DIR": str(user.path / "other/.git"), "GIT_PREFIX": ""}
    before = tree(user.path / "other/.git")
    for repository in ("../../origin.git", "../../work"):
        user.gitmodel("get", repository, "model", "-o", "m.pt", env=env, cwd="other")
    assert tree(user.path / "other/.git") == before
    assert (user.path / "other/m.pt").read_bytes() == SECOND
