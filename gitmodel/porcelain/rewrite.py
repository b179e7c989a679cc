"""Rewrite a section of the tracked configuration, and leave the rest of it as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from gitmodel.config import CONFIG_NAME, parse_config, replace_section
from gitmodel.errors import UsageError
from gitmodel.git import staging
from gitmodel.hints import note
from gitmodel.project import Project
from gitmodel.worktree.files import read_file, write_file


def rewrite_config(
    project: Project, key: Literal["artifacts", "remotes"], mapping: Mapping[str, str]
) -> None:
    """Replace a mapping in `.gitmodel.yaml` and stage that; the caller holds the lock.

    Raises `UsageError` if the file is written in a way that cannot be edited line by line.
    """
    data = replace_section(read_file(project.root, CONFIG_NAME) or b"", key, mapping)
    if getattr(parse_config(data), key) != mapping:
        raise UsageError(
            f"{CONFIG_NAME!r} is written in a way that cannot be edited automatically",
            hint=note("set '{}:' in {} by hand", key, CONFIG_NAME),
        )
    write_file(project.root, CONFIG_NAME, data, project.beside)
    staging.stage(project.git, [CONFIG_NAME])
