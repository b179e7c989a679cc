"""Set up a repository."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from gitmodel.atomic import Scratch, write_file
from gitmodel.config import CONFIG_NAME, Config, format_config
from gitmodel.git import staging
from gitmodel.git.command import open_git
from gitmodel.porcelain.drivers import set_attributes


@dataclass(frozen=True, slots=True)
class Initialised:
    """Whether the configuration is new, and where it is."""

    created: bool
    path: Path


def init(folder: Path, algorithm: str) -> Initialised:
    """Write and stage `.gitmodel.yaml` and `.gitattributes`, unless there is a configuration."""
    git = open_git(folder)
    path = git.worktree / CONFIG_NAME
    if path.exists():
        return Initialised(False, path)
    config = Config(secrets.token_hex(16), algorithm)
    with Scratch(git.common_dir / "gitmodel" / "tmp") as scratch:
        set_attributes(git, scratch)
        write_file(path, format_config(config), scratch)
    staging.stage(git, [CONFIG_NAME])
    return Initialised(True, path)
