from __future__ import annotations

import pytest

from gitmodel.masking import masked

ROOT = "/home/ada/ranker"


def test_what_is_very_long_is_cut():
    written = masked(["cat", *(f"file-{number}" for number in range(10_000))], ROOT)
    assert written[:2] == ("cat", "file-0")
    assert written[-1] == "…"
    assert 2000 < len(written) < 5000


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        (["python", "train.py", "--lr", "1e-3"], ["python", "train.py", "--lr", "1e-3"]),
        (["--token", "abc", "--epochs", "3"], ["--token", "***", "--epochs", "3"]),
        (["--hf-token=abc"], ["--hf-token=***"]),
        (["--api-key", "abc"], ["--api-key", "***"]),
        (["--apiKey=abc", "--key", "id"], ["--apiKey=***", "--key", "id"]),
        (["--verbose-token", "--lr", "1"], ["--verbose-token", "--lr", "1"]),
        (["--tokens", "100", "--max-tokens=5"], ["--tokens", "100", "--max-tokens=5"]),
        (["DB_PASSWORD=hunter2", "A=b"], ["DB_PASSWORD=***", "A=b"]),
        (["db.password=hunter2"], ["db.password=***"]),
        (["s3://key:secret@host/x"], ["s3://***@host/x"]),
        (["https://h/x?sig=abc&n=1"], ["https://h/x?sig=***&n=1"]),
        (["Authorization: Bearer abc.def"], ["Authorization: ***"]),
        (["hf_abcdefghijklmnop"], ["***"]),
        (["x-AKIAABCDEFGHIJKLMNOP-y"], ["x-***"]),
        (["/home/ada/ranker/data/a b"], ["data/a b"]),
        (["/home/ada/ranker", "/home/ada/ranker2/x"], [".", "x"]),
        (["/usr/bin/python3", "--out=/tmp/secret/model.pt"], ["python3", "--out=model.pt"]),
        (["/dev/shm/secret/train.py", "/dev/null"], ["train.py", "/dev/null"]),
        (["--data=a:/mnt/disk/b,/home/ada/ranker/c"], ["--data=a:b,c"]),
        (["~/x/y", "~ada/z"], ["x/y", "z"]),
        (["cat </dev/null >/tmp/x"], ["cat </dev/null >x"]),
        (["a/b/c", "s3://bucket/x/y", "../up"], ["a/b/c", "s3://bucket/x/y", "../up"]),
        (["-c", "print(1/2)"], ["-c", "print(1/2)"]),
        (["", "\udcff"], ["", "\ufffd"]),
    ],
)
def test_secrets_and_the_machines_paths_are_left_out(typed, written):
    assert masked(typed, ROOT) == tuple(written)
