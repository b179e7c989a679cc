from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitmodel.exchange import exchange_at, sync


def test_a_file_and_a_folder_change_places(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "in").write_text("folder")
    (tmp_path / "other").write_text("file")
    with _opened(tmp_path) as fd:
        assert exchange_at("one", fd, "other", fd)
        with pytest.raises(FileNotFoundError):
            exchange_at("one", fd, "nothing", fd)
    assert (tmp_path / "one").read_text() == "file"
    assert (tmp_path / "other" / "in").read_text() == "folder"


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY)
    yield fd
    os.close(fd)


def test_files_and_folders_are_synced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    sync(tmp_path / "file")
    sync(tmp_path)
