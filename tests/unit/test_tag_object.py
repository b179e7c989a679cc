from __future__ import annotations

import pytest

from gitmodel.digest import oid_of
from gitmodel.errors import IntegrityError
from gitmodel.tag_object import (
    begins_signature,
    format_message,
    format_name,
    parse_tag_object,
    stated_root,
)

HEAD = f"object {'a' * 40}\ntype commit\ntag v1.0\ntagger A <a@x.org> 1 +0000\n\n"
ROOT = oid_of(b"root")
SSH = "-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----\n"
PGP = "-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n"


def test_unsigned() -> None:
    found = parse_tag_object(f"{HEAD}text\n".encode())
    assert (found.name, found.type, found.target) == ("v1.0", "commit", "a" * 40)
    assert (found.message, found.signature, found.rest) == ("text\n", None, "")


@pytest.mark.parametrize(
    ("block", "form"),
    [
        (SSH, "ssh"),
        (PGP, "openpgp"),
        (PGP.replace("PGP SIGNATURE", "PGP MESSAGE"), "openpgp"),
        (PGP.replace("PGP SIGNATURE", "SIGNED MESSAGE"), "x509"),
    ],
)
def test_signed(block: str, form: str) -> None:
    found = parse_tag_object(f"{HEAD}text\n{block}".encode())
    assert (found.message, found.signature, found.rest) == ("text\n", form, "")


def test_the_last_block_is_the_signature() -> None:
    found = parse_tag_object(f"{HEAD}text\n{PGP}more\n{SSH}".encode())
    assert found.signature == "ssh"
    assert found.message == f"text\n{PGP}more\n"


def test_text_after_the_signature() -> None:
    assert parse_tag_object(f"{HEAD}text\n{SSH}\nmore\n".encode()).rest == "more"
    cut = SSH.split("-----END")[0]
    assert parse_tag_object(f"{HEAD}text\n{cut}".encode()).rest == ""


def test_a_line_that_only_looks_like_it() -> None:
    assert parse_tag_object(f"{HEAD} {SSH}".encode()).signature is None
    assert not begins_signature(" -----BEGIN SSH SIGNATURE-----")
    assert begins_signature("text\n-----BEGIN PGP SIGNATURE-----")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"object x\n",
        HEAD.replace("type commit", "type ").encode(),
        HEAD.replace("tag v1.0\n", "").encode(),
        HEAD.rstrip("\n").encode(),
    ],
)
def test_malformed(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        parse_tag_object(data)


def test_what_is_written_is_read() -> None:
    message = format_message(
        "\ntext\n\nmore\n\n", [("Gitmodel-Oid", ROOT), ("Gitmodel-Root", ROOT)]
    )
    assert message == f"text\n\nmore\n\nGitmodel-Oid: {ROOT}\nGitmodel-Root: {ROOT}\n"
    assert stated_root(message) == ROOT


@pytest.mark.parametrize(
    "message",
    [
        "",
        "text\n",
        f"Gitmodel-Root: {ROOT}\n\ntext\n",
        f"x Gitmodel-Root: {ROOT}",
        f"gitmodel-root: {ROOT}",
    ],
)
def test_no_root(message: str) -> None:
    assert stated_root(message) == ""


@pytest.mark.parametrize(
    "value", ["", "blake3:0", ROOT.upper(), f"{ROOT} ", f"{ROOT}\nGitmodel-Root: {ROOT}"]
)
def test_a_root_that_is_none(value: str) -> None:
    with pytest.raises(IntegrityError):
        stated_root(f"text\n\nGitmodel-Root: {value}\n")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("models/größte.pt", "models/größte.pt"),
        ("a b", '"a b"'),
        ("a\nGitmodel-Root: x", '"a\\nGitmodel-Root: x"'),
        ('"', '"\\""'),
        ("", '""'),
        ("a=b", '"a=b"'),
        ("\udce4", '"\\udce4"'),
    ],
)
def test_names(name: str, written: str) -> None:
    assert format_name(name) == written
