"""What GnuPG and ssh-keygen say, as Git hands it on."""

from __future__ import annotations

import pytest

from gitmodel.git.signature import read_gpg, read_ssh

KEY = "D772D55F44BA1BD4"
NEW = "[GNUPG:] NEWSIG ada@x.org"
GOOD = f"[GNUPG:] GOODSIG {KEY} Ada <ada@x.org>"
VALID = f"[GNUPG:] VALIDSIG A002E11E6720BE8F3A8E62AA{KEY} 2026-11-23 1 0 4 0 22 8 00 A0"
FULLY, ULTIMATE = "[GNUPG:] TRUST_FULLY 0 pgp", "[GNUPG:] TRUST_ULTIMATE 0 pgp"
SSH_KEY = "ED25519 key SHA256:yi/hDq2VnhObgf4qwGAJLvuhnA09YJ70ZTCqQxBB6gE"
SSH_GOOD = f'Good "git" signature for ada@x.org with {SSH_KEY}'


@pytest.mark.parametrize(
    ("lines", "accepted", "state"),
    [
        ([NEW, GOOD, VALID, FULLY], True, "trusted"),
        ([NEW, GOOD, VALID, ULTIMATE], True, "trusted"),
        # Git's own gpg.minTrustLevel asks for more.
        ([NEW, GOOD, VALID, FULLY], False, "untrusted"),
        ([NEW, GOOD, VALID, "[GNUPG:] TRUST_MARGINAL 0 pgp"], True, "untrusted"),
        ([NEW, GOOD, VALID, "[GNUPG:] TRUST_UNDEFINED 0 pgp"], True, "untrusted"),
        ([NEW, GOOD, VALID, "[GNUPG:] TRUST_NEVER 0 pgp"], True, "untrusted"),
        ([NEW, GOOD, VALID], True, "untrusted"),
        ([NEW, GOOD, ULTIMATE], True, "untrusted"),
        ([NEW, GOOD.replace("GOODSIG", "EXPKEYSIG"), VALID, FULLY], True, "untrusted"),
        ([NEW, GOOD.replace("GOODSIG", "EXPSIG"), VALID, FULLY], True, "untrusted"),
        ([NEW, GOOD.replace("GOODSIG", "REVKEYSIG"), VALID, FULLY], True, "bad"),
        ([NEW, GOOD.replace("GOODSIG", "BADSIG")], False, "bad"),
        (
            [NEW, f"[GNUPG:] ERRSIG {KEY} 22 8 00 1 9 A0", f"[GNUPG:] NO_PUBKEY {KEY}"],
            False,
            "untrusted",
        ),
        ([NEW, f"[GNUPG:] ERRSIG {KEY} 1 1 00 1 5 -"], False, "untrusted"),
        # Two signatures, of which one is somebody's.
        ([NEW, GOOD, VALID, FULLY, NEW, GOOD.replace("GOODSIG", "BADSIG")], False, "bad"),
        ([NEW, GOOD, VALID, NEW, GOOD, VALID, FULLY], True, "bad"),
        (["[GNUPG:] NODATA 4"], False, "bad"),
        (["fatal: cannot run gpg: No such file or directory"], False, "untrusted"),
        ([], False, "untrusted"),
        # It is not the line of a status.
        ([f"gpg: {GOOD}", f" {VALID}", f"x{FULLY}"], True, "untrusted"),
    ],
)
def test_gpg(lines: list[str], accepted: bool, state: str) -> None:
    found = read_gpg(lines, "openpgp", accepted=accepted)
    assert found.state == state
    assert (found.why == "") == (state == "trusted")


def test_who_signed() -> None:
    found = read_gpg([NEW, GOOD, VALID, FULLY], "openpgp", accepted=True)
    assert (found.signer, found.key) == ("Ada <ada@x.org>", KEY)
    found = read_ssh([SSH_GOOD], "ssh", accepted=True)
    assert (found.signer, found.key) == ("ada@x.org", SSH_KEY)


@pytest.mark.parametrize(
    ("lines", "accepted", "state"),
    [
        ([SSH_GOOD], True, "trusted"),
        ([SSH_GOOD], False, "bad"),
        ([SSH_GOOD, SSH_GOOD], True, "bad"),
        ([f'Good "git" signature with {SSH_KEY}', "No principal matched."], False, "untrusted"),
        ([f'Good "git" signature with {SSH_KEY}', "No principal matched."], True, "untrusted"),
        (["Signature verification failed: incorrect signature"], False, "bad"),
        (["Could not verify signature."], False, "bad"),
        (["error: ssh-keygen -Y find-principals/verify is needed"], False, "untrusted"),
        ([f"x {SSH_GOOD}"], True, "bad"),
        ([], False, "bad"),
    ],
)
def test_ssh(lines: list[str], accepted: bool, state: str) -> None:
    found = read_ssh(lines, "ssh", accepted=accepted)
    assert found.state == state
    assert (found.why == "") == (state == "trusted")
