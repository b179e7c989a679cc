import pytest

from gitmodel.errors import IntegrityError
from gitmodel.paths import check_path, check_paths, fold, parents

GOOD = [
    "a",
    "model.pt",
    "data/train/0001.png",
    "-leading dash",
    "--help",
    "new\nline",
    "tab\t",
    "trailing space ",
    " leading space",
    "$(touch x)",
    "emoji 🙂/数据",
    "..hidden",
    "...",
    "a..b",
    ".gitignore",
    ".gitmodel",
    ".gitattributes",
    "git",
    "dir.git",
    "x.git/y",
    "git~2",
    "console",
    "com",
    "com10",
    "lpt",
    "auxiliary.txt",
    "nullable",
    "x" * 255,
    "é" * 127,
    "/".join(["x" * 200] * 20),
]
BAD = [
    "",
    "/",
    "/etc/passwd",
    "//host/share",
    ".",
    "..",
    "./a",
    "a/.",
    "a/..",
    "../../.bashrc",
    "a/../b",
    "a//b",
    "a/",
    "a\\b",
    "C:\\x",
    "..\\x",
    "a\0b",
    "x" * 256,
    "é" * 128,
    "x/" + "y" * 256,
    "/".join(["x" * 200] * 21),
    "\udcff",
    "ok/\ud800",
]
DOT_GIT = [
    ".git",
    ".git/hooks/x",
    "a/.git/config",
    ".GIT",
    ".GiT/config",
    ".git ",
    ".git.",
    ".git...",
    ".git . .",
    ".git::$INDEX_ALLOCATION",
    ".git::$INDEX_ALLOCATION/hooks/x",
    ".git:stream",
    "git~1",
    "GIT~1/hooks",
    "git~1.",
    "git~1:x",
    ".g\u200cit",
    ".\u200dgit",
    "\u200e.git",
    ".git\u200f",
    ".g\u202ait",
    ".gi\u202et",
    ".g\u206ait",
    ".gi\u206ft",
    "\ufeff.git",
    ".\uff47it",
    "\uff0egit",
    ".\u200cG\u206aI\ufeffT/config",
]
DEVICES = [
    "con",
    "CON",
    "Con.txt",
    "prn",
    "aux.c",
    "nul",
    "NUL.tar.gz",
    "com1",
    "COM9.log",
    "com¹",
    "lpt1",
    "LPT³.txt",
    "conin$",
    "CONOUT$",
    "con ",
    "con .txt",
    "aux:",
    "data/nul/x",
]


@pytest.mark.parametrize("path", GOOD, ids=ascii)
def test_ordinary_and_odd_names_are_allowed(path):
    check_path(path)


@pytest.mark.parametrize("path", [*BAD, *DOT_GIT, *DEVICES], ids=lambda path: ascii(path[:40]))
def test_names_that_mean_something_else_somewhere_are_refused(path):
    with pytest.raises(IntegrityError) as caught:
        check_path(path)
    assert caught.value.exit_code == 7


@pytest.mark.parametrize("path", DOT_GIT, ids=ascii)
def test_every_spelling_of_dot_git_is_called_so(path):
    with pytest.raises(IntegrityError, match=r"is '\.git' on some systems"):
        check_path(path)


@pytest.mark.parametrize(
    "paths",
    [
        ["a", "a"],
        ["a", "A"],
        ["straße", "STRASSE"],
        ["ä", "a\u0308"],
        ["\u212b", "å"],
        ["\u212a", "k"],
        ["ΑΣ", "ας"],
        ["x/ä/1", "x/a\u0308/2"],
        ["a", "a/b"],
        ["a/b", "A"],
        ["a/b/c", "a/B"],
    ],
    ids=ascii,
)
def test_names_that_cannot_live_side_by_side_are_refused(paths):
    with pytest.raises(IntegrityError):
        check_paths(paths)
    with pytest.raises(IntegrityError):
        check_paths(paths[::-1])


def test_names_that_can_live_side_by_side_are_allowed():
    check_paths(["a", "b/a", "a1", "ab/c", "ab.c", "ä", "äb", "b/c/d"])


def test_folding_twice_changes_nothing():
    for path in ("A", "ǅ", "ΐ", "ﬃ", "Å\u0323", "\u1e9e", "İ"):
        assert fold(fold(path)) == fold(path)


def test_parents_go_from_near_to_far():
    assert list(parents("a/b/c")) == ["a/b", "a"]
    assert list(parents("a")) == []
