"""F4: artifacts, parts of them, or the cache on other file systems, mounted in every way."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from gitmodel.digest import digest_bytes
from gitmodel.progress import silent
from gitmodel.worktree.opening import pack_stat
from gitmodel.worktree.places import Places
from gitmodel.worktree.swap import put
from gitmodel.worktree.write import Change, Compared, Write
from tests.helpers.formats import entry, opened_cache
from tests.helpers.repo import Repo, noise

_MAY_MOUNT = subprocess.run(
    ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True, check=False
)
needs_mounts = pytest.mark.skipif(
    _MAY_MOUNT.returncode != 0, reason=f"may not mount: {_MAY_MOUNT.stderr.decode()}"
)
pytestmark = needs_mounts

HOLD = """hold() {
    mkdir -p "$1"; cp -a "$1/." ../held; mount -t tmpfs none "$1"; cp -a ../held/. "$1"
}"""


def mounted(repo: Repo, script: str) -> str:
    """Run a script in a namespace of its own, in which it may mount what it likes."""
    (repo.path.parent / "held").mkdir(exist_ok=True)
    (repo.path.parent / "disk").mkdir(exist_ok=True)
    done = repo.run("unshare", "-m", "sh", "-euc", f"{HOLD}\n{script}")
    assert done.code == 0, f"{script}\n{done.out}\n{done.err}"
    return done.out


CLEAN = "gitmodel status --exit-code >&2; git status --porcelain"

SETUPS = {
    "an artifact is a mount": "hold data/train",
    "an artifact is the same disk, mounted again": (
        "cp -a data/train/. ../disk; mount --bind ../disk data/train"
    ),
    "a part of an artifact is a mount": "hold data/train/deep",
    "a folder of artifacts is a mount": "hold data",
    "the cache is a link to another disk": (
        "mount -t tmpfs none ../disk; mv .git/gitmodel ../disk; ln -s $PWD/../disk/gitmodel .git"
    ),
    "the cache is a mount": "hold .git/gitmodel",
    "the cache is the same disk, mounted again": (
        "cp -a .git/gitmodel/. ../disk; mount --bind ../disk .git/gitmodel"
    ),
    "the working tree is a linked one on another disk": (
        "mount -t tmpfs none ../disk; git worktree add -q ../disk/tree model-v1.1 2>/dev/null;"
        " cd ../disk/tree; gitmodel checkout -q"
    ),
}


@pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS)
def test_f4_goes_from_version_to_version_on_any_mounts(story: Repo, setup: str) -> None:
    """With a mount on `deep`, the newer version leaves an empty folder, which it does not have."""
    mounted(
        story,
        f"""{setup}
        gitmodel checkout -q v1.0
        {CLEAN}
        test -s data/train/deep/c.png
        gitmodel checkout -q model-v1.1
        test ! -e data/train/deep/c.png
        rm -rf data/train/b.png model.pt
        gitmodel checkout -q
        gitmodel verify
        test -z "$(find . -name '*.gitmodel-tmp' -o -name '*.gitmodel-replaced')"
        """,
    )


def test_f4_an_empty_mount_is_filled(story: Repo) -> None:
    mounted(
        story,
        f"""rm -rf data/train; mkdir data/train; mount -t tmpfs none data/train
        gitmodel checkout -q -- data/train
        {CLEAN}
        """,
    )


def test_f4_a_mount_is_added_from(repo: Repo) -> None:
    repo.write("data/a", noise("a", 3000))
    mounted(
        repo,
        f"""hold data; gitmodel add -q data; git commit -qam 1
        {CLEAN}
        rm data/a; gitmodel checkout -q -- data
        {CLEAN}
        """,
    )


@pytest.mark.parametrize("path", ["data/train/b.png", "model.pt"])
def test_f4_a_file_that_is_a_mount_is_told_before_git_moves(story: Repo, path: str) -> None:
    out = mounted(
        story,
        f"""cp {path} ../disk/file; mount --bind ../disk/file {path}
        gitmodel checkout v1.0 2>&1 && exit 1 || echo code $?
        git describe --tags
        gitmodel status --exit-code >&2
        """,
    )
    assert "code 8" in out
    assert f"'{path}' is a mount point" in out
    assert "model-v1.1" in out


def test_f4_an_edit_on_a_mount_is_not_lost(story: Repo) -> None:
    hook = story.write(
        ".git/hooks/post-checkout", "#!/bin/sh\nprintf precious > data/train/b.png\n"
    )
    hook.chmod(0o755)
    out = mounted(
        story,
        """hold data/train
        gitmodel checkout -q v1.0 2>&1 && exit 1 || echo code $?
        cat data/train/b.png
        rm .git/hooks/post-checkout
        sh -c 'exec 3<>model.pt; exec 4<>data/train/a.png; printf x > data/train/b.png;
               gitmodel checkout -q --force model-v1.1; printf open >&3'
        grep -rl open .git/gitmodel/replaced
        test "$(cat data/train/.*.gitmodel-replaced/data/train/b.png)" = x
        gitmodel status --exit-code
        """,
    )
    assert "code 4" in out
    assert "precious" in out


@pytest.mark.parametrize("folder", ["data/train", "data"])
def test_f4_a_folder_that_cannot_be_written_to_is_told_before_git_moves(
    story: Repo, folder: str
) -> None:
    out = mounted(
        story,
        f"""mount --bind {folder} {folder}; mount -o remount,bind,ro {folder}
        gitmodel checkout v1.0 2>&1 && exit 1 || echo code $?
        git describe --tags
        gitmodel status --exit-code >&2
        """,
    )
    assert "code 8" in out
    assert f"'{folder}'" in out
    assert "gitmodel-tmp" not in out
    assert "model-v1.1" in out


def test_f4_nothing_is_moved_between_disks(story: Repo) -> None:
    out = mounted(
        story,
        f"""mkdir other; mount -t tmpfs none other
        gitmodel mv model.pt other/model.pt 2>&1 && exit 1 || echo code $?
        {CLEAN}
        """,
    )
    assert "code 8" in out
    assert "different disks" in out


def test_f4_what_a_quota_parts_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two disks stand for two projects of one: no list and no device tells those apart."""
    here = tmp_path.stat().st_dev
    others = [place for place in ("/dev/shm", "/var/tmp") if os.stat(place).st_dev != here]
    if not others:
        pytest.skip("there is one disk only")
    monkeypatch.setattr(Places, "_shares_mount", lambda self: True)
    with tempfile.TemporaryDirectory(dir=others[0]) as home, opened_cache(Path(home)) as cache:
        root = tmp_path / "work"
        (root / "data").mkdir(parents=True)
        for name in ("old", "gone"):
            (root / "data" / name).write_bytes(b"old")
        with cache.writer() as writer:
            for data in (b"old", b"new"):
                writer.add(data, digest_bytes(data))
        change = Change([Write("data", entry(name, data=b"new")) for name in ("old", "a/b", "c")])
        change.removals.append("data/gone")
        for name in ("old", "gone"):
            status = (root / "data" / name).lstat()
            oid = digest_bytes(b"old").oid
            change.compared[f"data/{name}"] = Compared(pack_stat(status), oid, sure=True)
        with Places(root, cache.scratch, cache.root) as places:
            put(root, change, cache, places, silent)
        files = sorted(path for path in root.rglob("*") if path.is_file())
        assert {str(path.relative_to(root)): path.read_bytes() for path in files} == {
            "data/a/b": b"new",
            "data/c": b"new",
            "data/old": b"new",
        }
