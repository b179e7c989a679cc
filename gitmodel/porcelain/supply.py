"""Bring to the cache what is about to be read, or read a part of it from the remote."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from gitmodel.manifest import Entry
from gitmodel.pointer import Pointer
from gitmodel.porcelain.connect import open_remote
from gitmodel.progress import Work
from gitmodel.project import Project
from gitmodel.snapshot import entries_of
from gitmodel.transfer.download import Wanted
from gitmodel.transfer.fetch import fetch_blobs, fetch_manifests
from gitmodel.transfer.ranges import open_blob


def bring_entries(project: Project, pointer: Pointer, remote: str, work: Work) -> dict[str, Entry]:
    """Return what a pointer stands for, fetching its manifest if the cache lacks it."""
    if pointer.kind == "tree" and not project.cache.present([pointer.oid]):
        opened = open_remote(project, remote, rate=work.rate)
        fetch_manifests([pointer], project.cache, opened, work)
    return entries_of(pointer, project.cache)


def bring_blobs(project: Project, entries: Iterable[Entry], remote: str, work: Work) -> None:
    """Fetch the blobs of entries that the cache lacks; raises `MissingError` if they are nowhere.

    The remote is not contacted if there are none.
    """
    bring_wanted(project, (Wanted(e.oid, e.size, e.path) for e in entries), remote, work)


def bring_wanted(project: Project, wanted: Iterable[Wanted], remote: str, work: Work) -> None:
    """Do what `bring_blobs` does, for what is told apart from other artifacts' by its path."""
    blobs = {blob.oid: blob for blob in wanted}
    if lacking := blobs.keys() - project.cache.present(blobs):
        opened = open_remote(project, remote, rate=work.rate)
        fetch_blobs([blobs[oid] for oid in lacking], project.cache, opened, work)


def open_remotely(project: Project, entry: Entry, remote: str, work: Work) -> BinaryIO:
    """Open a blob that the cache lacks to read parts of it: only their chunks come, checked.

    Raises `MissingError` if the remote lacks it.
    """
    opened = open_remote(project, remote, rate=work.rate)
    opened.refresh()
    return open_blob(opened, Wanted(entry.oid, entry.size))
