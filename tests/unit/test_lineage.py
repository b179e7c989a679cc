from __future__ import annotations

import re

import pytest

from gitmodel.errors import IntegrityError
from gitmodel.lineage import Lineage, Named, format_lineage, lineage_path, parse_lineage
from tests.helpers import formats

GOOD = format_lineage(formats.LINEAGE).decode()
OID = formats.OID


def test_the_least_that_a_lineage_says():
    lineage = Lineage((Named("model.pt", OID),))
    data = format_lineage(lineage)
    text = f'gitmodel-lineage: 1\noutputs:\n  - path: "model.pt"\n    oid: "{OID}"\n'
    assert data.decode() == text
    assert parse_lineage(data, "x") == lineage


def test_the_base_model_is_the_input_of_that_role():
    assert formats.LINEAGE.base.path == "models/bert.pt"
    assert Lineage(()).base is None


@pytest.mark.parametrize(
    ("artifact", "path"),
    [
        ("model.pt", "model.lineage.yaml"),
        ("a/b.c/model", "a/b.c/model.lineage.yaml"),
        ("m/x.tar.gz", "m/x.tar.lineage.yaml"),
    ],
)
def test_it_lies_beside_the_artifact(artifact, path):
    assert lineage_path(artifact) == path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("gitmodel-lineage: 1", "gitmodel-lineage: 2", "newer gitmodel"),
        ("gitmodel-lineage: 1", 'gitmodel-lineage: "1"', "must be 1"),
        ("gitmodel-lineage: 1", "lineage: 1", "does not say"),
        ("gitmodel-lineage: 1", "gitmodel-lineage: 1\nmore: 1", "'more' is not a key"),
        ('role: "test"', 'rule: "test"', "'inputs.2.rule' is not a key"),
        ('role: "test"', 'role: ""', "'inputs.2.role' must be a text"),
        ('role: "test"', "role: 7", "'inputs.2.role' must be a text"),
        ('path: "uv.lock"', 'path: "uv.lock"\n    size: 1', "'environment.lock.size' is not"),
        ('path: "uv.lock"', 'path: "/etc/passwd"', "'environment.lock.path' must be a path"),
        ('path: "uv.lock"', 'path: "../uv.lock"', "'environment.lock.path' must be a path"),
        ('path: "data/train"', 'path: "data/.git/config"', "must be a path"),
        ("dirty: true", "dirty: yes", "line .*'code.dirty' must be true or false"),
        ("dirty: true", "", "'code.dirty' must be true or false"),
        ("declared: false", "declared: 0", "'inputs.4.declared' must be true or false"),
        ("blake3:ccca", "md5:ccca", "'outputs.1.oid' must be an oid"),
        ('commit: "8d3c', 'commit: "HEAD8d3c', "line .*'code.commit' must be"),
        ("T12:00:00Z", "T12:00:00+01:00", "line .*'started' must be"),
        ('steps:\n  - "split', 'steps:\n  - [1]\n  - "split', "'steps' must be"),
        ("params:\n", "params: none\nparams2:\n", "'params' must be a mapping"),
    ],
)
def test_what_is_not_spelled_so_is_refused(old, new, said):
    assert old in GOOD
    with pytest.raises(IntegrityError, match=re.escape(said) if "*" not in said else said):
        parse_lineage(GOOD.replace(old, new, 1).encode(), "m.lineage.yaml")


@pytest.mark.parametrize("data", [b"", b"[]", b"gitmodel-lineage: 1\n", b"\xff", b"a: &x 1"])
def test_something_else_is_refused(data):
    with pytest.raises(IntegrityError, match=r"'m\.lineage\.yaml'"):
        parse_lineage(data, "m.lineage.yaml")
