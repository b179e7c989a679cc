"""Values of every format, as hypothesis draws them."""

from __future__ import annotations

import os
import struct

from hypothesis import strategies as st

from gitmodel.config import Config
from gitmodel.encoding import ENCODINGS, RAW
from gitmodel.errors import GitmodelError
from gitmodel.lineage import Code, Environment, Input, Lineage, Named
from gitmodel.manifest import EXECUTABLE, FILE, FOLDER, LINK, Entry, Manifest, make_manifest
from gitmodel.pack import (
    CHUNK,
    MAX_RAW,
    RECIPE,
    Listed,
    Piece,
    Stored,
    format_recipe,
    list_pack,
)
from gitmodel.paths import check_path
from gitmodel.pointer import MAX_FILES, MAX_SIZE, Pointer
from gitmodel.root import Chunking, Description, Root, make_root
from gitmodel.strict_yaml import Value

_FACTOR = int(os.environ.get("GITMODEL_FUZZ", "1"))


def examples(count: int) -> int:
    """Return how many examples to draw where `count` are enough for every day; see `make fuzz`."""
    return count * _FACTOR


def _digits(count: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=count // 2, max_size=count // 2).map(bytes.hex)


digests = _digits(64)
blake3_oids = digests.map("blake3:{}".format)
oids = blake3_oids | digests.map("sha256:{}".format)
fingerprints = _digits(32).map("xxh3-128:{}".format)
sizes = st.integers(0, MAX_SIZE)

pointers = st.builds(
    Pointer, st.just("file"), oids, fingerprints, sizes, executable=st.booleans()
) | st.builds(Pointer, st.just("tree"), oids, fingerprints, sizes, st.integers(0, MAX_FILES))


def _is_allowed(path: str) -> bool:
    try:
        check_path(path)
    except GitmodelError:
        return False
    return True


_names = st.text(st.characters(exclude_characters="/\\\0", codec="utf-8"), min_size=1, max_size=12)
paths = st.lists(_names, min_size=1, max_size=4).map("/".join).filter(_is_allowed)

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
_named = st.builds(Named, paths, oids)
_inputs = st.builds(
    Input, paths, oids, texts | st.just(""), oids | st.just(""), texts | st.just(""), st.booleans()
)
lineages = st.builds(
    Lineage,
    st.lists(_named, min_size=1, max_size=3).map(tuple),
    st.lists(_inputs, max_size=3).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
    st.none() | _named,
    st.builds(Code, _digits(40), st.booleans(), oids | st.just("")),
    st.builds(Environment, texts, texts, st.none() | _named),
    st.lists(st.just("") | texts, max_size=3).map(tuple),
    st.just("2026-03-01T12:00:00Z"),
)

values: st.SearchStrategy[Value] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
)
"""Plain data, as a file of params may hold it."""

entries = st.one_of(
    st.builds(
        Entry,
        oids,
        fingerprints,
        st.integers(0, 1 << 55),
        st.sampled_from((FILE, EXECUTABLE)),
        paths,
    ),
    st.builds(Entry, oids, fingerprints, st.integers(1, 4096), st.just(LINK), paths),
    st.builds(Entry, oids, fingerprints, st.just(0), st.just(FOLDER), paths),
)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Draw entries and keep those that may live side by side."""
    kept: list[Entry] = []
    for entry in draw(st.lists(entries, max_size=12)):
        try:
            make_manifest([*kept, entry])
        except GitmodelError:
            continue
        kept.append(entry)
    return make_manifest(kept)


@st.composite
def _payloads(draw: st.DrawFn) -> tuple[Stored, bytes]:
    oid, fingerprint = draw(oids), draw(fingerprints)
    if draw(st.booleans()):
        payload = draw(recipes)
        entry = Stored(oid, fingerprint, RECIPE, RAW, len(payload), 0, len(payload))
        return entry, payload
    encoding = draw(st.sampled_from(ENCODINGS))
    length = draw(st.integers(0, MAX_RAW))
    stored = length if encoding == RAW else draw(st.integers(0, MAX_RAW))
    return Stored(oid, fingerprint, CHUNK, encoding, length, 0, stored), b""


pieces = st.builds(Piece, blake3_oids, st.integers(1, MAX_RAW))
recipes = st.lists(pieces, min_size=1, max_size=8).map(format_recipe)


@st.composite
def listings(draw: st.DrawFn) -> Listed:
    """Draw what an index file says of one pack."""
    placed, at = [], 0
    drawn = draw(st.lists(_payloads(), max_size=8))
    for entry, _ in drawn:
        placed.append(entry._replace(offset=at))
        at += entry.stored
    payloads = tuple(payload for entry, payload in drawn if entry.kind == RECIPE)
    return list_pack(draw(digests), placed, payloads)


_line = st.text(st.characters(exclude_characters="\n", codec="utf-8"), min_size=1, max_size=40)
_raw_names = st.binary(min_size=1, max_size=40).filter(lambda name: b"\n" not in name)
refs = _line | _raw_names.map(lambda name: name.decode("utf-8", "surrogateescape"))
commits = _digits(40) | _digits(64)
roots: st.SearchStrategy[Root] = st.builds(make_root, refs, commits, st.lists(oids, max_size=8))

descriptions = st.builds(
    Description,
    _digits(32),
    st.builds(Chunking, st.integers(1 << 12, 1 << 22), st.integers(1 << 12, 1 << 23)),
)

_words = st.text(st.characters(codec="utf-8"), max_size=20)
_remote_names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
_urls = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S"), exclude_characters="@:[]?#"),
    min_size=1,
    max_size=30,
).flatmap(
    lambda text: st.sampled_from(
        (
            text,
            f"s3://bucket/{text}",
            f"s3://bucket/{text}?region=eu-west-1&endpoint=https://s3.example.org:9000",
            f"gs://bucket/{text}",
        )
    )
)
configs = st.builds(
    Config,
    _digits(32),
    st.sampled_from(("blake3", "sha256")),
    _remote_names | st.just(""),
    st.dictionaries(_remote_names, _urls, max_size=4),
    st.dictionaries(_words, _words, max_size=4),
)

blobs = st.one_of(
    st.binary(max_size=5000),
    st.builds(lambda part, times: part * times, st.binary(min_size=1), st.integers(1, 3000)),
    st.lists(st.floats(-0.125, 0.125, width=32), min_size=1, max_size=50).map(
        lambda numbers: struct.pack(f"<{len(numbers)}f", *numbers) * 40
    ),
)
