"""What a version consists of, read from its commit: the items that its root is made of."""

from __future__ import annotations

from collections.abc import Iterator

from gitmodel.config import CONFIG_NAME, parse_config
from gitmodel.contents import Item, is_listed, item_of_file, item_of_pointer
from gitmodel.paths import POINTER_SUFFIX
from gitmodel.pointer import parse_pointer
from gitmodel.record import Files


def items_of(files: Files, commit: str) -> list[Item]:
    """Return what a commit tracks by pointers, and the files beside them that describe it.

    Raises `IntegrityError` if a pointer or the configuration is broken.
    """
    found = {path: blob for path, blob in files.written(commit).items() if is_listed(path)}
    given = {path: files.find(commit, path) for path in _given(files, found.get(CONFIG_NAME))}
    found |= {path: blob for path, blob in given.items() if blob}
    return [_item(path, files.blob(blob, path)) for path, blob in found.items()]


def _item(path: str, data: bytes) -> Item:
    if path.endswith(POINTER_SUFFIX):
        return item_of_pointer(path.removesuffix(POINTER_SUFFIX), parse_pointer(data, path))
    return item_of_file(path, data)


def _given(files: Files, config: str | None) -> Iterator[str]:
    """Yield the sidecars that the configuration of the commit names."""
    if config:
        for kinds in parse_config(files.blob(config, CONFIG_NAME)).sidecars.values():
            for paths in kinds.values():
                yield from paths
