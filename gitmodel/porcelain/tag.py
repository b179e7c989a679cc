"""Make a version: look at everything that could be wrong with it, then tag HEAD."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from gitmodel.bump import Bump, newest_release, next_tag
from gitmodel.config import Config
from gitmodel.contents import root_of
from gitmodel.describe import items_of
from gitmodel.errors import ConflictError, GateError, GitmodelError, IntegrityError, UsageError
from gitmodel.git import gitconfig, refs, revisions
from gitmodel.git.command import Git
from gitmodel.git.objects import Objects
from gitmodel.hints import command
from gitmodel.history import History, history_of
from gitmodel.porcelain.tag_checks import (
    Check,
    check_blobs,
    check_committed,
    check_gates,
    check_new,
    check_originals,
    check_remote,
    check_secrets,
    check_sidecars,
    check_unmodified,
)
from gitmodel.progress import Work
from gitmodel.project import Project
from gitmodel.record import Record
from gitmodel.snapshot import Snapshot, check_settled, find_artifact, name_of, read_worktree
from gitmodel.tag_object import (
    ROOT,
    begins_signature,
    format_message,
    format_name,
    parse_tag_object,
)
from gitmodel.version import Version, parse_version
from gitmodel.weigh import weigh

_LISTED = 16
"""How many artifacts, and how many of the data beside them, a tag's message names at most."""
_METRICS = 8


@dataclass(frozen=True, slots=True)
class Request:
    """What to tag: an artifact by name or path, nothing for the whole repository, or a version.

    `bump` must be there unless a version is given.  `remote` is the name of the remote to ask
    for blobs, empty for the default one, None to ask none.
    """

    wanted: str
    bump: Bump | Literal["auto"] | None = None
    message: str = ""
    remote: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A version that could be made.

    `before` is the tag of the version that it follows, or empty; `bump` how it was raised from
    that, empty for a version that was given.  `message` is empty if a check found something.
    """

    tag: str
    commit: str
    before: str
    bump: str
    why: str
    checks: tuple[Check, ...]
    root: str
    message: str

    @property
    def refused(self) -> tuple[Check, ...]:
        """The checks that found something."""
        return tuple(check for check in self.checks if check.problem)


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is to be tagged: a commit as it says of one name, and as a whole."""

    history: History
    name: str
    record: Record
    whole: Record
    versions: tuple[tuple[Version, str], ...]

    @property
    def commit(self) -> str:
        return self.record.commit


def plan_tag(project: Project, request: Request, work: Work) -> Plan:
    """Return the version that would be made of HEAD, and what was found on the way.

    Raises `UsageError` for what makes no sense, `ConflictError` for a version that is there.
    """
    commit = revisions.resolve(project.git, "HEAD")
    if commit is None:
        raise UsageError("there is no commit to tag yet", hint="git commit")
    snapshot = read_worktree(project.git)
    check_settled(snapshot.conflicts, snapshot)
    if begins_signature(request.message):
        raise UsageError("a line of the message would begin a signature", hint="-m MESSAGE")
    with history_of(project.git, project.config) as history:
        return _plan(project, request, work, _subject(history, request, commit))


def make_tag(project: Project, plan: Plan, *, sign: bool) -> None:
    """Make the tag that was planned; raises `GateError` if a check found something."""
    if plan.refused:
        raise refusal(plan)
    git = project.git
    sign = sign or gitconfig.switched_on(git, "tag.gpgSign")
    said = refs.make_tag(git, plan.tag, plan.commit, plan.message, sign=sign)
    if sign and not _is_signed(git, plan.tag):
        # Where ssh-keygen fails, Git 2.39 makes a tag without a signature and exits with 0.
        refs.delete_tag(git, plan.tag)
        raise GitmodelError(
            f"Git did not sign the tag {plan.tag!r}: {said}", hint="git config user.signingKey"
        )


def _is_signed(git: Git, tag: str) -> bool:
    with closing(Objects(git)) as objects:
        return parse_tag_object(objects.tag(refs.tag_objects(git)[tag])).signature is not None


def refusal(plan: Plan) -> GateError:
    """Return the error that the first check which found something stands for."""
    first, *rest = plan.refused
    more = f" (and {len(rest)} more)" if rest else ""
    return GateError(f"{plan.tag!r} was not made: {first.problem}{more}", hint=first.hint)


def _subject(history: History, request: Request, commit: str) -> _Subject:
    whole = history.reader.read(commit)
    name = _name(history.config, request, whole)
    versions = [
        (version, history.tags[version.tag].commit)
        for version in history.versions
        if version.name == name
    ]
    versions.sort(key=lambda each: each[0].key, reverse=True)
    record = history.reader.read(commit, name) if name else whole
    return _Subject(history, name, record, whole, tuple(versions))


def _name(config: Config, request: Request, whole: Record) -> str:
    """Return the name that the tag is to begin with; empty for the whole repository."""
    version = parse_version(request.wanted, config.tag_formats)
    if version and request.bump:
        raise UsageError(
            f"{request.wanted!r} is a version already",
            hint=command("gitmodel tag {}", request.wanted),
        )
    wanted = version.name if version else request.wanted
    names = {name_of(path, config.artifacts) for path in whole.artifacts}
    if not version and not request.bump:
        raise UsageError(
            f"{wanted or '.'!r} is no version; one looks like v1.0 or model-v1.0",
            hint=command("gitmodel tag {} --bump auto", wanted or ".")
            if wanted in ("", ".", *names)
            else "gitmodel tag . --bump auto",
        )
    if wanted in ("", "."):
        return ""
    if wanted in names:
        return wanted
    if whole.problems:
        raise IntegrityError(whole.problems[0], hint="git status")
    artifact, _ = find_artifact(Snapshot("", whole.artifacts), config.artifacts, wanted)
    return name_of(artifact, config.artifacts)


def _plan(project: Project, request: Request, work: Work, subject: _Subject) -> Plan:
    before = _before(project, subject)
    bump, why = _bump(request, subject, before)
    versions = [version for version, _ in subject.versions]
    tag = request.wanted if not request.bump else next_tag(subject.name, before, bump, versions)
    new = _check_free(project.config, subject, tag)
    checks = _checks(project, request, work, subject, new)
    good = not any(check.problem for check in checks)
    root = root_of(items_of(subject.history.objects, subject.commit)) if good else ""
    text = request.message.strip("\n") or f"{tag}: {why}"
    return Plan(
        tag,
        subject.commit,
        before.tag if before else "",
        bump if request.bump else "",
        why,
        checks,
        root,
        format_message(text, _trailers(subject, root)) if good else "",
    )


def _before(project: Project, subject: _Subject) -> Version | None:
    """Return the newest version that led here; if none did, the newest there is."""
    tags = refs.tags_before(project.git, subject.commit) if subject.versions else set()
    here = [version for version, _ in subject.versions if version.tag in tags]
    return newest_release(here or [version for version, _ in subject.versions])


def _bump(request: Request, subject: _Subject, before: Version | None) -> tuple[Bump, str]:
    asked: Bump | None = request.bump if request.bump != "auto" else None
    if before is None:
        return asked or "minor", "the first version"
    commit = {version.tag: at for version, at in subject.versions}[before.tag]
    found, why = weigh(subject.history.reader.read(commit, subject.name), subject.record)
    return asked or found, why


def _check_free(config: Config, subject: _Subject, tag: str) -> Version:
    new = parse_version(tag, config.tag_formats)
    if new is None:
        raise UsageError(
            f"{tag!r} cannot be a tag of a version",
            hint="name the artifact otherwise, under 'artifacts' in .gitmodel.yaml",
        )
    for version, commit in subject.versions:
        if (version.key, version.build) == (new.key, new.build):
            raise ConflictError(
                f"version {version.tag!r} is there already, at commit {commit[:10]};"
                " a version never moves",
                hint=command("gitmodel tag {} --bump auto", subject.name or "."),
            )
    return new


def _checks(
    project: Project, request: Request, work: Work, subject: _Subject, new: Version
) -> tuple[Check, ...]:
    pointers = subject.whole.artifacts
    if request.remote is None:
        blobs = check_blobs(project, pointers)
    else:
        blobs = check_remote(project, request.remote, pointers, work)
    checks = (
        check_committed(project, pointers),
        check_unmodified(project, work.progress),
        blobs,
        check_sidecars(subject.record),
        check_secrets(subject.history.objects, subject.record),
        check_originals(project, subject.commit),
        check_gates(subject.history, subject.record, subject.name, new.tag),
    )
    if any(check.problem for check in checks):
        # It may only seem to be another version's twin: what makes it a new one is not in yet.
        return checks
    # A release may be exactly what a pre-release was: that is what those are for.
    others = [each for each in subject.versions if new.pre or not each[0].pre]
    return *checks, check_new(subject.history, subject.record, subject.name, others)


def _trailers(subject: _Subject, root: str) -> Iterator[tuple[str, str]]:
    """Yield what the tag's message says of the version, apart from its text."""
    mine = subject.record.artifacts
    for path, pointer in islice(mine.items(), _LISTED):
        yield "Gitmodel-Artifact", format_name(path)
        yield "Gitmodel-Oid", pointer.oid
    data = ((path, each) for path, each in subject.whole.artifacts.items() if path not in mine)
    for path, pointer in islice(data, _LISTED):
        yield "Gitmodel-Data", f"{pointer.oid} {format_name(path)}"
    for name, metric in islice(subject.record.metrics.items(), _METRICS):
        yield "Gitmodel-Metric", f"{format_name(name)}={json.dumps(metric.value)}"
    yield ROOT, root
