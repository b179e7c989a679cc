"""`gitmodel verify --tag`."""

from __future__ import annotations

from dataclasses import asdict

import click

from gitmodel.cli.common import echo_json, shown
from gitmodel.git.signature import Signature
from gitmodel.porcelain.verify_tag import VerifiedTag


def report_tag(done: VerifiedTag, *, required: bool, as_json: bool) -> int:
    """Print what is known of a tag; return the exit code."""
    good = done.vouched if required else done.sound
    if as_json:
        echo_json("verify-tag", {**asdict(done), "sound": done.sound, "vouched": done.vouched})
    else:
        for line in _lines(done):
            click.echo(line)
    if not good:
        click.echo(f"{click.style('error:', fg='red', bold=True)} {_why(done)}", err=True)
        click.echo(f"next:  git ls-remote origin {shown(f'refs/tags/{done.tag}')}", err=True)
    return 0 if good else 7


def _lines(done: VerifiedTag) -> list[str]:
    kind = "annotated" if done.annotated else "lightweight"
    return [
        f"tag        {shown(done.tag)} ({kind}), commit {done.commit[:10]}",
        f"signature  {_signature(done.signature)}",
        f"root       {_root(done)}",
        *(f"problem    {shown(problem)}" for problem in done.problems),
    ]


def _signature(signature: Signature) -> str:
    if signature.state == "unsigned":
        return "unsigned"
    by = f" by {shown(signature.signer)}" if signature.signer else ""
    key = f" ({shown(signature.key)})" if signature.key else ""
    why = f": {shown(signature.why)}" if signature.why else ""
    word = {"trusted": "good", "untrusted": "not trusted", "bad": "BAD"}[signature.state]
    return f"{word}{by}{key}{why}"


def _root(done: VerifiedTag) -> str:
    if not done.stated:
        return "none in the tag"
    return f"{done.stated}, {'as it is' if done.stated == done.found else 'NOT as it is'}"


def _why(done: VerifiedTag) -> str:
    tag = shown(done.tag)
    if done.problems:
        return f"{tag!r}: {shown(done.problems[0])}"
    if done.signature.state == "bad":
        return f"{tag!r}: the signature is bad: {shown(done.signature.why)}"
    if done.signature.state == "unsigned":
        return f"{tag!r} is not signed"
    return f"{tag!r}: the signature is not trusted: {shown(done.signature.why)}"
