"""Reading Git's objects: what one that is damaged, or Ctrl-C, leaves open."""

from __future__ import annotations

import random
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from gitmodel.errors import IntegrityError
from gitmodel.git.command import open_git
from gitmodel.git.objects import Objects


def _git(folder: Path, *arguments: str, said: bytes = b"") -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, input=said, capture_output=True, check=True).stdout.decode()


@pytest.fixture
def packed(tmp_path: Path) -> tuple[Path, str]:
    """A repository with one pack of one blob, which does not compress."""
    _git(tmp_path, "init", "-q")
    noise = random.Random(1).randbytes(20_000)
    oid = _git(tmp_path, "hash-object", "-w", "--stdin", said=noise).strip()
    _git(tmp_path, "pack-objects", ".git/objects/pack/pack", said=oid.encode())
    (tmp_path / ".git/objects" / oid[:2] / oid[2:]).unlink()
    return tmp_path, oid


def test_a_damaged_pack_is_said_to_be_so(packed: tuple[Path, str]) -> None:
    folder, oid = packed
    [pack] = (folder / ".git/objects/pack").glob("*.pack")
    data = bytearray(pack.read_bytes())
    # The length of a stored block of zlib's, after the heads of pack, object and zlib.
    data[12 + 3 + 2 + 1] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(data)
    with pytest.raises(IntegrityError, match=oid), closing(Objects(open_git(folder))) as objects:
        objects.blob(oid, "m.pt.gitmodel")


def test_an_interrupt_while_unpacking_stays_one(
    packed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, oid = packed

    class Unpacking:
        def decompress(self, *_: object) -> bytes:
            raise KeyboardInterrupt

    monkeypatch.setattr("dulwich.pack.zlib.decompressobj", Unpacking)
    with pytest.raises(KeyboardInterrupt), closing(Objects(open_git(folder))) as objects:
        objects.blob(oid, "m.pt.gitmodel")
