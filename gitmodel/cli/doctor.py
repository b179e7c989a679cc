"""`gitmodel doctor`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from gitmodel.cli.common import echo_json, json_option, shown
from gitmodel.porcelain.doctor import doctor


@click.command()
@json_option
def command(as_json: bool) -> int:
    """Look for what is wrong with the set-up, and say what to do."""
    findings = doctor(Path.cwd())
    good = all(each.good for each in findings)
    if as_json:
        echo_json("doctor", {"good": good, "findings": [asdict(each) for each in findings]})
        return 0 if good else 1
    for each in findings:
        mark = click.style("ok  ", fg="green") if each.good else click.style("bad ", fg="red")
        click.echo(f"{mark} {each.subject}: {shown(each.text)}")
        if not each.good and each.hint:
            click.echo(f"     next: {each.hint}")
    return 0 if good else 1
