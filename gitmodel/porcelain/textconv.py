"""What a pointer stands for, for `git diff`, `git log -p`, `git show` and `git blame`."""

from __future__ import annotations

from pathlib import Path

from gitmodel.cache import Cache
from gitmodel.errors import GitmodelError
from gitmodel.git.command import find_common_dir
from gitmodel.index import opened_index
from gitmodel.manifest import Entry
from gitmodel.pointer import MAX_BYTES, Pointer, parse_pointer
from gitmodel.scratch import Scratch, scratch_in
from gitmodel.snapshot import read_manifest


def find_pointer(data: bytes) -> Pointer | None:
    """Return the pointer in `data`, or None if there is none that is sound."""
    if len(data) > MAX_BYTES:
        return None
    try:
        return parse_pointer(data, "")
    except GitmodelError:
        return None


def find_entries(pointer: Pointer, folder: Path) -> tuple[Entry, ...] | None:
    """Return the files of a dataset, or None if its manifest is not in the cache, or damaged.

    `folder` is one in the repository.  Nothing is fetched, and nothing fails: who looks at
    history must see it.
    """
    try:
        home = find_common_dir(folder) / "gitmodel"
        if not home.is_dir():
            return None
        with Scratch(scratch_in(home)) as scratch, opened_index(home / "index.db") as index:
            cache = Cache(home, index, scratch)
            try:
                return read_manifest(pointer, cache).entries
            finally:
                cache.close()
    except (GitmodelError, OSError):
        return None
