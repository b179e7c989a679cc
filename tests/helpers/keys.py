"""Throwaway keys for signing: of GnuPG and of SSH, and Git set up to use them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.helpers.repo import Repo

SIGNER = "ada@example.org"


@contextmanager
def gpg_home() -> Iterator[Path]:
    """An empty keyring; its path is short, for the agent's socket lies in it."""
    home = Path(tempfile.mkdtemp(prefix="gm", dir="/tmp"))
    try:
        yield home
    finally:
        subprocess.run(
            ["gpgconf", "--homedir", str(home), "--kill", "all"], check=True, capture_output=True
        )
        shutil.rmtree(home, ignore_errors=True)


def gpg(home: Path, *arguments: str, feed: bytes = b"") -> bytes:
    """Run GnuPG on a keyring, which must succeed."""
    loopback = ("--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "")
    command = ["gpg", "--homedir", str(home), *loopback, *arguments]
    return subprocess.run(command, input=feed, check=True, capture_output=True).stdout


def new_gpg_key(home: Path) -> None:
    """Make a key that signs."""
    gpg(home, "--quick-generate-key", f"Ada Example <{SIGNER}>", "ed25519", "sign", "never")


def use_gpg(repo: Repo, home: Path) -> None:
    """Have a repository sign and verify by a keyring."""
    repo.env["GNUPGHOME"] = str(home)
    repo.git("config", "gpg.format", "openpgp")
    repo.git("config", "user.signingKey", SIGNER)


def new_ssh_key(folder: Path, name: str = "key") -> Path:
    """Make a key without passphrase; return its private part."""
    path = folder / name
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True
    )
    return path


def use_ssh(repo: Repo, key: Path, *, trusted: bool = True) -> None:
    """Have a repository sign by a key, and trust it or none."""
    repo.git("config", "gpg.format", "ssh")
    repo.git("config", "user.signingKey", str(key))
    allowed = key.with_name("allowed")
    public = key.with_suffix(".pub").read_text().strip()
    allowed.write_text(f"{SIGNER} {public}\n" if trusted else "")
    repo.git("config", "gpg.ssh.allowedSignersFile", str(allowed))
