"""How many requests it costs to read a part of a large file from a bucket."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.helpers.counting import Passed, counted
from tests.helpers.repo import Repo, new_repo, noise
from tests.helpers.seaweed import s3_server

SIZE = 50_000_000
TENSORS = {f"layer.{number}": 9_000_000 + number * 1000 for number in range(10)}


class Bucket(NamedTuple):
    """A repository whose remote is a bucket, how to reach that, and what passes on the way."""

    repo: Repo
    env: dict[str, str]
    passed: Passed
    data: bytes

    def python(self, script: str) -> str:
        """Run a script in the folder above, as somebody who has no clone."""
        self.passed.forget()
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", script],
            cwd=self.repo.path.parent,
            env=self.env,
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def reads(self) -> list[str]:
        """Return the requests that read from packs."""
        return [each for each in self.passed.requests if "/packs/" in each]


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    folder = tmp_path_factory.mktemp("bucket")
    with ExitStack() as stack:
        (folder / "server").mkdir()
        (folder / "repo").mkdir()
        server = stack.enter_context(s3_server(folder / "server"))
        passed = stack.enter_context(counted(server.endpoint))
        repo = new_repo(folder / "repo", remote=False)
        repo.env.update({**server.env, "AWS_ENDPOINT_URL_S3": passed.endpoint})
        make = "import s3fs; s3fs.S3FileSystem().mkdir('models')"
        assert repo.run(sys.executable, "-c", make).code == 0
        repo.gitmodel("remote", "add", "origin", "s3://models/ranker")
        data = noise("large", SIZE)
        repo.write("table.parquet", data)
        with (repo.path / "model.safetensors").open("wb") as file:
            file.writelines(_safetensors())
        repo.gitmodel("add", "table.parquet", "model.safetensors")
        repo.commit()
        repo.git("tag", "v1.0")
        repo.git("push", "--quiet", "origin", "main")
        repo.gitmodel("push")
        yield Bucket(repo, repo.env, passed, data)


def _safetensors() -> Iterator[bytes]:
    header, at = {}, 0
    for name, size in TENSORS.items():
        header[name] = {"dtype": "U8", "shape": [size], "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    yield struct.pack("<Q", len(text)) + text
    yield from (noise(name, size) for name, size in TENSORS.items())


def test_the_end_of_a_table(bucket: Bucket) -> None:
    script = """
import gitmodel
with gitmodel.open("table.parquet", repo="origin.git", cache="one", verify="chunks") as file:
    file.seek(-65536, 2)
    print(file.read().hex())
"""
    assert bytes.fromhex(bucket.python(script)) == bucket.data[-65536:]
    assert len(bucket.reads()) == 1
    # The list of the index files, the description of the remote, and two index files at most.
    assert len(bucket.passed.requests) <= 5
    assert bucket.passed.bytes < 2_000_000
    bucket.python(script)
    assert len(bucket.passed.requests) == 2


def test_one_tensor(bucket: Bucket) -> None:
    script = """
import gitmodel, hashlib, json
with gitmodel.open("model.safetensors", "v1.0", "origin.git", cache="two", verify="chunks") as file:
    length = int.from_bytes(file.read(8), "little")
    header = json.loads(file.read(length))
    start, end = header["layer.7"]["data_offsets"]
    file.seek(8 + length + start)
    print(hashlib.sha256(file.read(end - start)).hexdigest())
"""
    found = bucket.python(script)
    assert found == hashlib.sha256(noise("layer.7", TENSORS["layer.7"])).hexdigest()
    assert len(bucket.reads()) <= 5
    assert bucket.passed.bytes < TENSORS["layer.7"] + 2_000_000


def test_from_the_start_to_the_end_in_small_steps(bucket: Bucket) -> None:
    script = """
import gitmodel, hashlib
state = hashlib.sha256()
with gitmodel.open("table.parquet", repo="origin.git", cache="three", verify="chunks") as file:
    while part := file.read(100_000):
        state.update(part)
print(state.hexdigest())
"""
    assert bucket.python(script) == hashlib.sha256(bucket.data).hexdigest()
    assert len(bucket.reads()) < 30
    assert bucket.passed.bytes < 1.01 * SIZE


def test_jumps_read_no_more_than_they_touch(bucket: Bucket) -> None:
    script = """
import gitmodel
with gitmodel.open("table.parquet", repo="origin.git", cache="three", verify="chunks") as file:
    for at in range(2_500_000, 47_500_000, 5_000_000):
        file.seek(at)
        print(file.read(16).hex())
"""
    found = bucket.python(script).split()
    assert found == [
        bucket.data[at : at + 16].hex() for at in range(2_500_000, 47_500_000, 5_000_000)
    ]
    assert len(bucket.reads()) == 9
    assert bucket.passed.bytes < 9 * (1 << 20)


def test_what_repeats_is_read_once(bucket: Bucket) -> None:
    bucket.repo.write("zeros.bin", bytes(64 << 20))
    bucket.repo.gitmodel("add", "zeros.bin")
    bucket.repo.commit()
    bucket.repo.git("push", "--quiet", "origin", "main")
    bucket.repo.gitmodel("push")
    shutil.rmtree(bucket.repo.home / "blobs")
    (bucket.repo.path / "zeros.bin").unlink()
    bucket.passed.forget()
    bucket.repo.gitmodel("checkout", "--", "zeros.bin")
    assert bucket.repo.read("zeros.bin") == bytes(64 << 20)
    assert len(bucket.reads()) <= 2
    script = """
import gitmodel
with gitmodel.open("zeros.bin", "main", "origin.git", cache="four", verify="chunks") as file:
    print(sum(len(part) - part.count(0) + 1 for part in iter(lambda: file.read(1 << 20), b"")))
"""
    assert bucket.python(script) == "64"
    assert len(bucket.reads()) <= 2


def test_get_from_a_bucket(bucket: Bucket) -> None:
    user = Repo(bucket.repo.path.parent / "user")
    user.path.mkdir()
    user.env.update(bucket.env)
    user.gitmodel("get", "../origin.git", "table", "-o", "t.parquet")
    assert (user.path / "t.parquet").read_bytes() == bucket.data
    bucket.passed.forget()
    user.gitmodel("get", "../origin.git", "table", "-o", "t.parquet")
    user.gitmodel("get", "../origin.git", "table", "-o", "again.parquet")
    assert bucket.passed.requests == []


def test_what_came_before_it_was_killed_does_not_come_again(bucket: Bucket) -> None:
    user = Repo(bucket.repo.path.parent / "hasty")
    user.path.mkdir()
    user.env.update(bucket.env)
    command = ("get", "../origin.git", "table", "-o", "t.parquet", "--cache", "kept")
    process = user.start(*command, "--limit-rate", "30M")
    while _size(user.path) < 20_000_000:
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (user.path / "t.parquet").exists()
    left = _size(user.path)
    bucket.passed.forget()
    user.gitmodel(*command)
    assert (user.path / "t.parquet").read_bytes() == bucket.data
    # Short of the chunk that was cut off, and of the list of the chunks.
    assert bucket.passed.bytes < SIZE - left + 1_500_000


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("kept/*/partial/*"))
