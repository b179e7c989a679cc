import pytest

from gitmodel.dvcfile import Out
from gitmodel.errors import IntegrityError
from gitmodel.imported import HEADER, format_imported, parse_imported, translate
from tests.helpers import formats

GOOD = format_imported(formats.IMPORTED)
FIRST, *REST = GOOD[len(HEADER) :].splitlines(keepends=True)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD[:-1],
        GOOD + b"\n",
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.replace(b" 7 2\n", b" 7\n"),
        GOOD.replace(b" 5\n", b" 05\n"),
        GOOD.replace(b" 5\n", b" 5 1\n"),
        GOOD.replace(b" 5\n", b" 9223372036854775808\n"),
        GOOD.replace(b"sha256:", b"sha512:"),
        HEADER + REST[0] + FIRST,
        HEADER + FIRST + FIRST,
        GOOD.replace(b"md5-dos2unix", b"MD5"),
        GOOD + "é\n".encode(),
        b"gitmodel-imported 01\n",
    ],
)
def test_any_other_spelling_is_refused(data):
    with pytest.raises(IntegrityError):
        parse_imported(data)


def test_a_newer_one_asks_for_an_upgrade():
    with pytest.raises(IntegrityError, match="newer gitmodel"):
        parse_imported(b"gitmodel-imported 2\nwhatever")


def test_outs_become_pointers_or_are_foreign():
    file, tree = (
        "md5:0cc175b9c0f1b6a831c399e269772661",
        "md5:92eb5ffee6ae2fec3ad71c777531578f.dir",
    )
    unknown = Out("lost", "md5:" + "0" * 32, "lost.dvc")
    found = translate(
        [Out("tool", file, "a.dvc", executable=True), Out("data", tree, "b.dvc"), unknown],
        formats.IMPORTED,
    )
    assert found.pointers["tool"].executable
    assert found.pointers["data"].files == 2
    assert found.unknown == (unknown,)
