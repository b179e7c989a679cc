"""What belongs to an artifact beside its pointer: sidecars, and names in the configuration."""

from __future__ import annotations

import stat
from collections.abc import Collection, Mapping

from gitmodel import card, curves, lineage
from gitmodel.paths import stem_path
from gitmodel.porcelain.rewrite import rewrite_config
from gitmodel.project import Project
from gitmodel.sidecar import KINDS, sidecar_names
from gitmodel.worktree.opening import look

_OTHERS = (lineage.SUFFIX, card.SUFFIX, curves.SUFFIX)


def find_sidecars(project: Project, artifact: str, artifacts: Collection[str]) -> dict[str, str]:
    """Return the sidecars beside an artifact: the part behind its stem, to the path.

    None if another artifact of that folder has the same stem: then they belong to both.
    """
    start = stem_path(artifact)
    if any(other != artifact and stem_path(other) == start for other in artifacts):
        return {}
    endings = [name.removeprefix("x") for kind in KINDS for name in sidecar_names("x", kind)]
    found = {ending: start + ending for ending in (*endings, *_OTHERS)}
    return {ending: path for ending, path in found.items() if _is_file(project, path)}


def _is_file(project: Project, path: str) -> bool:
    status = look(project.root, path)
    return status is not None and not stat.S_ISDIR(status.st_mode)


def sidecar_at(artifact: str, ending: str) -> str:
    """Return where a sidecar of an artifact lies."""
    return stem_path(artifact) + ending


def rename_in_config(project: Project, moved: Mapping[str, str | None]) -> bool:
    """Have names that the configuration gives follow their artifacts; None takes them out.

    Returns whether there were any.
    """
    old = dict(project.config.artifacts)
    new = {name: moved.get(path, path) for name, path in old.items()}
    kept = {name: path for name, path in new.items() if path is not None}
    if kept == old:
        return False
    rewrite_config(project, "artifacts", kept)
    return True
