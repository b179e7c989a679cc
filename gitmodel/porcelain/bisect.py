"""Find the first version that is worse: by its metrics, or by what a command says of it."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gitmodel.bisection import Verdict, halve, scan
from gitmodel.errors import ConflictError, GitmodelError, IntegrityError, UsageError
from gitmodel.git import refs, revisions, trees, worktree
from gitmodel.git.command import operand
from gitmodel.hints import command, note, then
from gitmodel.history import History
from gitmodel.paths import POINTER_SUFFIX, parents
from gitmodel.porcelain.checkout import go_to
from gitmodel.porcelain.mix import check_code, code_filter
from gitmodel.porcelain.resolve import Resolved
from gitmodel.porcelain.span import Ends, Span, find_owner, find_span
from gitmodel.porcelain.status import ArtifactStatus, status
from gitmodel.porcelain.versions import check_metric, versions
from gitmodel.progress import Work, silent
from gitmodel.project import Project
from gitmodel.sidecar import Goal
from gitmodel.snapshot import read_worktree
from gitmodel.worktree.opening import look
from gitmodel.worktree.replaced import Kept
from gitmodel.worktree.repositories import Repositories
from gitmodel.worktree.swap import Swap
from gitmodel.worktree.write import Change

_SKIP, _LAST = 125, 127
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Judge:
    """What is worse: a metric beyond the threshold, else worse than the good one's by tolerance."""

    metric: str
    goal: Goal | None = None
    threshold: float | None = None
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What is run on each version.

    `run` is given what is checked out, and returns the exit code: 0 is good, 125 says nothing,
    up to 127 is bad, more ends it all.  `tell` is given where that is kept, for a day, which was
    changed meanwhile.
    """

    run: Callable[[str], int]
    tell: Callable[[Sequence[Kept]], None]


@dataclass(frozen=True, slots=True)
class Tested:
    """A version, what it is, and why: the value of its metric, or the exit code of the command."""

    version: str
    commit: str
    verdict: Verdict
    value: float | None = None
    exit_code: int | None = None


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


def bisect_metric(history: History, ends: Ends, judge: Judge) -> Bisected:
    """Read a metric of all versions, and return the first that is worse; nothing is checked out.

    Raises `GitmodelError` if the bad end is not worse than the good one.
    """

    def is_told(found: Resolved) -> bool:
        return judge.metric in history.reader.read(found.commit, name).metrics

    name = find_owner(history, ends)
    if not ends.good:
        check_metric(versions(history, name) or versions(history), judge.metric)
    span = find_span(history, name, ends, is_told)
    limit = _limit(history, span, judge)
    tested = [_read(history, span, found, limit) for found in span.ordered]
    good, bad = tested[0], tested[-1]
    _check_ends(good, bad, limit, tested)
    verdicts = {each.commit: each.verdict for each in tested}
    suspects, again = scan(span.line, verdicts)
    done = _found(history, span, tested, suspects)
    return replace(done, limit=limit, again=tuple(span.labels[commit].label for commit in again))


def bisect_command(
    project: Project,
    history: History,
    ends: Ends,
    trial: Trial,
    work: Work,
) -> Bisected:
    """Check out versions and try each, both ends first; return the first bad one.

    In the end the working tree is what it was before.
    """
    name = find_owner(history, ends)
    span = find_span(history, name, ends, lambda found: True)
    tested: dict[str, Tested] = {}

    def test(commit: str) -> Verdict:
        if commit not in tested:
            found = span.labels[commit]
            trip.go(commit)
            try:
                code = trial.run(found.label)
            finally:
                trip.take_back(commit)
            tested[commit] = Tested(
                found.label, commit, _verdict(found.label, code), exit_code=code
            )
        return tested[commit].verdict

    with _Trip(project, trial.tell, work) as trip:
        _check_said(span.good, "good", test(span.good.commit))
        _check_said(span.bad, "bad", test(span.bad.commit))
        suspects = halve(span.line, test)
    ordered = [tested[found.commit] for found in span.ordered if found.commit in tested]
    return _found(history, span, ordered, suspects)


def _limit(history: History, span: Span, judge: Judge) -> Limit:
    metrics = history.reader.read(span.good.commit, span.name).metrics
    if judge.metric not in metrics:
        known = ", ".join(sorted(metrics)[:_SHOWN]) or "none"
        raise UsageError(
            f"{span.good.label!r} has no metric {judge.metric!r}; it has {known}",
            hint=command("gitmodel versions {}", span.name) if span.name else "gitmodel versions",
        )
    metric = metrics[judge.metric]
    goal = judge.goal or metric.goal
    value = judge.threshold
    if value is None:
        value = metric.value + (-judge.tolerance if goal == "max" else judge.tolerance)
    return Limit(judge.metric, goal, metric.guessed and judge.goal is None, value)


def _read(history: History, span: Span, found: Resolved, limit: Limit) -> Tested:
    metrics = history.reader.read(found.commit, span.name).metrics
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
        hint=command("gitmodel bisect --bad {} ...", others[-1]) if others else "gitmodel versions",
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
            hint=note("gitmodel checkout {}, and try the command", found.label),
        )


class _Trip:
    """Goes from version to version, and comes back to where it began, whatever happens."""

    def __init__(
        self, project: Project, tell: Callable[[Sequence[Kept]], None], work: Work
    ) -> None:
        """Raises `ConflictError` if something is modified, which no version has."""
        self._project = project
        self._tell = tell
        self._work = work
        _check_clean(project)
        self._head, self._branch = self._where()
        artifacts = read_worktree(project.git).pointers
        self._users = worktree.others(project.git) - {
            *artifacts,
            *(f"{each}/" for each in artifacts),
        }
        self._tried = False

    def __enter__(self) -> _Trip:
        return self

    def __exit__(self, *_: object) -> None:
        git = self._project.git
        if not self._tried and self._where() == (self._head, self._branch):
            return
        # The command may have committed to the branch, or removed it.
        here = revisions.resolve(git, f"refs/heads/{self._branch}") if self._branch else None
        branch = self._branch if here else ""
        try:
            self.go(here or self._head, branch)
        except GitmodelError as error:
            raise ConflictError(
                f"the working tree is still at another version: {error.message}",
                hint=then(error.hint, command("gitmodel checkout {}", branch or self._head)),
            ) from error

    def _where(self) -> tuple[str, str]:
        """Return the commit of HEAD, and its branch as Git is given it."""
        git = self._project.git
        branch = (refs.branch(git) or "").removeprefix("refs/heads/")
        return revisions.resolve(git, "HEAD") or "", operand(branch)

    def go(self, commit: str, branch: str = "") -> None:
        """Check a commit out; what was made meanwhile, and is in the way of that, is set aside."""
        self._tell_all(self._clear_way(commit))
        go_to(self._project, commit, branch, self._work)

    def take_back(self, commit: str) -> None:
        """Undo what was done to what a commit tracks, and tell where that is kept."""
        self._tried = True
        self._tell_all(self._take_back(commit))

    def _tell_all(self, kept: Iterator[Kept]) -> None:
        found: list[Kept] = []
        try:
            found.extend(kept)
        finally:
            self._tell(found)

    def _take_back(self, commit: str) -> Iterator[Kept]:
        project = self._project
        changed = worktree.put_head(project.git, commit)
        yield from self._set_aside(self._in_way(changed))
        worktree.write_absent(project.git, changed)
        try:
            yield from self._clear(status(project, (), silent))
        except IntegrityError:
            # One is of another kind altogether, or something in it is.
            for artifact in read_worktree(project.git).pointers:
                try:
                    yield from self._clear(status(project, [artifact], silent))
                except IntegrityError:
                    yield project.places.set_aside(artifact)

    def _clear(self, artifacts: Iterable[ArtifactStatus]) -> Iterator[Kept]:
        """Set aside what is not as the pointers say; `go_to` restores the rest."""
        project = self._project
        repositories = Repositories(project.root)
        for each in artifacts:
            inside = [f"{each.path}/{path}".rstrip("/") for path in (*each.modified, *each.added)]
            change = Change(
                removals=[p for p in inside if repositories.holding(p, each.path, ()) is None]
            )
            swap = Swap(project.root, project.cache, project.places, force=True)
            yield from swap.apply(change, ()).kept

    def _clear_way(self, commit: str) -> Iterator[Kept]:
        here = revisions.resolve(self._project.git, "HEAD") or trees.empty(self._project.git)
        new = [each.path for each in trees.added(self._project.git, here, commit)]
        new += [path.removesuffix(POINTER_SUFFIX) for path in new if path.endswith(POINTER_SUFFIX)]
        return self._set_aside(each for each in self._in_way(new) if not self._is_users(each))

    def _is_users(self, path: str) -> bool:
        """Return whether something was there at first, and tracked by nobody."""
        return path in self._users or any(
            f"{each}/" in self._users for each in (path, *parents(path))
        )

    def _in_way(self, paths: Iterable[str]) -> Iterator[str]:
        return filter(None, (_in_way(self._project.root, path) for path in paths))

    def _set_aside(self, paths: Iterable[str]) -> Iterator[Kept]:
        return (self._project.places.set_aside(path) for path in paths)


def _check_clean(project: Project) -> None:
    check_code(project.git)
    for each in status(project, (), silent):
        if each.work == "modified":
            raise ConflictError(
                f"{each.path!r} changed, and no version has that",
                hint=command("gitmodel add {}", each.path),
            )
        if each.work == "unknown" and look(project.root, each.path) is not None:
            raise ConflictError(
                f"nothing tells whether {each.path!r} changed", hint="gitmodel fetch"
            )


def _in_way(root: Path, path: str) -> str:
    """Return what stands where a file, or a folder above it, is to be, or nothing."""
    for each in (*reversed([*parents(path)]), path):
        status = look(root, each)
        if status is None:
            return ""
        if each == path or not stat.S_ISDIR(status.st_mode):
            return each
    return ""


def _found(
    history: History, span: Span, tested: Sequence[Tested], suspects: Sequence[str]
) -> Bisected:
    by_commit = {each.commit: each for each in tested}
    first = span.line.names.index(suspects[-1])
    above = span.line.chosen(span.line.above[first])
    good = [c for c in above if c in by_commit and by_commit[c].verdict == "good"]
    since = span.labels[good[-1]] if good else span.good
    return Bisected(
        span.name,
        None,
        by_commit[span.good.commit],
        by_commit[span.bad.commit],
        tuple(tested),
        tuple(by_commit[commit] for commit in suspects),
        (),
        _changed(history, span, since, span.labels[suspects[-1]]),
    )


def _changed(history: History, span: Span, old: Resolved, new: Resolved) -> Changed:
    before, after = (history.reader.read(found.commit, span.name) for found in (old, new))
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
