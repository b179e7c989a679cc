"""Merging is what merging dicts would be, and whatever is chosen in a conflict is sound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from hypothesis import example, given
from hypothesis import strategies as st

from gitmodel.digest import digest_bytes
from gitmodel.errors import GitmodelError
from gitmodel.manifest import EXECUTABLE, FILE, FOLDER, Entry, make_manifest
from gitmodel.merge import Side, join_conflict, merge_entries, settle, split_conflict
from gitmodel.pointer import format_pointer
from tests.property.strategies import pointers as any_pointers

_PLAIN = ("a", "b", "c/d", "c/e", "f/g/h", "i")
_TRICKY = (
    "a",
    "A",
    "a/x",
    "A/x",
    "a/X",
    "b/y",
    "b/y/z",
    "B/y",
    "b",
    "\u00e9",
    "e\u0301",
    "e\u0301/x",
)


def _entry(path: str, content: int, kind: str = FILE) -> Entry:
    digests = digest_bytes(bytes([content]) if kind != FOLDER else b"")
    return Entry(digests.oid, digests.fingerprint, int(kind != FOLDER), kind, path)


def _sides(paths: tuple[str, ...]) -> st.SearchStrategy[dict[str, int]]:
    return st.dictionaries(st.sampled_from(paths), st.integers(0, 2))


def _tree(contents: Mapping[str, int]) -> dict[str, Entry]:
    return {path: _entry(path, content) for path, content in contents.items()}


@given(_sides(_PLAIN), _sides(_PLAIN), _sides(_PLAIN))
def test_a_merge_of_plain_files_is_that_of_dicts(
    base: dict[str, int], ours: dict[str, int], theirs: dict[str, int]
) -> None:
    merge = merge_entries(_tree(base), _tree(ours), _tree(theirs))
    expected, clashes = {}, set()
    for path in _PLAIN:
        old, our, their = base.get(path), ours.get(path), theirs.get(path)
        if our != their and old not in (our, their):
            clashes.add(path)
        elif (result := their if our == old else our) is not None:
            expected[path] = result
    assert merge.entries == _tree(expected)
    assert {clash.path for clash in merge.clashes} == clashes
    for clash in merge.clashes:
        assert list(clash.ours) == list(
            _tree({p: c for p, c in ours.items() if p == clash.path}).values()
        )


@st.composite
def _sound(draw: st.DrawFn) -> dict[str, Entry]:
    """Draw a tree with names that clash easily, but not with each other."""
    kept: dict[str, Entry] = {}
    kinds = st.sampled_from((FILE, FILE, EXECUTABLE, FOLDER))
    for path in draw(st.permutations(_TRICKY))[: draw(st.integers(0, 6))]:
        entry = _entry(path, draw(st.integers(0, 1)), draw(kinds))
        try:
            make_manifest([*kept.values(), entry])
        except GitmodelError:
            continue
        if not any(p.startswith(f"{path}/") or path.startswith(f"{p}/") for p in kept):
            kept[path] = entry
    return kept


def _as_file(entry: Entry) -> Entry:
    """Return an entry without its mode."""
    return entry._replace(type=FILE) if entry.type == EXECUTABLE else entry


@given(_sound(), _sound(), _sound(), st.data())
@example(
    {"a": _entry("a", 0, EXECUTABLE)},
    {"a": _entry("a", 1, EXECUTABLE)},
    {"a": _entry("a", 0)},
    cast("st.DataObject", None),
)
@example(
    {"a": _entry("a", 0)},
    {"a": _entry("a", 1)},
    {"a/x": _entry("a/x", 0)},
    cast("st.DataObject", None),
)
def test_whatever_is_chosen_is_a_sound_manifest(
    base: dict[str, Entry], ours: dict[str, Entry], theirs: dict[str, Entry], data: st.DataObject
) -> None:
    merge = merge_entries(base, ours, theirs)
    sides: list[Side] = ["ours", "theirs"]
    choices = {
        clash.path: data.draw(st.sampled_from(sides)) if data else sides[0]
        for clash in merge.clashes
    }
    done = settle(merge, choices)
    assert not done.clashes
    make_manifest(done.entries.values())
    # What nobody touched is there.
    same = {p: e for p, e in base.items() if ours.get(p) == theirs.get(p) == e}
    assert same.items() <= done.entries.items()
    # One side may bring the bytes and the other one the mode, but neither comes from nowhere.
    for path, entry in done.entries.items():
        there = [side[path] for side in (base, ours, theirs) if path in side]
        assert entry.type in {each.type for each in there}
        assert _as_file(entry) in map(_as_file, there)


@given(_sound(), _sound(), _sound())
def test_both_sides_are_treated_alike(
    base: dict[str, Entry], ours: dict[str, Entry], theirs: dict[str, Entry]
) -> None:
    one, other = merge_entries(base, ours, theirs), merge_entries(base, theirs, ours)
    assert one.entries == other.entries
    swapped = [(clash.path, sorted(clash.theirs), sorted(clash.ours)) for clash in other.clashes]
    assert [(c.path, sorted(c.ours), sorted(c.theirs)) for c in one.clashes] == swapped


@given(_sound(), _sound())
def test_what_only_one_side_changed_needs_no_merge(
    base: dict[str, Entry], ours: dict[str, Entry]
) -> None:
    for merge in (
        merge_entries(base, ours, base),
        merge_entries(base, base, ours),
        merge_entries(base, ours, ours),
    ):
        assert merge.entries == ours
        assert not merge.clashes


_texts = any_pointers.map(format_pointer) | st.just(b"")


@given(_texts, _texts, _texts, st.text(max_size=20), st.integers(7, 12))
def test_conflicts_are_read_as_they_were_written(
    base: bytes, ours: bytes, theirs: bytes, label: str, width: int
) -> None:
    text = join_conflict((base, ours, theirs), (label, "base", label), width)
    assert split_conflict(text) == (base, ours, theirs)
    outer = join_conflict((text, theirs, ours), (label, "base", label), width + 2)
    assert split_conflict(outer) == (text, theirs, ours)


@given(
    st.lists(
        st.sampled_from([b"<<<<<<< a\n", b"||||||| b\n", b"=======\n", b">>>>>>> c\n", b"x\n"])
    )
)
def test_no_text_with_markers_breaks_the_reader(lines: list[bytes]) -> None:
    found = split_conflict(b"".join(lines))
    assert found is None or b"<<<<<<< a\n" in lines


@given(st.binary(max_size=200))
def test_no_text_at_all_breaks_the_reader(data: bytes) -> None:
    split_conflict(data)
