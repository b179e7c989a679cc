"""What `git diff`, `git log -p`, `git show` and `git blame` say of pointers."""

from __future__ import annotations

import re
import shutil

import pytest

from gitmodel.git.command import open_git
from gitmodel.porcelain.drivers import set_drivers
from tests.helpers.merging import change
from tests.helpers.repo import Repo


@pytest.fixture
def shown(repo: Repo) -> Repo:
    """Two commits of a dataset and a model, in fixed bytes."""
    set_drivers(open_git(repo.path))
    for path, text in {"data/a": "a", "data/b": "b" * 1500, "data/deep/c": "c"}.items():
        repo.write(path, text)
    repo.write("model.pt", "first model")
    repo.gitmodel("add", "data", "model.pt")
    repo.commit("first")
    (repo.path / "data/deep/c").unlink()
    (repo.path / "data/a").chmod(0o755)
    (repo.path / "data/link").symlink_to("b")
    change(repo, {"data/b": "B" * 2500, "model.pt": "second, longer model"}, "second")
    return repo


_DATA = """\
@@ -1,6 +1,7 @@
-folder, 3 files, 1.5 kB (1,502 bytes)
-blake3:64
+folder, 4 files, 2.5 kB (2,502 bytes)
+blake3:64
.
-a  1 B  blake3:12
-b  1.5 kB  blake3:12
-deep/c  1 B  blake3:12
+a  executable 1 B  blake3:12
+b  2.5 kB  blake3:12
+deep  empty folder 0 B  blake3:12
+link  symlink 1 B  blake3:12"""

_MODEL = """\
@@ -1,2 +1,2 @@
-file, 11 B
-blake3:64
+file, 20 B
+blake3:64"""


def _plain(text: str) -> str:
    """Replace digests by their length, and make a line that is a blank visible."""
    text = re.sub("blake3:([0-9a-f]+)", lambda found: f"blake3:{len(found[1])}", text)
    return text.replace("\n \n", "\n.\n")


def _hunks(text: str) -> str:
    """Leave out what names Git's own objects."""
    return _plain(text[text.index("@@") :])


def test_a_diff_in_words(shown: Repo) -> None:
    assert _hunks(shown.git("diff", "HEAD^", "--", "data.gitmodel")) == _DATA
    assert _hunks(shown.git("diff", "HEAD^", "--", "model.pt.gitmodel")) == _MODEL


def test_log_show_and_blame(shown: Repo) -> None:
    log = shown.git("log", "-p", "--format=%s", "--", "data.gitmodel")
    assert _DATA in _plain(log)
    assert "+b  1.5 kB  blake3:" in log
    assert "-a  1 B  blake3:17762fddd969" in shown.git("show")
    lines = shown.git("blame", "--line-porcelain", "data.gitmodel").splitlines()
    summaries = [line.removeprefix("summary ") for line in lines if line.startswith("summary ")]
    assert summaries == ["second", "second", "first", *["second"] * 4]


def test_a_model_that_became_executable(shown: Repo) -> None:
    (shown.path / "model.pt").chmod(0o755)
    shown.gitmodel("add", "model.pt")
    assert "+executable file, 20 B" in shown.git("diff", "--cached")


def test_without_the_manifest(shown: Repo) -> None:
    before = sorted(shown.path.rglob("*"))
    shutil.rmtree(shown.home)
    for arguments in (["diff", "HEAD^"], ["log", "-p"], ["blame", "data.gitmodel"]):
        out = shown.git(*arguments)
        assert "folder, 4 files" in out
        assert "(which files is not known: the manifest is not in the cache)" in out
    # Looking makes nothing.
    assert not shown.home.exists()
    assert set(shown.path.rglob("*")) <= set(before)


def test_in_a_bare_clone(shown: Repo) -> None:
    shown.git("clone", "--quiet", "--bare", ".", "../bare.git")
    shown.git("-C", "../bare.git", "config", "diff.gitmodel.textconv", "gitmodel textconv --")
    shown.write("../bare.git/info/attributes", "*.gitmodel diff=gitmodel\n")
    assert "file, 20 B" in shown.git("-C", "../bare.git", "show", "--", "model.pt.gitmodel")


def test_what_is_no_pointer_is_shown_as_text(shown: Repo) -> None:
    shown.write("model.pt.gitmodel", b"not\0a pointer\r\n\xff\n")
    done = shown.run("gitmodel", "textconv", "--", "model.pt.gitmodel")
    assert (done.code, done.out) == (0, "not\\x00a pointer\\r\n\\xff\n")
    shown.write("model.pt.gitmodel", "<<<<<<< ours\nx\n=======\ny\n>>>>>>> theirs\n")
    assert "+<<<<<<< ours" in shown.git("diff")


def test_a_damaged_manifest_and_a_broken_index(shown: Repo) -> None:
    for pack in (shown.home / "packs").iterdir():
        pack.chmod(0o644)
        pack.write_bytes(pack.read_bytes()[:-200])
    shown.write(".git/gitmodel/index.db", "noise" * 1000)
    assert "folder, 4 files" in shown.git("diff", "HEAD^")
    shown.write(".gitmodel.yaml", "broken: [")
    assert "folder, 4 files" in shown.git("diff", "HEAD^")


def test_names_that_a_terminal_would_act_on(repo: Repo) -> None:
    set_drivers(open_git(repo.path))
    repo.write("data/a\x1b[31mred", "x")
    repo.gitmodel("add", "data")
    assert "+'a\\x1b[31mred'  1 B" in repo.git("diff", "--cached", "--", "data.gitmodel")
