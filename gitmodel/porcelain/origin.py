"""What a run starts from: the code, what runs it, and the command."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gitmodel.digest import oid_of
from gitmodel.errors import IntegrityError
from gitmodel.git import revisions, worktree
from gitmodel.git.command import Git
from gitmodel.lineage import Code, Environment, Named
from gitmodel.masking import masked
from gitmodel.paths import check_path, parents
from gitmodel.project import Project, path_from_top
from gitmodel.sidecar import sidecar_names
from gitmodel.worktree.files import read_file
from gitmodel.worktree.opening import look, open_folder, read_small

LOCK_FILES = (
    *("uv.lock", "poetry.lock", "requirements.txt", "requirements*.txt"),
    *("pixi.lock", "conda-lock.yml"),
)
"""What names the versions of libraries; the first that is there counts."""

_RESULTS = (
    *("*.gitmodel", ".gitignore", "*.lineage.yaml", "*.curves.csv", "__pycache__/**"),
    *sidecar_names("", "metrics"),
    *sidecar_names("*", "metrics"),
    *sidecar_names("*", "params"),
)
"""What a run leaves behind, which makes no difference to the next one's code."""
_MANY = 1000
_LARGE = 1 << 20


@dataclass(frozen=True, slots=True)
class Origin:
    """What was there when a run started; `started` is UTC."""

    code: Code
    environment: Environment
    command: tuple[str, ...]
    started: str


def read_origin(project: Project, folder: Path, command: Sequence[str], python: str = "") -> Origin:
    """Return what a run of `command` in `folder` starts from now; `python` is its version."""
    top = os.path.realpath(project.root)
    here = os.path.realpath(folder)
    inside = here == top or here.startswith(f"{top}/")
    lock = _find_lock(project, path_from_top(".", here, top) if inside else "")
    environment = Environment(python, platform.platform(), lock)
    code = _read_code(project.git, project.config.algorithm)
    return Origin(code, environment, masked(command, top), utc_now())


def utc_now() -> str:
    """Return the time as a lineage says it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_code(git: Git, algorithm: str) -> Code:
    commit = revisions.resolve(git, "HEAD")
    if commit is None:
        return Code(dirty=True)
    untracked = sorted(worktree.untracked(git, _RESULTS))
    new = b"".join(_describe(git.worktree, untracked, algorithm))
    changes = worktree.patch(git, _RESULTS) + new
    return Code(commit, bool(changes), oid_of(changes, algorithm) if changes else "")


def _describe(root: Path, paths: Sequence[str], algorithm: str) -> Iterator[bytes]:
    for number, path in enumerate(paths):
        data = _small(root, path) if number < _MANY else None
        oid = "-" if data is None else oid_of(data, algorithm)
        yield f"? {oid} {json.dumps(path)}\n".encode()


def _small(root: Path, path: str) -> bytes | None:
    """Return the content of a regular file, unless it is large."""
    try:
        status = look(root, path)
        return read_file(root, path) if status and status.st_size <= _LARGE else None
    except IntegrityError:
        return None


def _find_lock(project: Project, folder: str) -> Named | None:
    """Return the lock file in a folder, else in the nearest folder above it."""
    for above in dict.fromkeys((folder, *parents(folder), "")):
        for pattern in LOCK_FILES:
            for found in sorted((project.root / above).glob(pattern)):
                path = f"{above}/{found.name}".lstrip("/")
                if lock := _read_lock(project, path):
                    return lock
    return None


def _read_lock(project: Project, path: str) -> Named | None:
    """Return a lock file and its oid; None for what cannot be named or is no regular file."""
    folder, _, name = path.rpartition("/")
    try:
        check_path(path)
        with open_folder(project.root, folder) as fd:
            return Named(path, oid_of(read_small(fd, name, path), project.config.algorithm))
    except IntegrityError:
        return None
