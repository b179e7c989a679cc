import pytest

from gitmodel.errors import GitmodelError, IntegrityError
from gitmodel.pointer import NotAPointerError, Pointer, format_pointer, parse_pointer
from tests.helpers.formats import FINGERPRINT, OID, SHA256_OID

FILE = format_pointer(Pointer("file", OID, FINGERPRINT, 12)).decode()
TREE = format_pointer(Pointer("tree", OID, FINGERPRINT, 12, files=3)).decode()

BROKEN = {
    "oid with a path": FILE.replace(OID, "blake3:../../x"),
    "oid that is a path": FILE.replace(OID, "../../.bashrc"),
    "absolute path": FILE.replace(OID, "/etc/passwd"),
    "path of a hook": FILE.replace(OID, ".git/hooks/x"),
    "oid of another length": FILE.replace(OID, OID[:-1]),
    "oid in upper case": FILE.replace(OID, OID.upper()),
    "oid of an unknown algorithm": FILE.replace("blake3:", "md5:"),
    "digits of another script": FILE.replace("size: 12", "size: \u0661\u0662"),
    "all-digit digest without quotes": FILE.replace(f'"{OID}"', "1" * 64),
    "fingerprint of another length": FILE.replace(FINGERPRINT, FINGERPRINT + "0"),
    "size below zero": FILE.replace("size: 12", "size: -1"),
    "size of 2^63": FILE.replace("size: 12", f"size: {2**63}"),
    "size with a leading zero": FILE.replace("size: 12", "size: 012"),
    "size with a sign": FILE.replace("size: 12", "size: +12"),
    "size in hex": FILE.replace("size: 12", "size: 0xc"),
    "size as a float": FILE.replace("size: 12", "size: 12.0"),
    "size as a string": FILE.replace("size: 12", 'size: "12"'),
    "a million and one files": TREE.replace("files: 3", "files: 1000001"),
    "more files than any tree has": TREE.replace("files: 3", "files: 999999999"),
    "file with files": FILE + "files: 1\n",
    "tree without files": TREE.replace("files: 3\n", ""),
    "tree with a mode": TREE + 'mode: "0755"\n',
    "setuid": FILE + 'mode: "4755"\n',
    "unknown kind": FILE.replace("kind: file", "kind: link"),
    "unknown key": FILE + "path: ../x\n",
    "duplicate key": FILE + "size: 12\n",
    "keys in another order": "\n".join(sorted(FILE.splitlines())) + "\n",
    "missing key": FILE.replace("size: 12\n", ""),
    "anchor": FILE.replace("kind: file", "kind: &a file"),
    "alias": FILE.replace("size: 12", "size: *a"),
    "tag": FILE.replace("size: 12", "size: !!int 12"),
    "merge key": FILE + "<<: {size: 12}\n",
    "comment": FILE + "# mine\n",
    "trailing space": FILE.replace("size: 12", "size: 12 "),
    "blank line": FILE + "\n",
    "no line end": FILE[:-1],
    "two documents": FILE + "---\n" + FILE,
    "carriage returns": FILE.replace("\n", "\r\n"),
    "nesting": "gitmodel: " + "[" * 1000 + "]" * 1000 + "\n",
    "conflict in the middle": FILE.replace(
        "size: 12\n", "<<<<<<< HEAD\nsize: 12\n=======\nsize: 13\n>>>>>>> theirs\n"
    ),
    "conflict from the start": f"<<<<<<< HEAD\n{FILE}=======\n{TREE}>>>>>>> theirs\n",
    "space before": " " + FILE,
    "space before the colon": FILE.replace("gitmodel:", "gitmodel :"),
    "number with a leading zero": FILE.replace("gitmodel: 1", "gitmodel: 01"),
    "number zero": FILE.replace("gitmodel: 1", "gitmodel: 0"),
    "negative number": FILE.replace("gitmodel: 1", "gitmodel: -1"),
    "not ASCII": FILE + "# é\n",
    "NUL": FILE + "\0",
    "a megabyte": FILE + "#" * (1 << 20),
    "cut short": FILE[:40],
    "empty": "",
}

OTHER = {
    "text": b"weights\n",
    "the model itself": bytes(range(256)) * 40,
    "a megabyte of nothing": bytes(1 << 20),
    "another tool's pointer": b"version https://git-lfs.github.com/spec/v1\n",
    "a longer key": b"gitmodels: 1\n",
    "JSON": b'{"gitmodel": 1}\n',
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_pointer_is_refused(name):
    with pytest.raises(IntegrityError, match="is a broken pointer") as caught:
        parse_pointer(BROKEN[name].encode(), "models/model.pt.gitmodel")
    assert caught.value.exit_code == 7
    assert "models/model.pt.gitmodel" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("name", OTHER)
def test_something_else_is_not_a_broken_pointer(name):
    with pytest.raises(NotAPointerError, match="is not a gitmodel pointer") as caught:
        parse_pointer(OTHER[name], "x.gitmodel")
    assert caught.value.exit_code == 7


@pytest.mark.parametrize("number", ["2", "17", "999999999"])
def test_unknown_number_says_newer(number):
    data = FILE.replace("gitmodel: 1", f"gitmodel: {number}") + "new: key\n"
    with pytest.raises(IntegrityError, match=rf"newer gitmodel \(format {number}\)") as caught:
        parse_pointer(data.encode(), "x.gitmodel")
    assert caught.value.exit_code == 7
    assert "upgrade" in caught.value.hint


@pytest.mark.parametrize(
    "pointer",
    [
        Pointer("file", OID, FINGERPRINT, 0),
        Pointer("file", SHA256_OID, FINGERPRINT, 2**63 - 1, executable=True),
        Pointer("tree", OID, FINGERPRINT, 0, files=0),
        Pointer("tree", OID, "xxh3-128:" + "1" * 32, 1, files=1_000_000),
    ],
)
def test_each_kind_survives(pointer):
    data = format_pointer(pointer)
    assert parse_pointer(data, "x") == pointer
    assert len(data) < 400


def test_a_long_first_line_is_judged_quickly():
    with pytest.raises(GitmodelError):
        parse_pointer(b" " * (10 << 20) + b"gitmodel: 1\n", "x")
