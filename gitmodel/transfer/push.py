"""Sends to a remote what pointers name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from gitmodel.cache import SMALL, Cache
from gitmodel.digest import fingerprint_of
from gitmodel.errors import MissingError
from gitmodel.index import Index
from gitmodel.manifest import Entry
from gitmodel.pointer import Pointer
from gitmodel.progress import Work
from gitmodel.remote.chunking import tensor_breaks
from gitmodel.remote.packstore import Remote
from gitmodel.remote.upload import Sent, Upload
from gitmodel.snapshot import entries_of
from gitmodel.stream import ReadAhead
from gitmodel.transfer.fetch import fetch_manifests

NOTHING_SENT = Sent(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Absent:
    """Blobs of an artifact's pointer that are neither in the cache nor on the remote."""

    artifact: str
    pointer: Pointer
    oids: tuple[str, ...]


def push_blobs(
    pointers: Sequence[tuple[str, Pointer]],
    cache: Cache,
    index: Index,
    remote: Remote,
    work: Work,
) -> tuple[Sent, list[Absent]]:
    """Send what the remote lacks of these artifacts' pointers; the remote must be refreshed.

    Returns what was sent and what could not be, for it is neither here nor there.
    """
    pointers = [item for item in pointers if not index.is_complete(remote.id, item[1].oid)]
    trees = {pointer.oid: pointer for _, pointer in pointers if pointer.kind == "tree"}
    # What a tree consists of says its manifest, which may only be on the remote.
    there = remote.holds(list(trees.keys() - cache.present(trees)))
    fetch_manifests([trees[oid] for oid in there], cache, remote, work)
    missing, absent = _plan_push(pointers, cache, remote)
    sent = _send(missing, cache, remote, work) if missing else NOTHING_SENT
    incomplete = {each.pointer.oid for each in absent}
    for _, pointer in pointers:
        if pointer.kind == "tree" and pointer.oid not in incomplete:
            index.set_complete(remote.id, pointer.oid)
    return sent, absent


def _plan_push(
    pointers: Sequence[tuple[str, Pointer]], cache: Cache, remote: Remote
) -> tuple[list[Entry], list[Absent]]:
    """Return the blobs to send, each once, and those that are nowhere."""
    missing: dict[str, Entry] = {}
    absent = []
    for artifact, pointer in pointers:
        try:
            entries = _blobs_of(pointer, cache)
        except MissingError:
            # Without its manifest nothing proves that the rest of a tree is on the remote.
            absent.append(Absent(artifact, pointer, (pointer.oid,)))
            continue
        there = remote.holds(list(entries))
        lacking = {oid: entry for oid, entry in entries.items() if oid not in there}
        here = cache.present(lacking)
        missing |= {oid: entry for oid, entry in lacking.items() if oid in here}
        if nowhere := lacking.keys() - here:
            absent.append(Absent(artifact, pointer, tuple(sorted(nowhere))))
    return list(missing.values()), absent


def _send(missing: Sequence[Entry], cache: Cache, remote: Remote, work: Work) -> Sent:
    total = sum(entry.size for entry in missing)
    with Upload(remote, total, work) as upload:
        places = cache.places(entry.oid for entry in missing if entry.size < SMALL)
        for placed in sorted(places.values(), key=lambda place: (place.pack, place.entry.offset)):
            stored = placed.entry
            upload.add_small(stored.oid, stored.fingerprint, cache.read_packed(placed))
        for entry in missing:
            if entry.oid not in places:
                _send_loose(entry.oid, cache, upload, remote)
        return upload.finish()


def _blobs_of(pointer: Pointer, cache: Cache) -> dict[str, Entry]:
    entries = {entry.oid: entry for entry in entries_of(pointer, cache).values()}
    if pointer.kind == "tree":
        size = SMALL if not cache.packed([pointer.oid]) else 0
        entries[pointer.oid] = Entry(pointer.oid, pointer.fingerprint, size, "f", "")
    return entries


def _send_loose(oid: str, cache: Cache, upload: Upload, remote: Remote) -> None:
    fd = cache.open_loose(oid)
    try:
        size = os.fstat(fd).st_size
        if size < remote.chunking.smallest:
            with open(fd, "rb", closefd=False) as file:
                data = file.read()
            upload.add_small(oid, fingerprint_of(data), data)
        else:
            start = os.pread(fd, 16, 0)
            breaks = tensor_breaks(start, lambda length: os.pread(fd, length, 0), size)
            with ReadAhead(fd) as reader:
                upload.add_large(oid, reader.readinto, breaks)
    finally:
        os.close(fd)
