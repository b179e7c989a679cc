"""Every reader of a file that somebody else wrote: it reads it, or says in words what is wrong."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.card import check_card, parse_card
from gitmodel.config import parse_config
from gitmodel.curves import parse_curves
from gitmodel.document import parse_document
from gitmodel.dvcfile import parse_members, parse_outs, parse_settings
from gitmodel.errors import IntegrityError
from gitmodel.imported import parse_imported
from gitmodel.lfs import parse_lfs, without_lfs
from gitmodel.lineage import parse_lineage
from gitmodel.manifest import parse_manifest
from gitmodel.pack import parse_index, parse_recipe
from gitmodel.pickled import read_pickle
from gitmodel.pointer import NotAPointerError, parse_pointer
from gitmodel.root import parse_description, parse_root
from gitmodel.safetensors import read_safetensors
from gitmodel.sidecar import parse_metrics, parse_params
from gitmodel.tabular import read_table
from gitmodel.tag_object import parse_tag_object
from gitmodel.torchzip import read_torch
from tests.property.strategies import examples

HERE = Path(__file__).parents[1]
GOLDEN = HERE / "golden"


def _sample(*parts: str) -> bytes:
    return HERE.joinpath(*parts).read_bytes()


def _table(name: str) -> Callable[[bytes], object]:
    return lambda data: read_table(io.BytesIO(data), name, lambda count: None)


def _card(data: bytes) -> object:
    return check_card(parse_card(data, "m.card.md"))


_CARD = b"---\nlicense: mit\ntags: [a]\n---\n# Card\n"
_DVC = b"outs:\n- md5: 0123456789abcdef0123456789abcdef\n  size: 1\n  path: x\n"
_LOCK = (
    b"schema: '2.0'\nstages:\n  a:\n    cmd: x\n    outs:\n    - path: x\n"
    b"      md5: 0123456789abcdef0123456789abcdef\n      size: 1\n"
)
_LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 1\n" % (b"0" * 64)
_DIR = b'[{"md5": "0123456789abcdef0123456789abcdef", "relpath": "a"}]'
_INI = b"[core]\n    remote = a\n['remote \"a\"']\n    url = /x\n"
_TAG = b"object %s\ntype commit\ntag v1.0\ntagger A <a@b> 1 +0000\n\nmessage\n\nkey: value\n" % (
    b"0" * 40
)

READERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "metrics.json": (lambda data: parse_metrics(data, "p.json", {}), b'{"a": {"b": 1.5}, "c": 2}'),
    "metrics.yaml": (lambda data: parse_metrics(data, "p.yaml", {}), b"a:\n  b: 1.5\nc: 2\n"),
    "params.json": (
        lambda data: parse_params(data, "p.json"),
        b'{"a": [1, {"x": null}], "b": "c"}',
    ),
    "params.yaml": (lambda data: parse_params(data, "p.yaml"), b"a: [1, {x: null}]\nb: 'c'\n"),
    "document": (lambda data: parse_document(data, "p.json"), b'{"a": [1, "x\\u00e9"]}'),
    "curves": (lambda data: parse_curves(data, "p"), _sample("golden", "ranker.curves.csv")),
    "lineage": (lambda data: parse_lineage(data, "p"), _sample("golden", "ranker.lineage.yaml")),
    "card": (_card, _CARD),
    "config": (parse_config, _sample("golden", "config.yaml")),
    "pointer": (lambda data: parse_pointer(data, "p"), _sample("golden", "tree.gitmodel")),
    "manifest": (lambda data: parse_manifest(data, "p"), _sample("golden", "tree.manifest")),
    "imported": (parse_imported, _sample("golden", "gitmodel.imported")),
    "tag": (parse_tag_object, _TAG),
    "x.dvc": (lambda data: parse_outs("x.dvc", data), _DVC),
    "dvc.lock": (lambda data: parse_outs("dvc.lock", data, b"stages:\n  a:\n    cmd: x\n"), _LOCK),
    "dvc.yaml": (lambda data: parse_outs("dvc.lock", _LOCK, data), b"stages:\n  a:\n    cmd: x\n"),
    "x.dir": (
        lambda data: parse_members(data, "md5"),
        b'[{"md5": "%s", "relpath": "a"}]' % _LFS[-40:-8],
    ),
    "dvc config": (
        lambda data: parse_settings(data, b""),
        b'[core]\n remote = a\n["remote \\"a\\""]\n url = /x\n',
    ),
    "lfs": (parse_lfs, _LFS),
    "attributes": (without_lfs, b'*.bin filter=lfs diff=lfs -text\n"a b" x\n'),
    "root": (parse_root, _sample("golden", "version.root")),
    "description": (parse_description, _sample("golden", "gitmodel-remote.json")),
    "index file": (parse_index, _sample("golden", "remote.index")),
    "recipe": (parse_recipe, b"\x01" * 40),
    "pickle": (read_pickle, b"\x80\x02}q\x00X\x01\x00\x00\x00aK\x01s."),
    "safetensors": (
        lambda data: read_safetensors(io.BytesIO(data), len(data)),
        _sample("data", "tensors", "state-1.safetensors"),
    ),
    "torch": (
        lambda data: read_torch(io.BytesIO(data), len(data)),
        _sample("data", "tensors", "state-1.pt"),
    ),
    "csv": (_table("x.csv"), b"a,b\n1,2\n"),
    "jsonl": (_table("x.jsonl"), b'{"a": 1}\n{"a": 2}\n'),
    "parquet": (_table("x.parquet"), _sample("data", "tables", "people-1.parquet")),
}

ODD = [
    b"",
    b"\n",
    b"\n\n",
    b"\r\n",
    b"\xef\xbb\xbf",
    b"\0",
    b"\xff\xfe",
    b"[" * 5000,
    b"{" * 5000,
    b'{"a":' * 3000,
    b"- " * 3000,
    b"a:\n" * 3,
    b"9" * 5000,
    b"1e999",
    b"-0",
    b'"\\ud800"',
    b"\xed\xa0\x80",
    b"!!python/object x",
    b"&a [*a]",
    b"? ? ?",
    b"step\n\n",
    b"step,a\n1e3,1\n",
    b'"\n',
    b"%",
    b"\x1b",
    "١٢٣".encode(),
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"0",
    b"2026-01-01",
    b"---\n---\n",
    b"---",
    b"[x",
    b"[a]\nb",
]


@pytest.mark.parametrize("name", READERS)
def test_b17_an_odd_file_is_told_of_in_words(name: str) -> None:
    sample = READERS[name][1]
    for odd in ODD:
        for data in (odd, odd + sample, sample + odd, sample[: len(sample) // 2] + odd):
            _read(name, data)
    for cut in range(min(len(sample), 300)):
        _read(name, sample[:cut])


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=examples(25), deadline=None)
@given(st.data())
def test_b17_any_bytes_and_any_change(name: str, data: st.DataObject) -> None:
    _read(name, data.draw(st.binary(max_size=300)))
    _read(name, data.draw(st.text(max_size=200)).encode("utf-8", "surrogatepass"))
    changed = bytearray(READERS[name][1])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed)))
        end = at + data.draw(st.integers(0, 8))
        changed[at:end] = data.draw(st.sampled_from(ODD) | st.binary(max_size=8))
    _read(name, bytes(changed))


def _read(name: str, data: bytes) -> None:
    # Other errors are the reader's fault, and the test's end.
    with suppress(IntegrityError, NotAPointerError):
        READERS[name][0](data)
