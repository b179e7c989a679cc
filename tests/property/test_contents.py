"""No two versions of other contents have one text, and whatever a tag holds is read in peace."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from gitmodel.contents import Item, format_contents
from gitmodel.errors import GitmodelError
from gitmodel.tag_object import (
    begins_signature,
    format_message,
    format_name,
    parse_tag_object,
    stated_root,
)
from tests.property import strategies

git_paths = st.binary(min_size=1, max_size=40).map(
    lambda data: data.decode("utf-8", "surrogateescape")
)
items = st.builds(Item, st.sampled_from("fxts"), strategies.sizes, strategies.oids, git_paths)
HEAD = f"object {'a' * 40}\ntype commit\ntag v1.0\n\n"


@given(st.lists(items, max_size=6))
def test_contents_say_all_of_the_items(values: list[Item]) -> None:
    header, *lines = format_contents(values).decode("ascii").removesuffix("\n").split("\n")
    assert header == "gitmodel-contents 1"
    read = []
    for line in lines:
        kind, size, oid, path = line.split(" ", 3)
        read.append(Item(kind, int(size), oid, json.loads(path)))
    assert sorted(read, key=repr) == sorted(values, key=repr)
    keys = [(each.path.encode("utf-8", "surrogateescape"), each.type) for each in read]
    assert keys == sorted(keys)


@given(st.text(), git_paths, strategies.blake3_oids)
def test_no_text_and_no_path_shadows_the_root(text: str, path: str, root: str) -> None:
    trailers = [("Gitmodel-Artifact", format_name(path)), ("Gitmodel-Root", root)]
    message = format_message(text, trailers)
    if not begins_signature(message):
        data = (HEAD + message).encode("utf-8", "surrogatepass")
        assert stated_root(parse_tag_object(data).message) == root
    assert stated_root(message) == root


@given(st.binary())
def test_any_bytes_in_a_tag(data: bytes) -> None:
    try:
        stated_root(parse_tag_object(HEAD.encode() + data).message)
    except GitmodelError:
        return
