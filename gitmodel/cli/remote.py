"""`gitmodel remote`."""

from __future__ import annotations

from dataclasses import asdict

import click

from gitmodel import hints
from gitmodel.cli.common import json_option, opened, progress_bar, say_json
from gitmodel.cli.printer import say, say_hint
from gitmodel.errors import IntegrityError, RemoteError
from gitmodel.porcelain.remotes import (
    Checked,
    add_remote,
    check_remote,
    list_remotes,
    remove_remote,
    repair_remote,
)
from gitmodel.printable import shown
from gitmodel.url import with_options
from gitmodel.words import human, plural


@click.group()
def command() -> None:
    """Add, list, remove, check and repair remotes."""


@command.command()
@click.argument("name")
@click.argument("url")
@click.option("--endpoint-url", default="", help="Server to use instead of Amazon's own.")
@click.option("--region", default="", help="Region of the bucket.")
@click.option("--profile", default="", help="AWS profile to use in this clone; it is not tracked.")
def add(name: str, url: str, endpoint_url: str, region: str, profile: str) -> None:
    """Configure the remote NAME at URL: a folder, s3://, gs://, abfs:// or sftp://.

    A folder is relative to the top of the repository. Credentials come from where all AWS tools
    look for them, never from here. This also confirms, for this clone, that
    the remote may be written to.
    """
    url = with_options(url, {"endpoint": endpoint_url, "region": region})
    with opened() as project:
        new = add_remote(project, name, url, profile)
    say(f"{'added' if new else 'confirmed'} remote {name} at {url}")


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the remotes."""
    with opened() as project:
        remotes = list_remotes(project)
    if as_json:
        say_json("remotes", {"remotes": [asdict(each) for each in remotes]})
        return
    widest = max((len(each.name) for each in remotes), default=0)
    for each in remotes:
        notes = [*["default"] * each.default, *["not confirmed"] * (not each.trusted)]
        tail = f"  ({', '.join(notes)})" if notes else ""
        say(f"{each.name:<{widest}}  {shown(each.url)}{tail}")
    if not remotes:
        say("no remotes; gitmodel remote add origin PATH_OR_URL adds one", err=True)


@command.command()
@click.argument("name")
def remove(name: str) -> None:
    """Forget the remote NAME; nothing on it is touched."""
    with opened() as project:
        remove_remote(project, name)
    say(f"removed remote {name}; what is on it was left as it is")


@command.command()
@click.argument("name", default="")
@json_option
def check(name: str, as_json: bool) -> int:
    """Prove that the remote works, and look at what is on it."""
    with opened() as project:
        checked = check_remote(project, name)
    sound = checked.health is None or checked.health.sound
    if as_json:
        say_json("remote-check", {**asdict(checked), "sound": sound})
    else:
        _report(checked)
    if not sound:
        say_hint(hints.command("gitmodel remote repair {}", checked.name))
    return 0 if sound else IntegrityError.exit_code


@command.command()
@click.argument("name", default="")
@click.option("--read", is_flag=True, help="Read all packs whole, to find damage inside them.")
def repair(name: str, read: bool) -> int:
    """Rebuild lost index files from the packs, and withdraw what is no longer true.

    What is proven to be damaged is moved to quarantine. What cannot be read stays as it is, and
    the exit code is 6 then.
    """
    with opened() as project, progress_bar() as progress:
        repaired = repair_remote(project, name, progress, read=read)
    for line in repaired.done or ["nothing to repair"] * (not repaired.left):
        say(line)
    for line in repaired.left:
        say(f"left as it is: {shown(line)}")
    if repaired.left:
        say_hint("gitmodel remote check")
    return RemoteError.exit_code if repaired.left else 0


def _report(checked: Checked) -> None:
    probed = checked.probed
    say(f"{checked.name} at {shown(checked.url)}: {', '.join(probed.proven)}: ok")
    for what in probed.lacking:
        say(f"it cannot do this: {what}")
    say(f"up {human(probed.up)}/s, down {human(probed.down)}/s")
    for left in checked.leftovers:
        say(f"left alone, as it may belong to somebody else: {left}")
    health = checked.health
    if health is None:
        say("nothing was pushed to it yet")
        return
    say(
        f"{plural(health.packs, 'pack')}, {human(health.bytes)},"
        f" {plural(health.indexes, 'index file')}"
    )
    if health.unlisted:
        why = "" if not health.sound else ": of a push that died, or is under way"
        say(f"{plural(len(health.unlisted), 'pack')} not indexed{why}")
    for name in health.lost:
        say(f"lost or cut short: pack {name}")
    for name in health.damaged:
        say(f"damaged: {shown(name)}")
    for ref in health.incomplete:
        say(f"incomplete: {shown(ref)}: no index file lists all of its blobs")
    for why in health.unread:
        say(f"not read: {shown(why)}")
