from __future__ import annotations

from pathlib import Path

import pytest

from gitmodel.exchange import exchange, sync


@pytest.mark.parametrize("able", [True, False], ids=["at once", "by a third name"])
def test_a_file_and_a_folder_change_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, able: bool
) -> None:
    if not able:
        # No file system here is too old for it.
        monkeypatch.setattr("gitmodel.exchange._exchange", lambda one, other: False)
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    (one / "in").write_text("folder")
    other.write_text("file")
    exchange(one, other)
    assert one.read_text() == "file"
    assert (other / "in").read_text() == "folder"
    assert {path.name for path in tmp_path.iterdir()} == {"one", "other"}


def test_what_is_not_there_cannot_change_places(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("file")
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "one", tmp_path / "other")
    assert (tmp_path / "one").read_text() == "file"


def test_files_and_folders_are_synced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    sync(tmp_path / "file")
    sync(tmp_path)
