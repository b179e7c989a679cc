"""A real S3 server for the tests: SeaweedFS, on free loopback ports, in a folder that goes away."""

from __future__ import annotations

import json
import os
import random
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from botocore.client import BaseClient

KEY, SECRET = "gitmodel-tests", "not-a-secret-of-anyone"
_WEED = Path(sys.executable).parent / "weed"
_PATIENCE = 60.0
# The gRPC port of each is ten thousand above its HTTP port.
_GRPC = 10_000


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running server, and how to reach it."""

    endpoint: str
    process: subprocess.Popen[bytes]

    @property
    def env(self) -> dict[str, str]:
        """What a user sets to reach it: where all AWS tools look."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@dataclass(frozen=True, slots=True)
class Bucket:
    """An empty bucket on a server."""

    name: str
    server: S3Server

    @property
    def url(self) -> str:
        """Where gitmodel may put its things."""
        return f"s3://{self.name}/some/prefix"

    @property
    def env(self) -> dict[str, str]:
        """What a user sets to reach it."""
        return self.server.env


def make_bucket(server: S3Server, client: BaseClient) -> Bucket:
    """Make a bucket under a name that no other test uses."""
    bucket = Bucket(f"test-{secrets.token_hex(6)}", server)
    client.create_bucket(Bucket=bucket.name)
    return bucket


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """Run a server; its data lies in `folder`."""
    config = folder / "s3.json"
    data = folder / "data"
    data.mkdir(parents=True)
    config.write_text(json.dumps(_identities()))
    master, volume, filer, s3 = free_ports(4)
    command = [
        str(_WEED),
        "server",
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-master.port={master}",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=1024",
        f"-volume.port={volume}",
        "-volume.max=2000",
        "-filer",
        f"-filer.port={filer}",
        "-s3",
        f"-s3.port={s3}",
        f"-s3.config={config}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]
    # It would take all the memory that it may.
    env = {**os.environ, "GOMEMLIMIT": "400MiB"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=env)
    server = S3Server(f"http://127.0.0.1:{s3}", process)
    try:
        _await(server, folder / "log")
        yield server
    finally:
        # A graceful stop takes ten seconds, and the data goes away all the same.
        process.kill()
        process.wait()


def _identities() -> dict[str, object]:
    credentials = [{"accessKey": KEY, "secretKey": SECRET}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    return {"identities": [{"name": "tests", "credentials": credentials, "actions": actions}]}


def free_ports(count: int) -> list[int]:
    """Return ports that are free, and free ten thousand above too.

    They lie below those that a system gives to outgoing connections: the server makes many of
    its own while it starts, and one might be given a port that it is about to listen on.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(10_000, 22_000)
        if port not in found and _is_free(port) and _is_free(port + _GRPC):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _await(server: S3Server, log: Path) -> None:
    """Wait until the server answers requests and can store something."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if server.process.poll() is not None:
            break
        try:
            urllib.request.urlopen(server.endpoint, timeout=2)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"no S3 server: {log.read_text(errors='replace')[-2000:]}")
