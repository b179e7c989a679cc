"""init, remote, verify, versions and doctor, and what every command has in common."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.helpers.inside import runner
from tests.helpers.repo import Repo, flip, isolated, noise, replace, tree

COMMANDS = (
    *("add", "checkout", "doctor", "fetch", "init", "pull", "push"),
    *("remote", "status", "verify", "versions"),
)


# init, versions, doctor


def test_init_writes_and_stages_the_configuration_once(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    repo.env = isolated(tmp_path.parent / f"{tmp_path.name}-home")
    repo.git("init", "--quiet")
    assert ".gitmodel.yaml" in repo.gitmodel("init").out
    config = repo.read(".gitmodel.yaml")
    assert repo.git("diff", "--cached", "--name-only").split() == [
        ".gitattributes",
        ".gitmodel.yaml",
    ]
    assert "already" in repo.gitmodel("init").out
    assert repo.read(".gitmodel.yaml") == config
    repo.gitmodel("init", "--hash", "md5", code=2)


def test_outside_a_repository(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "plain")
    repo.path.mkdir()
    for command in ("status", "init", "verify"):
        assert "git init" in repo.gitmodel(command, code=2).err


def test_in_a_repository_that_is_not_set_up(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "work")
    repo.path.mkdir()
    repo.git("init", "--quiet")
    for command in (["status"], ["push"], ["add", "x"]):
        assert "gitmodel init" in repo.gitmodel(*command, code=2).err


def test_in_a_bare_repository(story: Repo) -> None:
    bare = Repo(story.path.parent / "origin.git")
    assert "next:" in bare.gitmodel("status", code=2).err


def test_versions_in_order(story: Repo) -> None:
    for tag in ("v1.10", "v1.9.1", "v2.0-rc1", "not-a-version", "model-v1.2"):
        story.git("tag", tag)
    tags = [line.split()[0] for line in story.gitmodel("versions").out.splitlines()[1:]]
    assert tags == ["v2.0-rc1", "v1.10", "v1.9.1", "v1.0", "model-v1.2", "model-v1.1"]
    tags = [line.split()[0] for line in story.gitmodel("versions", "model").out.splitlines()[1:]]
    assert tags == ["model-v1.2", "model-v1.1"]
    found = json.loads(story.gitmodel("versions", "--json").out)
    assert found["schema"] == "gitmodel/versions/1"
    first = found["versions"][3]
    assert (first["tag"], first["commit"]) == ("v1.0", story.git("rev-parse", "v1.0"))


def test_no_versions(repo: Repo) -> None:
    assert repo.gitmodel("versions").out == ""


def test_doctor_finds_nothing(story: Repo) -> None:
    done = story.gitmodel("doctor")
    assert "bad" not in done.out
    assert json.loads(story.gitmodel("doctor", "--json").out)["good"]


def test_doctor_finds_what_is_tracked_twice(story: Repo) -> None:
    story.git("add", "--force", "model.pt")
    assert "git rm -r --cached model.pt" in story.gitmodel("doctor", code=1).out


def test_doctor_finds_a_broken_pointer_and_configuration(story: Repo) -> None:
    story.write("model.pt.gitmodel", "gitmodel: 1\nkind: what\n")
    assert "model.pt.gitmodel" in story.gitmodel("doctor", code=1).out
    story.write(".gitmodel.yaml", "nonsense: [")
    assert ".gitmodel.yaml" in story.gitmodel("doctor", code=1).out


# remote


def test_remotes_are_added_listed_and_removed(repo: Repo) -> None:
    repo.gitmodel("remote", "add", "backup", "/srv/models")
    out = repo.gitmodel("remote", "list").out
    assert "origin  ../remote  (default)" in out
    assert "backup  /srv/models" in out
    repo.gitmodel("remote", "add", "backup", "/srv/other", code=2)
    repo.gitmodel("remote", "remove", "backup")
    assert "backup" not in repo.gitmodel("remote", "list").out
    repo.gitmodel("remote", "remove", "backup", code=2)
    assert repo.git("diff", "--cached", "--name-only").split() == [
        ".gitattributes",
        ".gitmodel.yaml",
    ]


def test_a_comment_in_the_configuration_stays(repo: Repo) -> None:
    repo.write(".gitmodel.yaml", b"# ours\n" + repo.read(".gitmodel.yaml"))
    repo.gitmodel("remote", "add", "second", "../second")
    assert repo.read(".gitmodel.yaml").startswith(b"# ours\n")


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("x", "s3://key:secret@bucket/path"),
        ("x", ""),
        ("bad name", "../x"),
        ("-x", "../x"),
        ("../x", "../x"),
    ],
)
def test_what_is_no_remote_is_refused(repo: Repo, name: str, url: str) -> None:
    before = repo.read(".gitmodel.yaml")
    done = repo.gitmodel("remote", "add", "--", name, url, code=2)
    assert "secret" not in done.err + done.out
    assert repo.read(".gitmodel.yaml") == before


def test_an_unknown_kind_of_remote(repo: Repo) -> None:
    repo.gitmodel("remote", "add", "odd", "nonsense://x", code=2)
    repo.gitmodel("push", "-r", "unknown", code=2)


def test_check_proves_and_leaves_nothing(story: Repo) -> None:
    out = story.gitmodel("remote", "check").out
    assert "ok" in out
    assert not [path for path in (story.remote / "scratch").glob("*") if path.is_file()]
    found = json.loads(story.gitmodel("remote", "check", "origin", "--json").out)
    assert found["sound"]


def test_repair_rebuilds_lost_index_files(story: Repo) -> None:
    expected = story.tree()
    for index in story.remote.glob("index/*"):
        index.unlink()
    clone = story.clone("clone")
    assert "remote check origin" in clone.gitmodel("pull", code=5).err
    told = story.gitmodel("remote", "check", code=7)
    assert "incomplete: refs/heads/main" in told.out
    assert "remote repair" in told.err
    assert "indexed" in story.gitmodel("remote", "repair").out
    assert "nothing to repair" in story.gitmodel("remote", "repair").out
    clone.gitmodel("pull")
    assert clone.tree() == expected


def test_repair_writes_only_to_a_remote_that_was_confirmed(story: Repo) -> None:
    for index in story.remote.glob("index/*"):
        index.unlink()
    clone, before = story.clone("clone"), tree(story.remote)
    done = clone.gitmodel("remote", "repair", code=7)
    assert "gitmodel remote add origin ../remote" in done.err
    assert tree(story.remote) == before
    clone.gitmodel("remote", "repair", env={"GITMODEL_TRUST_REMOTE": "1"})
    assert tree(story.remote) != before


def test_repair_withdraws_what_is_no_longer_true(story: Repo) -> None:
    expected = story.tree()
    largest = max(story.remote.glob("packs/*/*"), key=lambda path: path.stat().st_size)
    largest.unlink()
    assert "lost" in story.gitmodel("remote", "check", code=7).out
    assert "withdrew" in story.gitmodel("remote", "repair").out
    story.gitmodel("remote", "check")
    # This clone has all the data: a push makes the remote whole again.
    story.gitmodel("push")
    story.gitmodel("verify", "--remote")
    clone = story.clone("clone")
    clone.gitmodel("pull")
    assert clone.tree() == expected
    clone.gitmodel("checkout", "v1.0")


def test_repair_puts_away_a_pack_with_damage_inside(story: Repo) -> None:
    expected = story.tree()
    for pack in story.remote.glob("packs/*/*"):
        flip(pack, 100)
        flip(pack, pack.stat().st_size // 2)
    clone = story.clone("clone")
    assert "gitmodel verify --remote origin" in clone.gitmodel("pull", code=7).err
    assert "remote repair --read" in story.gitmodel("verify", "--remote", code=7).err
    assert "to quarantine" in story.gitmodel("remote", "repair", "--read").out
    story.gitmodel("push")
    story.gitmodel("verify", "--remote")
    clone.gitmodel("pull")
    assert clone.tree() == expected


# verify


def test_all_is_good(story: Repo) -> None:
    assert "all good" in story.gitmodel("verify").out
    assert "all good" in story.gitmodel("verify", "--quick").out
    assert "all good" in story.gitmodel("verify", "--remote").out
    assert "all good" in story.gitmodel("verify", "--remote", "origin").out


@pytest.mark.parametrize("quick", [[], ["--quick"]])
@pytest.mark.parametrize("harm", ["flip", "truncate", "extend", "empty"])
def test_every_damaged_blob_is_found_and_comes_back(
    story: Repo, harm: str, quick: list[str]
) -> None:
    # Of the first version all copies lie in the cache alone, so what is found is found there.
    files = [*story.home.glob("blobs/*/*/*"), *story.home.glob("packs/*.pack")]
    for path in files:
        data = path.read_bytes()
        if harm == "flip":
            flip(path, 100)
        else:
            replace(
                path,
                {"truncate": data[:-10], "extend": data + b"x", "empty": b""}[harm],
            )
    done = story.gitmodel("verify", "--json", *quick, code=7)
    assert len(json.loads(done.out)["damaged"]) >= len(files)
    assert len(list((story.home / "quarantine").iterdir())) == len(files)
    story.gitmodel("checkout", "v1.0")
    story.gitmodel("checkout", "main")
    story.gitmodel("verify")


def test_many_small_blobs_of_which_some_are_damaged(repo: Repo) -> None:
    for number in range(200):
        repo.write(f"data/{number}", noise(number, 300))
    repo.gitmodel("add", "data")
    repo.commit()
    repo.gitmodel("push")
    packs = [path for path in repo.home.glob("packs/*.pack") if path.stat().st_size > 50_000]
    for number in range(64):
        flip(packs[0], 150 + 300 * number)
    found = json.loads(repo.gitmodel("verify", "--json", code=7).out)
    assert len(found["damaged"]) == 64
    repo.gitmodel("fetch")
    repo.gitmodel("verify")


def test_a_blob_under_the_name_of_another_is_found(story: Repo) -> None:
    first, second = sorted(story.home.glob("blobs/*/*/*"))[:2]
    data = first.read_bytes(), second.read_bytes()
    replace(first, data[1])
    replace(second, data[0])
    assert len(json.loads(story.gitmodel("verify", "--json", code=7).out)["damaged"]) == 2


def test_modified_work_is_told_and_is_no_damage(story: Repo) -> None:
    story.write("model.pt", noise("changed", 300))
    assert "modified: model.pt" in story.gitmodel("verify").out


@pytest.mark.parametrize("options", [(), ("--quick",)])
@pytest.mark.parametrize("at_hand", [True, False])
@pytest.mark.parametrize("size", [5000, (1 << 20) + 100])
@pytest.mark.parametrize("what", ["size", "fingerprint"])
def test_a_pointer_that_is_not_true_of_its_blob_is_found(
    story: Repo, what: str, size: int, at_hand: bool, options: tuple[str, ...]
) -> None:
    story.write("other.bin", noise("other", size))
    story.gitmodel("add", "other.bin")
    if not at_hand:
        (story.path / "other.bin").unlink()
    pointer = story.path / "other.bin.gitmodel"
    old, new = {
        "size": (rf"size: {size}", f"size: {size + 1}"),
        "fingerprint": ("xxh3-128:[0-9a-f]{32}", f"xxh3-128:{'f' * 32}"),
    }[what]
    pointer.write_text(re.sub(old, new, pointer.read_text()))
    done = story.gitmodel("verify", "--json", *options, code=7)
    found = json.loads(done.out)
    assert found["untrue"] == [{"pointer": "other.bin.gitmodel", "path": "other.bin"}]
    assert found["damaged"] == found["modified"] == []
    if at_hand:
        assert story.status()["other.bin"]["work"] == "modified"
    assert story.gitmodel("checkout", code=7).err.startswith("error: 'other.bin.gitmodel' is not")
    done = story.gitmodel("verify", *options, code=7)
    assert "not true: other.bin.gitmodel says" in done.out
    assert "git log -p -- other.bin.gitmodel" in done.err


def test_missing_blobs_are_told(clone: Repo) -> None:
    assert "gitmodel pull" in clone.gitmodel("verify", code=5).err


@pytest.mark.parametrize("what", ["pack", "root"])
def test_damage_on_the_remote_is_found(story: Repo, what: str) -> None:
    if what == "pack":
        flip(max(story.remote.glob("packs/*/*"), key=lambda path: path.stat().st_size))
    else:
        for index in story.remote.glob("index/*"):
            for pack in story.remote.glob("packs/*/*"):
                pack.unlink(missing_ok=True)
            index.unlink()
    story.gitmodel("verify", "--remote", code=7)


# The cache is only a cache


def test_a_cache_that_was_deleted_costs_nothing_that_is_elsewhere(story: Repo) -> None:
    expected = story.tree()
    shutil.rmtree(story.home)
    story.gitmodel("verify", code=5)
    story.gitmodel("add", "-u")
    story.gitmodel("status", "--exit-code")
    story.gitmodel("checkout", "v1.0")
    story.gitmodel("checkout", "main")
    assert story.tree() == expected


# What all commands have in common


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(repo: Repo, command: str) -> None:
    for option in ("--help", "-h"):
        assert "Usage: gitmodel" in repo.gitmodel(command, option).out


def test_the_version_and_the_help(repo: Repo) -> None:
    assert repo.gitmodel("--version").out.startswith("gitmodel ")
    out = repo.gitmodel("--help").out
    assert all(command in out for command in COMMANDS)
    assert repo.run("git", "model", "--version").out.startswith("gitmodel ")
    assert repo.run("git-model", "status").code == 0


@pytest.mark.parametrize("arguments", [["statsu"], ["status", "--nope"], ["checkout", "--nope"]])
def test_wrong_usage_exits_with_2(repo: Repo, arguments: list[str]) -> None:
    repo.gitmodel(*arguments, code=2)


def test_verbose_tells_what_takes_the_time(story: Repo) -> None:
    story.write("model.pt", noise("another", 3000))
    story.gitmodel("add", "model.pt")
    story.commit()
    done = story.gitmodel("push", "-v")
    steps = [re.fullmatch(r" *\d+ ms  (.+)", line) for line in done.err.splitlines()]
    told = [step[1] for step in steps if step]
    assert len(told) == len(steps)
    assert any(line.startswith("git rev-parse --show-toplevel") for line in told)
    assert "list index" in told
    assert any(line.startswith("write packs/") and " bytes" in line for line in told)
    assert done.out.startswith("pushed 1 blob to origin")
    assert json.loads(story.gitmodel("status", "--json", "-v").out)["artifacts"]
    assert " ms  git config" in story.gitmodel("remote", "list", "--verbose").err
    assert "--verbose" in story.gitmodel("import", "dvc", "--help").out


def test_verbose_ends_with_its_command(
    story: Repo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runner(capsys, monkeypatch)
    assert " ms  git " in run(story, "status", "-v").err
    assert " ms  git " not in run(story, "status").err


def test_verbose_tells_no_secret(repo: Repo) -> None:
    url = "https://ada:hunter2@127.0.0.1:1/models.git"
    told = repo.gitmodel("get", "-v", url, "model", "-o", "out", code=6)
    assert "//127.0.0.1" in told.err
    assert "ada" not in told.err
    assert "hunter2" not in told.err + told.out


def test_quiet_prints_nothing(story: Repo) -> None:
    for command in (
        ["add", "-q", "model.pt"],
        ["checkout", "-q", "v1.0"],
        ["fetch", "-q"],
        ["pull", "-q"],
        ["push", "-q"],
    ):
        done = story.gitmodel(*command)
        assert done.out + done.err == ""


def test_commands_that_only_look_change_nothing(story: Repo) -> None:
    before = story.tree(), story.git("write-tree"), story.git("show-ref")
    for command in ("status", "verify", "versions", "doctor"):
        story.gitmodel(command)
    assert (story.tree(), story.git("write-tree"), story.git("show-ref")) == before
    assert story.leftovers() == []


READ_ONLY = ("unshare", "--mount", "--map-root-user", "sh", "-c")


def test_what_is_read_only_can_be_looked_at(story: Repo) -> None:
    if story.run(*READ_ONLY, "mount --bind . . && mount -o remount,ro,bind .").code:
        pytest.skip("this user may mount nothing")
    (story.path / "model.pt").touch()

    def look(command: str, code: int) -> str:
        mount = 'mount --bind "$PWD" "$PWD" && mount -o remount,ro,bind "$PWD" && cd "$PWD"'
        done = story.run(*READ_ONLY, f"{mount} && exec gitmodel {command}")
        assert done.code == code, done.err
        return done.out

    assert "clean" in look("status", 0)
    assert "Read-only file system" in look("doctor", 1)
    assert "v1.0" in look("versions", 0)
    assert "all good" in look("verify", 0)
    look("checkout v1.0", 8)


def test_a_git_in_the_current_folder_is_not_run(story: Repo) -> None:
    story.write("git", "#!/bin/sh\ntouch stolen\n").chmod(0o755)
    story.gitmodel("status", env={"PATH": f".:{story.env['PATH']}"})
    story.gitmodel("status", env={"PATH": f":{story.env['PATH']}"})
    assert not (story.path / "stolen").exists()
