"""Give an artifact another path."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from gitmodel.errors import ConflictError, DiskError, UsageError
from gitmodel.exchange import rename_new
from gitmodel.git import revisions, staging
from gitmodel.hints import command, then
from gitmodel.locks import locked
from gitmodel.paths import parents
from gitmodel.pointer import Pointer, parse_pointer
from gitmodel.porcelain.add import check_alone, check_new_name
from gitmodel.porcelain.belongings import find_sidecars, rename_in_config, sidecar_at
from gitmodel.porcelain.remove import find_staged, find_tracked
from gitmodel.project import Project
from gitmodel.snapshot import check_settled, name_of, pointer_path, read_worktree
from gitmodel.worktree.opening import (
    is_untouched,
    look,
    only_renamed,
    open_folder,
    pack_stat,
)
from gitmodel.worktree.track import track, untrack
from gitmodel.worktree.write import stamp_after


@dataclass(frozen=True, slots=True)
class Moved:
    """Where an artifact was and is, its name in versions before and after, and what came along."""

    source: str
    target: str
    old_name: str
    new_name: str
    sidecars: tuple[str, ...]


def move(project: Project, source: str, target: str) -> Moved:
    """Move an artifact: pointer, files, rule, sidecars, and its name in the configuration.

    Nothing is overwritten.  A move that died goes on when it is asked for again.
    """
    with locked(project.lock):
        snapshot = read_worktree(project.git)
        check_settled([source, target], snapshot)
        pointers = snapshot.pointers
        staged = find_staged(project.git)
        into = _inside(project, source, target, pointers)
        if source not in staged and _was_moved(project, source, into, pointers):
            names = project.config.artifacts
            return Moved(source, into, name_of(into, names), name_of(into, names), ())
        source = find_tracked(source, staged)
        target = _inside(project, source, target, pointers)
        if source not in pointers and target not in pointers:
            raise UsageError(f"the pointer of {source!r} is missing", hint="git status")
        pointer = pointers.get(source) or pointers[target]
        _check(project, source, target, {**pointers, source: pointer})
        sidecars = {
            path: sidecar_at(target, ending)
            for ending, path in find_sidecars(project, source, pointers).items()
        }
        _check_free(project, sidecars)
        _check_mounts(project, source, target)
        # A symlink in the way is found before anything is changed.
        with open_folder(project.root, target.rpartition("/")[0], create=True):
            pass
        old_name = name_of(source, project.config.artifacts)
        rename_in_config(project, {source: target})
        track(project.git, {target: pointer}, {}, project.beside)
        _move_work(project, source, target, pointer)
        for path, new in sidecars.items():
            tracked = staging.tracked(project.git, [path])
            _rename(project, path, new)
            staging.unstage(project.git, tracked)
            staging.stage(project.git, [new] if tracked else [])
        untrack(project.git, [source], project.beside)
    given = {n: target if p == source else p for n, p in project.config.artifacts.items()}
    return Moved(source, target, old_name, name_of(target, given), tuple(sidecars.values()))


def _was_moved(project: Project, source: str, target: str, pointers: Mapping[str, Pointer]) -> bool:
    """Return whether this very move was made before, whoever was killed at the end of it."""
    path = pointer_path(source)
    before = revisions.read_file(project.git, "HEAD", path)
    return (
        before is not None
        and target in pointers
        and pointers[target] == parse_pointer(before, path)
        and look(project.root, source) is None
    )


def _inside(project: Project, source: str, target: str, pointers: Mapping[str, Pointer]) -> str:
    """Return the path below `target` if that is a folder and no artifact."""
    if target not in pointers and (not target or (project.root / target).is_dir()):
        return f"{target}/{PurePosixPath(source).name}".lstrip("/")
    return target


def _check(project: Project, source: str, target: str, pointers: Mapping[str, Pointer]) -> None:
    if source == target or source in parents(target):
        raise UsageError(f"{source!r} cannot be moved to {target!r}", hint="give another path")
    check_new_name(target)
    if owner := next((each for each in parents(target) if each in pointers), None):
        raise UsageError(f"{target!r} is inside the artifact {owner!r}", hint="give another path")
    check_alone(project, [target], pointers.keys() - {source})
    resumed = pointers.get(target) == pointers[source]
    if target in pointers and not resumed:
        raise ConflictError(
            f"{target!r} is an artifact already", hint=command("gitmodel rm {}", target)
        )
    there = look(project.root, target) is not None
    if staging.tracked(project.git, [target]) or (
        there and not (resumed and not look(project.root, source))
    ):
        raise ConflictError(
            f"{target!r} is there already", hint=command("mv {} ANOTHER_NAME", target)
        )


def _check_mounts(project: Project, source: str, target: str) -> None:
    """Raise `DiskError` if nothing can be renamed from one path to the other."""
    places = project.places
    if look(project.root, source) is None:
        return
    if places.is_mount(source) or places.at(source) is not places.at(target):
        raise DiskError(
            f"{source!r} and {target!r} are on different disks",
            hint=then(command("cp -a {} {}", source, target), command("gitmodel add {}", target)),
        )


def _check_free(project: Project, sidecars: Mapping[str, str]) -> None:
    if unmerged := staging.unmerged(project.git, list(sidecars)):
        raise ConflictError(
            f"{unmerged[0]!r} is in conflict",
            hint=then(command("edit {}", unmerged[0]), command("git add {}", unmerged[0])),
        )
    for new in sidecars.values():
        if look(project.root, new):
            raise ConflictError(
                f"{new!r} is there already", hint=command("mv {} ANOTHER_NAME", new)
            )


def _move_work(project: Project, source: str, target: str, pointer: Pointer) -> None:
    """Rename the file or folder, and have the index know what it knew of it."""
    before = look(project.root, source)
    if before is None:
        return
    root, index = str(project.root), project.index
    seen = index.seen(root, source)
    whole = index.is_tree(root, source, pointer.oid, len(seen))
    _rename(project, source, target)
    rows = [row._replace(path=target + row.path[len(source) :]) for row in seen.values()]
    if source in seen and (status := look(project.root, target)):
        packed = pack_stat(status)
        # What was touched before must not count as untouched because the rename touches it too.
        known = is_untouched(seen[source], pack_stat(before))
        same = known and only_renamed(seen[source].stat, packed)
        stamp = stamp_after(status.st_ctime_ns, project.beside)
        rows = [row._replace(stat=packed, stamp=stamp) for row in rows] if same else []
    index.record(root, [source, target], rows, seen)
    if whole and len(rows) == len(seen):
        index.set_tree(root, target, pointer.oid, len(rows))


def _rename(project: Project, source: str, target: str) -> None:
    """Rename without following a symlink on either way."""
    folder, _, name = source.rpartition("/")
    new_folder, _, new_name = target.rpartition("/")
    with (
        open_folder(project.root, folder) as old,
        open_folder(project.root, new_folder, create=True) as new,
    ):
        try:
            rename_new(name, old, new_name, new)
        except FileExistsError:
            if not os.path.samestat(
                os.stat(name, dir_fd=old, follow_symlinks=False),
                os.stat(new_name, dir_fd=new, follow_symlinks=False),
            ):
                raise ConflictError(
                    f"{target!r} has appeared meanwhile", hint=command("mv {} ANOTHER_NAME", target)
                ) from None
            # One name, spelled otherwise, on a disk without case.
            os.rename(name, new_name, src_dir_fd=old, dst_dir_fd=new)
