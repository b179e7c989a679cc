from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.helpers.repo import GITMODEL, Repo, noise


def _staged(repo: Repo) -> set[str]:
    return set(repo.git("diff", "--cached", "--name-only").splitlines())


def test_a_file_becomes_a_pointer_and_a_rule(repo: Repo) -> None:
    data = noise(1, 5000)
    repo.write("models/model.pt", data)
    done = repo.gitmodel("add", "models/model.pt")
    assert "models/model.pt" in done.out
    assert repo.read("models/model.pt") == data
    assert repo.read("models/.gitignore") == b"/model.pt\n"
    assert repo.read("models/model.pt.gitmodel").startswith(b"gitmodel: 1\nkind: file\n")
    assert {"models/model.pt.gitmodel", "models/.gitignore"} <= _staged(repo)
    assert "models/model.pt" not in _staged(repo)


def test_a_folder_becomes_one_pointer(repo: Repo) -> None:
    for name in ("a", "b/c"):
        repo.write(f"data/train/{name}", noise(name, 100))
    assert "2 files, 200 B" in repo.gitmodel("add", "data/train").out
    assert b"files: 2\n" in repo.read("data/train.gitmodel")
    assert not (repo.path / "data/train/.gitignore").exists()


def test_what_git_tracked_leaves_its_index_and_stays_on_the_disk(repo: Repo) -> None:
    repo.write("data/a", "a")
    repo.write("data/b", "b")
    repo.commit()
    done = repo.gitmodel("add", "data")
    assert "no longer tracks 2 files" in done.out
    assert repo.git("ls-files", "data") == ""
    assert repo.read("data/a") == b"a"
    repo.commit()
    assert repo.git("status", "--porcelain") == ""


def test_again_and_unchanged(repo: Repo) -> None:
    repo.write("model.pt", noise(1, 5000))
    repo.gitmodel("add", "model.pt")
    pointer = repo.read("model.pt.gitmodel")
    assert "unchanged model.pt" in repo.gitmodel("add", "model.pt").out
    assert repo.read("model.pt.gitmodel") == pointer
    assert repo.read(".gitignore") == b"/model.pt\n"


@pytest.mark.parametrize("size", [5000, (1 << 20) + 5])
def test_again_and_changed(repo: Repo, size: int) -> None:
    repo.write("model.pt", noise(1, size))
    repo.gitmodel("add", "model.pt")
    repo.commit()
    repo.write("model.pt", noise(2, size))
    assert "added model.pt" in repo.gitmodel("add", "model.pt").out
    assert _staged(repo) == {"model.pt.gitmodel"}
    repo.gitmodel("status", "--exit-code")


def test_same_size_and_same_time_is_seen(repo: Repo) -> None:
    path = repo.write("model.pt", noise(1, 5000))
    repo.gitmodel("add", "model.pt")
    before = path.stat()
    repo.write("model.pt", noise(2, 5000))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    repo.gitmodel("status", "--exit-code", code=1)
    assert "added" in repo.gitmodel("add", "model.pt").out


def test_a_pointer_that_was_not_staged_is(repo: Repo) -> None:
    repo.write("model.pt", noise(1, 50))
    repo.gitmodel("add", "model.pt")
    repo.commit()
    repo.write("model.pt", noise(2, 50))
    repo.gitmodel("add", "model.pt")
    repo.git("reset", "--quiet")
    repo.gitmodel("add", "model.pt")
    assert _staged(repo) == {"model.pt.gitmodel"}


def test_one_file_of_a_folder_whose_others_are_absent(clone: Repo) -> None:
    clone.write("data/train/another.png", noise("another", 700))
    clone.gitmodel("add", "data/train/another.png")
    assert b"files: 4\n" in clone.read("data/train.gitmodel")
    clone.gitmodel("pull")
    assert sorted(clone.tree("data/train")) == ["a.png", "another.png", "b.png", "new.png"]
    clone.gitmodel("status", "--exit-code")


def test_a_removal_inside_a_folder(story: Repo) -> None:
    (story.path / "data/train/a.png").unlink()
    story.gitmodel("add", "data/train/a.png")
    assert b"files: 2\n" in story.read("data/train.gitmodel")
    story.gitmodel("status", "--exit-code")


def test_an_empty_folder_inside_a_folder(repo: Repo) -> None:
    repo.write("data/a/x", "x")
    repo.gitmodel("add", "data")
    (repo.path / "data/b").mkdir()
    repo.gitmodel("add", "data/b")
    repo.gitmodel("status", "--exit-code")
    (repo.path / "data/a/x").unlink()
    repo.gitmodel("add", "data/a/x")
    repo.gitmodel("status", "--exit-code")


def test_a_whole_folder_inside_a_folder(story: Repo) -> None:
    story.write("data/train/sub/x", "x")
    story.write("data/train/sub/y", "y")
    story.write("data/train/z", "not this")
    story.gitmodel("add", "data/train/sub")
    assert b"files: 5\n" in story.read("data/train.gitmodel")
    assert story.status()["data/train"]["added"] == ["z"]


def test_update_takes_all_that_is_tracked_and_here(story: Repo) -> None:
    story.write("model.pt", noise("newer", 3000))
    story.write("data/train/a.png", noise("newer", 300))
    story.write("untracked.bin", "x")
    done = story.gitmodel("add", "-u")
    assert "added model.pt" in done.out
    assert "added data/train" in done.out
    assert "untracked" not in done.out
    story.gitmodel("status", "--exit-code")


def test_the_executable_bit_is_kept_and_setuid_is_not(repo: Repo) -> None:
    repo.write("tool", "#!/bin/sh\n").chmod(0o4755)
    repo.write("data/run", "#!/bin/sh\n").chmod(0o755)
    repo.write("data/plain", "x")
    repo.gitmodel("add", "tool", "data")
    assert b'mode: "0755"\n' in repo.read("tool.gitmodel")
    for name in ("tool", "data/run", "data/plain"):
        (repo.path / name).unlink()
    repo.gitmodel("checkout")
    assert (repo.path / "tool").stat().st_mode & 0o7777 == 0o755
    assert (repo.path / "data/run").stat().st_mode & 0o111
    assert not (repo.path / "data/plain").stat().st_mode & 0o111


def test_a_changed_mode_is_a_change(repo: Repo) -> None:
    path = repo.write("tool", "#!/bin/sh\n")
    repo.gitmodel("add", "tool")
    path.chmod(0o755)
    repo.gitmodel("status", "--exit-code", code=1)
    repo.gitmodel("add", "tool")
    repo.gitmodel("status", "--exit-code")


ODD = (
    "new\nline",
    "tab\there",
    "-leading",
    "--help",
    "trailing ",
    " leading",
    "emoji 🦀",
    "ü" * 127 + "x",
    "x" * 255,
    "quote\"'`$(touch x)",
    "%s*?[a]",
    "#comment",
    "!not",
)


def test_odd_things_inside_a_folder_come_back(repo: Repo) -> None:
    for name in ODD:
        repo.write(f"data/{name}", noise(name, 50))
    repo.write("data/empty", "")
    (repo.path / "data/folder/empty").mkdir(parents=True)
    (repo.path / "data/link").symlink_to("emoji 🦀")
    (repo.path / "data/folder/up").symlink_to("../empty")
    (repo.path / "data/dangling").symlink_to("nothing")
    before = repo.tree("data")
    repo.gitmodel("add", "data")
    repo.gitmodel("status", "--exit-code")
    for path in sorted((repo.path / "data").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    (repo.path / "data").rmdir()
    repo.gitmodel("checkout", "--", "data")
    assert repo.tree("data") == before
    repo.gitmodel("verify")


@pytest.mark.parametrize(
    "name", [name for name in ODD if "\n" not in name and len(name.encode()) < 240]
)
def test_an_artifact_of_an_odd_name(repo: Repo, name: str) -> None:
    data = noise(name, 60)
    repo.write(f"sub/{name}", data)
    repo.gitmodel("add", "--", f"sub/{name}")
    repo.commit()
    assert repo.git("-c", "core.quotePath=false", "ls-files", "-z", "sub").split("\0")[:-1] == [
        *sorted(["sub/.gitignore", f"sub/{name}.gitmodel"])
    ]
    (repo.path / "sub" / name).unlink()
    repo.gitmodel("checkout", "--", f"sub/{name}")
    assert repo.read(f"sub/{name}") == data
    assert repo.git("status", "--porcelain") == ""


def test_a_name_that_leaves_no_room_for_a_pointer(repo: Repo) -> None:
    repo.write("x" * 250, "x")
    done = repo.gitmodel("add", "x" * 250, code=2)
    assert "x" * 60 in done.err
    assert "next:" in done.err


def test_an_empty_file_and_an_empty_folder(repo: Repo) -> None:
    repo.write("empty.bin", "")
    (repo.path / "nothing").mkdir()
    repo.gitmodel("add", "empty.bin", "nothing")
    repo.commit()
    repo.gitmodel("status", "--exit-code")
    repo.gitmodel("push")
    repo.git("push", "--quiet", "origin", "main")
    clone = repo.clone("clone")
    clone.gitmodel("pull")
    assert clone.read("empty.bin") == b""
    assert (clone.path / "nothing").is_dir()


def test_from_a_subfolder_and_by_absolute_path(repo: Repo) -> None:
    repo.write("models/big/model.pt", noise(1, 100))
    repo.write("other.pt", noise(2, 100))
    repo.gitmodel("add", "model.pt", "../../other.pt", cwd="models/big")
    assert {"models/big/model.pt", "other.pt"} == set(repo.status())
    repo.write("models/third.pt", noise(3, 100))
    repo.gitmodel("add", str(repo.path / "models/third.pt"), cwd="models/big")
    repo.gitmodel("status", "--exit-code", ".", cwd="models")
    (repo.path / "models/third.pt").unlink()
    repo.gitmodel("checkout", "--", "third.pt", cwd="models")
    assert repo.read("models/third.pt") == noise(3, 100)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("absent.pt", 2),
        ("../outside.pt", 2),
        ("/etc/hostname", 2),
        (".", 2),
        (".git/config", 2),
        (".gitmodel.yaml.gitmodel", 2),
        (".gitignore", 2),
        (".gitmodel.yaml", 2),
        ("", 2),
    ],
)
def test_what_cannot_be_added(repo: Repo, path: str, code: int) -> None:
    before = repo.tree()
    done = repo.gitmodel("add", path, code=code)
    assert "error:" in done.err.lower()
    assert "next:" in done.err or "Usage:" in done.err
    assert repo.tree() == before


def test_a_path_that_is_missing_is_named_with_a_next_command(repo: Repo) -> None:
    done = repo.gitmodel("add", "absent.pt", code=2)
    assert "'absent.pt'" in done.err
    assert "next:" in done.err


@pytest.mark.parametrize("target", ["/etc/hostname", "../secret", "x/../../y"])
def test_a_symlink_that_leads_out_is_refused(repo: Repo, target: str) -> None:
    repo.write("data/x/file", "x")
    (repo.path / "data/link").symlink_to(target)
    done = repo.gitmodel("add", "data", code=7)
    assert "data/link" in done.err
    assert not (repo.path / "data.gitmodel").exists()


@pytest.mark.parametrize("kind", ["fifo", "socket", "device"])
def test_what_is_no_file_is_refused_at_once(repo: Repo, kind: str) -> None:
    path = repo.path / "data/special"
    path.parent.mkdir()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        try:
            os.mknod(path, 0o020600, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("no permission to make a device")
    else:
        with socket.socket(socket.AF_UNIX) as made:
            here = Path.cwd()
            os.chdir(path.parent)
            made.bind("special")
            os.chdir(here)
    assert "'data/special'" in repo.gitmodel("add", "data", code=7).err
    assert "'data/special'" in repo.gitmodel("add", "data/special", code=7).err


@pytest.mark.parametrize(
    "names", [("Twin", "twin"), ("\u00e9", "e\u0301"), ("aux", "b"), ("con.txt", "b")]
)
def test_names_that_are_one_elsewhere_are_refused(repo: Repo, names: tuple[str, str]) -> None:
    for name in names:
        repo.write(f"data/{name}", name)
    repo.gitmodel("add", "data", code=7)
    assert not (repo.path / "data.gitmodel").exists()


def test_a_name_that_is_not_utf8_is_refused(repo: Repo) -> None:
    (repo.path / "data").mkdir()
    Path(os.fsdecode(bytes(repo.path) + b"/data/\xff\xfe")).write_bytes(b"x")
    repo.gitmodel("add", "data", code=7)


def test_a_file_that_cannot_be_read_is_named(repo: Repo) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    repo.write("data/secret", "x").chmod(0)
    assert "data/secret" in repo.gitmodel("add", "data", code=8).err


def test_hard_links_are_two_files(repo: Repo) -> None:
    first = repo.write("data/one", noise(1, 100))
    os.link(first, repo.path / "data/two")
    repo.gitmodel("add", "data")
    repo.gitmodel("verify")
    for name in ("one", "two"):
        (repo.path / "data" / name).unlink()
    repo.gitmodel("checkout")
    assert repo.read("data/two") == noise(1, 100)


def test_an_artifact_inside_or_around_another_is_refused(story: Repo) -> None:
    done = story.gitmodel("add", "data", code=2)
    assert "data/train" in done.err


def test_the_files_of_a_user_are_never_made_read_only(repo: Repo) -> None:
    path = repo.write("model.pt", noise(1, (1 << 20) + 1))
    repo.gitmodel("add", "model.pt")
    assert path.stat().st_mode & 0o200
    path.unlink()
    repo.gitmodel("checkout")
    with path.open("ab") as file:
        file.write(b"more")
    repo.gitmodel("verify")


@pytest.mark.parametrize(("limit", "remedy"), [("-f 1000", "-f unlimited"), ("-n 12", "-n 1024")])
def test_a_limit_of_the_system_is_told_with_what_lifts_it(
    repo: Repo, limit: str, remedy: str
) -> None:
    repo.write("model.pt", noise(1, 3 << 20))
    done = repo.run("bash", "-c", f"ulimit {limit}; exec {GITMODEL} add model.pt")
    assert (done.code, repo.leftovers()) == (8, [])
    assert f"ulimit {remedy}" in done.err


@pytest.mark.parametrize("path", ["lib/model.pt", "lib"])
def test_what_lies_in_a_submodule_is_that_ones_to_track(repo: Repo, path: str) -> None:
    repo.git("init", "-q", "../library")
    repo.git("-C", "../library", "commit", "-qm", "first", "--allow-empty")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../library", "lib")
    repo.write("lib/model.pt", noise(1, 1000))
    before = repo.tree()
    save = ("run", "--save", path, "--", "sh", "-c", "echo 1 > lib/made")
    for command in (("add", path), save):
        done = repo.gitmodel(*command, code=2)
        assert "'lib' is a Git repository of its own" in done.err
        assert repo.tree() == before
