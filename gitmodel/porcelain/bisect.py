"""Find the first version that is worse: by its metrics, or by what a command says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from gitmodel.bisection import Line, Verdict, halve, make_line, scan
from gitmodel.errors import ConflictError, GitmodelError, UsageError
from gitmodel.git import refs, revisions, trees, worktree
from gitmodel.history import History
from gitmodel.porcelain.checkout import go_to
from gitmodel.porcelain.mix import check_unchanged, code_filter
from gitmodel.porcelain.resolve import Resolved, resolve
from gitmodel.porcelain.status import status
from gitmodel.progress import Work, silent
from gitmodel.project import Project
from gitmodel.sidecar import Goal
from gitmodel.version import versions_of
from gitmodel.worktree.scan import look
from gitmodel.worktree.write import apply

_SKIP, _LAST = 125, 127
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Ends:
    """What to look between, as references; an empty one is for us to choose.

    `artifact` is the name or path of what the versions are of.
    """

    artifact: str = ""
    good: str = ""
    bad: str = ""


@dataclass(frozen=True, slots=True)
class Judge:
    """What is worse: a metric beyond the threshold, else worse than the good one's by tolerance."""

    metric: str
    goal: Goal | None = None
    threshold: float | None = None
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class Tested:
    """A version, what it is, and why: the value of its metric, or the exit code of the command."""

    version: str
    commit: str
    verdict: Verdict
    value: float | None = None
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """What is worse, in numbers; `guessed`: nobody said whether more or less is better."""

    metric: str
    goal: Goal
    guessed: bool
    value: float

    def is_worse(self, value: float) -> bool:
        """Return whether a value of the metric is."""
        return value < self.value if self.goal == "max" else value > self.value


@dataclass(frozen=True, slots=True)
class Changed:
    """What a version changed since the good one before it: names only."""

    since: str
    params: tuple[str, ...]
    artifacts: tuple[str, ...]
    code: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bisected:
    """What was tested, in the order of history, and what came of it.

    `suspects` may be the first bad one; the last of them surely is bad.  `again` are good, but
    descend from a bad one.
    """

    name: str
    limit: Limit | None
    good: Tested
    bad: Tested
    tested: tuple[Tested, ...]
    suspects: tuple[Tested, ...]
    again: tuple[str, ...]
    changed: Changed


@dataclass(frozen=True, slots=True)
class _Range:
    """The versions in question: `good` is known, and not in the line; the line ends with `bad`."""

    name: str
    good: Resolved
    bad: Resolved
    line: Line
    labels: Mapping[str, Resolved]


def bisect_metric(history: History, ends: Ends, judge: Judge) -> Bisected:
    """Read a metric of all versions, and return the first that is worse; nothing is checked out.

    Raises `GitmodelError` if the bad end is not worse than the good one.
    """

    def is_told(found: Resolved) -> bool:
        return judge.metric in history.reader.read(found.commit, name).metrics

    name = _name(history, ends)
    part = _range(history, name, ends, is_told)
    limit = _limit(history, part, judge)
    tested = [_read(history, part, found, limit) for found in _in_order(part)]
    good, bad = tested[0], tested[-1]
    _check_ends(good, bad, limit, tested)
    verdicts = {each.commit: each.verdict for each in tested}
    suspects, again = scan(part.line, verdicts)
    done = _found(history, part, tested, suspects)
    return replace(done, limit=limit, again=tuple(part.labels[commit].label for commit in again))


def bisect_command(
    project: Project, history: History, ends: Ends, run: Callable[[str], int], work: Work
) -> Bisected:
    """Check out versions and run a command on each, both ends first; return the first bad one.

    `run` is given what is checked out, and returns the exit code: 0 is good, 125 says nothing,
    up to 127 is bad, more ends it all.  In the end the working tree is what it was before.
    """
    name = _name(history, ends)
    part = _range(history, name, ends, lambda found: True)
    tested: dict[str, Tested] = {}

    def test(commit: str) -> Verdict:
        if commit not in tested:
            found = part.labels[commit]
            go_to(project, commit, "", work)
            try:
                code = run(found.label)
            finally:
                _take_back(project)
            tested[commit] = Tested(found.label, commit, _verdict(found.label, code), code=code)
        return tested[commit].verdict

    with _coming_back(project, work):
        _check_said(part.good, "good", test(part.good.commit))
        _check_said(part.bad, "bad", test(part.bad.commit))
        suspects = halve(part.line, test)
    ordered = [tested[found.commit] for found in _in_order(part) if found.commit in tested]
    return _found(history, part, ordered, suspects)


def _name(history: History, ends: Ends) -> str:
    """Return the name of what the versions are of; empty for the whole repository."""
    if ends.artifact:
        found = resolve(history, ends.artifact)
        if not found.name:
            raise UsageError(f"{ends.artifact!r} is no artifact", hint="gitmodel versions")
        return found.name
    owners = {version.name for version in history.versions}
    if len(owners) > 1:
        ended = [resolve(history, end) for end in (ends.good, ends.bad) if end]
        owners = {found.name for found in ended if found.name or found.tag} or owners
    if len(owners) == 1:
        return owners.pop()
    if not owners:
        raise UsageError("there is no version yet", hint="git tag v1.0")
    known = ", ".join(sorted(owner or "the whole repository" for owner in owners))
    raise UsageError(f"there are versions of {known}", hint="gitmodel bisect NAME ...")


def _range(history: History, name: str, ends: Ends, is_told: Callable[[Resolved], bool]) -> _Range:
    """Return the versions between the ends.

    The bad end is the newest version if none is given, the good one the first of those that it
    descends from of which the metric is known.
    """
    tags = [version.tag for version in versions_of(history.versions, name)]
    bad = resolve(history, ends.bad or (tags[0] if tags else "HEAD"), name)
    labels: dict[str, Resolved] = {}
    for tag in tags:
        commit = history.tags[tag].commit
        labels.setdefault(commit, Resolved(commit, name, tag, tag))
    labels[bad.commit] = labels.get(bad.commit, bad)
    if ends.good:
        good = resolve(history, ends.good, name)
    else:
        line = make_line(revisions.ancestors(history.git, bad.commit), labels)
        good = _first(line, labels, is_told)
    if good.commit == bad.commit or not revisions.is_ancestor(history.git, good.commit, bad.commit):
        raise UsageError(
            f"{bad.label!r} does not descend from {good.label!r}",
            hint="gitmodel bisect --good OLDER --bad NEWER",
        )
    labels[good.commit] = labels.get(good.commit, good)
    line = make_line(revisions.ancestors(history.git, bad.commit, good.commit), labels)
    return _Range(name, labels[good.commit], labels[bad.commit], line, labels)


def _first(
    line: Line, labels: Mapping[str, Resolved], is_told: Callable[[Resolved], bool]
) -> Resolved:
    for commit in line.names:
        if is_told(labels[commit]):
            return labels[commit]
    raise UsageError("no version before it has the metric", hint="gitmodel versions")


def _in_order(part: _Range) -> list[Resolved]:
    return [part.good, *(part.labels[commit] for commit in part.line.names)]


def _limit(history: History, part: _Range, judge: Judge) -> Limit:
    metrics = history.reader.read(part.good.commit, part.name).metrics
    if judge.metric not in metrics:
        known = ", ".join(sorted(metrics)[:_SHOWN]) or "none"
        raise UsageError(
            f"{part.good.label!r} has no metric {judge.metric!r}; it has {known}",
            hint=f"gitmodel versions {part.name}".strip(),
        )
    metric = metrics[judge.metric]
    goal = judge.goal or metric.goal
    value = judge.threshold
    if value is None:
        value = metric.value + (-judge.tolerance if goal == "max" else judge.tolerance)
    return Limit(judge.metric, goal, metric.guessed and judge.goal is None, value)


def _read(history: History, part: _Range, found: Resolved, limit: Limit) -> Tested:
    metrics = history.reader.read(found.commit, part.name).metrics
    if limit.metric not in metrics:
        return Tested(found.label, found.commit, "skip")
    value = metrics[limit.metric].value
    verdict: Verdict = "bad" if limit.is_worse(value) else "good"
    return Tested(found.label, found.commit, verdict, value)


def _check_ends(good: Tested, bad: Tested, limit: Limit, tested: Iterable[Tested]) -> None:
    if good.verdict != "good":
        raise GitmodelError(
            f"{good.version!r} is worse already: its {limit.metric} is {good.value:g}",
            hint="name an older one with --good, or another --threshold",
        )
    if bad.verdict == "bad":
        return
    if bad.value is None:
        raise UsageError(
            f"{bad.version!r} has no metric {limit.metric!r}", hint="name another one with --bad"
        )
    others = [each.version for each in tested if each.verdict == "bad"]
    raise GitmodelError(
        f"{bad.version!r} is not worse: its {limit.metric} is {bad.value:g}"
        + (f"; worse in between: {', '.join(others[:_SHOWN])}" if others else ""),
        hint=f"gitmodel bisect --bad {others[-1]} ..." if others else "gitmodel versions",
    )


def _verdict(label: str, code: int) -> Verdict:
    if code == 0:
        return "good"
    if code == _SKIP:
        return "skip"
    if 0 < code <= _LAST:
        return "bad"
    raise GitmodelError(
        f"the command ended with {code} at {label!r}, which is neither good nor bad",
        hint="0 is good, 125 says nothing, another up to 127 is bad",
    )


def _check_said(found: Resolved, said: Literal["good", "bad"], verdict: Verdict) -> None:
    if verdict != said:
        is_found = "says nothing" if verdict == "skip" else f"says {verdict}"
        raise GitmodelError(
            f"{found.label!r} should be {said}, and the command {is_found} there",
            hint=f"gitmodel checkout {found.label}, and try the command",
        )


@contextmanager
def _coming_back(project: Project, work: Work) -> Iterator[None]:
    """Bring the working tree back to where it was, whatever happens in between."""
    check_unchanged(project.git)
    for each in status(project, (), silent):
        if each.work == "modified":
            raise ConflictError(
                f"{each.path!r} changed, and no version has that", hint=f"gitmodel add {each.path}"
            )
        if each.work == "unknown" and look(project.root, each.path) is not None:
            raise ConflictError(
                f"nothing tells whether {each.path!r} changed", hint="gitmodel fetch"
            )
    head = revisions.resolve(project.git, "HEAD") or ""
    branch = (refs.branch(project.git) or "").removeprefix("refs/heads/")
    try:
        yield
    finally:
        # The command may have committed to the branch.
        here = revisions.resolve(project.git, f"refs/heads/{branch}") if branch else head
        go_to(project, here or head, branch, work)


def _take_back(project: Project) -> None:
    """Undo what the command did to what is tracked; all of that was saved before."""
    worktree.take_back(project.git)
    for each in status(project, (), silent):
        inside = (f"{each.path}/{path}".rstrip("/") for path in each.modified)
        apply(project.root, (), list(inside))


def _found(
    history: History, part: _Range, tested: Sequence[Tested], suspects: Sequence[str]
) -> Bisected:
    by_commit = {each.commit: each for each in tested}
    first = part.line.names.index(suspects[-1])
    above = part.line.chosen(part.line.above[first])
    good = [c for c in above if c in by_commit and by_commit[c].verdict == "good"]
    since = part.labels[good[-1]] if good else part.good
    return Bisected(
        part.name,
        None,
        by_commit[part.good.commit],
        by_commit[part.bad.commit],
        tuple(tested),
        tuple(by_commit[commit] for commit in suspects),
        (),
        _changed(history, part, since, part.labels[suspects[-1]]),
    )


def _changed(history: History, part: _Range, old: Resolved, new: Resolved) -> Changed:
    before, after = (history.reader.read(found.commit, part.name) for found in (old, new))
    whole = [history.reader.read(found.commit) for found in (old, new)]
    artifacts = _differ(whole[0].artifacts, whole[1].artifacts)
    paths = {*whole[0].artifacts, *whole[1].artifacts}
    is_code = code_filter(history, (old.commit, new.commit), sorted(paths))
    changes = trees.changes(history.git, old.commit, new.commit)
    code = tuple(change.path for change in changes if is_code(change.path))
    return Changed(old.label, _differ(before.params, after.params), artifacts, code)


def _differ(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[str, ...]:
    names = before.keys() | after.keys()
    return tuple(sorted(name for name in names if before.get(name) != after.get(name)))
