"""What is written is read back as it was, in one spelling; of other bytes, an error in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gitmodel.config import Config, format_config, parse_config, replace_section
from gitmodel.curves import MAX_STEP, Curves, format_curves, parse_curves
from gitmodel.digest import oid_from_bytes, oid_to_bytes, parse_fingerprint, parse_oid
from gitmodel.document import format_document, parse_document
from gitmodel.errors import GitmodelError
from gitmodel.lineage import Lineage, format_lineage, parse_lineage
from gitmodel.manifest import (
    HEADER,
    Manifest,
    format_manifest,
    make_manifest,
    parse_manifest,
    parse_near,
)
from gitmodel.pack import (
    TRAILER_SIZE,
    Listed,
    Piece,
    format_index,
    format_recipe,
    format_table,
    parse_index,
    parse_recipe,
    parse_table,
    table_span,
)
from gitmodel.pointer import Pointer, format_pointer, parse_pointer
from gitmodel.root import (
    Description,
    Root,
    format_description,
    format_root,
    parse_description,
    parse_root,
    root_name,
)
from gitmodel.strict_yaml import Value, parse_yaml
from tests.helpers import formats
from tests.property import strategies


@given(strategies.pointers)
def test_pointers(pointer: Pointer) -> None:
    assert parse_pointer(format_pointer(pointer), "p") == pointer


@given(strategies.manifests())
def test_manifests(manifest: Manifest) -> None:
    assert parse_manifest(format_manifest(manifest), "m") == manifest


@given(strategies.manifests(), strategies.manifests(), st.data())
def test_manifests_that_are_nearly_the_same(
    first: Manifest, other: Manifest, data: st.DataObject
) -> None:
    kept = data.draw(st.sets(st.sampled_from(first.entries))) if first.entries else set()
    # Nothing but what both may hold: a name of one may be a folder of the other.
    try:
        second = make_manifest([*kept, *(e for e in other.entries if e.path not in kept)])
    except GitmodelError:
        second = other
    found = parse_near(format_manifest(second), format_manifest(first), first.by_path())
    assert found == second.by_path()


@given(strategies.lineages)
def test_lineages(lineage: Lineage) -> None:
    assert parse_lineage(format_lineage(lineage), "l") == lineage


@given(st.dictionaries(strategies.texts, strategies.values, max_size=4))
def test_documents(mapping: dict[str, Value]) -> None:
    for path in ("p.json", "p.yaml"):
        assert parse_document(format_document(mapping, path), path).value == mapping


@given(
    st.dictionaries(
        strategies.texts.filter(str.isprintable),
        st.dictionaries(st.integers(0, MAX_STEP), st.floats(allow_nan=False), min_size=1),
        max_size=4,
    )
)
def test_curves(points: dict[str, dict[int, float]]) -> None:
    curves = Curves()
    for name, values in points.items():
        for step, value in values.items():
            curves.add(name, step, value)
    again = parse_curves(format_curves(curves), "c.csv")
    assert {name: again.points(name) for name in again.names} == points


@given(strategies.listings())
def test_pack_tables(listed: Listed) -> None:
    payload = sum(entry.stored for entry in listed.entries)
    end = format_table(listed.entries)
    table, trailer = end[:-TRAILER_SIZE], end[-TRAILER_SIZE:]
    assert table_span(trailer, payload + len(end)) == (payload, len(table))
    assert parse_table(table, trailer) == listed.entries


@given(st.lists(strategies.listings(), max_size=4))
def test_indexes(packs: Sequence[Listed]) -> None:
    assert parse_index(format_index(packs)) == tuple(packs)


@given(st.lists(strategies.pieces, min_size=1))
def test_recipes(pieces: Sequence[Piece]) -> None:
    assert parse_recipe(format_recipe(pieces)) == tuple(pieces)


@given(strategies.roots)
def test_roots(root: Root) -> None:
    assert parse_root(format_root(root)) == root


@given(strategies.descriptions)
def test_descriptions(description: Description) -> None:
    assert parse_description(format_description(description)) == description


@given(strategies.configs)
def test_configs(config: Config) -> None:
    assert parse_config(format_config(config)) == config


@given(strategies.configs, strategies.configs)
def test_replacing_the_remotes_leaves_the_rest(config: Config, other: Config) -> None:
    data = replace_section(format_config(config), "remotes", other.remotes)
    found = parse_config(data)
    assert found.remotes == other.remotes
    assert (found.id, found.remote, found.artifacts) == (config.id, config.remote, config.artifacts)


@given(strategies.oids)
def test_binary_oids(oid: str) -> None:
    assert oid_from_bytes(oid_to_bytes(oid)) == oid


@given(strategies.refs, strategies.refs)
@example("tags/v1", "tags/V1")
@example("tags_2fv1", "tags/v1")
def test_names_of_roots_are_one_to_one_plain_and_short(one: str, other: str) -> None:
    names = root_name(one), root_name(other)
    assert (names[0] == names[1]) == (one.removeprefix("refs/") == other.removeprefix("refs/"))
    for name in names:
        assert name.isascii()
        assert name == name.lower()
        assert "/" not in name
        assert len(name) <= 180


# Bytes that nobody wrote on purpose

Parser = Callable[[bytes], Any]

PARSERS: dict[str, tuple[Parser, bytes]] = {
    "pointer": (
        lambda data: parse_pointer(data, "p"),
        format_pointer(formats.POINTERS["tree.gitmodel"]),
    ),
    "manifest": (lambda data: parse_manifest(data, "m"), format_manifest(formats.manifest())),
    "trailer": (
        lambda data: table_span(data, 1000),
        format_table(formats.remote_pack()[1])[-TRAILER_SIZE:],
    ),
    "table": (
        lambda data: parse_table(data[:-TRAILER_SIZE], data[-TRAILER_SIZE:]),
        format_table(formats.remote_pack()[1]),
    ),
    "index": (parse_index, format_index([formats.listed(*formats.remote_pack())])),
    "recipe": (parse_recipe, formats.remote_pack()[2]),
    "root": (parse_root, format_root(formats.ROOT)),
    "description": (parse_description, format_description(formats.DESCRIPTION)),
    "config": (parse_config, format_config(formats.CONFIG)),
    "yaml": (lambda data: parse_yaml(data, "y"), b"a: [1, {b: 2.5}]\n- c\n"),
    "oid": (lambda data: parse_oid(data.decode("latin-1")), formats.OID.encode()),
    "fingerprint": (
        lambda data: parse_fingerprint(data.decode("latin-1")),
        formats.FINGERPRINT.encode(),
    ),
    "binary oid": (oid_from_bytes, oid_to_bytes(formats.OID)),
}

_ONE_SPELLING: dict[str, Callable[[Any], bytes]] = {
    "pointer": format_pointer,
    "manifest": format_manifest,
    "root": format_root,
    "index": format_index,
    "recipe": format_recipe,
    "table": format_table,
}


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.binary(max_size=400))
def test_any_bytes(name: str, data: bytes) -> None:
    _parse(name, data)


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
def test_a_good_file_with_some_bytes_changed(name: str, data: st.DataObject) -> None:
    changed = bytearray(PARSERS[name][1])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed)))
        end = at + data.draw(st.integers(0, 8))
        changed[at:end] = data.draw(st.binary(max_size=8))
    _parse(name, bytes(changed))


@given(st.text(max_size=300))
def test_any_text_as_yaml_and_as_lines_of_a_manifest(text: str) -> None:
    data = text.encode("utf-8", "replace")
    _parse("yaml", data)
    _parse("config", b"gitmodel: 1\n" + data)
    _parse("manifest", HEADER + data)
    _parse("pointer", b"gitmodel: 1\n" + data)


def _parse(name: str, data: bytes) -> None:
    """Only our own errors; what is taken for good is what would have been written."""
    try:
        value = PARSERS[name][0](data)
    except GitmodelError:
        return
    if name in _ONE_SPELLING:
        assert _ONE_SPELLING[name](value) == data
