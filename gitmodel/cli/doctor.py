"""`gitmodel doctor`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from gitmodel.cli.common import json_option, say_json
from gitmodel.cli.printer import say, say_hint, style
from gitmodel.porcelain.doctor import doctor
from gitmodel.printable import shown


@click.command()
@json_option
def command(as_json: bool) -> int:
    """Look for what is wrong with the set-up, and say what to do."""
    findings = doctor(Path.cwd())
    good = all(each.good for each in findings)
    if as_json:
        say_json("doctor", {"good": good, "findings": [asdict(each) for each in findings]})
        return 0 if good else 1
    for each in findings:
        mark = style("ok  ", colour="green") if each.good else style("bad ", colour="red")
        say(f"{mark} {each.subject}: {shown(each.text)}")
        if not each.good and each.hint:
            say_hint(each.hint, err=False, indent="     ")
    return 0 if good else 1
