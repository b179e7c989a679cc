"""Which roots of a remote promise more than there is, by what the manifests name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from contextlib import closing

from gitmodel.errors import IntegrityError, MissingError, NewerError
from gitmodel.git import revisions
from gitmodel.git.objects import Objects
from gitmodel.pointer import Pointer
from gitmodel.progress import Progress, Work
from gitmodel.project import Project
from gitmodel.remote.packstore import Remote
from gitmodel.root import Root
from gitmodel.snapshot import oids_of, read_commit
from gitmodel.transfer.fetch import fetch_manifests


def find_broken(
    project: Project, remote: Remote, holds: Callable[[Set[str]], bool], progress: Progress
) -> Iterator[Root]:
    """Yield the roots that promise a blob which is not there; `holds` says whether some are.

    A tree's files are looked at where its root's commit is in this clone.
    """
    with closing(Objects(project.git)) as objects:
        for root in remote.roots():
            if not holds(set(root.oids)):
                yield root
            elif revisions.resolve(project.git, root.commit):
                pointers = [*read_commit(objects, root.commit).pointers.values()]
                if not _all_there(project, remote, pointers, holds, progress):
                    yield root


def _all_there(
    project: Project,
    remote: Remote,
    pointers: list[Pointer],
    holds: Callable[[Set[str]], bool],
    progress: Progress,
) -> bool:
    if not _can_be_had(project, remote, pointers, progress):
        return False
    # One that is damaged here says nothing of the remote: that is an error.
    return all(holds(set(oids_of(pointer, project.cache))) for pointer in pointers)


def _can_be_had(
    project: Project, remote: Remote, pointers: list[Pointer], progress: Progress
) -> bool:
    """Return whether the manifests that are not here come whole from there, at the second try."""
    for _ in range(2):
        try:
            fetch_manifests(pointers, project.cache, remote, Work(progress))
        except NewerError:
            raise
        except (IntegrityError, MissingError):
            continue
        return True
    return False
