"""Signatures of tags: Git checks them, by GPG or SSH; what they said is told apart here."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gitmodel.git import gitconfig
from gitmodel.git.command import Git, lines_of
from gitmodel.tag_object import SignatureFormat

State = Literal["unsigned", "bad", "untrusted", "trusted"]

_ALLOWED = "gpg.ssh.allowedSignersFile"
_STATUS = "[GNUPG:] "
_VERDICTS = ("GOODSIG", "BADSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "ERRSIG")
_EXPIRED = {"EXPSIG": "the signature has expired", "EXPKEYSIG": "the key has expired"}
_NO_KEY = "9"
_TRUSTED = ("TRUST_FULLY", "TRUST_ULTIMATE")
_SSH_TRUSTED = re.compile(r'Good "git" signature for (.+) with (\S+ key \S+)')
_SSH_GOOD = re.compile(r'Good "git" signature with (\S+ key \S+)')


@dataclass(frozen=True, slots=True)
class Signature:
    """What is known of a tag's signature, by whom and with which key it was made.

    `bad`: it is not of these bytes, or its key was revoked.  `untrusted`: nobody here vouches for
    its key, or there is no key to check it with; `why` says which.
    """

    state: State
    format: SignatureFormat | None = None
    signer: str = ""
    key: str = ""
    why: str = ""


def check_signature(git: Git, oid: str, form: SignatureFormat) -> Signature:
    """Have Git check the signature of the tag object `oid`.

    It is asked for by its oid: a name could lead elsewhere.
    """
    options: list[str] = []
    if form == "ssh" and not gitconfig.values(git, _ALLOWED):
        # Without such a file Git does not even look whether the signature is good.
        options = ["-c", f"{_ALLOWED}={os.devnull}"]
    done = git.ask(*options, "verify-tag", "--raw", "--end-of-options", oid)
    lines = lines_of(done.stderr)
    read = read_ssh if form == "ssh" else read_gpg
    return read(lines, form, accepted=done.returncode == 0)


def read_gpg(lines: Sequence[str], form: SignatureFormat, *, accepted: bool) -> Signature:
    """Read the status lines that GnuPG's doc/DETAILS describes."""
    fields = [
        (*line.removeprefix(_STATUS).split(" ", 2), "", "")
        for line in lines
        if line.startswith(_STATUS)
    ]
    words = [field[0] for field in fields]
    verdicts = [field for field in fields if field[0] in _VERDICTS]
    if not fields:
        return _unchecked(lines, form)
    if len(verdicts) != 1 or words.count("NEWSIG") > 1:
        return Signature("bad", form, why="it is not one signature")
    verdict, key, rest = verdicts[0][:3]
    if verdict in ("BADSIG", "REVKEYSIG"):
        why = "it is not of this tag" if verdict == "BADSIG" else "its key was revoked"
        return Signature("bad", form, rest, key, why)
    if verdict == "ERRSIG":
        no_key = rest.split(" ")[4:5] == [_NO_KEY] or "NO_PUBKEY" in words
        why = "its key is not in the keyring" if no_key else "GnuPG could not check it"
        return Signature("untrusted", form, "", key, why)
    valid = verdict == "GOODSIG" and words.count("VALIDSIG") == 1
    if valid and accepted and any(word in _TRUSTED for word in words):
        return Signature("trusted", form, rest, key)
    why = _EXPIRED.get(verdict, "nobody here vouches for its key")
    return Signature("untrusted", form, rest, key, why)


def read_ssh(lines: Sequence[str], form: SignatureFormat, *, accepted: bool) -> Signature:
    """Read what `ssh-keygen -Y verify` and `-Y check-novalidate` say."""
    trusted = [match for line in lines if (match := _SSH_TRUSTED.fullmatch(line))]
    if accepted and len(trusted) == 1:
        return Signature("trusted", form, trusted[0][1], trusted[0][2])
    good = [match for line in lines if (match := _SSH_GOOD.fullmatch(line))]
    if len(good) == 1:
        why = f"its key is not in {_ALLOWED}"
        return Signature("untrusted", form, "", good[0][1], why)
    if any(line.startswith(("error: ", "fatal: ")) for line in lines):
        return _unchecked(lines, form)
    return Signature("bad", form, why="it is not of this tag, or its key was revoked")


def _unchecked(lines: Sequence[str], form: SignatureFormat) -> Signature:
    said = (
        lines[-1].removeprefix("error: ").removeprefix("fatal: ") if lines else "Git said nothing"
    )
    return Signature("untrusted", form, why=f"it could not be checked: {said}")
