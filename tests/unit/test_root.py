import json

import pytest

from gitmodel.digest import oid_of
from gitmodel.errors import IntegrityError
from gitmodel.root import (
    Chunking,
    Description,
    Root,
    format_description,
    format_root,
    make_root,
    parse_description,
    parse_root,
    root_name,
)
from tests.helpers.formats import COMMIT, OID, SHA256_OID

GOOD = format_root(make_root("refs/tags/v1.0", COMMIT, [OID, SHA256_OID]))
BODY = GOOD[: GOOD.index(b"digest ")].decode()


def signed(body: str) -> bytes:
    """A root of any text, with the digest that fits it."""
    return f"{body}digest {oid_of(body.encode())}\n".encode()


MALFORMED = {
    "nothing": b"",
    "noise": bytes(range(256)),
    "without digest": BODY.encode(),
    "wrong digest": GOOD.replace(GOOD[-10:-1], b"000000000"),
    "digest by another algorithm": f"{BODY}digest {oid_of(BODY.encode(), 'sha256')}\n".encode(),
    "cut short": GOOD[:-1],
    "extended": GOOD + b"\n",
    "twice": GOOD + GOOD,
    "only a digest": signed(""),
    "header alone": signed("gitmodel-root 1\n"),
    "without commit": signed("gitmodel-root 1\nref refs/tags/v1.0\n"),
    "commit in upper case": signed(BODY.replace(COMMIT, COMMIT.upper())),
    "commit cut short": signed(BODY.replace(COMMIT, COMMIT[1:])),
    "oid that is a path": signed(BODY.replace(OID, "blake3:../../x")),
    "line that is no oid": signed(BODY + "path x\n"),
    "oid without its key": signed(BODY.replace("oid sha", "sha")),
    "oids out of order": signed(
        f"gitmodel-root 1\nref r\ncommit {COMMIT}\noid {SHA256_OID}\noid {OID}\n"
    ),
    "oid twice": signed(f"gitmodel-root 1\nref r\ncommit {COMMIT}\noid {OID}\noid {OID}\n"),
    "line without end": signed(BODY + "junk"),
    "blank line": signed(BODY + "\n"),
    "carriage returns": signed(BODY.replace("\n", "\r\n")),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_root_is_refused(name):
    with pytest.raises(IntegrityError) as caught:
        parse_root(MALFORMED[name])
    assert caught.value.exit_code == 7


def test_every_flipped_bit_of_a_root_is_found():
    for at in range(len(GOOD)):
        flipped = bytearray(GOOD)
        flipped[at] ^= 1
        with pytest.raises(IntegrityError):
            parse_root(bytes(flipped))


def test_root_of_another_number_says_newer():
    with pytest.raises(IntegrityError, match="newer gitmodel") as caught:
        parse_root(signed(BODY.replace("root 1", "root 2")))
    assert "upgrade" in caught.value.hint


def test_a_root_names_each_oid_once_in_order():
    root = make_root("refs/heads/main", COMMIT, [SHA256_OID, OID, OID])
    assert root == Root("refs/heads/main", COMMIT, (OID, SHA256_OID))
    assert parse_root(format_root(root)) == root


@pytest.mark.parametrize("ref", ["refs/heads/größe", "refs/heads/\udcff", "refs/heads/digest x"])
def test_odd_names_of_refs_survive(ref):
    root = make_root(ref, "a" * 64, [])
    assert parse_root(format_root(root)) == root


# The file name of a root


def test_root_names_are_plain():
    for ref in ("refs/tags/v1.0", "refs/heads/a/b", "refs/heads/ü \udcff\n", "refs/tags/..", "x"):
        assert set(root_name(ref)) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-")


def test_different_refs_have_different_root_names_even_without_case():
    refs = ["refs/tags/a/b", "refs/tags/a_b", "refs/tags/a_2fb", "refs/tags/a_2Fb", "refs/tags/a-b"]
    refs += ["refs/tags/A-v1.0", "refs/tags/a-v1.0", "refs/heads/a-v1.0", "refs/tags/ä", "refs/t"]
    refs += ["refs/tags/" + "x" * n for n in (170, 171, 172, 200, 201)]
    refs += ["refs/tags/" + "x" * 300 + "a", "refs/tags/" + "x" * 300 + "b"]
    assert len({root_name(ref).lower() for ref in refs}) == len(refs)


def test_root_names_fit_every_file_system():
    for length in range(150, 260):
        assert len(root_name("refs/tags/" + "x" * length)) <= 180
    assert len(root_name("refs/tags/" + "数" * 80)) <= 180


# The description of a remote

DESCRIPTION = json.loads(format_description(Description("0" * 32, Chunking())))


@pytest.mark.parametrize(
    "change",
    [
        {"format": None},
        {"format": "1"},
        {"format": True},
        {"format": 0},
        {"format": -1},
        {"format": 1.0},
        {"id": None},
        {"id": 5},
        {"id": "../../x"},
        {"id": "0" * 31},
        {"id": "A" * 32},
        {"chunking": None},
        {"chunking": []},
        {"chunking": {}},
        {"chunking": {"algorithm": "rabin", "average": 4096, "smallest": 4096}},
        *(
            {"chunking": {"algorithm": "fastcdc2020", "average": average, "smallest": smallest}}
            for average, smallest in (
                (0, 4096),
                (4095, 4096),
                (2**22 + 1, 4096),
                (-1, 4096),
                (True, 4096),
                (4096.0, 4096),
                ("4096", 4096),
                (None, 4096),
                (4096, 4095),
                (4096, 2**23 + 1),
                (4096, None),
            )
        ),
    ],
    ids=json.dumps,
)
def test_impossible_descriptions_are_refused(change):
    with pytest.raises(IntegrityError, match=r"gitmodel-remote\.json"):
        parse_description(json.dumps(DESCRIPTION | change).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>404</html>",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"format": ' + b"1" * 60_000 + b"}",
        json.dumps(DESCRIPTION).encode()[:-1],
    ],
    ids=["nothing", "page", "list", "null", "mark", "deep", "huge number", "short"],
)
def test_what_is_no_description_is_refused(data):
    with pytest.raises(IntegrityError):
        parse_description(data)


def test_description_of_another_number_says_newer():
    with pytest.raises(IntegrityError, match=r"newer gitmodel \(format 2\)"):
        parse_description(json.dumps({"format": 2}).encode())


def test_unknown_keys_of_a_description_are_ignored():
    data = json.dumps(DESCRIPTION | {"note": "ours"}).encode()
    assert parse_description(data) == Description("0" * 32, Chunking())


def test_bounds_of_the_chunking_are_possible():
    for chunking in (Chunking(4096, 4096), Chunking(2**22, 2**23)):
        description = Description("a" * 32, chunking)
        assert parse_description(format_description(description)) == description
