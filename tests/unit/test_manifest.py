import pytest

from gitmodel.errors import IntegrityError
from gitmodel.manifest import (
    HEADER,
    Entry,
    Manifest,
    find_entries,
    format_manifest,
    list_oids,
    make_manifest,
    parse_manifest,
    parse_near,
)
from tests.helpers.formats import FINGERPRINT, OID, entry

PREFIX = f"{OID} {FINGERPRINT} 5 f "


def lines(*paths: str) -> bytes:
    """A manifest with these lines, in this order, whatever they are."""
    return HEADER + "".join(f'{PREFIX}"{path}"\n' for path in paths).encode()


MALFORMED = {
    "nothing": b"",
    "another file": b"\x93NUMPY",
    "no header": lines("a")[len(HEADER) :],
    "header with a leading zero": lines("a").replace(b"manifest 1", b"manifest 01"),
    "header with carriage return": lines("a").replace(b"1\n", b"1\r\n", 1),
    "cut short in a path": lines("a", "b")[:-4],
    "cut short in a digest": lines("a", "b")[:-90],
    "without its last line end": lines("a")[:-1],
    "blank line": lines("a") + b"\n",
    "blank line first": lines("a").replace(HEADER, HEADER + b"\n"),
    "text after the path": lines("a").replace(b'"a"\n', b'"a" \n'),
    "two spaces": lines("a").replace(b" f ", b"  f "),
    "unknown type": lines("a").replace(b" f ", b" p "),
    "unknown algorithm": lines("a").replace(b"blake3", b"blake2"),
    "digest in upper case": lines("a").replace(OID[7:].encode(), OID[7:].upper().encode()),
    "negative size": lines("a").replace(b" 5 ", b" -5 "),
    "size with a leading zero": lines("a").replace(b" 5 ", b" 05 "),
    "size of twenty digits": lines("a").replace(b" 5 ", b" 10000000000000000000 "),
    "size above 2^63": lines("a").replace(b" 5 ", b" 9999999999999999999 "),
    "sizes that add up to more than fits": lines("a", "b").replace(b" 5 ", f" {2**62} ".encode()),
    "raw UTF-8": lines("é"),
    "raw control character": lines("a\x07"),
    "raw DEL": lines("a\x7f"),
    "escape that is not needed": lines("\\u0061"),
    "escaped slash": lines("a\\/b"),
    "escape in upper case": lines("\\u00E9"),
    "long escape of a newline": lines("a\\u000ab"),
    "half of a surrogate pair": lines("\\ud83d"),
    "surrogates the wrong way round": lines("\\ude42\\ud83d"),
    "unknown escape": lines("\\x41"),
    "unsorted": lines("b", "a"),
    "sorted as UTF-16": lines("\\ud83d\\ude42", "\\uffee"),
    "duplicate": lines("a", "a"),
    "case twins": lines("Readme", "readme"),
    "case twins beyond ASCII": lines("\\u00c4", "\\u00e4"),
    "NFC twins": lines("a\\u0308", "\\u00e4"),
    "twins by folders": lines("A/x", "a/y"),
    "twins deep down": lines("x/A/1", "x/a/2"),
    "file and folder": lines("a", "a/b"),
    "file and folder by case": lines("A", "a/b"),
    "file and folder apart": lines("a", "a-b", "a/b"),
    "empty folder with files": lines("a", "a/b").replace(b" 5 f ", b" 0 d ", 1),
    "empty folder with a size": lines("a").replace(b" f ", b" d "),
    "symlink without target": lines("a").replace(b" 5 f ", b" 0 l "),
    "symlink with a long target": lines("a").replace(b" 5 f ", b" 4097 l "),
    "empty path": lines(""),
    "absolute": lines("/etc/passwd"),
    "upwards": lines("../x"),
    "upwards inside": lines("a/../../x"),
    "dot": lines("./a"),
    "two slashes": lines("a//b"),
    "trailing slash": lines("a/"),
    "backslash": lines("a\\\\b"),
    "NUL": lines("a\\u0000"),
    "in .git": lines(".git/hooks/post-checkout"),
    "device": lines("data/con.csv"),
    "name of 256 bytes": lines("x" * 256),
    "path of 4097 bytes": lines("/".join(["x" * 200] * 20) + "/" + "x" * 77 + "/y"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_manifest_is_refused(name):
    with pytest.raises(IntegrityError, match="manifest of 'data' is broken") as caught:
        parse_manifest(MALFORMED[name], "data")
    assert caught.value.exit_code == 7
    assert caught.value.hint


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_manifest_is_not_taken_for_nearly_another(name):
    near = parse_manifest(lines("a"), "near").by_path()
    with pytest.raises(IntegrityError):
        parse_manifest(MALFORMED[name], "m")
    found = parse_near(MALFORMED[name], lines("a"), near)
    # Lines that are the same in both are not compared to new ones.
    known = ("unsorted", "sorted as UTF-16", "file and folder", "file and folder apart")
    assert found is None or name in known


def test_message_names_the_bad_line():
    with pytest.raises(IntegrityError, match="line 3 is malformed"):
        parse_manifest(lines("a") + b"junk\n" + lines("b")[len(HEADER) :], "of data")


def test_oids_are_listed_without_the_rest():
    made = make_manifest([entry("b", "x", b"2"), entry("a", "f", b"1"), entry("c", "f", b"2")])
    assert list_oids(format_manifest(made), "data") == [each.oid for each in made.entries]
    assert list_oids(HEADER, "data") == []


@pytest.mark.parametrize(
    "name",
    [
        "nothing",
        "another file",
        "no header",
        "header with a leading zero",
        "header with carriage return",
        "cut short in a path",
        "cut short in a digest",
        "without its last line end",
        "blank line",
        "blank line first",
        "unknown algorithm",
        "digest in upper case",
        "raw UTF-8",
    ],
)
def test_oids_are_listed_of_nothing_but_a_manifest(name):
    with pytest.raises(IntegrityError, match="manifest of 'data' is broken"):
        list_oids(MALFORMED[name], "data")


def test_unknown_number_says_newer():
    with pytest.raises(IntegrityError, match=r"newer gitmodel \(format 2\)") as caught:
        parse_manifest(b"gitmodel-manifest 2\nwhatever\n", "of data")
    assert "upgrade" in caught.value.hint


def test_empty_directory_is_the_header_alone():
    assert format_manifest(make_manifest([])) == HEADER
    assert parse_manifest(HEADER, "x") == Manifest(())


def test_entries_are_sorted_by_the_bytes_of_their_paths():
    names = ["\U0001f642", "\uffee", "b", "B2", "a/b", "a-b", "a.b"]
    made = make_manifest([entry(name) for name in names])
    paths = [e.path for e in made.entries]
    assert paths == sorted(names, key=str.encode)
    assert parse_manifest(format_manifest(made), "x") == made


def test_what_may_not_be_read_may_not_be_written():
    for names in (["a", "a"], ["a", "a/b"], ["A", "a"], ["../x"], [".git/x"], ["\udcff"]):
        with pytest.raises(IntegrityError):
            make_manifest([entry(name) for name in names])


def test_size_is_the_sum_of_the_files():
    made = make_manifest([entry("a"), entry("b", "x", b"12"), entry("c", "d"), entry("d", "l")])
    assert made.size == 5 + 2 + 0 + 5


def test_a_manifest_of_fifty_thousand_files_takes_no_time():
    made = make_manifest(Entry(OID, FINGERPRINT, 5, "f", f"{n % 97}/{n}") for n in range(50_000))
    assert len(parse_manifest(format_manifest(made), "x").entries) == 50_000


@pytest.mark.timeout(10)
def test_hostile_lines_are_refused_in_linear_time():
    line = PREFIX.encode() + b'"' + b"\\u0061" * 300_000
    with pytest.raises(IntegrityError):
        parse_manifest(HEADER + line, "x")
    with pytest.raises(IntegrityError):
        parse_manifest(HEADER + PREFIX.encode() * 20_000, "x")


def test_entries_are_found_without_parsing_the_rest():
    entries = [entry("a", data=b"1"), entry("b", data=b"2"), entry("c/a", data=b"1")]
    odd = [entry('x" f "a', data=b"3"), entry("é\x7f", data=b"4"), entry("z\n", data=b"5")]
    data = format_manifest(make_manifest([*entries, *odd]))
    assert find_entries(data, oid=entries[0].oid) == [entries[0], entries[2]]
    for each in (*entries, *odd):
        assert find_entries(data, path=each.path) == [each]
    assert find_entries(data, path="missing") == []
    assert find_entries(data, oid=OID) == []
