"""`gitmodel import dvc`, on repositories that DVC itself made."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from botocore.client import BaseClient

from tests.helpers.migrating import dvc_repo, run_dvc
from tests.helpers.repo import Repo, copied, noise
from tests.helpers.seaweed import Bucket


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dvc")
    dvc_repo(folder)
    return folder


@pytest.fixture
def dvc(template: Path, tmp_path: Path) -> Repo:
    return copied(template, tmp_path)


def _data(repo: Repo) -> dict[str, str]:
    """Return what is in the working tree of what DVC tracked."""
    names = ("data/train/", "models/model v1.pt", "ranker.bin")
    found = {path: what for path, what in repo.tree().items() if path.startswith(names)}
    return {path: what for path, what in found.items() if not path.endswith((".dvc", ".gitmodel"))}


def test_pointers_take_the_place_of_what_dvc_left_in_git(dvc: Repo) -> None:
    before = _data(dvc)
    done = dvc.gitmodel("import", "dvc")
    assert "imported data/train (3 files, 8.4 kB) from data/train.dvc\n" in done.out
    assert "imported ranker.bin (4.1 kB) from dvc.lock, stage train\n" in done.out
    assert set(dvc.git("diff", "--cached", "--name-status", "-z", "--no-renames").split("\0")) == {
        *("A", "D", "M", ""),
        *("data/train.dvc", "data/train.gitmodel", "ranker.bin.gitmodel"),
        *("models/.gitignore", "models/model v1.pt.dvc", "models/model v1.pt.gitmodel"),
    }
    assert dvc.git("diff", "--name-only") == ""
    assert _data(dvc) == before
    assert {each["work"] for each in dvc.status().values()} == {"clean"}
    dvc.commit("moved")
    assert dvc.git("status", "--porcelain") == ""
    dvc.gitmodel("push")
    dvc.git("push", "--quiet", "origin", "main")
    clone = dvc.clone("clone")
    clone.gitmodel("pull")
    assert _data(clone) == before
    assert dvc.leftovers() == []


def test_old_tags_are_read_as_they_are(dvc: Repo) -> None:
    tags = dvc.git("show-ref", "--tags")
    new = _data(dvc)
    dvc.gitmodel("import", "dvc", "--all-tags")
    dvc.commit("moved")
    shutil.rmtree(dvc.path / ".dvc/cache")
    assert "v0.8" in dvc.gitmodel("push").out
    dvc.git("push", "--quiet", "origin", "main")
    assert dvc.git("show-ref", "--tags") == tags
    clone = dvc.clone("clone")
    assert "ranker.bin" in clone.gitmodel("show", "v0.8").out
    assert "v0.9" in clone.gitmodel("versions").out
    clone.gitmodel("checkout", "v0.9")
    assert _data(clone) == new
    assert {each["work"] for each in clone.status().values()} == {"clean"}
    clone.gitmodel("checkout", "v0.8")
    old = _data(clone)
    assert old.keys() == new.keys()
    assert old["data/train/b.png"] != new["data/train/b.png"]
    assert (clone.path / "data/train/b.png").read_bytes() == noise("b 1", 4100)
    assert (clone.path / "models/model v1.pt").read_bytes() == noise("model 1", (1 << 20) + 1)
    assert clone.git("status", "--porcelain") == ""
    clone.gitmodel("checkout", "main")
    assert _data(clone) == new
    clone.gitmodel("verify")
    cache = ("--cache", "../mirrors")
    clone.gitmodel("get", "../origin.git", "data/train@v0.8", "-o", "../train", *cache)
    assert (clone.path.parent / "train/b.png").read_bytes() == noise("b 1", 4100)
    # What was fetched for v0.8 is of no other version, and stays until it is not needed.
    assert "0 files written" in clone.gitmodel("checkout").out


@pytest.mark.parametrize("layout", ["files/md5", ""])
def test_what_is_not_here_comes_from_the_remote_of_dvc(dvc: Repo, layout: str) -> None:
    before = _data(dvc)
    remote = dvc.path.parent / "dvc-remote"
    if not layout:
        # Before DVC 3, objects lay one folder up, and nothing said by which hash they are named.
        for folder in (remote / "files/md5").iterdir():
            folder.rename(remote / folder.name)
        for path in ("data/train.dvc", "models/model v1.pt.dvc", "dvc.lock"):
            text = (dvc.path / path).read_text()
            (dvc.path / path).write_text(re.sub(r"\n +hash: md5", "", text))
        dvc.commit("as DVC 2 wrote it")
    shutil.rmtree(dvc.path / ".dvc/cache")
    for path in ("data/train", "models/model v1.pt", "ranker.bin"):
        _remove(dvc.path / path)
    done = dvc.gitmodel("import", "dvc")
    assert "not in the working tree: data/train" in done.err
    dvc.gitmodel("checkout")
    assert _data(dvc) == before


def test_a_bucket_of_dvc_is_read(dvc: Repo, s3: Bucket, s3_client: BaseClient) -> None:
    remote = dvc.path.parent / "dvc-remote"
    for path in remote.rglob("*"):
        if path.is_file():
            key = f"some/where/{path.relative_to(remote)}"
            s3_client.put_object(Bucket=s3.name, Key=key, Body=path.read_bytes())
    config = dvc.path / ".dvc/config"
    config.write_text(config.read_text().replace("../../dvc-remote", f"s3://{s3.name}/some/where"))
    dvc.commit("to the cloud")
    before = _data(dvc)
    shutil.rmtree(dvc.path / ".dvc/cache")
    shutil.rmtree(remote)
    _remove(dvc.path / "data/train/b.png")
    _remove(dvc.path / "models/model v1.pt")
    dvc.gitmodel("import", "dvc", env=s3.env)
    dvc.gitmodel("checkout")
    assert _data(dvc) == before


def test_what_is_missing_is_named_and_nothing_is_done(dvc: Repo) -> None:
    for cache in (dvc.path / ".dvc/cache", dvc.path.parent / "dvc-remote"):
        for path in cache.rglob("*"):
            if path.is_file() and path.read_bytes() == noise("b 1", 4100):
                _remove(path)
    before = dvc.tree()
    done = dvc.gitmodel("import", "dvc", "--all-tags", code=5)
    assert "missing  data/train/b.png  (data/train.dvc of tag v0.8)" in done.err
    assert "dvc fetch --all-tags" in done.err
    assert dvc.tree() == before
    assert dvc.git("status", "--porcelain") == ""
    dvc.gitmodel("import", "dvc", "--all-tags", "--skip-missing")
    dvc.commit("moved")
    assert "not pushed, for their data is DVC's: v0.8" in dvc.gitmodel("push").err
    head = dvc.git("rev-parse", "HEAD")
    assert "'data/train'" in dvc.gitmodel("checkout", "v0.8", code=5).err
    assert dvc.git("rev-parse", "HEAD") == head
    dvc.gitmodel("checkout", "v0.9")


def test_a_damaged_object_is_not_taken(dvc: Repo) -> None:
    for cache in (dvc.path / ".dvc/cache", dvc.path.parent / "dvc-remote"):
        for path in cache.rglob("*"):
            if path.is_file() and path.stat().st_size > 1 << 20:
                path.chmod(0o644)
                with path.open("r+b") as file:
                    file.write(b"other bytes")
    (dvc.path / "models/model v1.pt").write_bytes(b"work that nobody saved")
    assert "models/model v1.pt" in dvc.gitmodel("import", "dvc", code=5).err
    assert dvc.read("models/model v1.pt") == b"work that nobody saved"


def test_files_of_dvc_that_git_does_not_know_are_refused(dvc: Repo) -> None:
    path = dvc.path / "data/train.dvc"
    text = path.read_text()
    path.write_text(text + "desc: new\n")
    assert (
        "'data/train.dvc' is other than in Git's index" in dvc.gitmodel("import", "dvc", code=4).err
    )
    path.write_text(text)
    dvc.write("new.dvc", "outs:\n- path: new\n")
    assert "'new.dvc'" in dvc.gitmodel("import", "dvc", code=4).err


@pytest.mark.parametrize(
    "path",
    ["../../outside", "/etc/passwd", "s3://bucket/key", "../.git/config", "..", "a.gitmodel"],
)
def test_outs_elsewhere_are_refused(dvc: Repo, path: str) -> None:
    digest = "d41d8cd98f00b204e9800998ecf8427e"
    dvc.write("data/bad.dvc", f"outs:\n- md5: {digest}\n  hash: md5\n  path: {path}\n")
    dvc.commit("bad")
    before = dvc.tree()
    assert "'data/bad.dvc'" in dvc.gitmodel("import", "dvc", code=7).err
    assert dvc.tree() == before


def test_an_old_tag_that_cannot_be_read_is_named_and_may_be_left_out(dvc: Repo) -> None:
    dvc.write("old.dvc", "outs:\n- md5: d41d8cd98f00b204e9800998ecf8427e\n  path: s3://x/y\n")
    dvc.commit("data elsewhere")
    dvc.git("tag", "v0.95")
    dvc.git("rm", "--quiet", "old.dvc")
    dvc.commit("no longer")
    done = dvc.gitmodel("import", "dvc", "--all-tags", code=7)
    assert "tag 'v0.95': 'old.dvc' tracks 's3://x/y', which is not in this repository" in done.err
    dvc.gitmodel("import", "dvc", "--all-tags", "--skip-missing")
    dvc.commit("moved")
    assert "'old.dvc'" in dvc.gitmodel("checkout", "v0.95", code=7).err
    dvc.gitmodel("checkout", "v0.9")


def test_a_version_that_both_tools_had_a_part_in_is_completed(dvc: Repo) -> None:
    dvc.write("extra.bin", noise("extra", 5000))
    dvc.gitmodel("add", "extra.bin")
    dvc.commit("a bit of both")
    dvc.git("tag", "v0.95")
    assert "complete on origin: v0.95, main" in dvc.gitmodel("push").out
    before = _data(dvc)
    dvc.gitmodel("import", "dvc", "--all-tags")
    dvc.commit("moved")
    assert "v0.95" in dvc.gitmodel("push").out
    assert "everything is on origin already" in dvc.gitmodel("push").out
    dvc.git("push", "--quiet", "origin", "main")
    clone = dvc.clone("clone")
    clone.gitmodel("checkout", "v0.95")
    assert _data(clone) == before
    assert clone.read("extra.bin") == noise("extra", 5000)


def test_what_somebody_else_pushed_does_not_say_how_tags_are_read(dvc: Repo) -> None:
    dvc.git("switch", "--quiet", "--create", "proposal")
    dvc.gitmodel("import", "dvc", "--all-tags")
    dvc.commit("moved")
    dvc.gitmodel("push", "--no-git")
    dvc.git("push", "--quiet", "origin", "proposal")
    clone = dvc.clone("clone")
    assert "it was not imported" in clone.gitmodel("checkout", "v0.9", code=5).err
    # Nor does silence say that nothing differs.
    told = clone.gitmodel("diff", "v0.9", "HEAD").err
    assert "not compared: DVC has the data of" in told
    assert json.loads(clone.gitmodel("diff", "v0.9", "HEAD", "--json").out)["foreign"]
    shown = clone.gitmodel("show", "v0.9")
    assert "it was not imported" in shown.out + shown.err
    assert "it was not imported" in clone.gitmodel("compare", "v0.9", "HEAD").out
    clone.git("switch", "--quiet", "proposal")
    clone.gitmodel("checkout", "v0.9")


def test_work_that_is_not_saved_stays(dvc: Repo) -> None:
    dvc.write("data/train/a.png", b"mine")
    dvc.write("data/train/more.png", b"mine, too")
    dvc.gitmodel("import", "dvc")
    assert dvc.read("data/train/a.png") == b"mine"
    assert dvc.status()["data/train"]["work"] == "modified"


def test_symlinks_into_the_cache_of_dvc_become_files(dvc: Repo) -> None:
    before = _data(dvc)
    run_dvc(dvc, "config", "cache.type", "symlink")
    dvc.commit("links")
    run_dvc(dvc, "checkout", "--relink")
    assert (dvc.path / "data/train/a.png").is_symlink()
    dvc.gitmodel("import", "dvc")
    shutil.rmtree(dvc.path / ".dvc/cache")
    assert _data(dvc) == before
    assert {each["work"] for each in dvc.status().values()} == {"clean"}


def test_an_import_that_was_killed_is_begun_again(dvc: Repo) -> None:
    before = _data(dvc)
    process = dvc.start("import", "dvc", "--all-tags")
    process.kill()
    process.communicate()
    # As far as it can get before Git hears of it: a pointer is there, and a .dvc file is gone.
    dvc.write("ranker.bin.gitmodel", "half")
    os.unlink(dvc.path / "data/train.dvc")
    dvc.gitmodel("import", "dvc", "--all-tags")
    dvc.commit("moved")
    assert dvc.git("status", "--porcelain") == ""
    assert _data(dvc) == before
    assert {each["work"] for each in dvc.status().values()} == {"clean"}
    assert "nothing" not in dvc.gitmodel("import", "dvc", code=2).out


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.chmod(0o644)
        path.unlink()
