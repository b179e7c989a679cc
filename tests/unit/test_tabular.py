import gzip
import io

import pytest

from gitmodel.errors import IntegrityError
from gitmodel.tabular import MAX_COLUMNS, Table, is_table, read_table
from tests.helpers.tables import parquet


def read(data, path):
    seen = []
    found = read_table(io.BufferedReader(io.BytesIO(data)), path, seen.append)
    return found.format, dict(found.columns), found.rows


def columns(*names):
    return dict.fromkeys(names, "")


@pytest.mark.parametrize(
    ("data", "names", "rows"),
    [
        (b"", (), 0),
        (b"a,b\n", ("a", "b"), 0),
        (b"a,b\n1,2\n3,4", ("a", "b"), 2),
        (b"a;b\n1,5;2\n", ("a", "b"), 1),
        (b"a\tb c\n1\t2,3\n", ("a", "b c"), 1),
        (b'a,b\n"x\ny","say ""hi""\n"\n1,2\n', ("a", "b"), 2),
        (b"a,b\r\n1,2\r\n\r\n3,4\r\n", ("a", "b"), 2),
        (b"\xef\xbb\xbfa,b\n1,2\n", ("a", "b"), 1),
        (b'a,b\n5" pipe,1\n', ("a", "b"), 1),
        (b"name\nx\ny\n", ("name",), 2),
        (b"1,2\n3,4\n", ("column 1", "column 2"), 2),
        (b"a,a\n1,2\n", ("column 1", "column 2"), 2),
        ("größe,b\n1,2\n".encode(), ("größe", "b"), 1),
        (b"caf\xe9,b\n1,2\n", ("caf\ufffd", "b"), 1),
    ],
)
def test_csv(data, names, rows):
    assert read(data, "t.CSV") == ("csv", columns(*names), rows)


def test_csv_of_many_blocks():
    data = b"id,text\n" + b'1,"two\nlines"\n2,caf\xc3\xa9\n' * 150_000
    assert read(data, "t.csv") == ("csv", columns("id", "text"), 300_000)


@pytest.mark.parametrize(
    ("data", "names", "rows"),
    [
        (b"", (), 0),
        (b'{"a":1}\n\n{"b":{"c":2}}', ("a", "b"), 2),
        (b'\xef\xbb\xbf{"a":1}\r\n{"a":2}\r\n', ("a",), 2),
    ],
)
def test_json_lines(data, names, rows):
    for path in ("t.jsonl", "t.ndjson"):
        assert read(data, path) == ("jsonl", columns(*names), rows)


def test_parquet():
    data = parquet({"a": [1, 2], "s": ["x", "y"], "l": [[1.5], []]})
    found = ("parquet", {"a": "int64", "s": "string", "l": "list<element: double>"}, 2)
    assert read(data, "t.parquet") == found
    # The data may be anything: only the footer is read.
    at = data.index(b"x")
    assert read(data[:at] + b"?" + data[at + 1 :], "t.pq") == found


ODD = {
    "binary.csv": b"\0\1\2" * 10,
    "gzip.csv": gzip.compress(b"a,b\n1,2\n" * 10, mtime=0),
    "a-long-field.csv": b"a,b\n" + b"x" * 200_000 + b",1\n",
    "wide.csv": ",".join(f"c{n}" for n in range(MAX_COLUMNS + 1)).encode(),
    "wide-numbers.csv": b"1," * (MAX_COLUMNS + 1),
    "old-mac.csv": b"a,b\r1,2\r",
    "number.jsonl": b"1\n",
    "broken.jsonl": b'{"a":1}\n{"a":\n',
    "deep.jsonl": b'{"a":' + b"[" * 100_000,
    "digits.jsonl": b'{"a":' + b"9" * 5000 + b"}",
    "wide.jsonl": b"".join(b'{"c%d":1}\n' % n for n in range(MAX_COLUMNS + 1)),
    "empty.parquet": b"",
    "text.parquet": b"PAR1" + bytes(100) + b"PAR1",
    "a-long-footer.parquet": b"PAR1" + b"\xff" * 100 + b"PAR1",
    "no-footer.parquet": b"PAR1\x04\0\0\0\x04\0\0\0PAR1",
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_table_is_refused(name):
    with pytest.raises(IntegrityError):
        read(ODD[name], name)


@pytest.mark.parametrize(
    ("name", "start", "end"), [("a.csv", b"", b""), ("a.jsonl", b'{"a":"', b'"}')]
)
def test_what_has_a_line_that_is_too_long_is_refused(name, start, end):
    with pytest.raises(IntegrityError):
        read(start + b"x" * (6 << 20) + end, name)


def test_what_was_cut_off_is_refused():
    with pytest.raises(IntegrityError):
        read(parquet({"a": [1]})[:-1], "cut.parquet")


def test_which_names_are_tables():
    assert is_table("data/x.TSV")
    assert not is_table("data/csv")
    assert not is_table("x.csv.gz")


def test_bytes_are_counted_as_they_are_read():
    seen = []
    data = b"a,b\n1,2\n"
    assert read_table(io.BytesIO(data), "t.csv", seen.append) == Table("csv", columns("a", "b"), 1)
    assert sum(seen) == len(data)
