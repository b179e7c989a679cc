"""Files of every format, written once: they must be read, and written, the same for ever."""

import io
import re
import struct
from pathlib import Path

import pytest
from blake3 import blake3
from pyfastcdc.py.constants import GEAR, MASKS

from gitmodel import (
    config,
    contents,
    imported,
    lineage,
    manifest,
    pack,
    paths,
    pointer,
    strict_yaml,
)
from gitmodel.cache.openpacks import read_table
from gitmodel.config import format_config, parse_config
from gitmodel.contents import format_contents, root_of
from gitmodel.curves import format_curves, parse_curves
from gitmodel.digest import digest_bytes, oid_of
from gitmodel.encoding import PLANES2, PLANES4, RAW, ZSTD, decode
from gitmodel.imported import format_imported, parse_imported
from gitmodel.lineage import format_lineage, parse_lineage
from gitmodel.manifest import format_manifest, parse_manifest
from gitmodel.pack import (
    ENTRY_SIZE,
    RECIPE,
    TRAILER_SIZE,
    Piece,
    format_index,
    format_recipe,
    format_table,
    parse_index,
    parse_recipe,
    parse_table,
    table_span,
)
from gitmodel.pointer import format_pointer, parse_pointer
from gitmodel.remote.chunking import cut, windows
from gitmodel.remote.file import LARGEST
from gitmodel.root import (
    MAX_DESCRIPTION,
    MAX_ROOT,
    Chunking,
    format_description,
    format_root,
    parse_description,
    parse_root,
    root_name,
)
from gitmodel.version import parse_version
from tests.helpers import formats

TOP = Path(__file__).parents[2]
GOLDEN = TOP / "tests" / "golden"
SPECIFICATION = (TOP / "docs" / "format.md").read_text()


def golden(name: str) -> bytes:
    return (GOLDEN / name).read_bytes()


@pytest.mark.parametrize("name", formats.POINTERS)
def test_pointer(name):
    assert parse_pointer(golden(name), name) == formats.POINTERS[name]
    assert format_pointer(formats.POINTERS[name]) == golden(name)


def test_manifest_with_odd_names():
    assert parse_manifest(golden("tree.manifest"), "golden") == formats.manifest()
    assert format_manifest(formats.manifest()) == golden("tree.manifest")


def test_config():
    assert parse_config(golden("config.yaml")) == formats.CONFIG
    assert format_config(formats.CONFIG) == golden("config.yaml")


def test_imported():
    assert parse_imported(golden("gitmodel.imported")) == formats.IMPORTED
    assert format_imported(formats.IMPORTED) == golden("gitmodel.imported")


def test_lineage():
    assert parse_lineage(golden("ranker.lineage.yaml"), "golden") == formats.LINEAGE
    assert format_lineage(formats.LINEAGE) == golden("ranker.lineage.yaml")


def test_curves():
    assert format_curves(formats.curves()) == golden("ranker.curves.csv")
    assert format_curves(parse_curves(golden("ranker.curves.csv"), "golden")) == golden(
        "ranker.curves.csv"
    )


def test_remote_description():
    assert parse_description(golden("gitmodel-remote.json")) == formats.DESCRIPTION
    assert format_description(formats.DESCRIPTION) == golden("gitmodel-remote.json")


def test_root():
    assert parse_root(golden("version.root")) == formats.ROOT
    assert format_root(formats.ROOT) == golden("version.root")


def test_contents():
    assert format_contents(formats.CONTENTS) == golden("version.contents")
    assert format_contents(reversed(formats.CONTENTS)) == golden("version.contents")
    assert root_of(formats.CONTENTS) == f"blake3:{blake3(golden('version.contents')).hexdigest()}"
    assert f"`{root_of(formats.CONTENTS)}`" in SPECIFICATION


def test_local_pack(tmp_path):
    with formats.opened_cache(tmp_path / "cache") as cache, cache.writer() as writer:
        for data in formats.LOCAL_BLOBS:
            writer.add(data, digest_bytes(data))
    [path] = (tmp_path / "cache" / "packs").iterdir()
    assert path.read_bytes() == golden("local.pack")
    assert path.name == f"{blake3(golden('local.pack')).hexdigest()}.pack"
    assert [entry.oid for entry in read_table(path)] == [oid_of(b) for b in formats.LOCAL_BLOBS]


def test_remote_pack_has_each_encoding_and_each_decodes():
    data = golden("remote.pack")
    *chunks, recipe = _table(data)
    assert [entry.encoding for entry in chunks] == [RAW, ZSTD, PLANES2, PLANES4]
    for entry, expected in zip(chunks, formats.CHUNKS, strict=True):
        stored = data[entry.offset : entry.offset + entry.stored]
        assert decode(entry.encoding, stored, entry.length) == expected
        assert (entry.oid, entry.fingerprint, entry.length) == digest_bytes(expected)
    assert (recipe.kind, recipe.oid) == (RECIPE, oid_of(b"".join(formats.CHUNKS)))


def test_table_and_trailer_are_written_as_they_were_read():
    data = golden("remote.pack")
    entries = _table(data)
    assert data.endswith(format_table(entries))
    assert len(format_table(entries)) == ENTRY_SIZE * len(entries) + TRAILER_SIZE


def test_recipe():
    data = golden("remote.pack")
    recipe = _table(data)[-1]
    payload = data[recipe.offset : recipe.offset + recipe.stored]
    pieces = tuple(Piece(oid_of(chunk), len(chunk)) for chunk in formats.CHUNKS)
    assert parse_recipe(payload) == pieces
    assert format_recipe(pieces) == payload


def test_index_lists_the_pack():
    [listed] = parse_index(golden("remote.index"))
    data = golden("remote.pack")
    assert listed.pack == blake3(data).hexdigest()
    assert listed.entries == _table(data)
    assert [parse_recipe(payload)[0].length for payload in listed.recipes] == [100]
    assert format_index([listed]) == golden("remote.index")


def test_todays_encoder_chooses_the_same_encodings():
    _, entries, _ = formats.remote_pack()
    assert [e.encoding for e in entries] == [e.encoding for e in _table(golden("remote.pack"))]


@pytest.mark.parametrize("line", golden("chunks.txt").decode().splitlines())
def test_chunk_boundaries(line):
    head, lengths = line.split(": ")
    average, size = map(int, head.split())
    chunking = Chunking(average)
    batches = cut(io.BytesIO(formats.noise(size)).readinto, chunking, windows(chunking))
    assert [len(chunk) for batch in batches for chunk in batch.chunks] == [
        *map(int, lengths.split())
    ]


# What docs/format.md says

BLOCKS = re.findall(r"^```(\w+) tests/golden/(\S+)(.*)\n((?s:.*?))^```$", SPECIFICATION, re.M)


@pytest.mark.parametrize(("kind", "name", "span", "shown"), BLOCKS, ids=[b[1] for b in BLOCKS])
def test_example_in_the_specification_is_the_golden_file(kind, name, span, shown):
    if kind != "hex":
        assert shown.encode() == golden(name)
        return
    start, length = map(int, span.split()) if span else (0, None)
    data = golden(name)[start:][:length]
    rows = [re.fullmatch(r"([0-9a-f]{6})  (.*)", row) for row in shown.splitlines()]
    assert b"".join(bytes.fromhex(row[2]) for row in rows) == data
    assert [int(row[1], 16) for row in rows] == [*range(start, start + len(data), 16)]


def test_specification_shows_each_text_format():
    texts = {path.name for path in GOLDEN.iterdir() if b"\0" not in path.read_bytes()}
    shown = {name for _, name, _, _ in BLOCKS}
    assert texts - shown == {".gitattributes", "chunks.txt", "sha256.gitmodel"}


def test_limits_in_the_specification_are_those_of_the_code():
    assert {row[0]: int(row[1]) for row in _rows("### Limits") if row[1].isdigit()} == {
        "bytes of a pointer": pointer.MAX_BYTES,
        "size in a pointer, and sum of the sizes in a manifest": pointer.MAX_SIZE,
        "entries of a tree": pointer.MAX_FILES,
        "bytes of a manifest": manifest.MAX_BYTES,
        "bytes of a path in a manifest": paths.MAX_PATH,
        "bytes of one name of a path": paths.MAX_NAME,
        "bytes of `.gitmodel.yaml`": strict_yaml.MAX_BYTES,
        "nesting in `.gitmodel.yaml`": strict_yaml.MAX_DEPTH,
        "bytes of `.gitmodel.imported`": imported.MAX_BYTES,
        "entries of a pack": pack.MAX_ENTRIES,
        "bytes of a chunk, encoded or decoded": pack.MAX_RAW,
        "bytes of a recipe": pack.MAX_PAYLOAD,
        "bytes of a pack": LARGEST,
        "bytes of a root": MAX_ROOT,
        "bytes of `gitmodel-remote.json`": MAX_DESCRIPTION,
    }


def test_format_numbers_in_the_specification_are_those_of_the_code():
    assert {row[0]: row[2] for row in _rows("### Format numbers")[1:]} == {
        "pointer": str(pointer.FORMAT),
        "manifest": manifest.HEADER.decode().split()[1],
        "`.gitmodel.yaml`": str(config.FORMAT),
        "lineage": str(lineage.FORMAT),
        "`.gitmodel.imported`": imported.HEADER.decode().split()[1],
        "pack": pack.PACK_MAGIC.decode().split()[1],
        "index file": pack.INDEX_MAGIC.decode().strip()[-1],
        "`gitmodel-remote.json`": "1",
        "root": golden("version.root").decode().split()[1],
        "contents of a version": contents.HEADER.decode().split()[1],
    }


def test_versions_in_the_specification():
    for tag, name, major, minor, patch, pre, build in _rows("## Version")[1:]:
        found = parse_version(tag.strip("`"))
        assert (found.name, found.pre, found.build) == (name, pre, build)
        assert (found.major, found.minor, found.patch) == (int(major), int(minor), int(patch))
    bad = re.search(r"Not versions: (.*?)\n\n", SPECIFICATION, re.S)
    assert not [tag for tag in re.findall("`(.*?)`", bad[1]) if parse_version(tag)]


def test_order_of_versions_in_the_specification():
    tags = re.search(r"```versions\n(.*?)```", SPECIFICATION, re.S)[1].split()
    keys = [parse_version(tag).key for tag in tags]
    assert len(keys) > 10
    assert keys == sorted(set(keys))


def test_root_names_in_the_specification():
    names = [row for row in _rows("### Root") if row[0].startswith("`refs/")]
    assert len(names) >= 5
    for ref, name in names[-5:]:
        assert root_name(ref.strip("`")) == name.strip("`")


def test_gear_and_masks_in_the_specification_are_those_of_the_library():
    table = struct.pack("<256Q", *GEAR)
    assert f"`{blake3(table).hexdigest()}`" in SPECIFICATION
    assert f"`{table[:8].hex()}`" in SPECIFICATION
    masks = re.findall(r"(\d\d) \| `([0-9a-f]{16})`", SPECIFICATION)
    assert len(masks) == 13
    assert {int(bits): int(mask, 16) for bits, mask in masks} == {
        bits: MASKS[bits] for bits in range(11, 24)
    }


def _table(data: bytes):
    trailer = data[-TRAILER_SIZE:]
    offset, length = table_span(trailer, len(data))
    return parse_table(data[offset : offset + length], trailer)


def _rows(heading: str) -> list[list[str]]:
    """The rows of all tables of a section, without what rules off the heads."""
    section = SPECIFICATION.split(f"\n{heading}\n")[1].split("\n#")[0]
    lines = (line for line in section.splitlines() if line.startswith("| "))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
