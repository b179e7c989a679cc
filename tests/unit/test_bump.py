from __future__ import annotations

import pytest

from gitmodel.bump import newest_release, next_tag
from gitmodel.version import parse_versions


@pytest.mark.parametrize(
    ("before", "bump", "after"),
    [
        ("", "major", "m-v1.0.0"),
        ("", "minor", "m-v0.1.0"),
        ("", "patch", "m-v0.0.1"),
        ("m-v1.1", "major", "m-v2.0"),
        ("m-v1.1", "minor", "m-v1.2"),
        ("m-v1.1", "patch", "m-v1.1.1"),
        ("m-v1.1.1", "minor", "m-v1.2.0"),
        ("m-v1.1.0", "major", "m-v2.0.0"),
        ("m-v1.9", "minor", "m-v1.10"),
        ("m-v0.3.2", "major", "m-v1.0.0"),
        ("m-v2.0-rc.1", "minor", "m-v2.0"),
        ("m-v2.0.0-rc.1", "major", "m-v2.0.0"),
        ("m-v1.1.0+cuda", "minor", "m-v1.2.0"),
        ("m-v1.1+cuda", "minor", "m-v1.2"),
        ("m@v1.1.0", "minor", "m@v1.2.0"),
    ],
)
def test_next(before: str, bump: str, after: str) -> None:
    found = parse_versions([before], ["gto"])
    assert next_tag("m", found[0] if found else None, bump, found) == after


def test_next_of_the_repository() -> None:
    [before] = parse_versions(["v1.0"])
    assert next_tag("", before, "minor", [before]) == "v1.1"
    assert next_tag("", None, "minor", []) == "v0.1.0"


def test_what_is_taken_is_passed_over() -> None:
    versions = parse_versions(["m-v1.0.0", "m-v1.1.0+cuda", "m-v1.2", "m-v1.3.0-rc.1", "m-v1.0.1"])
    assert next_tag("m", versions[0], "minor", versions) == "m-v1.3.0"
    assert next_tag("m", versions[0], "patch", versions) == "m-v1.0.2"
    assert next_tag("m", versions[0], "major", versions) == "m-v2.0.0"


def test_a_name_that_has_a_version_in_it() -> None:
    [before] = parse_versions(["a-v1.0.0-v2.1"])
    assert before.name == "a-v1.0.0"
    assert next_tag("a-v1.0.0", before, "minor", [before]) == "a-v1.0.0-v2.2"


def test_newest_release() -> None:
    versions = parse_versions(["v1.0", "v1.10", "v1.9", "v2.0-rc.1"])
    found = newest_release(versions)
    assert found is not None
    assert found.tag == "v1.10"
    only = newest_release(versions[3:])
    assert only is not None
    assert only.pre == "rc.1"
    assert newest_release([]) is None
