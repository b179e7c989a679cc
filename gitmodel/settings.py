"""Where the configuration that counts now comes from."""

from __future__ import annotations

from gitmodel.config import CONFIG_NAME, Config, parse_config
from gitmodel.git import revisions
from gitmodel.git.command import Git
from gitmodel.imported import NAME
from gitmodel.worktree.files import read_file


def read_config(git: Git, revision: str) -> Config | None:
    """Return the configuration of the working tree, else that of a revision, else None.

    Raises `IntegrityError` if it is broken.
    """
    data = read_file(git.worktree, CONFIG_NAME)
    if data is None and revision:
        data = revisions.read_file(git, revision, CONFIG_NAME)
    return None if data is None else parse_config(data)


def read_carried_config(git: Git) -> Config | None:
    """Return the configuration that counts for revisions from before an import, else None.

    It is that of the branch that noted what they consist of.
    """
    carried = revisions.find_carried(git, NAME)
    data = revisions.read_file(git, carried[0], CONFIG_NAME) if carried else None
    return None if data is None else parse_config(data)
