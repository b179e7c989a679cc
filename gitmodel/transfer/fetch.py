"""Brings to the cache what pointers name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gitmodel.cache import Cache
from gitmodel.errors import MissingError
from gitmodel.hints import command
from gitmodel.manifest import most_bytes
from gitmodel.pointer import Pointer
from gitmodel.progress import Work
from gitmodel.remote.packstore import Remote
from gitmodel.snapshot import Selection, check_there, entries_of
from gitmodel.transfer.download import Wanted, download
from gitmodel.words import plural


def fetch_manifests(pointers: Iterable[Pointer], cache: Cache, remote: Remote, work: Work) -> None:
    """Bring the manifests that the cache lacks; raises `MissingError` if the remote does too."""
    trees = [pointer for pointer in pointers if pointer.kind == "tree"]
    wanted = [Wanted(tree.oid, None, tree.path, most_bytes(tree.files)) for tree in trees]
    fetch_blobs(wanted, cache, remote, work)


def fetch_blobs(wanted: Iterable[Wanted], cache: Cache, remote: Remote, work: Work) -> int:
    """Bring the blobs that the cache lacks; return how many they were.

    Raises `MissingError` if the remote does not hold one of them, and then brings none.
    """
    unique = {blob.oid: blob for blob in wanted}
    present = cache.present(unique)
    missing = [blob for oid, blob in unique.items() if oid not in present]
    if not missing:
        return 0
    find_blobs(remote, missing)
    download(remote, missing, cache, work)
    return len(missing)


def find_blobs(remote: Remote, wanted: Sequence[Wanted]) -> None:
    """Learn what the remote holds; raise `MissingError` if it lacks one of the blobs.

    Waits for a moment for those that are only not listed yet.
    """
    remote.refresh()
    oids = [blob.oid for blob in wanted]
    absent = set(oids) - remote.holds(oids)
    promised = bool(absent) and remote.promises(absent)
    while absent and promised and remote.wait():
        remote.refresh()
        absent -= remote.holds(list(absent))
    if not absent:
        return
    some = f"{len(absent)} of {plural(len(oids), 'blob')}"
    be = "is" if len(absent) == 1 else "are"
    one = min(str(blob) for blob in wanted if blob.oid in absent)
    if promised:
        raise MissingError(
            f"{some} {be} in no index file on remote {remote.name!r}, though a root there names"
            f" them (one is {one}): what was just pushed does not show yet, or an index file is"
            " lost",
            hint=command("gitmodel remote check {}", remote.name),
        )
    raise MissingError(
        f"{some} {be} neither in the cache nor on remote {remote.name!r}; one is {one}",
        hint="gitmodel push, in the clone that has the data",
    )


def wanted_by(
    selections: Sequence[Selection], pointers: Mapping[str, Pointer], cache: Cache
) -> list[Wanted]:
    """Return the blobs of the selected parts; the manifests must be in the cache.

    Raises `UsageError` if there is no such part.
    """
    wanted = []
    for selection in selections:
        artifact, entries = selection.artifact, entries_of(pointers[selection.artifact], cache)
        check_there(selection, entries)
        wanted += [
            Wanted(entry.oid, entry.size, f"{artifact}/{path}".rstrip("/"))
            for path, entry in entries.items()
            if selection.has(path)
        ]
    return wanted
