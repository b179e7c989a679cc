"""The order of versions is that of Semantic Versioning, which packaging tools agree on."""

from __future__ import annotations

import functools

from hypothesis import given
from hypothesis import strategies as st

from gitmodel.version import Version, parse_version

_number = st.integers(0, 12).map(str)
_word = st.from_regex(r"[0-9]{0,2}[a-zA-Z-][0-9a-zA-Z-]{0,2}", fullmatch=True)
_pre = st.lists(_number | _word, min_size=1, max_size=3).map(".".join)
_name = st.from_regex(r"[a-z][a-z0-9/-]{0,8}[a-z0-9]", fullmatch=True)


@st.composite
def tags(draw: st.DrawFn) -> str:
    """Draw a tag that is a version."""
    name = draw(_name.map("{}-".format) | st.just(""))
    numbers = ".".join(draw(st.lists(_number, min_size=2, max_size=3)))
    pre = draw(_pre.map("-{}".format) | st.just(""))
    build = draw(_pre.map("+{}".format) | st.just(""))
    return f"{name}v{numbers}{pre}{build}"


def parsed(tag: str) -> Version:
    """Return the version that a tag is."""
    version = parse_version(tag)
    assert version is not None
    return version


@given(tags())
def test_all_parts_are_in_the_tag(tag: str) -> None:
    found = parsed(tag)
    text = f"{found.name}-" if found.name else ""
    text += f"v{found.major}.{found.minor}"
    rest = (f"-{found.pre}" if found.pre else "") + (f"+{found.build}" if found.build else "")
    assert tag in (f"{text}{rest}", f"{text}.{found.patch}{rest}")


@given(tags(), tags())
def test_the_order_is_that_of_semantic_versioning(one: str, other: str) -> None:
    first, second = parsed(one), parsed(other)
    assert (first.key > second.key) - (first.key < second.key) == _precedence(first, second)


@given(st.lists(tags(), max_size=8))
def test_the_order_is_total(some: list[str]) -> None:
    versions = [parsed(tag) for tag in some]
    by_key = sorted(versions, key=lambda version: version.key)
    by_rule = sorted(versions, key=functools.cmp_to_key(_precedence))
    assert [version.key for version in by_key] == [version.key for version in by_rule]


@given(st.text(max_size=60))
def test_any_tag_is_a_version_or_not(tag: str) -> None:
    found = parse_version(tag)
    assert found is None or found.tag == tag


def _precedence(one: Version, other: Version) -> int:
    """Section 11 of Semantic Versioning 2.0.0, sentence by sentence."""
    # 11.2: by major, minor and patch, numerically, the first difference decides.
    for left, right in ((one.major, other.major), (one.minor, other.minor)):
        if left != right:
            return 1 if left > right else -1
    if one.patch != other.patch:
        return 1 if one.patch > other.patch else -1
    # 11.3: a pre-release comes before the release.
    if not one.pre or not other.pre:
        return bool(other.pre) - bool(one.pre)
    mine, theirs = one.pre.split("."), other.pre.split(".")
    for left, right in zip(mine, theirs, strict=False):
        if left == right:
            continue
        # 11.4.1: numbers numerically; 11.4.3: numbers before words.
        if left.isdigit() and right.isdigit():
            return 1 if int(left) > int(right) else -1
        if left.isdigit() != right.isdigit():
            return -1 if left.isdigit() else 1
        # 11.4.2: words in ASCII order.
        return 1 if left > right else -1
    # 11.4.4: more fields come after fewer, if all before are equal.
    return (len(mine) > len(theirs)) - (len(mine) < len(theirs))
