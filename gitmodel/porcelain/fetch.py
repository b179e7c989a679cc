"""Bring blobs to the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitmodel.porcelain.connect import open_remote
from gitmodel.porcelain.moved import Moved, look_for_moved
from gitmodel.progress import Work
from gitmodel.project import Project
from gitmodel.snapshot import read_worktree, select
from gitmodel.transfer.fetch import fetch_blobs, fetch_manifests, wanted_by


@dataclass(frozen=True, slots=True)
class Fetched:
    """How many blobs were brought, of how many that are wanted, and which versions moved."""

    fetched: int
    wanted: int
    moved: Moved


def fetch(project: Project, paths: Sequence[str], remote_name: str, work: Work) -> Fetched:
    """Bring what the pointers of the working tree name, or the part of it that the paths mean.

    Raises `MissingError` if the remote does not hold it.
    """
    pointers = read_worktree(project.git).pointers
    selections = select(paths, pointers)
    remote = open_remote(project, remote_name, rate=work.rate)
    chosen = [pointers[selection.artifact] for selection in selections]
    before = {pointer.oid for pointer in chosen if pointer.kind == "tree"}
    manifests = len(before - project.cache.present(before))
    fetch_manifests(chosen, project.cache, remote, work)
    wanted = wanted_by(selections, pointers, project.cache)
    fetched = fetch_blobs(wanted, project.cache, remote, work)
    count = len({blob.oid for blob in wanted} | before)
    return Fetched(fetched + manifests, count, look_for_moved(project))
