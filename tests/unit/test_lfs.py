import pytest

from gitmodel.lfs import parse_lfs, without_lfs

DIGEST = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
GOOD = f"version https://git-lfs.github.com/spec/v1\noid sha256:{DIGEST}\nsize 12345\n"


def test_a_pointer_of_lfs_is_read():
    found = parse_lfs(GOOD.encode())
    assert (found.oid, found.size, found.extended) == (f"sha256:{DIGEST}", 12345, False)


def test_one_of_an_extension_is_told_apart():
    text = GOOD.replace("oid", f"ext-0-foo sha256:{DIGEST}\noid")
    assert parse_lfs(text.encode()).extended


@pytest.mark.parametrize(
    "text",
    [
        "",
        "oid sha256:" + DIGEST,
        GOOD.replace("sha256", "sha1"),
        GOOD.replace("12345", "-1"),
        GOOD.replace("12345", "99999999999999999999"),
        GOOD.replace(DIGEST, DIGEST[1:]),
        GOOD + "x 1\n",
        GOOD + "\n" * 1024,
    ],
)
def test_anything_else_is_none(text):
    assert parse_lfs(text.encode()) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"*.bin filter=lfs diff=lfs merge=lfs -text\n", b""),
        (b"*.bin filter=lfs diff=lfs merge=lfs -text lockable\n*.txt text\n", b"*.txt text\n"),
        (b'"my file" filter=lfs diff=lfs merge=lfs -text\n', b""),
        (
            b"*.bin filter=lfs diff=lfs merge=lfs -text linguist-vendored\n",
            b"*.bin -text linguist-vendored\n",
        ),
        (b"# filter=lfs\n*.txt text\n", b"# filter=lfs\n*.txt text\n"),
        (
            b"*.gitmodel -text diff=gitmodel merge=gitmodel",
            b"*.gitmodel -text diff=gitmodel merge=gitmodel",
        ),
    ],
)
def test_only_what_lfs_wrote_leaves_the_attributes(before, after):
    assert without_lfs(before) == after
