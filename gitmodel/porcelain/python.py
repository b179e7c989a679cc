"""What Python programs ask about versions: `gitmodel.resolve`."""

from __future__ import annotations

import os
from pathlib import Path

from gitmodel.history import open_history
from gitmodel.porcelain.resolve import Resolved
from gitmodel.porcelain.resolve import resolve as resolve_in

Where = str | os.PathLike[str]


def resolve(reference: str, repo: Where = ".") -> Resolved:
    """Return the commit that a reference means, and as what it was found.

    `model` is the newest version of the artifact, `model@v1.1` and `model@best:accuracy` are other
    ones; a tag, a branch, a commit and any other revision of Git will do.  `repo` is the path of a
    clone, or of a bare repository.  Raises `UsageError` if it means nothing.
    """
    with open_history(Path(repo)) as history:
        return resolve_in(history, reference)
