from __future__ import annotations

from pathlib import Path

import pytest

from gitmodel.errors import IntegrityError
from gitmodel.scratch import Scratch
from gitmodel.worktree.rules import add_rules, ignore_rule, read_rules, remove_rule


@pytest.mark.parametrize(
    ("artifact", "path", "rule"),
    [
        ("model.pt", ".gitignore", b"/model.pt"),
        ("a/b/c", "a/b/.gitignore", b"/c"),
        ("a/[x]*? y", "a/.gitignore", b"/\\[x]\\*\\?\\ y"),
    ],
)
def test_what_hides_an_artifact(artifact: str, path: str, rule: bytes) -> None:
    assert ignore_rule(artifact) == (path, rule)


def test_lines_come_and_go_and_others_stay(tmp_path: Path) -> None:
    path = tmp_path / ".gitignore"
    path.write_bytes(b"# mine\n*.log")
    with Scratch(tmp_path / "scratch") as scratch:
        assert add_rules(tmp_path, ".gitignore", [b"/a", b"/b"], scratch)
        assert not add_rules(tmp_path, ".gitignore", [b"/a"], scratch)
        assert path.read_bytes() == b"# mine\n*.log\n/a\n/b\n"
        assert remove_rule(tmp_path, ".gitignore", b"/a", scratch)
        assert not remove_rule(tmp_path, ".gitignore", b"/a", scratch)
        assert path.read_bytes() == b"# mine\n*.log\n/b\n"


def test_line_ends_of_windows_are_understood_and_kept(tmp_path: Path) -> None:
    path = tmp_path / ".gitignore"
    path.write_bytes(b"*.log\r\n/a\r\n")
    with Scratch(tmp_path / "scratch") as scratch:
        assert not add_rules(tmp_path, ".gitignore", [b"/a"], scratch)
        assert remove_rule(tmp_path, ".gitignore", b"/a", scratch)
    assert path.read_bytes() == b"*.log\r\n"


def test_the_last_line_takes_the_file_with_it(tmp_path: Path) -> None:
    with Scratch(tmp_path / "scratch") as scratch:
        add_rules(tmp_path, ".gitignore", [b"/a"], scratch)
        remove_rule(tmp_path, ".gitignore", b"/a", scratch)
    assert not (tmp_path / ".gitignore").exists()
    assert read_rules(tmp_path, "no/such/.gitignore") == b""


def test_a_symlink_is_refused(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"/a\n")
    (tmp_path / ".gitignore").symlink_to("target")
    with Scratch(tmp_path / "scratch") as scratch:
        for act in (
            lambda: add_rules(tmp_path, ".gitignore", [b"/b"], scratch),
            lambda: remove_rule(tmp_path, ".gitignore", b"/a", scratch),
        ):
            with pytest.raises(IntegrityError, match="symlink"):
                act()
    assert (tmp_path / "target").read_bytes() == b"/a\n"
