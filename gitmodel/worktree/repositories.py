"""Git repositories inside others: whoever made one has commits in it that are nowhere else."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from pathlib import Path

from gitmodel.paths import is_dot_git, parents


class Repositories:
    """Tells in which repository below a folder something is, or which one it is.

    A bare one, which has no `.git`, is a folder with `HEAD`, `objects` and `refs`.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._bare: dict[str, bool] = {}

    def holding(self, path: str, artifact: str, data: Container[str]) -> str | None:
        """Return the folder of a repository in an artifact whose file a path is, or None.

        A bare one that is tracked as `data`, paths inside the artifact, is no more than that.
        """
        for inner in (path, *parents(path)):
            folder, _, name = inner.rpartition("/")
            if folder and is_dot_git(name):
                return folder
            if inner == path or not f"{inner}/".startswith(f"{artifact}/"):
                continue
            head = f"{inner}/HEAD".removeprefix(f"{artifact}/")
            if head not in data and self._is_bare(inner):
                return inner
        return None

    def _is_bare(self, folder: str) -> bool:
        if folder not in self._bare:
            self._bare[folder] = is_bare(self._root / folder)
        return self._bare[folder]


def repositories_in(folder: Path, data: Container[str] = ()) -> Iterator[Path]:
    """Yield the repositories at and below a folder; a bare one in `data`, paths there, is none."""
    for here, folders, files in os.walk(folder):
        head = os.path.relpath(os.path.join(here, "HEAD"), folder)
        if any(map(is_dot_git, (*folders, *files))) or (head not in data and is_bare(Path(here))):
            yield Path(here)


def is_bare(folder: Path) -> bool:
    """Return whether Git would take a folder for a repository without a working tree."""
    inside = [folder / name for name in ("objects", "refs")]
    return os.path.lexists(folder / "HEAD") and all(map(os.path.isdir, inside))
