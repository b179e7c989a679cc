"""An immutable view of what a commit, or the working tree, tracks."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Protocol

from gitmodel.cache import Cache
from gitmodel.digest import fingerprint_of
from gitmodel.dvcfile import MAX_BYTES as MAX_DVC
from gitmodel.dvcfile import STAGES, Out, is_outs, parse_outs
from gitmodel.errors import ConflictError, IntegrityError, UsageError
from gitmodel.git import revisions, staging, trees
from gitmodel.git.command import Git
from gitmodel.hints import command, either, note
from gitmodel.imported import NAME, parse_imported, translate
from gitmodel.manifest import (
    EXECUTABLE,
    FILE,
    Entry,
    Manifest,
    list_oids,
    most_bytes,
    parse_manifest,
    parse_near,
)
from gitmodel.paths import POINTER_SUFFIX, check_artifact, parents
from gitmodel.paths import name_of as name_of
from gitmodel.pointer import Pointer, format_pointer, parse_pointer
from gitmodel.reference import near
from gitmodel.words import some
from gitmodel.worktree.files import read_file

_SHOWN = 10
_COMPARED = 2000


class PointerSource(Protocol):
    """Reads the pointers of a commit."""

    def pointers(self, commit: str) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of each pointer of a commit."""

    def foreign(self, commit: str) -> tuple[str, ...]:
        """Return what a commit has of DVC's and nothing says which artifacts that is."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The pointers of a commit, by the path of their artifact.

    `commit` is empty for the working tree.  `conflicts` are artifacts whose pointer Git could not
    merge; they have none until the conflict is resolved.  `foreign` is what DVC tracks and was
    not imported.
    """

    commit: str
    pointers: Mapping[str, Pointer]
    conflicts: frozenset[str] = frozenset()
    foreign: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """Part of an artifact: the paths inside it that match one of the patterns, or all."""

    artifact: str
    patterns: tuple[str, ...] = ()

    def has(self, path: str) -> bool:
        """Return whether the selection holds the entry at `path`."""
        return not self.patterns or any(_matches(path, pattern) for pattern in self.patterns)


def not_imported(foreign: Sequence[str]) -> str:
    """Return in words that what DVC tracks was not imported."""
    return f"DVC has the data of {some(foreign)}, and it was not imported"


def read_commit(source: PointerSource, commit: str) -> Snapshot:
    """Return what a commit tracks; raises `IntegrityError` if a pointer in it is broken."""
    return replace(_snapshot(commit, source.pointers(commit)), foreign=source.foreign(commit))


def read_worktree(git: Git) -> Snapshot:
    """Return what the pointers of the working tree say, those that Git's index knows.

    At a revision of DVC's they are those that an import noted for what DVC tracks.
    """
    staged = staging.companions(git)
    stages = {path: found for path, found in staged.items() if path.endswith(POINTER_SUFFIX)}
    settled = [path for path, found in stages.items() if 0 in found]
    conflicts = frozenset(
        path.removesuffix(POINTER_SUFFIX) for path, found in stages.items() if 0 not in found
    )
    read = chain(_read_pointers(git.worktree, settled), _translated(git, staged))
    return replace(_snapshot("", read), conflicts=conflicts)


def staged_outs(git: Git) -> list[Out]:
    """Return what DVC tracks by what Git's index has, but for what Git holds itself.

    Raises `IntegrityError` for files of DVC's that are malformed.
    """
    return _unheld(git, chain.from_iterable(_staged_outs(git, staging.companions(git))))


def _translated(git: Git, staged: Mapping[str, Mapping[int, str]]) -> Iterator[tuple[str, bytes]]:
    """Yield the pointers that stand for what DVC tracks."""
    if NAME in staged or not any(map(is_outs, staged)):
        return
    if (carried := revisions.find_carried(git, NAME)) is None:
        return
    outs: list[Out] = []
    # What is malformed is refused before anyone gets here.
    with suppress(IntegrityError):
        for found in _staged_outs(git, staged):
            outs += found
    for path, pointer in translate(_unheld(git, outs), parse_imported(carried[1])).pointers.items():
        if pointer_path(path) not in staged:
            yield pointer_path(path), format_pointer(pointer)


def _staged_outs(git: Git, staged: Mapping[str, Mapping[int, str]]) -> Iterator[list[Out]]:
    """Yield what each file of DVC's in Git's index says."""
    ours = {path: found[0] for path, found in staged.items() if 0 in found}
    ours = {p: blob for p, blob in ours.items() if is_outs(p) or posixpath.basename(p) == STAGES}
    texts = trees.blobs(git, ours.values(), MAX_DVC)
    for path in filter(is_outs, ours):
        beside = posixpath.join(posixpath.dirname(path), STAGES)
        if ours[path] not in texts:
            raise IntegrityError(f"{path!r} is longer than {MAX_DVC} bytes", hint="dvc status")
        yield parse_outs(path, texts[ours[path]], texts.get(ours.get(beside, "")))


def _unheld(git: Git, outs: Iterable[Out]) -> list[Out]:
    """Return the outs that Git does not hold itself, each path once."""
    found = {out.path: out for out in outs}
    held = {
        folder for path in staging.tracked(git, list(found)) for folder in (path, *parents(path))
    }
    return [out for path, out in found.items() if path not in held]


def check_settled(paths: Iterable[str], snapshot: Snapshot) -> None:
    """Raise `ConflictError` if a path is, holds, or lies in an artifact that is in conflict."""
    for path in paths:
        plain = path.removesuffix(POINTER_SUFFIX)
        for artifact in sorted(snapshot.conflicts):
            if _matches(artifact, plain) or plain.startswith(f"{artifact}/"):
                raise in_conflict(artifact)


def in_conflict(artifact: str) -> ConflictError:
    """Return the error that an artifact is in conflict."""
    return ConflictError(
        f"{artifact!r} is in conflict: both sides of a merge changed it",
        hint=either(
            command("gitmodel resolve --ours {}", artifact),
            command("gitmodel resolve --theirs {}", artifact),
        ),
    )


def find_artifact(snapshot: Snapshot, names: Mapping[str, str], wanted: str) -> tuple[str, str]:
    """Return the artifact that a path or a name means, and the path inside it.

    `names` are those that were given.  Raises `UsageError` if it means none, or several.
    """
    plain = posixpath.normpath(wanted).removesuffix(POINTER_SUFFIX)
    for artifact in (plain, *parents(plain)):
        if artifact in snapshot.pointers:
            return artifact, plain[len(artifact) + 1 :]
    found = [path for path in snapshot.pointers if name_of(path, names) == plain]
    if len(found) == 1:
        return found[0], ""
    if found:
        raise UsageError(
            f"{wanted!r} may be {' or '.join(map(repr, sorted(found)))}", hint="give the path"
        )
    if not snapshot.pointers:
        raise UsageError(
            f"{wanted!r} is no artifact, for nothing is tracked there", hint="gitmodel add PATH"
        )
    there = sorted(snapshot.pointers)[:_SHOWN]
    raise UsageError(
        f"{wanted!r} is not the name or path of an artifact there",
        hint=note("name one of: {}", there),
    )


def version_name(snapshot: Snapshot, names: Mapping[str, str], wanted: str) -> str:
    """Return the name in version tags of what `find_artifact` finds, or else would have."""
    try:
        artifact = find_artifact(snapshot, names, wanted)[0]
    except UsageError:
        artifact = posixpath.normpath(wanted).removesuffix(POINTER_SUFFIX)
    return name_of(artifact, names)


def part_of(entries: Mapping[str, Entry], inside: str) -> dict[str, Entry]:
    """Return the entries at and below a path inside an artifact, by path relative to that.

    Raises `UsageError` if there are none.
    """
    if not inside:
        return dict(entries)
    if inside in entries:
        return {"": entries[inside]._replace(path="")}
    start = f"{inside}/"
    part = {path[len(start) :]: e for path, e in entries.items() if path.startswith(start)}
    if not part:
        alike = near(inside, islice(entries, _COMPARED))
        raise UsageError(f"{inside!r} is not in the artifact{alike}", hint="give another path")
    return {path: entry._replace(path=path) for path, entry in part.items()}


def pointer_path(artifact: str) -> str:
    """Return the path of an artifact's pointer."""
    return artifact + POINTER_SUFFIX


def entries_of(pointer: Pointer, cache: Cache) -> dict[str, Entry]:
    """Return what a pointer stands for, by path inside the artifact; a file's path is empty.

    Raises `MissingError` if the manifest is not in the cache, `IntegrityError` if it is broken.
    """
    if pointer.kind == "file":
        kind = EXECUTABLE if pointer.executable else FILE
        return {"": Entry(pointer.oid, pointer.fingerprint, pointer.size, kind, "")}
    return read_manifest(pointer, cache).by_path()


def oids_of(pointer: Pointer, cache: Cache) -> list[str]:
    """Return the oids that a pointer stands for, each once, that of a manifest at last.

    Raises what `entries_of` does, which takes longer.
    """
    if pointer.kind == "file":
        return [pointer.oid]
    listed = list_oids(_read_manifest(pointer, cache), pointer.path or pointer.oid)
    return list(dict.fromkeys((*listed, pointer.oid)))


def entries_near(
    pointer: Pointer, cache: Cache, near: Pointer | None, entries: dict[str, Entry]
) -> dict[str, Entry]:
    """Return what `entries_of` does, sooner if the pointer `near`, with `entries`, is like it."""
    if pointer == near:
        return entries
    if near and pointer.kind == near.kind == "tree":
        data = _read_manifest(pointer, cache)
        found = parse_near(data, _read_manifest(near, cache), entries)
        if found and sum(entry.size for entry in found.values()) == pointer.size:
            return found
    return entries_of(pointer, cache)


def read_manifest(pointer: Pointer, cache: Cache) -> Manifest:
    """Return the manifest that a tree's pointer names, if both say the same."""
    found = parse_manifest(_read_manifest(pointer, cache), pointer.path or pointer.oid)
    if found.size != pointer.size:
        raise _untrue(pointer, f"{pointer.size} bytes", f"{found.size}")
    return found


def _read_manifest(pointer: Pointer, cache: Cache) -> bytes:
    data = cache.read(pointer.oid, limit=most_bytes(pointer.files))
    # Counting is quick; parsing what a pointer never announced could take for ever.
    if (lines := max(data.count(b"\n") - 1, 0)) != pointer.files:
        raise _untrue(pointer, f"{pointer.files} entries", f"{lines}")
    if (fingerprint := fingerprint_of(data)) != pointer.fingerprint:
        raise _untrue(pointer, pointer.fingerprint, fingerprint)
    return data


def _untrue(pointer: Pointer, said: str, what: str) -> IntegrityError:
    name = pointer.path or pointer.oid
    return IntegrityError(
        f"{name!r} says {said}, but its manifest has {what}", hint=command("git log -p -- {}", name)
    )


def select(paths: Iterable[str], artifacts: Iterable[str]) -> list[Selection]:
    """Return what the paths and globs, relative to the repository's root, mean.

    A path names an artifact, a folder that holds artifacts, or something inside one; none at all
    means everything.  Raises `UsageError` for one that means nothing.
    """
    artifacts = sorted(artifacts)
    paths = list(paths)
    if not paths:
        return [Selection(artifact) for artifact in artifacts]
    whole: set[str] = set()
    parts: dict[str, list[str]] = {}
    for path in paths:
        plain = path.removesuffix(POINTER_SUFFIX)
        named = [a for a in artifacts if _matches(a, plain)]
        whole.update(named)
        inside = [a for a in artifacts if plain.startswith(f"{a}/")]
        for artifact in inside:
            parts.setdefault(artifact, []).append(plain[len(artifact) + 1 :])
        if not named and not inside:
            raise UsageError(f"{path!r} is not a tracked artifact", hint="gitmodel status")
    return [
        Selection(artifact, () if artifact in whole else tuple(parts[artifact]))
        for artifact in sorted(whole | parts.keys())
    ]


def check_there(selection: Selection, entries: Mapping[str, Entry]) -> None:
    """Raise `UsageError` if something that is selected inside an artifact is not in it."""
    for pattern in selection.patterns:
        if not any(_matches(path, pattern) for path in entries):
            alike = near(pattern, islice(entries, _COMPARED))
            raise UsageError(
                f"{pattern!r} is not in {selection.artifact!r}{alike}",
                hint=command("gitmodel status {}", selection.artifact),
            )


def _matches(path: str, pattern: str) -> bool:
    """A pattern means a path, all below a folder, or what a glob matches."""
    if pattern in ("", ".", path) or path.startswith(f"{pattern}/"):
        return True
    return any(c in pattern for c in "*?[") and fnmatch.fnmatchcase(path, pattern)


def _snapshot(commit: str, pointers: Iterable[tuple[str, bytes]]) -> Snapshot:
    parsed: dict[str, Pointer] = {}
    for path, data in pointers:
        artifact = path.removesuffix(POINTER_SUFFIX)
        try:
            check_artifact(artifact)
        except IntegrityError as error:
            raise IntegrityError(
                f"{path!r}: {error.message}", hint=command("git rm {}", path)
            ) from error
        parsed[artifact] = parse_pointer(data, path)
    for artifact in parsed:
        _check_not_nested(artifact, parsed)
    return Snapshot(commit, parsed)


def _check_not_nested(artifact: str, parsed: Mapping[str, Pointer]) -> None:
    for folder in parents(artifact):
        if folder in parsed:
            raise IntegrityError(
                f"artifact {artifact!r} lies inside artifact {folder!r}",
                hint=command("git rm {}", pointer_path(artifact)),
            )


def _read_pointers(root: Path, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        if (data := read_file(root, path)) is not None:
            yield path, data
