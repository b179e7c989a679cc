"""Set up a repository."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from gitmodel.config import CONFIG_NAME, Config, format_config, with_id
from gitmodel.git import staging
from gitmodel.git.command import open_git
from gitmodel.porcelain.drivers import set_attributes
from gitmodel.scratch import Scratch, scratch_in
from gitmodel.settings import read_config
from gitmodel.worktree.files import read_file, write_file


@dataclass(frozen=True, slots=True)
class Initialised:
    """Whether the configuration is new, and where it is."""

    created: bool
    path: Path


def init(folder: Path, algorithm: str) -> Initialised:
    """Write and stage `.gitmodel.yaml` and `.gitattributes`, unless there is a configuration.

    One that somebody else wrote is given what it lacks.
    """
    git = open_git(folder)
    path = git.worktree / CONFIG_NAME
    identity = secrets.token_hex(16)
    found = read_config(git, "")
    if found and found.id:
        return Initialised(False, path)
    data = with_id(read_file(git.worktree, CONFIG_NAME) or b"", identity) if found else None
    with Scratch(scratch_in(git.common_dir / "gitmodel")) as scratch:
        set_attributes(git, scratch)
        new = data or format_config(Config(identity, algorithm))
        write_file(git.worktree, CONFIG_NAME, new, scratch)
    staging.stage(git, [CONFIG_NAME])
    return Initialised(True, path)
