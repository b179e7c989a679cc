"""`gitmodel verify`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from gitmodel import hints
from gitmodel.cli.common import json_option, opened, progress_bar, say_json
from gitmodel.cli.printer import say, say_hint
from gitmodel.cli.verify_tag import report_tag
from gitmodel.errors import DiskError, IntegrityError, MissingError, RemoteError, UsageError
from gitmodel.porcelain.verify import Verified, VerifiedRemote, verify, verify_remote
from gitmodel.porcelain.verify_tag import find_tag, verify_tag
from gitmodel.printable import shown
from gitmodel.words import human, plural


@click.command()
@click.option(
    "--quick",
    is_flag=True,
    help="Compare the cache by fingerprint, and read only those work files that were touched: finds"
    " what a disk spoiled, not what was forged.",
)
@click.option(
    "--remote",
    "-r",
    "remote",
    is_flag=False,
    flag_value="-",
    default=None,
    metavar="[NAME]",
    help="Read the remote instead of the cache and the working tree.",
)
@click.option(
    "--tag",
    metavar="VERSION",
    help="Check that the tag of a version leads to what it was made for, and its signature.",
)
@click.option(
    "--require-signature",
    is_flag=True,
    help="With --tag: fail if it is not signed with a key that is trusted here.",
)
@json_option
def command(
    quick: bool, remote: str | None, tag: str | None, require_signature: bool, as_json: bool
) -> int:
    """Prove that all bytes are what their names say.

    What is damaged in the cache is put in quarantine, so that gitmodel fetch brings a good copy.
    Exits with 7 if anything is damaged, else with 8 if something cannot be read, else with 5 if
    blobs of a pointer are nowhere here.

    With --tag, no blobs are read: the root that the tag's message states is compared with the
    commit's own pointers and sidecars, and Git checks the signature. Exits with 7 for a bad
    signature or another root; a plain tag is fine unless --require-signature asks for more.
    """
    if tag is not None:
        if quick or remote is not None:
            raise UsageError(
                "--tag goes with neither --quick nor --remote", hint="gitmodel verify --tag VERSION"
            )
        verified = verify_tag(*find_tag(Path.cwd(), tag))
        report_tag(verified, required=require_signature, as_json=as_json)
        return 0
    if require_signature:
        raise UsageError(
            "--require-signature is about a tag",
            hint="gitmodel verify --tag VERSION --require-signature",
        )
    with opened() as project, progress_bar() as progress:
        if remote is not None:
            name = remote.removeprefix("-")
            return _report_remote(verify_remote(project, name, progress), as_json=as_json)
        return _report(verify(project, progress, quick=quick), as_json=as_json)


def _report(done: Verified, *, as_json: bool) -> int:
    left = {damage.left for damage in done.damaged}
    if as_json:
        say_json("verify", _value(done))
    else:
        for damage in done.damaged:
            what = "left as it is" if damage.left else "damaged, now in quarantine"
            say(f"{what}: {damage.name}: {shown(damage.why)}")
        for path in done.rotten:
            say(f"modified: {shown(path)}, although its size and times are what they were")
        for each in done.untrue[:10]:
            say(
                f"not true: {shown(each.pointer)} says another size or fingerprint of"
                f" {shown(each.path)} than its blob has"
            )
        for path in done.modified[:10]:
            say(f"modified: {shown(path)}")
        say(_summary(done))
    if "" in left:
        say_hint("gitmodel fetch  (brings good copies from the remote)")
        return IntegrityError.exit_code
    if done.rotten:
        say_hint("gitmodel status")
        return IntegrityError.exit_code
    if done.untrue:
        say_hint(hints.command("git log -p -- {}", done.untrue[0].pointer))
        return IntegrityError.exit_code
    if "newer" in left:
        say_hint("pip install --upgrade gitmodel")
        return IntegrityError.exit_code
    if left:
        say_hint("gitmodel doctor")
        return DiskError.exit_code
    if done.missing:
        say_hint("gitmodel pull")
    return MissingError.exit_code if done.missing else 0


def _value(done: Verified | VerifiedRemote) -> dict[str, object]:
    return {**asdict(done), "damaged": [each._asdict() for each in done.damaged]}


def _summary(done: Verified) -> str:
    damaged = [damage for damage in done.damaged if not damage.left]
    if damaged:
        return plural(len(damaged), "damaged item")
    if done.damaged:
        return plural(len(done.damaged), "item") + " not checked"
    missing = f"; {plural(done.missing, 'blob')} missing" if done.missing else ""
    modified = len(done.modified) + len(done.rotten)
    changed = f"; {plural(modified, 'work file')} modified" if modified else ""
    state = f"{plural(len(done.untrue), 'path')} not true" if done.untrue else "all good"
    return f"{human(done.bytes)} in the cache, {state}{missing}{changed}"


def _report_remote(done: VerifiedRemote, *, as_json: bool) -> int:
    if as_json:
        say_json("verify-remote", _value(done))
    else:
        for damage in done.damaged:
            say(f"damaged: {damage.name}: {shown(damage.why)}")
        for ref in done.incomplete:
            say(f"incomplete: {shown(ref)}")
        for why in done.unread:
            say(f"not read: {shown(why)}")
        bad = done.damaged or done.incomplete
        state = "damaged" if bad else "not all was read" if done.unread else "all good"
        say(f"{plural(done.packs, 'pack')}, {human(done.bytes)}: {state}")
    if done.damaged or done.incomplete:
        say_hint("gitmodel remote repair --read, then gitmodel push in a clone that has the data")
        return IntegrityError.exit_code
    if done.unread:
        say_hint("gitmodel remote check")
        return RemoteError.exit_code
    return 0
