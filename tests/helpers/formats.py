"""Values of every format, and stores in a folder, for the tests that need some."""

import random
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blake3 import blake3

from gitmodel.cache import Cache
from gitmodel.config import Config
from gitmodel.contents import item_of_file, item_of_pointer
from gitmodel.curves import Curves
from gitmodel.digest import digest_bytes, oid_of
from gitmodel.encoding import RAW, encode
from gitmodel.index import opened_index
from gitmodel.lineage import Code, Environment, Input, Lineage, Named
from gitmodel.manifest import Entry, Manifest, make_manifest
from gitmodel.pack import CHUNK, RECIPE, Listed, Piece, Stored, format_recipe, list_pack
from gitmodel.pointer import Pointer
from gitmodel.remote.store import Store
from gitmodel.root import Chunking, Description, Root, make_root
from gitmodel.scratch import Scratch

OID = oid_of(b"model")
SHA256_OID = oid_of(b"model", "sha256")
FINGERPRINT = digest_bytes(b"model").fingerprint
REPOSITORY = "00112233445566778899aabbccddeeff"
COMMIT = "8d3c1f0a5b7e9246d8c0f1a3b5e7092846acdf10"


def entry(path: str, kind: str = "f", data: bytes = b"model") -> Entry:
    """Return a manifest's entry for `data`; an empty folder has none."""
    oid, fingerprint, size = digest_bytes(b"" if kind == "d" else data)
    return Entry(oid, fingerprint, size, kind, path)


def sizes_in(store: Store, folder: str) -> dict[str, int]:
    """Return name and size of each file below a folder of a store."""
    files = store.files(folder).items()
    return {name: file.size for name, file in files if not name.endswith("/")}


def chunk(data: bytes, offset: int = 0, encoding: int = RAW, stored: bytes = b"") -> Stored:
    """Return the table entry of a chunk."""
    oid, fingerprint, size = digest_bytes(data)
    return Stored(oid, fingerprint, CHUNK, encoding, size, offset, len(stored or data))


def bf16_weights(count: int, seed: int = 7) -> bytes:
    """Return numbers as a bf16 layer holds them: exponents that cluster, mantissas of noise."""
    noise = random.Random(seed)
    return b"".join(struct.pack("<f", (noise.random() - 0.5) * 0.04)[2:] for _ in range(count))


def fp32_weights(count: int, seed: int = 8) -> bytes:
    """Return numbers as an fp32 layer holds them."""
    noise = random.Random(seed)
    return b"".join(struct.pack("<f", (noise.random() - 0.5) * 0.04) for _ in range(count))


@contextmanager
def opened_cache(folder: Path) -> Iterator[Cache]:
    """Open the cache in a folder as a command does, and close it."""
    with Scratch(folder / "tmp") as scratch, opened_index(folder / "index.db") as index:
        cache = Cache(folder, index, scratch)
        try:
            yield cache
        finally:
            cache.close()


# The golden files' values

POINTERS = {
    "file.gitmodel": Pointer("file", OID, FINGERPRINT, 438112204),
    "executable.gitmodel": Pointer("file", OID, FINGERPRINT, 0, executable=True),
    "tree.gitmodel": Pointer("tree", OID, FINGERPRINT, 2**63 - 1, files=20000),
    "sha256.gitmodel": Pointer("file", SHA256_OID, FINGERPRINT, 5),
}

IMPORTED = {
    "md5:0cc175b9c0f1b6a831c399e269772661": Pointer("file", OID, FINGERPRINT, 438112204),
    "md5:92eb5ffee6ae2fec3ad71c777531578f.dir": Pointer("tree", OID, FINGERPRINT, 7, files=2),
    "md5-dos2unix:0cc175b9c0f1b6a831c399e269772661": Pointer("file", SHA256_OID, FINGERPRINT, 5),
}

ODD_NAMES = (
    "-leading dash",
    "Ünïcode/数据.csv",
    "a b/c",
    "back`tick $(touch x) 'quoted' \"doubly\"",
    "del\x7f",
    "emoji 🙂",
    "new\nline",
    "tab\tand\x01control",
    "trailing space ",
    "x" * 255,
)


def manifest() -> Manifest:
    """Return a manifest with an entry of each type, and names that are allowed but odd."""
    entries = [entry(name) for name in ODD_NAMES]
    entries += [
        entry("run.sh", "x", b"#!/bin/sh\n"),
        entry("deep/er/link", "l", b"../../run.sh"),
        entry("empty", "d"),
        entry("nothing", "f", b""),
        Entry(SHA256_OID, FINGERPRINT, 5, "f", "sha256"),
    ]
    return make_manifest(entries)


CONFIG = Config(
    REPOSITORY,
    "sha256",
    "backup",
    {"origin": "s3://team-bucket/ranker", "backup": "../backup of models"},
    {"model": "models/model.pt", "fraud/ranker": "fraud/ranker.onnx"},
)
LINEAGE = Lineage(
    (Named("models/ranker.pt", OID), Named("models/ranker.onnx", SHA256_OID)),
    (
        Input("data/train", oid_of(b"train"), "train", version="train-v2.0"),
        Input("data/raw/day 1.csv", oid_of(b"day"), "test", within=oid_of(b"raw")),
        Input("models/bert.pt", oid_of(b"bert"), "base", version="bert-v1.0"),
        Input("vocabulary.txt", oid_of(b"vocabulary"), declared=False),
    ),
    ('split at white space, keep \u201cquotes\u201d and "these"', "drop rows without a label"),
    Named("models/ranker.params.yaml", oid_of(b"params")),
    Code(COMMIT, True, oid_of(b"diff")),
    Environment("3.11.9", "Linux-6.1.0-x86_64-with-glibc2.36", Named("uv.lock", oid_of(b"lock"))),
    ("python", "train.py", "--lr", "0.1", "--token", "***"),
    "2026-03-01T12:00:00Z",
    "2026-03-01T13:30:05Z",
)
DESCRIPTION = Description("ffeeddccbbaa99887766554433221100", Chunking())
ROOT: Root = make_root("refs/tags/model-v1.0", COMMIT, [SHA256_OID, OID, oid_of(b"data")])

CONTENTS = (
    item_of_pointer("models/model.pt", POINTERS["file.gitmodel"]),
    item_of_pointer("run.sh", POINTERS["executable.gitmodel"]),
    item_of_pointer("data/train", POINTERS["tree.gitmodel"]),
    item_of_pointer("Modelle/größte.pt", POINTERS["sha256.gitmodel"]),
    item_of_file("models/model.metrics.json", b'{"accuracy": 0.94}\n'),
    item_of_file("models.card.md", b""),
    item_of_file('odd "name"\n\x7f.metrics.json', b"{}"),
    item_of_file("latin \udce4.metrics.json", b"{}"),
    item_of_file(".gitmodel.yaml", b"gitmodel: 1\n"),
)
"""The items of the golden contents, in no order."""


def curves() -> Curves:
    """Return curves of a run that logged one metric less often, and diverged."""
    made = Curves()
    for step, loss in enumerate((2.5, 0.125, float("inf"), float("nan"))):
        made.add("train.loss", step * 10, loss)
    made.add("val.accuracy", 10, 0.75)
    made.add("precision, macro", 10, 0.7)
    return made


LOCAL_BLOBS = (b"", b"gitmodel\n", bytes(range(16)))
"""The blobs of the golden local pack."""

CHUNKS = (
    bytes(range(100)),
    b"the same line again and again\n" * 40,
    bf16_weights(4096) + b"\x01",
    fp32_weights(4096) + b"\x01\x02\x03",
)
"""The chunks of the golden remote pack: one for each encoding, in their order."""


def remote_pack() -> tuple[bytes, tuple[Stored, ...], bytes]:
    """Return the payloads of a pack with every encoding, its entries, and its recipe."""
    payloads, entries = [], []
    at = 0
    for data in CHUNKS:
        encoding, stored = encode(data)
        entries.append(chunk(data, at, encoding, stored))
        payloads.append(stored)
        at += len(stored)
    recipe = format_recipe(Piece(oid_of(data), len(data)) for data in CHUNKS)
    oid, size = oid_of(b"".join(CHUNKS)), len(recipe)
    entries.append(Stored(oid, digest_bytes(recipe).fingerprint, RECIPE, RAW, size, at, size))
    return b"".join((*payloads, recipe)), tuple(entries), recipe


def listed(pack: bytes, entries: tuple[Stored, ...], recipe: bytes) -> Listed:
    """Return what an index file says of a whole pack."""
    return list_pack(blake3(pack).hexdigest(), entries, (recipe,))


def noise(size: int) -> bytes:
    """Return bytes that look random and never change: BLAKE3's extended output."""
    return blake3(b"gitmodel").digest(size)
