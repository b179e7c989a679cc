"""`gitmodel versions`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from gitmodel.cli.common import echo_json, json_option, shown
from gitmodel.git.command import open_readable
from gitmodel.porcelain.versions import Listed, versions


@click.command()
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List the versions, or those of the artifact NAME: tags such as v1.0 or model-v1.1."""
    found = versions(open_readable(Path.cwd()), name)
    if as_json:
        echo_json("versions", {"versions": [_value(each) for each in found]})
        return
    if not found:
        click.echo("no versions; git tag v1.0 makes one", err=True)
        return
    width = max(len(shown(each.version.tag)) for each in found)
    for each in found:
        day = datetime.fromtimestamp(each.time, UTC).strftime("%Y-%m-%d")
        tag = shown(each.version.tag)
        click.echo(f"{tag:<{width}}  {day}  {each.commit[:10]}  {shown(each.author)}".rstrip())


def _value(listed: Listed) -> dict[str, object]:
    return {
        "tag": listed.version.tag,
        "name": listed.version.name,
        "commit": listed.commit,
        "time": listed.time,
        "author": listed.author,
    }
