"""What Python programs ask about versions: `gitmodel.resolve` and `gitmodel.versions`."""

from __future__ import annotations

import os
from pathlib import Path

from gitmodel.history import open_history
from gitmodel.porcelain.resolve import Resolved
from gitmodel.porcelain.resolve import resolve as resolve_in
from gitmodel.porcelain.versions import Listed
from gitmodel.porcelain.versions import versions as versions_in

Where = str | os.PathLike[str]


def resolve(reference: str, repo: Where | None = None) -> Resolved:
    """Return the commit that a reference means, and as what it was found.

    `model` is the newest version of the artifact, `model@v1.1` and `model@best:accuracy` are other
    ones; a tag, a branch, a commit and any other revision of Git will do.  `repo` is the path of a
    clone, or of a bare repository; None is that of the current folder.  Raises `UsageError` if it
    means nothing.
    """
    with open_history(Path(repo or "."), named=repo is not None) as history:
        return resolve_in(history, reference)


def versions(name: str | None = None, repo: Where | None = None) -> list[Listed]:
    """Return the versions, or those of one artifact, by name and then newest version first.

    Each has its `tag`, the `name` of its artifact, `commit`, `time`, `author`, and by dotted name
    its `metrics` (`.value`, `.goal`) and `params`.  Only Git's objects are read: `repo` is the path
    of a clone, or of a bare repository, and nothing in it needs to be checked out or fetched; None
    is that of the current folder.
    What of a version could not be read is told by its `problems`.
    """
    with open_history(Path(repo or "."), named=repo is not None) as history:
        return versions_in(history, name or "")
