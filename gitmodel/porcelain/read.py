"""Read artifacts from Python: `gitmodel.open`, `gitmodel.path` and `gitmodel.read`."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from gitmodel.errors import UsageError
from gitmodel.git.command import has_worktree
from gitmodel.hints import python
from gitmodel.history import history_of
from gitmodel.manifest import EXECUTABLE, FILE, Entry
from gitmodel.porcelain.connect import open_remote
from gitmodel.porcelain.mirror import (
    Mirrors,
    default_cache,
    find_revision,
    find_source,
    open_mirror,
    project_of,
)
from gitmodel.porcelain.resolve import resolve
from gitmodel.porcelain.supply import bring_blobs, bring_entries
from gitmodel.progress import Work
from gitmodel.project import Project, open_project
from gitmodel.snapshot import (
    Snapshot,
    find_artifact,
    part_of,
    read_commit,
    read_worktree,
)
from gitmodel.transfer.download import Wanted
from gitmodel.transfer.fetch import find_blobs
from gitmodel.transfer.ranges import open_blob
from gitmodel.worktree.copies import Item, copy_of, open_cached

Where = str | os.PathLike[str]


class Place(NamedTuple):
    """A repository, and the folder for what is fetched of it; None is the default."""

    repo: Where | None
    cache: Where | None


def open(
    path: str,
    rev: str | None = None,
    repo: Where | None = None,
    *,
    verify: Literal["full", "chunks"] = "full",
    cache: Where | None = None,
) -> io.BufferedReader:
    """Open an artifact, or a file inside one, for reading; the file object is seekable.

    `path` is relative to the repository, or the name of an artifact.  `rev` is a version (`v1.1`,
    `best:accuracy`), a tag, a branch, a commit or another reference; None is what the pointers of
    the working tree say.  `repo` is the path of a clone or the URL or path of another Git
    repository, of which None means the newest version; None is the repository of the current
    folder.

    What is not in the cache is fetched to it whole.  Before the first byte is given out all of
    them were checked against the oid that Git holds, so they are the ones that were added,
    whatever the remote says.

    With `verify="chunks"` only those parts of what is not in the cache are fetched that are read,
    and the remote is believed: which chunks the file consists of is its word.  Each chunk is
    checked against the digest that the remote's list of chunks gives it, which finds damage, but
    a remote that lies can give other bytes of the same size.  Only if the file is read from its
    start to its end without a jump are all of its bytes held against the oid, when the last one
    is read.  Never load what could run code, such as a pickle, this way from a remote that others
    may write to.

    `cache` is the folder for what is fetched of a `repo` that is no clone; by default
    `gitmodel.cache` of Git's configuration, else `~/.cache/gitmodel`.

    Raises `GitmodelError`; also while it is read, if the remote fails then.  Use the file object
    in the process that opened it.
    """
    if verify not in ("full", "chunks"):
        raise UsageError(f"verify is {verify!r}", hint="verify='full' or verify='chunks'")
    with ExitStack() as stack:
        project, item = stack.enter_context(_located(path, rev, Place(repo, cache)))
        entry = _file_of(item, path)
        if verify == "full":
            bring_blobs(project, [entry], "", Work())
        if project.cache.present([entry.oid]):
            return open_cached(entry, project.cache, project.index)
        remote = open_remote(project)
        wanted = Wanted(entry.oid, entry.size, path)
        find_blobs(remote, [wanted])
        closing = ExitStack()
        file = open_blob(remote, wanted, closing.close)
        # The project stays open for as long as the file is.
        closing.push(stack.pop_all())
        return file


def path(
    path: str,
    rev: str | None = None,
    repo: Where | None = None,
    *,
    link: bool = False,
    cache: Where | None = None,
) -> Path:
    """Return the path of a copy of an artifact, or of something inside one, in the cache.

    It was fetched if it was missing, and checked.  It has the artifact's own file name, and it
    may be read only: others may read the same copy.  It shares its blocks with the cache where the
    disk can do that.  Elsewhere `link=True` saves the copy of a large file: it is the very file
    that the cache keeps, and a program that writes to it in spite of its mode spoils that, which
    the next command finds.  For the other parameters see `open`.
    """
    with _located(path, rev, Place(repo, cache)) as (project, item):
        bring_blobs(project, part_of(item.entries, item.inside).values(), "", Work())
        return copy_of(item, project.cache, project.index, link=link)


def read(
    path: str, rev: str | None = None, repo: Where | None = None, *, cache: Where | None = None
) -> bytes:
    """Return the bytes of an artifact, or of a file inside one, checked against its oid.

    What was fetched stays in the cache.  For the parameters see `open`.
    """
    with _located(path, rev, Place(repo, cache)) as (project, item):
        entry = _file_of(item, path)
        bring_blobs(project, [entry], "", Work())
        return project.cache.read(entry.oid, limit=entry.size)


@contextmanager
def _located(path: str, rev: str | None, place: Place) -> Iterator[tuple[Project, Item]]:
    """Find an artifact, or something inside one; the project is open until this is left."""
    named = place.repo is not None
    if place.repo is None or has_worktree(Path(place.repo)):
        with open_project(Path(place.repo or "."), rev or "", named=named) as project:
            snapshot = _snapshot(project, path, rev) if rev else read_worktree(project.git)
            yield project, _item(project, snapshot, path)
        return
    mirrors = Mirrors(default_cache() if place.cache is None else Path(place.cache))
    with open_mirror(find_source(os.fspath(place.repo)), mirrors) as mirror:
        found = find_revision(mirror, path, rev or "")
        project = project_of(mirror, found.config)
        yield project, _item(project, found.snapshot, path)


def _snapshot(project: Project, path: str, rev: str) -> Snapshot:
    """Return what a revision of the clone tracks."""
    with history_of(project.git, project.config) as history:
        return read_commit(history.objects, resolve(history, rev, path).commit)


def _item(project: Project, snapshot: Snapshot, path: str) -> Item:
    artifact, inside = find_artifact(snapshot, project.config.artifacts, path)
    pointer = snapshot.pointers[artifact]
    return Item(artifact, inside, pointer, bring_entries(project, pointer, "", Work()))


def _file_of(item: Item, path: str) -> Entry:
    entry = part_of(item.entries, item.inside).get("")
    if entry is None or entry.type not in (FILE, EXECUTABLE):
        raise UsageError(f"{path!r} is not a file", hint=python("gitmodel.path({})", path))
    return entry
