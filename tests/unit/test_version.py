import random

import pytest

from gitmodel.version import find_version, newest_version, parse_version

ORDERED = [
    "v0.0",
    "v0.0.1-0",
    "v0.0.1",
    "v0.9",
    "v1.0-0",
    "v1.0-1",
    "v1.0-2",
    "v1.0-10",
    "v1.0-10.0",
    "v1.0--",
    "v1.0-Z",
    "v1.0-alpha",
    "v1.0-alpha.1",
    "v1.0-alpha.beta",
    "v1.0-alpha-1",
    "v1.0-beta",
    "v1.0-rc.1",
    "v1.0-rc.1.0",
    "v1.0-rc.1.a",
    "v1.0",
    "v1.0.1",
    "v1.9",
    "v1.10",
    "v10.0",
    "v999999999999999999.0",
]


@pytest.mark.parametrize(
    ("tag", "name", "numbers", "pre", "build"),
    [
        ("v1.0", "", (1, 0, 0), "", ""),
        ("v1.2.3", "", (1, 2, 3), "", ""),
        ("v1.2-rc.1+cuda", "", (1, 2, 0), "rc.1", "cuda"),
        ("v1.2.3+001.a-b", "", (1, 2, 3), "", "001.a-b"),
        ("model-v1.1", "model", (1, 1, 0), "", ""),
        ("fraud/ranker-v0.3", "fraud/ranker", (0, 3, 0), "", ""),
        ("my-big-model-v2.0", "my-big-model", (2, 0, 0), "", ""),
        ("ü-v1.0", "ü", (1, 0, 0), "", ""),
        ("v2-v1.0", "v2", (1, 0, 0), "", ""),
        ("a-v1.0-v2.0", "a-v1.0", (2, 0, 0), "", ""),
        ("v1.0--", "", (1, 0, 0), "-", ""),
        ("v1.0-0a", "", (1, 0, 0), "0a", ""),
    ],
)
def test_versions(tag, name, numbers, pre, build):
    found = parse_version(tag)
    assert (found.tag, found.name, found.pre, found.build) == (tag, name, pre, build)
    assert (found.major, found.minor, found.patch) == numbers


@pytest.mark.parametrize(
    "tag",
    [
        *("", "v", "v1", "1.0", "1.0.0", "V1.0", "v1.", "v.1", "v1.0.", "v1.0.0.0", "version1.0"),
        *("v01.0", "v1.01", "v1.0.00", "v1.0-", "v1.0-01", "v1.0-a..b", "v1.0-a_b", "v1.0-é"),
        *("v1.0+", "v1.0+a+b", "v1.0+a..b", "v1.0+ü", "modelv1.0", "model v-v1.0", "model-1.0"),
        *("-v1.0", "a:b-v1.0", "a..b", "v1.0\n", "\nv1.0", " v1.0", "v1.0 ", "v-1.0", "v+1.0"),
        *("v\u0661.0", "v1.1000000000000000000", "release", "--upload-pack=x", "x" * 250 + "-v1.0"),
    ],
)
def test_other_tags_are_no_versions(tag):
    assert parse_version(tag) is None


def test_order_is_that_of_semantic_versioning():
    shuffled = random.Random(1).sample(ORDERED, len(ORDERED))
    assert sorted(shuffled, key=lambda tag: parse_version(tag).key) == ORDERED
    assert len({parse_version(tag).key for tag in ORDERED}) == len(ORDERED)


@pytest.mark.parametrize(
    ("one", "other"), [("v1.0", "v1.0.0"), ("v1.0+a", "v1.0+b"), ("a-v1.0-rc", "b-v1.0.0-rc+x")]
)
def test_equal_precedence_is_an_equal_key(one, other):
    assert parse_version(one).key == parse_version(other).key


@pytest.mark.timeout(10)
def test_a_hostile_tag_is_judged_quickly():
    for tag in ("-" * 249, "v1.0-" + "0." * 120, "a-v1.0-" * 35, "v1.0-" + "-" * 240 + "!"):
        parse_version(tag)


TAGS = ["v1.0", "v2.0-rc.1", "model-v1.0", "model-v1.2.0", "model-v1.10", "model-v2.0-rc.1", "x"]


@pytest.mark.parametrize(
    ("name", "wanted", "tag"),
    [
        ("model", "v1.0", "model-v1.0"),
        ("model", "v1.0.0", "model-v1.0"),
        ("model", "v1.2", "model-v1.2.0"),
        ("model", "v2.0-rc.1", "model-v2.0-rc.1"),
        ("data", "v1.0.0", "v1.0"),
        ("data", "v1.2", None),
        ("model", "v1.2+cuda", None),
        ("model", "model-v1.0", None),
        ("model", "x", None),
        ("", "v1.0", "v1.0"),
    ],
)
def test_the_version_of_an_artifact(name: str, wanted: str, tag: str | None) -> None:
    assert find_version(TAGS, name, wanted) == tag


def test_of_two_spellings_the_one_that_was_typed() -> None:
    assert find_version(["v1.0", "v1.0.0"], "model", "v1.0.0") == "v1.0.0"
    assert find_version(["v1.0", "v1.0.0"], "model", "v1.0") == "v1.0"


@pytest.mark.parametrize(
    ("tags", "name", "tag"),
    [
        (TAGS, "model", "model-v1.10"),
        (TAGS, "data", "v1.0"),
        (["v2.0-rc.1", "v2.0-rc.2"], "data", "v2.0-rc.2"),
        (["x"], "data", None),
        ([], "data", None),
    ],
)
def test_the_newest_version_of_an_artifact(tags: list[str], name: str, tag: str | None) -> None:
    assert newest_version(tags, name) == tag
