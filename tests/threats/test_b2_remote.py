"""B2, and what is newer: care for a remote touches nothing but what is ours and proven wrong."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import pytest
from blake3 import blake3

from gitmodel.digest import oid_of
from gitmodel.errors import NewerError, RemoteError
from gitmodel.pack import CHUNK, Stored, format_table
from gitmodel.progress import Work
from gitmodel.remote.care import check, find_damaged, repair
from gitmodel.remote.packstore import pack_key
from gitmodel.remote.store import Store
from gitmodel.remote.upload import Upload
from gitmodel.root import make_root, root_name

# The fixtures of the contract that every kind of remote is held to.
from tests.contract.test_remote import REPOSITORY, Machine, Make, machine, store, url
from tests.helpers.formats import sizes_in
from tests.helpers.repo import noise

__all__ = ["machine", "store", "url"]

ROOTS = f"roots/{REPOSITORY}"
FOREIGN = {
    f"{folder}/{name}": f"of somebody: {folder}/{name}".encode()
    for folder in ("index", ROOTS, "packs", "packs/aa", "quarantine", "scratch", "roots/x")
    for name in ("README", "thesis/ch1/t.tex", "id_rsa", "notes.v1.txt", "A" * 64, "0" * 63)
}


def _tagged(sender: Machine, tag: str, blob: bytes) -> None:
    sender.send(blob)
    root = make_root(f"refs/tags/{tag}", "a" * 40, [oid_of(blob)])
    sender.remote.put_root(root, moves=False)


def test_b2_what_is_not_ours_is_neither_told_of_nor_touched(machine: Make, store: Store) -> None:
    sender = machine("sender")
    for number in range(3):
        _tagged(sender, f"v{number}", noise(number, 5000))
    for key, data in FOREIGN.items():
        store.put(key, data)
    ours = sorted(sizes_in(store, "index"))
    assert check(machine("one").remote).sound
    assert repair(machine("two").remote).done == ()
    # One of each kind of damage.
    index, pack, root = (
        next(
            f"{folder}/{name}" for name in sorted(sizes_in(store, folder)) if _is_ours(folder, name)
        )
        for folder in ("index", "packs", ROOTS)
    )
    for key in (index, pack, root, "gitmodel-remote.json"):
        store.put(key, b"spoiled")
    store.put("quarantine/" + index.removeprefix("index/"), b"of before")
    found = check(machine("three").remote)
    assert not any(key in " ".join((*found.damaged, *found.lost)) for key in FOREIGN)
    damaged, _ = find_damaged(machine("three").remote, Work().progress)
    mender = machine("three").remote
    done = repair(mender, damaged).done
    assert {key: store.read(key) for key in FOREIGN} == FOREIGN
    assert len(done) >= 4
    # Nothing that lies in quarantine is lost, and what is moved there is moved whole.
    assert store.read("quarantine/" + index.removeprefix("index/")) == b"of before"
    moved = [name for name in sizes_in(store, "quarantine") if "/" not in name]
    assert sum(store.read(f"quarantine/{name}") == b"spoiled" for name in moved) == 4
    assert index.removeprefix("index/") in ours
    assert check(mender).sound
    assert repair(mender).done == ()


def _is_ours(folder: str, name: str) -> bool:
    return f"{folder}/{name}" not in FOREIGN and "thesis" not in name and "aa/" not in name


# Newer is not damaged


def _newer_pack() -> bytes:
    """A pack with an encoding that nobody knows yet."""
    payload = noise("newer", 100)
    fingerprint = f"xxh3-128:{'0' * 32}"
    end = format_table([Stored(oid_of(payload), fingerprint, CHUNK, 0, 100, 0, 100)])
    table = bytearray(end[:64])
    table[50] = 9
    trailer = end[64:80] + blake3(table).digest() + end[112:]
    return payload + bytes(table) + trailer


def _newer_index() -> bytes:
    return b"gitmodel-index2\n" + struct.pack("<II", 0, 0)


def _newer_encoding() -> bytes:
    """An index file of today with an encoding of tomorrow."""
    pack = _newer_pack()
    head = bytes.fromhex(blake3(pack).hexdigest()) + struct.pack("<QII", 100, 1, 0)
    return b"gitmodel-index1\n" + struct.pack("<II", 1, 0) + head + pack[100:164]


def _newer_root() -> bytes:
    body = b"gitmodel-root 2\nref refs/tags/v9\n"
    return body + f"digest {oid_of(body)}\n".encode()


def _named(folder: Callable[[str], str], data: bytes) -> tuple[str, bytes]:
    return folder(blake3(data).hexdigest()), data


NEWER = {
    "pack": _named(pack_key, _newer_pack()),
    "trailer": _named(pack_key, _newer_pack()[:-16] + b"gitmodel-pack 2\n"),
    "index file": _named("index/{}".format, _newer_index()),
    "encoding": _named("index/{}".format, _newer_encoding()),
    "root": (f"{ROOTS}/{root_name('refs/tags/v9')}", _newer_root()),
    "description": ("gitmodel-remote.json", b'{"format": 2}'),
}


@pytest.mark.parametrize("url", ["folder"], indirect=True)
@pytest.mark.parametrize("what", NEWER)
def test_b2_what_a_newer_gitmodel_wrote_is_left_alone(
    machine: Make, store: Store, what: str
) -> None:
    _tagged(machine("sender"), "v1", noise(1, 5000))
    _tagged(machine("sender"), "v2", noise(2, 5000))
    # Something to repair besides.
    pack = min(sizes_in(store, "packs"))
    store.delete(f"packs/{pack}")
    key, data = NEWER[what]
    store.put(key, data)
    before = _content(store)
    with pytest.raises(NewerError):
        repair(machine("mender").remote)
    assert _content(store) == before
    if what not in ("pack", "trailer"):
        with pytest.raises(NewerError):
            check(machine("checker").remote)
    assert find_damaged(machine("reader").remote, Work().progress) == (set(), [])


def _content(store: Store) -> dict[str, bytes]:
    folders = ("index", "packs", "roots", "quarantine")
    keys = [f"{folder}/{name}" for folder in folders for name in sizes_in(store, folder)]
    return {key: store.read(key) for key in (*keys, "gitmodel-remote.json")}


# What cannot be read, and what changes meanwhile


@dataclass
class Meddled:
    """A store on which something happens before each request, or instead of it."""

    store: Store
    before: Callable[[str, str], None]

    def __getattr__(self, name: str) -> object:
        found = getattr(self.store, name)
        if name not in ("read", "size", "files", "delete", "move", "put", "put_new"):
            return found

        def act(key: str, *arguments: object, **options: object) -> object:
            self.before(name, key)
            return found(key, *arguments, **options)

        return act


def _meddle(made: Machine, before: Callable[[str, str], None]) -> None:
    made.remote.store = cast("Store", Meddled(made.remote.store, before))


@pytest.mark.parametrize("url", ["driver"], indirect=True)
@pytest.mark.parametrize("folder", ["index", "packs", ROOTS])
def test_b2_what_cannot_be_read_stays_and_is_named(
    machine: Make, store: Store, folder: str
) -> None:
    sender = machine("sender")
    for number in range(3):
        _tagged(sender, f"v{number}", noise(number, 5000))
    refused = f"{folder}/{min(sizes_in(store, folder))}"
    if folder == "packs":
        for name in sizes_in(store, "index"):
            store.delete(f"index/{name}")

    def before(request: str, key: str) -> None:
        if request == "read" and key == refused:
            raise RemoteError(f"{key!r}: Permission denied")

    data = store.read(refused)
    roots = sizes_in(store, ROOTS)
    mender = machine("mender")
    _meddle(mender, before)
    if folder != "packs":
        assert refused in check(mender.remote).unread[0]
    repaired = repair(mender.remote)
    assert any(refused in line for line in repaired.left)
    assert store.read(refused) == data
    # What it may hold is not known, so nothing that may rely on it is withdrawn.
    assert folder == "packs" or sizes_in(store, ROOTS) == roots
    repair(machine("later").remote)
    assert check(machine("later").remote).lost == ()


@pytest.mark.parametrize("url", ["folder"], indirect=True)
@pytest.mark.parametrize("request_", ["files", "read", "size", "delete", "put_new", "move"])
def test_b2_repair_beside_a_push_withdraws_nothing_true(
    machine: Make, store: Store, request_: str
) -> None:
    """Another clone pushes whenever the repair is about to make such a request."""
    sender = machine("sender")
    lost = noise("lost", 5000)
    _tagged(sender, "v0", noise(0, 5000))
    _tagged(sender, "lost", lost)
    first, second = sorted(sizes_in(store, "packs"))
    store.delete(f"packs/{first}")
    (index,) = (
        name
        for name in sizes_in(store, "index")
        if bytes.fromhex(second[3:]) in store.read(f"index/{name}")
    )
    store.delete(f"index/{index}")
    store.put(f"{ROOTS}/{root_name('refs/tags/spoiled')}", b"spoiled")
    pushed: list[bytes] = []

    def push() -> None:
        blob = noise(("beside", len(pushed)), 5000)
        pushed.append(blob)
        _tagged(machine(f"beside {len(pushed)}"), f"beside{len(pushed)}", blob)

    def before(request: str, key: str) -> None:
        if request == request_ and len(pushed) < 12:
            push()

    mender = machine("mender")
    _meddle(mender, before)
    repair(mender.remote)
    assert pushed
    later = machine("later")
    later.bring(*pushed)
    kept = {root.ref for root in later.remote.roots()}
    assert {f"refs/tags/beside{n + 1}" for n in range(len(pushed))} <= kept
    assert check(machine("checker").remote).sound


@pytest.mark.parametrize("url", ["driver"], indirect=True)
def test_b2_what_another_push_brought_back_is_not_withdrawn(machine: Make, store: Store) -> None:
    sender = machine("sender")
    blob = noise(1, 5000)
    _tagged(sender, "v1", blob)
    (pack,) = sizes_in(store, "packs")
    data = store.read(f"packs/{pack}")
    store.delete(f"packs/{pack}")
    mender = machine("mender")

    def before(request: str, key: str) -> None:
        # At the last moment: all has been judged.
        if request in ("size", "put", "put_new", "delete") and seen:
            store.put(f"packs/{pack}", data)
        if request == "files" and key == "packs":
            seen.append(key)

    seen: list[str] = []
    _meddle(mender, before)
    assert repair(mender.remote).done == ()
    machine("later").bring(blob)
    assert check(mender.remote).sound


@pytest.mark.parametrize("url", ["folder"], indirect=True)
def test_b2_a_push_that_has_not_indexed_its_pack_yet_is_left_to_go_on(
    machine: Make, store: Store
) -> None:
    sender = machine("sender")
    sender.send(noise(1, 5000))
    blob = noise(2, 5000)
    with Upload(sender.remote, len(blob), Work()) as upload:
        upload.add_small(oid_of(blob), blob)
        upload._flush_small()
        upload._drain(0)
        upload._close_pack()
        while upload._sending and not upload._sending[0][0].done():
            continue
        repaired = repair(machine("mender").remote)
        assert "indexed 1 pack by their own tables" in repaired.done
        upload.finish()
    machine("later").bring(blob)
    assert check(machine("later").remote).sound
