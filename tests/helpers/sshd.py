"""A real server of SFTP for the tests: OpenSSH's, on a free loopback port, with keys of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.seaweed import free_ports

_SSHD = shutil.which("sshd", path=os.pathsep.join((os.environ["PATH"], "/usr/sbin"))) or "sshd"
_PATIENCE = 30.0
_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
MaxStartups 100
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True, slots=True)
class SshServer:
    """A running server, and the folder that has its keys and the user's."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    def url(self, path: Path) -> str:
        """Return how a folder of this machine is reached through the server."""
        return f"sftp://{pwd.getpwuid(os.getuid()).pw_name}@127.0.0.1:{self.port}{path}"

    def welcome(self, home: Path) -> None:
        """Give a user's home folder what `ssh` needs to log in: a key, and the server's."""
        folder = home / ".ssh"
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        shutil.copy(self.folder / "user", folder / "id_ed25519")
        host = (self.folder / "host.pub").read_text()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {host}")


@contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """Run a server that lets in the user who runs the tests."""
    (port,) = free_ports(1)
    for name in ("host", "user"):
        make = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
        subprocess.run(make, check=True)
    (folder / "config").write_text(_CONFIG.format(port=port, folder=folder))
    if os.geteuid() == 0:
        # Where a server that may change its user locks itself in.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with (folder / "log").open("wb") as log:
        command = (_SSHD, "-D", "-e", "-f", str(folder / "config"))
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        _await(port, process, folder / "log")
        yield SshServer(port, folder, process)
    finally:
        process.terminate()
        process.wait()


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"no SSH server: {log.read_text(errors='replace')[-2000:]}")
