"""`gitmodel ci`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

import click

from gitmodel.cli.ci_report import report_markdown, report_text
from gitmodel.cli.common import confirm, json_option, opened, progress_bar, say_json
from gitmodel.cli.compare import check_gates
from gitmodel.cli.compare import value_of as compare_value
from gitmodel.cli.diff import value_of as diff_value
from gitmodel.cli.printer import say
from gitmodel.errors import GitmodelError, IntegrityError, UsageError
from gitmodel.history import open_history
from gitmodel.inert import inert_list, is_inert
from gitmodel.porcelain.ci import Event, event_of
from gitmodel.porcelain.ci_report import Report, report_of
from gitmodel.porcelain.compare import open_entries
from gitmodel.porcelain.diff import Depth, diff
from gitmodel.porcelain.ends import Supply
from gitmodel.printable import shown
from gitmodel.progress import Work
from gitmodel.trigger import Trigger, given_trigger, trigger_of

_PREFIX = "GITMODEL_"


def _trigger_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say by hand what the environment of a CI job says."""
    options = (
        ("--before", "REV", "What was there before; with --after, instead of the environment."),
        ("--after", "REV", "What is there now; HEAD by default."),
        ("--ref", "REF", "What was pushed, in full: refs/tags/model-v1.1, refs/heads/main."),
    )
    for name, metavar, text in reversed(options):
        function = click.option(name, default="", metavar=metavar, help=text)(function)
    return function


@click.group()
def command() -> None:
    """Tell a CI job what it is about, and report on it.

    What that is, they find in the environment of GitHub Actions and of GitLab: a version (a tag), a
    push, or a request to merge. The clone must have its history (fetch-depth: 0, GIT_DEPTH: 0).
    docs/ci/ has whole workflows.
    """


@command.command(short_help="Print what changed, as KEY=VALUE.")
@_trigger_options
@click.option("--env", "as_env", is_flag=True, help="Name them as variables: GITMODEL_VERSION.")
@json_option
def event(before: str, after: str, ref: str, as_env: bool, as_json: bool) -> None:
    """Print what changed, one KEY=VALUE in a line.

    Append it to "$GITHUB_OUTPUT" in GitHub Actions, or with --env write it to a file that is a
    dotenv report in GitLab. The keys are always the same ones: event (tag, push or request),
    version (the tag, if it is one), artifact and path (if it is about one only), stage, artifacts,
    paths and removed (JSON), since (the version before), before and after (commits).

    No value can be taken for something else, by a shell either: a name that could stands in the
    lists only, where it is escaped.
    """
    if as_env and as_json:
        raise UsageError("one format at most", hint="--json or --env")
    trigger = _trigger(before, after, ref)
    with open_history(Path.cwd()) as history:
        found = event_of(history, trigger)
    _note(found.notes)
    if as_json:
        say_json("ci-event", _value(found))
        return
    for key, value in _inert(_pairs(found)).items():
        say(f"{_PREFIX}{key.upper()}={value}" if as_env else f"{key}={value}")


@command.command(short_help="Compare it with what was there before, for a pull request.")
@_trigger_options
@click.option("--artifact", default="", help="Read the metrics as those of this artifact.")
@click.option(
    "--gate",
    "gates",
    multiple=True,
    metavar="CONDITION",
    help="Exit with 3 unless what is there now meets CONDITION; may be given several times.",
)
@click.option("--all", "everything", is_flag=True, help="Show also what is the same.")
@click.option("--fetch", is_flag=True, help="Fetch what changed, to look into models and tables.")
@click.option("--md", "as_markdown", is_flag=True, help="Print Markdown, that fits in a comment.")
@json_option
def report(
    before: str,
    after: str,
    ref: str,
    artifact: str,
    gates: tuple[str, ...],
    everything: bool,
    fetch: bool,
    as_markdown: bool,
    as_json: bool,
) -> None:
    """Compare what is there now with what was there before, for a pull request or a version.

    Gates come first, then metrics, params, artifacts, data and code, as in `gitmodel compare`.
    Of a version those gates count too that .gitmodel.yaml has for tags. With --md the first line
    is <!-- gitmodel -->, by which a workflow finds the comment that it wrote before.
    """
    if as_markdown and as_json:
        raise UsageError("one format at most", hint="--json or --md")
    with ExitStack() as stack:
        history = stack.enter_context(open_history(Path.cwd()))
        work = Work(stack.enter_context(progress_bar()))
        entries = stack.enter_context(open_entries(Path.cwd(), confirm, work))
        found = event_of(history, _trigger(before, after, ref))
        done = report_of(history, found, artifact, entries, gates)
        done = _look_inside(done, work, fetch=fetch)
    _note(found.notes)
    if as_json:
        say_json("ci-report", _report_value(done))
    else:
        lines = report_markdown if as_markdown else report_text
        for line in lines(done, everything=everything):
            say(line)
    check_gates(done.comparison, found.version or found.after[:12])


def _trigger(before: str, after: str, ref: str) -> Trigger:
    if before or after or ref:
        return given_trigger(ref, before, after)
    return trigger_of(os.environ, _read_event(os.environ.get("GITHUB_EVENT_PATH", "")))


def _read_event(path: str) -> bytes:
    try:
        return Path(path).read_bytes() if path else b""
    except OSError as error:
        raise UsageError(
            f"{path!r}, which GITHUB_EVENT_PATH names: {error.strerror}",
            hint="gitmodel ci event --before REV --after REV",
        ) from error


def _look_inside(done: Report, work: Work, *, fetch: bool) -> Report:
    """Add what changed inside of files; a report without that is still one."""
    event = done.event
    paths = [each.path for each in event.artifacts if each.change == "changed"]
    if not paths:
        return done
    depth = Depth(contents=True, supply=Supply("", work) if fetch else None)
    try:
        with opened(event.after) as project:
            inside = diff(project, (event.before, event.after), paths, depth, work)
    except GitmodelError as error:
        _note([f"nothing was looked into: {error.message}"])
        return done
    return replace(done, inside=inside)


def _note(notes: Iterable[str]) -> None:
    for note in notes:
        say(f"note: {shown(note)}", err=True)


def _pairs(found: Event) -> dict[str, str]:
    only = found.only
    gone = [each.path for each in found.artifacts if each.change == "removed"]
    return {
        "event": found.kind,
        "version": found.version,
        "artifact": found.name or (only.name if only else ""),
        "stage": "",
        "path": only.path if only else "",
        "artifacts": inert_list(each.name for each in found.here),
        "paths": inert_list(each.path for each in found.here),
        "removed": inert_list(gone),
        "since": found.since,
        "before": found.before,
        "after": found.after,
    }


def _inert(pairs: Mapping[str, str]) -> dict[str, str]:
    """Leave out texts that something could act upon; without its version a job would do wrong."""
    kept = dict(pairs)
    for key in ("version", "artifact", "path", "since"):
        if is_inert(kept[key]):
            continue
        if key == "version":
            raise IntegrityError(
                f"the tag {kept[key]!r} holds what a shell would act upon",
                hint="name the version otherwise, or use --json",
            )
        _note([f"{key} is left empty: a shell would act upon {kept[key]!r}"])
        kept[key] = ""
    return kept


def _value(found: Event) -> dict[str, object]:
    value = asdict(found)
    return {
        "event": value["kind"],
        "version": found.version,
        "name": found.name,
        "stage": "",
        **{key: value[key] for key in ("since", "before", "after", "artifacts", "notes")},
    }


def _report_value(done: Report) -> dict[str, object]:
    return {
        "event": _value(done.event),
        "compare": compare_value(done.comparison),
        "diff": diff_value(done.inside) if done.inside else None,
    }
