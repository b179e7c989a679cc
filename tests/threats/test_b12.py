"""B12, its half of Git: files and trees without bound."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gitmodel.errors import IntegrityError
from gitmodel.git import objects as module
from gitmodel.git.command import open_git
from gitmodel.git.objects import Objects
from tests.helpers.repo import GITMODEL, Repo

_LARGE = 128 << 20
_PEAK = """
import re, sys
from gitmodel.cli.main import run
code = run(sys.argv[1:])
# Not by getrusage: that goes on counting from the process that started this one.
peak = re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1]
print(f"\\npeak {code} {int(peak) * 1024}")
"""


@contextmanager
def _objects(repo: Repo) -> Iterator[Objects]:
    found = Objects(open_git(repo.path))
    try:
        yield found
    finally:
        found.close()


def _peak(repo: Repo, *command: str) -> tuple[int, int, str]:
    """Run gitmodel; return its exit code, the most memory that it took, and its words."""
    done = repo.run(sys.executable, "-c", _PEAK, *command)
    _, code, peak = done.out.split("\n")[-2].split(" ")
    return int(code), int(peak), done.out + done.err


def _blob(repo: Repo, data: bytes, kind: str = "blob") -> str:
    call = ["git", "hash-object", "-t", kind, "-w", "--stdin", "--literally"]
    done = subprocess.run(call, cwd=repo.path, input=data, capture_output=True, check=True)
    return done.stdout.decode().strip()


def _commit(repo: Repo, tree: str) -> str:
    commit = repo.git("commit-tree", "-m", "large", tree)
    repo.git("update-ref", "HEAD", commit)
    return commit


def _with(repo: Repo, blob: str, path: str) -> str:
    repo.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    return _commit(repo, repo.git("write-tree"))


def test_b12_a_huge_pointer_takes_no_memory(repo: Repo) -> None:
    repo.commit()
    _with(repo, _blob(repo, bytes(_LARGE)), "x.gitmodel")
    code, peak, words = _peak(repo, "show", "HEAD")
    assert (code, "bytes in Git" in words) == (0, True), words
    assert peak < _LARGE


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("path", "size"),
    [("x.gitmodel", 1 << 17), ("m.metrics.json", 17 << 20), ("a/m.card.md", 17 << 20)],
)
def test_b12_a_file_is_read_only_if_it_is_as_short_as_it_may_be(
    repo: Repo, path: str, size: int, *, packed: bool
) -> None:
    blob = _blob(repo, bytes(size))
    _with(repo, blob, path)
    if packed:
        repo.git("repack", "-adq")
    with _objects(repo) as objects, pytest.raises(IntegrityError, match=f"has {size} bytes in Git"):
        objects.blob(blob, path)


@pytest.mark.parametrize("there", [False, True])
def test_b12_a_huge_configuration_is_refused(repo: Repo, *, there: bool) -> None:
    path = repo.path / ".gitmodel.yaml"
    _with(repo, _blob(repo, bytes(17 << 20)), ".gitmodel.yaml")
    path.unlink()
    if there:
        with path.open("wb") as file:
            file.truncate(17 << 20)
    assert "bytes" in repo.gitmodel("checkout", "HEAD", code=7).err


def test_b12_a_delta_of_a_huge_base_is_not_unpacked(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = bytes(1 << 20)
    # Copy five bytes from the beginning.
    delta = _number(len(base)) + _number(5) + bytes([0x90, 5])
    first = _entry(3, base)
    second = _entry(6, delta, len(first))
    data = b"PACK" + struct.pack(">II", 2, 2) + first + second
    pack = data + hashlib.sha1(data, usedforsecurity=False).digest()
    call = ["git", "index-pack", "--stdin"]
    subprocess.run(call, cwd=repo.path, input=pack, capture_output=True, check=True)
    blob = hashlib.sha1(b"blob 5\0" + base[:5], usedforsecurity=False).hexdigest()
    with _objects(repo) as objects:
        assert objects.blob(blob, "x.gitmodel") == base[:5]
    monkeypatch.setattr(module, "_MOST_EFFORT", 1 << 19)
    with _objects(repo) as objects, pytest.raises(IntegrityError, match="too large to be read"):
        objects.blob(blob, "x.gitmodel")


def _number(value: int) -> bytes:
    out = bytearray()
    while True:
        byte, value = value & 0x7F, value >> 7
        out.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(out)


def _entry(kind: int, data: bytes, back: int = 0) -> bytes:
    """Return an object as it stands in a pack; a delta says how far `back` its base is."""
    size = len(data)
    head = bytes([kind << 4 | size & 15 | (0x80 if size >> 4 else 0)])
    head += _number(size >> 4) if size >> 4 else b""
    distance = bytes([back & 0x7F])
    while back := back >> 7:
        back -= 1
        distance = bytes([0x80 | back & 0x7F]) + distance
    return head + (distance if kind == 6 else b"") + zlib.compress(data)


def _tree(repo: Repo, entries: dict[str, tuple[str, str]]) -> str:
    lines = "".join(
        f"{'040000 tree' if kind == 'tree' else '100644 blob'} {oid}\t{name}\n"
        for name, (kind, oid) in entries.items()
    )
    call = ["git", "mktree"]
    done = subprocess.run(
        call, cwd=repo.path, input=lines.encode(), capture_output=True, check=True
    )
    return done.stdout.decode().strip()


@pytest.mark.parametrize("command", ["show HEAD", "versions", "get ../origin.git x -o out"])
def test_b12_a_bomb_of_trees_is_refused_before_it_goes_off(repo: Repo, command: str) -> None:
    blob = _blob(repo, b"gitmodel: 1\n")
    tree = _tree(repo, {f"{number}.gitmodel": ("blob", blob) for number in range(10)})
    for _ in range(8):
        tree = _tree(repo, {str(number): ("tree", tree) for number in range(10)})
    config = repo.git("hash-object", "-w", ".gitmodel.yaml")
    tree = _tree(repo, {".gitmodel.yaml": ("blob", config), "a": ("tree", tree)})
    commit = _commit(repo, tree)
    repo.git("tag", "v1.0")
    repo.git("push", "--quiet", "origin", f"{commit}:refs/heads/main")
    code, peak, words = _peak(repo, *command.split())
    assert code in (0, 7), words
    assert peak < 150 << 20
    assert ("more than 1000000" in words) or command == "versions", words


@pytest.mark.parametrize(
    ("command", "depth"), [("show HEAD", 900), ("show HEAD", 3_000), ("versions", 3_000)]
)
def test_b17_trees_in_one_another_are_read_or_refused(repo: Repo, command: str, depth: int) -> None:
    blob = _blob(repo, b"gitmodel: 1\n")
    tree = bytes.fromhex(_tree(repo, {"x.md": ("blob", blob)}))
    body = b""
    objects = repo.path / ".git/objects"
    for _ in range(depth):
        body = b"40000 a\0" + tree
        whole = b"tree %d\0" % len(body) + body
        tree = hashlib.sha1(whole, usedforsecurity=False).digest()
        name = tree.hex()
        (objects / name[:2]).mkdir(exist_ok=True)
        (objects / name[:2] / name[2:]).write_bytes(zlib.compress(whole, 0))
    _commit(repo, tree.hex())
    repo.git("tag", "v1.0")
    done = repo.run(str(GITMODEL), *command.split())
    assert "bug in gitmodel" not in done.err, done.err
    assert done.code in (0, 2, 7)
    if depth > 1_000 and command == "show HEAD":
        assert (done.code, "more than 1000 folders" in done.err) == (7, True), done.err


@pytest.mark.parametrize("key", ["partialClone", "partialclone", "PartialClone"])
def test_b17_a_bare_partial_clone_is_read(story: Repo, key: str) -> None:
    origin = story.path.parent / "origin.git"
    with (origin / "config").open("a") as file:
        file.write(f"[extensions]\n\t{key} = origin\n")
    story.git("-C", str(origin), "config", "core.repositoryFormatVersion", "1")
    done = story.run(str(GITMODEL), "versions", cwd=os.fspath(origin))
    assert (done.code, "v1.0" in done.out) == (0, True), done.err


def test_b17_a_repository_that_git_does_not_know_is_refused(story: Repo) -> None:
    story.git("config", "core.repositoryFormatVersion", "1")
    story.git("config", "extensions.tomorrow", "true")
    assert story.run(str(GITMODEL), "versions").code in (2, 7)
