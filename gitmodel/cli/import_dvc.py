"""`gitmodel import dvc`."""

from __future__ import annotations

import click

from gitmodel import hints
from gitmodel.cli.common import opened, progress_bar, quiet_option
from gitmodel.cli.printer import say, say_hint
from gitmodel.errors import MissingError
from gitmodel.imported import NAME
from gitmodel.porcelain.dvc_collect import Lost
from gitmodel.porcelain.import_dvc import ImportedDvc, Taken, import_dvc
from gitmodel.printable import shown
from gitmodel.progress import Work
from gitmodel.words import human, plural

_SHOWN = 10


@click.command()
@click.option("--all-tags", is_flag=True, help="Make all old tags readable, too.")
@click.option("--skip-missing", is_flag=True, help="Leave to DVC what is nowhere to be found.")
@quiet_option
def command(all_tags: bool, skip_missing: bool, quiet: bool) -> None:
    """Turn what DVC tracks into artifacts.

    Pointers take the place of .dvc files; what a pipeline makes gets one too. The bytes come from
    DVC's cache, the working tree or DVC's remote, each checked against DVC's hash. All of it is
    staged and nothing is committed: look at it, then commit.

    --all-tags brings the data of all tags as well and notes what it is in .gitmodel.imported. No
    history is rewritten; gitmodel then reads the tags as they are.
    """
    with opened() as project, progress_bar(quiet=quiet) as progress:
        done = import_dvc(project, Work(progress), all_tags=all_tags, skip_missing=skip_missing)
    if not quiet:
        for each in done.taken:
            say(_line(each))
    for lost in done.lost[:_SHOWN]:
        say(_lost(lost), err=True)
    if len(done.lost) > _SHOWN:
        say(f"missing  … and {len(done.lost) - _SHOWN:,} more", err=True)
    if not done.staged:
        raise _missing(done, all_tags=all_tags)
    if not quiet:
        _report(done, all_tags=all_tags)


def _line(taken: Taken) -> str:
    pointer = taken.pointer
    what = human(pointer.size)
    if pointer.files is not None:
        what = f"{plural(pointer.files, 'file')}, {what}"
    stage = f", stage {shown(taken.stage)}" if taken.stage not in ("", taken.source) else ""
    return f"imported {shown(taken.path)} ({what}) from {shown(taken.source)}{stage}"


def _lost(lost: Lost) -> str:
    out = lost.out
    where = f"{shown(out.source)} of tag {shown(lost.revision)}" if lost.revision else out.source
    some = ", ".join(map(shown, lost.files[:3]))
    more = f" and {len(lost.files) - 3:,} more" if len(lost.files) > 3 else ""
    why = f": {shown(lost.why)}" if lost.why else ""
    return f"missing  {some or shown(out.path)}{more}  ({shown(where)}){why}"


def _missing(done: ImportedDvc, *, all_tags: bool) -> MissingError:
    remotes = " or ".join(map(repr, done.remotes))
    where = f" nor on DVC's remote {remotes}" if remotes else ", and DVC has no remote"
    fetch = hints.command("dvc fetch --all-tags" if all_tags else "dvc fetch")
    again = hints.command("gitmodel import dvc --all-tags" if all_tags else "gitmodel import dvc")
    return MissingError(
        f"{plural(len(done.lost), 'artifact')} of DVC's cannot be had: neither in its cache nor in"
        f" the working tree{where}; nothing was changed",
        hint=hints.note("{}, then {}; or {} --skip-missing", fetch, again, again),
    )


def _report(done: ImportedDvc, *, all_tags: bool) -> None:
    if all_tags:
        say(
            f"noted in {NAME}: {plural(done.objects, 'artifact')} of"
            f" {plural(len(done.tags), 'tag')}, so that gitmodel reads them as they are"
        )
    absent = [each.path for each in done.taken if not each.there]
    say("everything is staged; nothing is committed yet")
    if done.pipelines:
        say(
            f"left {', '.join(map(shown, done.pipelines))}: dvc repro still runs the pipeline, then"
            " gitmodel add --update tracks what it made",
            err=True,
        )
    else:
        say("left .dvc, DVC's settings and cache: git rm -r .dvc when all is well", err=True)
    if absent:
        say(f"not in the working tree: {', '.join(map(shown, absent[:5]))}", err=True)
        say("       gitmodel checkout brings them there", err=True)
    say_hint("git status, then git commit -m 'Move from DVC to gitmodel', then gitmodel push")
