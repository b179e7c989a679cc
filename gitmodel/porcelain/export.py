"""Hand a version to other tools as a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitmodel.errors import ConflictError, UsageError
from gitmodel.manifest import Entry
from gitmodel.paths import check_paths, fold
from gitmodel.pointer import Pointer
from gitmodel.porcelain.get import check_target
from gitmodel.porcelain.show import Shown
from gitmodel.porcelain.supply import bring_blobs, bring_entries
from gitmodel.progress import Work
from gitmodel.project import Project
from gitmodel.worktree.deliver import prepared


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written; `replaced` are files of the artifact in whose place others are."""

    files: int
    size: int
    replaced: tuple[str, ...]


def export_folder(
    project: Project, shown: Shown, texts: Mapping[str, bytes], target: Path, work: Work
) -> Exported:
    """Write the files of a version as a folder, with `texts`, by their names, beside them.

    Blobs that the cache lacks are fetched.  There is nothing at `target` or the whole folder.
    Raises `ConflictError` if something is there.
    """
    target = check_target(target)
    _check_free(target)
    entries = bring_files(project, shown, work)
    own = {fold(name) for name in texts}
    replaced = tuple(path for path in entries if fold(path) in own)
    for path in replaced:
        del entries[path]
    check_paths([*entries, *texts])
    bring_blobs(project, entries.values(), "", work)
    with prepared(target, entries, project.cache, work.progress) as new:
        for name, data in texts.items():
            (new.path / name).write_bytes(data)
        new.put()
    size = sum(entry.size for entry in entries.values()) + sum(map(len, texts.values()))
    return Exported(len(entries) + len(texts), size, replaced)


def bring_files(project: Project, shown: Shown, work: Work) -> dict[str, Entry]:
    """Return what a version consists of, by the path that it has in an export.

    The files of an only artifact that is a folder are at the top; several artifacts keep their
    paths.  Their manifests are fetched, their blobs are not.
    """
    artifacts = shown.record.artifacts
    if not artifacts:
        raise UsageError(
            f"{shown.resolved.label!r} has no artifact to export", hint="gitmodel versions"
        )
    found: dict[str, Entry] = {}
    for artifact, pointer in artifacts.items():
        for path, entry in bring_entries(project, pointer, "", work).items():
            name = f"{_top(artifact, pointer, artifacts)}/{path}".strip("/")
            found[name] = entry._replace(path=name)
    return found


def _top(artifact: str, pointer: Pointer, artifacts: Mapping[str, Pointer]) -> str:
    if len(artifacts) > 1:
        return artifact
    return artifact.rpartition("/")[2] if pointer.kind == "file" else ""


def _check_free(target: Path) -> None:
    """Raise `ConflictError` unless there is nothing at a path, or an empty folder."""
    if not target.is_symlink() and target.is_dir() and not any(target.iterdir()):
        return
    if target.is_symlink() or target.exists():
        raise ConflictError(
            f"{str(target)!r} is there already, and not an empty folder",
            hint="-o a new name, or remove it first",
        )
