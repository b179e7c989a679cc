from __future__ import annotations

from pathlib import Path

import pytest

from gitmodel.scratch import Scratch
from gitmodel.worktree.choices import Choices, read_choices, write_choices


def test_choices_are_kept_by_artifact_and_conflict(tmp_path: Path) -> None:
    path = tmp_path / "choices"
    first, second = Choices("1", {"a": "ours", "b/c": "theirs"}), Choices("2", {"": "ours"})
    with Scratch(tmp_path / "scratch") as scratch:
        write_choices(path, "data", first, scratch)
        write_choices(path, "model.pt", second, scratch)
        assert read_choices(path, "data", "1") == first
        assert read_choices(path, "model.pt", "2") == second
        assert read_choices(path, "data", "another") == Choices("another")
        write_choices(path, "data", None, scratch)
        assert read_choices(path, "data", "1") == Choices("1")
        write_choices(path, "model.pt", None, scratch)
        assert not path.exists()


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"\xff\0",
        b"[]",
        b'{"data": 3}',
        b'{"data": ["1"]}',
        b'{"data": ["1", ["a"]]}',
        b'{"data": ["1", {"a": "mine"}]}',
        b"[" * 100_000,
    ],
)
def test_what_cannot_be_read_chooses_nothing(tmp_path: Path, noise: bytes) -> None:
    path = tmp_path / "choices"
    path.write_bytes(noise)
    assert read_choices(path, "data", "1") == Choices("1")
