"""Sends to a remote what pointers name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gitmodel.cache import Cache
from gitmodel.errors import MissingError
from gitmodel.pack import Placed
from gitmodel.pointer import Pointer
from gitmodel.progress import Work
from gitmodel.remote.chunking import tensor_breaks
from gitmodel.remote.packstore import Remote
from gitmodel.remote.upload import Sent, Upload
from gitmodel.snapshot import oids_of
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
    remote: Remote,
    work: Work,
) -> tuple[Sent, list[Absent]]:
    """Send what the remote lacks of these artifacts' pointers; the remote must be refreshed.

    Returns what was sent and what could not be, for it is neither here nor there.
    """
    pointers = [item for item in pointers if not remote.is_complete(item[1].oid)]
    trees = {pointer.oid: pointer for _, pointer in pointers if pointer.kind == "tree"}
    # What a tree consists of says its manifest, which may only be on the remote.
    there = remote.holds(list(trees.keys() - cache.present(trees)))
    fetch_manifests([trees[oid] for oid in there], cache, remote, work)
    plan, absent = _plan_push(pointers, cache, remote)
    sent = _send(plan, cache, remote, work) if plan else NOTHING_SENT
    incomplete = {each.pointer.oid for each in absent}
    for _, pointer in pointers:
        if pointer.kind == "tree" and pointer.oid not in incomplete:
            remote.set_complete(pointer.oid)
    return sent, absent


@dataclass(slots=True)
class _Plan:
    """Blobs to send, each once: where those lie that are in packs, how large those in files are."""

    packed: dict[str, Placed] = field(default_factory=dict)
    loose: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.packed or self.loose)

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        packed = sum(placed.entry.length for placed in self.packed.values())
        return packed + sum(self.loose.values())


def _plan_push(
    pointers: Sequence[tuple[str, Pointer]], cache: Cache, remote: Remote
) -> tuple[_Plan, list[Absent]]:
    """Return what to send, and what is nowhere."""
    plan = _Plan()
    absent = []
    for artifact, pointer in pointers:
        try:
            oids = oids_of(pointer, cache)
        except MissingError:
            # Without its manifest nothing proves that the rest of a tree is on the remote.
            absent.append(Absent(artifact, pointer, (pointer.oid,)))
            continue
        there = remote.holds(oids)
        lacking = [oid for oid in oids if oid not in there]
        packed = cache.places(lacking)
        loose = cache.loose_sizes(oid for oid in lacking if oid not in packed)
        plan.packed |= packed
        plan.loose |= loose
        if nowhere := set(lacking) - packed.keys() - loose.keys():
            absent.append(Absent(artifact, pointer, tuple(sorted(nowhere))))
    return plan, absent


def _send(plan: _Plan, cache: Cache, remote: Remote, work: Work) -> Sent:
    with Upload(remote, plan.size, work) as upload:
        send_packed(plan.packed.values(), cache, upload)
        for oid in plan.loose:
            _send_loose(oid, cache, upload, remote)
        return upload.finish()


def send_packed(places: Iterable[Placed], cache: Cache, upload: Upload) -> None:
    """Send packs of which all is wanted as they are, and one blob after the other of the rest."""
    packs, rest = cache.part_whole(places, upload.packs.size)
    whole = set()
    for pack in cache.read_whole(packs, upload.packs):
        upload.add_pack(*pack)
        whole.add(pack.name)
    # What is wrong with a pack that is not what its name says shows blob by blob.
    for name in packs.keys() - whole:
        rest += [Placed(name, entry) for entry in packs[name]]
    for span in cache.read_spans(rest, upload.memory):
        upload.add_all(*span)


def _send_loose(oid: str, cache: Cache, upload: Upload, remote: Remote) -> None:
    fd = cache.open_loose(oid)
    try:
        size = os.fstat(fd).st_size
        if size < remote.chunking.smallest:
            with open(fd, "rb", closefd=False) as file:
                data = file.read()
            upload.add_small(oid, data)
        else:
            start = os.pread(fd, 16, 0)
            breaks = tensor_breaks(start, lambda length: os.pread(fd, length, 0), size)
            with ReadAhead(fd) as reader:
                upload.add_large(oid, reader.readinto, breaks)
    finally:
        os.close(fd)
