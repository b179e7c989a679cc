"""Where the configuration that counts now comes from."""

from __future__ import annotations

from gitmodel.config import CONFIG_NAME, Config, parse_config
from gitmodel.errors import IntegrityError
from gitmodel.git import revisions
from gitmodel.git.command import Git


def read_config(git: Git, revision: str) -> Config | None:
    """Return the configuration of the working tree, else that of a revision, else None.

    Raises `IntegrityError` if it is broken.
    """
    path = git.worktree / CONFIG_NAME
    if path.is_symlink():
        raise IntegrityError(f"{CONFIG_NAME!r} is a symlink", hint=f"ls -l {CONFIG_NAME}")
    if path.exists():
        return parse_config(path.read_bytes())
    data = revisions.read_file(git, revision, CONFIG_NAME) if revision else None
    return None if data is None else parse_config(data)
