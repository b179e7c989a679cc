import hashlib

import pytest

from gitmodel.dvcsum import Md5Check


def check(key, *blocks):
    found = Md5Check(key)
    for block in blocks:
        found.update(block)
    return found.matches()


def md5(data):
    return hashlib.md5(data).hexdigest()


TEXT = b"a,b\r\n1,2\r\n"
UNIX = TEXT.replace(b"\r\n", b"\n")


@pytest.mark.parametrize(
    ("key", "data", "matches"),
    [
        (f"md5:{md5(TEXT)}", TEXT, True),
        (f"md5:{md5(UNIX)}", TEXT, False),
        (f"md5-dos2unix:{md5(UNIX)}", TEXT, True),
        (f"md5-dos2unix:{md5(TEXT)}", TEXT, True),
        (f"md5-dos2unix:{md5(UNIX)}", b"\0" + TEXT, False),
        (f"md5-dos2unix:{md5(b'')}", b"", True),
        (f"md5:{md5(b'[]')}.dir", b"[]", True),
    ],
)
def test_bytes_fit_a_key_as_dvc_reckons(key, data, matches):
    assert check(key, data) is matches


def test_blocks_of_any_size_are_one_file():
    text = TEXT * 300_000
    halves = text[: 1 << 20], text[1 << 20 : 3 << 19], text[3 << 19 :]
    wanted = b"".join(
        part.replace(b"\r\n", b"\n")
        for part in (text[: 1 << 20], text[1 << 20 : 2 << 20], text[2 << 20 :])
    )
    assert check(f"md5-dos2unix:{md5(wanted)}", *halves)
