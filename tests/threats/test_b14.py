"""B14: a file is written, read or removed through a symlink that the repository tracks."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.helpers.repo import Repo, tree


@pytest.fixture
def outside(repo: Repo) -> Path:
    """A folder of somebody else's beside the repository, to which its symlink `d` leads."""
    folder = repo.path.parent / "outside"
    (folder / "inner").mkdir(parents=True)
    for name in ("x.gitmodel", "x.metrics.json", ".gitignore", "x", "inner/y"):
        (folder / name).write_text("precious\n")
    (repo.path / "d").symlink_to("../outside")
    repo.commit()
    return folder


def _dvc(repo: Repo, path: str) -> None:
    data = b"data\n"
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    repo.write(f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}", data)
    repo.write(".dvc/config", "")
    name = path.replace("/", "-")
    repo.write(f"{name}.dvc", f"outs:\n- md5: {md5}\n  size: 5\n  hash: md5\n  path: {path}\n")
    repo.write(".dvc/.gitignore", "/cache\n")
    repo.commit()


def test_b14_import_dvc_writes_no_pointer_through_a_symlink(repo: Repo, outside: Path) -> None:
    before = tree(outside)
    _dvc(repo, "d/x")
    done = repo.gitmodel("import", "dvc", code=7)
    assert "symlink" in done.err
    assert tree(outside) == before


def test_b14_import_dvc_removes_no_rule_through_a_symlink(repo: Repo, outside: Path) -> None:
    (outside / ".gitignore").write_text("/x\n")
    before = tree(outside)
    _dvc(repo, "d/inner/x")
    repo.gitmodel("import", "dvc", code=7)
    assert tree(outside) == before


def test_b14_import_dvc_reads_and_replaces_no_symlink_as_its_notes(
    repo: Repo, outside: Path
) -> None:
    before = tree(outside)
    (repo.path / ".gitmodel.imported").symlink_to("../outside/x")
    _dvc(repo, "y")
    repo.git("tag", "v1.0")
    repo.gitmodel("import", "dvc", "--all-tags", code=7)
    assert tree(outside) == before


@pytest.mark.parametrize("command", [("add", "d/x"), ("mv", "m", "d/z"), ("run", "--", "true")])
def test_b14_no_command_writes_through_a_symlink(
    repo: Repo, outside: Path, command: tuple[str, ...]
) -> None:
    repo.write("m", b"1")
    repo.gitmodel("add", "m")
    repo.commit()
    before = tree(outside)
    saved = ("--save", "d/x") if command[0] == "run" else ()
    done = repo.run("gitmodel", command[0], *saved, *command[1:])
    assert done.code, done
    assert tree(outside) == before


def test_b14_no_pointer_is_read_through_a_symlink(repo: Repo, outside: Path) -> None:
    repo.write("e/m", b"1")
    repo.gitmodel("add", "e/m")
    repo.commit()
    (repo.path / "e/m.gitmodel").rename(outside / "m.gitmodel")
    (repo.path / "e/.gitignore").unlink()
    (repo.path / "e/m").unlink()
    (repo.path / "e").rmdir()
    (repo.path / "e").symlink_to("../outside")
    assert "symlink" in repo.gitmodel("status", code=7).err


def test_b14_rm_removes_no_sidecar_through_a_symlink(repo: Repo, outside: Path) -> None:
    repo.write("e/x", b"1")
    repo.write("e/x.metrics.json", "{}")
    repo.gitmodel("add", "e/x")
    repo.commit()
    repo.git("rm", "-q", "--cached", "-r", "e")
    (repo.path / "e").rename(repo.path / "f")
    (repo.path / "e").symlink_to("../outside")
    before = tree(outside)
    repo.run("gitmodel", "rm", "--force", "--sidecars", "e/x")
    assert tree(outside) == before


def test_b14_import_lfs_writes_attributes_through_no_symlink(repo: Repo, outside: Path) -> None:
    text = "*.bin filter=lfs diff=lfs merge=lfs -text\n"
    repo.write("e/.gitattributes", text)
    repo.write(
        "e/x.bin", f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 5\n"
    )
    repo.commit()
    (outside / ".gitattributes").write_text(text)
    before = tree(outside)
    (repo.path / "e").rename(repo.path / "f")
    (repo.path / "e").symlink_to("../outside")
    assert repo.run("gitmodel", "import", "lfs").code
    assert tree(outside) == before


@pytest.mark.parametrize(
    ("name", "command"),
    [
        (".gitmodel.yaml", ("add", "m")),
        (".gitattributes", ("install",)),
        (".gitignore", ("add", "m")),
        ("m.gitmodel", ("add", "m")),
    ],
)
def test_b14_a_file_of_gitmodels_that_is_a_symlink_is_neither_read_nor_replaced(
    repo: Repo, outside: Path, name: str, command: tuple[str, ...]
) -> None:
    repo.write("m", b"1")
    repo.gitmodel("add", "m")
    repo.commit()
    target = outside / "target"
    (repo.path / name).rename(target)
    (repo.path / name).symlink_to("../outside/target")
    before = tree(outside)
    repo.write("m", b"2")
    repo.gitmodel(*command, code=7)
    assert tree(outside) == before
    assert (repo.path / name).is_symlink()
