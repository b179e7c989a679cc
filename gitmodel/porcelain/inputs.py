"""What a run uses: an artifact, a file of one, a plain file, or a version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gitmodel.digest import oid_of
from gitmodel.errors import UsageError
from gitmodel.hints import note
from gitmodel.history import history_of
from gitmodel.lineage import Input
from gitmodel.manifest import Entry, format_manifest, make_manifest
from gitmodel.paths import check_path, parents
from gitmodel.pointer import Pointer
from gitmodel.porcelain.add import absent
from gitmodel.porcelain.ancestry import read_ancestry
from gitmodel.porcelain.resolve import Resolved, resolve
from gitmodel.porcelain.status import status
from gitmodel.progress import silent
from gitmodel.project import Project
from gitmodel.reference import split_reference
from gitmodel.snapshot import find_artifact, name_of, read_commit, read_worktree
from gitmodel.worktree.content import digest_found, read_ahead
from gitmodel.worktree.opening import look
from gitmodel.worktree.scan import scan


def read_inputs(project: Project, path: str, role: str) -> list[Input]:
    """Return what is at a path, relative to the top of the working tree, as inputs with its oid.

    These are several if it is a folder with artifacts in it.  Raises `UsageError` if nothing is
    there.
    """
    if not path:
        raise UsageError("the whole repository cannot be an input", hint="name a file or folder")
    check_path(path)
    pointers = read_worktree(project.git).pointers
    owner = next((folder for folder in parents(path) if folder in pointers), "")
    if path not in pointers and not owner:
        below = sorted(each for each in pointers if each.startswith(f"{path}/"))
        if below:
            return [Input(each, _oid_at(project, each, pointers), role) for each in below]
    within = _oid_at(project, owner, pointers) if owner else ""
    return [Input(path, _oid_at(project, path, pointers, owner), role, within)]


def is_path(project: Project, path: str) -> bool:
    """Return whether a path is of something that is there, or tracked."""
    pointers = read_worktree(project.git).pointers
    tracked = any(each in pointers for each in (path, *parents(path)))
    return tracked or look(project.root, path) is not None


def read_version(project: Project, reference: str, role: str) -> tuple[Input, Resolved]:
    """Return the artifact of a version as an input, and where it was found.

    Raises `UsageError` if the reference means no version, or not one of a single artifact.
    """
    with history_of(project.git, project.config) as history:
        found = resolve(history, reference)
        snapshot = read_commit(history.objects, found.commit)
    wanted = split_reference(reference)[0]
    names = project.config.artifacts
    path = _path_of(snapshot.pointers, names, found.name) or wanted
    if not path:
        raise UsageError(
            f"{reference!r} is a version of the whole repository",
            hint=note("{}", f"ARTIFACT@{reference}"),
        )
    artifact, inside = find_artifact(snapshot, names, wanted if "/" in wanted else path)
    pointer = snapshot.pointers[artifact]
    if not inside:
        return Input(artifact, pointer.oid, role, version=found.tag), found
    raise UsageError(
        f"{reference!r} is a part of {artifact!r}", hint=note("use {}", f"{artifact}@{found.label}")
    )


def with_versions(project: Project, inputs: list[Input]) -> tuple[Input, ...]:
    """Return inputs with the versions at which they are the same, each of them once."""
    if not inputs:
        return ()
    with history_of(project.git, project.config) as history:
        ancestry = read_ancestry(history)
    known: dict[tuple[str, str], Input] = {}
    for each in inputs:
        path, oid = each.path, each.oid
        if each.within:
            oid = each.within
            owners = {place.path for place in ancestry.places.get(oid, ())}
            path = next((folder for folder in parents(path) if folder in owners), path)
        version = each.version or ancestry.version_of(path, oid)
        before = known.get((each.path, each.oid))
        role = each.role or (before.role if before else "")
        known[each.path, each.oid] = replace(each, role=role, version=version)
    return tuple(known.values())


def _path_of(pointers: Iterable[str], names: Mapping[str, str], name: str) -> str:
    return next((path for path in sorted(pointers) if name and name_of(path, names) == name), "")


def _oid_at(project: Project, path: str, pointers: Mapping[str, Pointer], owner: str = "") -> str:
    """Return the oid of what is at a path now, as `gitmodel add` would name it."""
    if path in pointers and status(project, [path], silent)[0].work == "clean":
        return pointers[path].oid
    entries = _entries_at(project, path, owner or path)
    if not entries and look(project.root, path) is None:
        raise absent(project.root, path, tracked=bool(owner) or path in pointers)
    if list(entries) == [""]:
        return entries[""].oid
    manifest = make_manifest([entry._replace(path=name) for name, entry in entries.items()])
    return oid_of(format_manifest(manifest), project.config.algorithm)


def _entries_at(project: Project, path: str, owner: str) -> dict[str, Entry]:
    """Return what is at a path, by path relative to that; `owner` is what symlinks stay inside."""
    inside = path[len(owner) + 1 :]
    seen = project.index.seen(str(project.root), path)
    entries: dict[str, Entry] = {}
    for found in read_ahead(scan(project.root, path, seen)):
        own = found._replace(path=f"{inside}/{found.path}".strip("/"))
        digests = digest_found(own, project.config.algorithm)
        entries[found.path] = Entry(*digests, found.type, found.path)
    return entries
