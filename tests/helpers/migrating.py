"""Repositories that DVC and Git LFS made themselves, set up for gitmodel."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.helpers.repo import BIN, Repo, noise

needs_lfs = pytest.mark.skipif(shutil.which("git-lfs") is None, reason="needs git-lfs")

BIG = noise("weights", (1 << 20) + 7)
SMALL = noise("vectors", 4000)
_TRAIN = """\
import json, pathlib
data = pathlib.Path("data/train/b.png").read_bytes()
pathlib.Path("ranker.bin").write_bytes(data[::-1])
pathlib.Path("metrics.json").write_text(json.dumps({"accuracy": data[0] / 256}))
"""


def run_dvc(repo: Repo, *arguments: str) -> None:
    """Run DVC, which must succeed."""
    home = repo.env["HOME"]
    env = {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": f"{home}/dvc", "DVC_TEST": "true"}
    done = repo.run(str(BIN / "dvc"), *arguments, env=env)
    assert done.code == 0, done.err


def dvc_repo(folder: Path) -> Repo:
    """Make a repository of DVC's with two versions, v0.8 and v0.9, pushed to a folder."""
    repo = _new(folder)
    run_dvc(repo, "init", "--quiet")
    run_dvc(repo, "remote", "add", "-d", "store", "../dvc-remote")
    repo.write("train.py", _TRAIN)
    run_dvc(
        repo,
        *("stage", "add", "-n", "train", "-d", "data/train", "-o", "ranker.bin"),
        *("-M", "metrics.json", "python3 train.py"),
    )
    for number, tag in ((1, "v0.8"), (2, "v0.9")):
        repo.write("data/train/a.png", noise("a", 4000))
        repo.write("data/train/b.png", noise(f"b {number}", 4100))
        repo.write("data/train/deep/größe.png", noise("c", 300))
        repo.write("models/model v1.pt", noise(f"model {number}", (1 << 20) + number))
        run_dvc(repo, "add", "data/train", "models/model v1.pt")
        run_dvc(repo, "repro")
        repo.commit(tag)
        repo.git("tag", tag)
    run_dvc(repo, "push", "--all-tags")
    _set_up(repo)
    repo.git("push", "--quiet", "origin", "main", "v0.8", "v0.9")
    return repo


def lfs_repo(folder: Path) -> Repo:
    """Make a repository with files in Git LFS, which are on its origin."""
    repo = _new(folder)
    repo.git("lfs", "install", "--local")
    repo.git("lfs", "track", "*.bin", "models/**", "my file.dat")
    repo.write("data/.gitattributes", "*.csv text\n*.npy filter=lfs diff=lfs merge=lfs -text\n")
    repo.write("models/ranker.pt", BIG)
    repo.write("models/tool.bin", SMALL).chmod(0o755)
    repo.write("data/x.npy", SMALL)
    repo.write("my file.dat", b"with a space in its name")
    repo.write("empty.bin", b"")
    repo.commit("in LFS")
    repo.git("push", "--quiet", "origin", "main")
    _set_up(repo)
    return repo


def _new(folder: Path) -> Repo:
    repo = Repo(folder / "work")
    repo.path.mkdir()
    repo.git("init", "--quiet", "--bare", "-b", "main", "../origin.git")
    repo.git("init", "--quiet", "-b", "main")
    repo.git("remote", "add", "origin", "../origin.git")
    return repo


def _set_up(repo: Repo) -> None:
    repo.gitmodel("init")
    repo.gitmodel("remote", "add", "origin", "../remote")
    repo.commit("gitmodel, too")
