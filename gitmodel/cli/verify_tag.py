"""`gitmodel verify --tag`."""

from __future__ import annotations

from dataclasses import asdict

from gitmodel import hints
from gitmodel.cli.common import say_json
from gitmodel.cli.printer import say
from gitmodel.errors import IntegrityError
from gitmodel.git.signature import Signature
from gitmodel.porcelain.verify_tag import VerifiedTag
from gitmodel.printable import shown


def report_tag(done: VerifiedTag, *, required: bool, as_json: bool) -> None:
    """Print what is known of a tag; raise `IntegrityError` if that is not enough."""
    if as_json:
        say_json("verify-tag", {**asdict(done), "sound": done.sound, "vouched": done.vouched})
    else:
        for line in _lines(done):
            say(line)
    if not (done.vouched if required else done.sound):
        raise _refusal(done)


def signature_words(signature: Signature) -> str:
    """Return what is known of a tag's signature, in a line."""
    if signature.state == "unsigned":
        return "unsigned"
    signer, key = shown(signature.signer), shown(signature.key)
    if signature.state == "trusted":
        return f"good by {signer} ({key})"
    word = "BAD" if signature.state == "bad" else "not trusted"
    whose = " of ".join(filter(None, (key, signer)))
    return f"{word}: {shown(signature.why)}" + (f" ({whose})" if whose else "")


def _lines(done: VerifiedTag) -> list[str]:
    kind = "annotated" if done.annotated else "lightweight"
    return [
        f"tag        {shown(done.tag)} ({kind}), commit {done.commit[:10]}",
        f"signature  {signature_words(done.signature)}",
        f"root       {_root(done)}",
        *(f"problem    {shown(problem)}" for problem in done.problems),
    ]


def _root(done: VerifiedTag) -> str:
    if not done.stated:
        return "none in the tag"
    return f"{done.stated}, {'as it is' if done.stated == done.found else 'NOT as it is'}"


def _refusal(done: VerifiedTag) -> IntegrityError:
    signature = done.signature
    hint = hints.command("git show {}", f"refs/tags/{done.tag}")
    if done.problems:
        return IntegrityError(f"{done.tag!r}: {shown(done.problems[0])}", hint=hint)
    if signature.state == "unsigned":
        return IntegrityError(f"{done.tag!r} is not signed", hint=hint)
    word = "bad" if signature.state == "bad" else "not trusted"
    return IntegrityError(
        f"the signature of {done.tag!r} is {word}: {shown(signature.why)}",
        hint=hint if signature.state == "bad" else _trust_hint(signature),
    )


def _trust_hint(signature: Signature) -> str:
    """Return how its key is trusted, once its owner confirmed it by other means."""
    if signature.format == "ssh":
        return "git config gpg.ssh.allowedSignersFile; a line of that file names each trusted key"
    return hints.note(
        "gpg --edit-key {} trust, once its owner confirmed it (gpg --import brings a key)",
        signature.key or "KEY",
    )
