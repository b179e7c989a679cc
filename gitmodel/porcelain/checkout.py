"""Move to a revision and restore what its pointers name; or only restore."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from itertools import chain, pairwise

from gitmodel.errors import (
    ConflictError,
    DiskError,
    IntegrityError,
    MissingError,
    RemoteError,
    UnsavedError,
    UsageError,
)
from gitmodel.git import gitconfig, refs, revisions, staging, trees, worktree
from gitmodel.git.command import Git
from gitmodel.git.objects import Objects
from gitmodel.hints import command, note
from gitmodel.history import history_of
from gitmodel.locks import locked
from gitmodel.manifest import EXECUTABLE, LINK, Entry
from gitmodel.paths import find_twins
from gitmodel.pointer import Pointer
from gitmodel.porcelain.connect import open_remote
from gitmodel.porcelain.mix import Mix, Mixed, Part, find_mix, make_mix
from gitmodel.porcelain.resolve import Resolved, resolve
from gitmodel.porcelain.supply import bring_wanted
from gitmodel.porcelain.unseen import check_unseen
from gitmodel.progress import Work
from gitmodel.project import Project
from gitmodel.snapshot import (
    Selection,
    Snapshot,
    check_settled,
    check_there,
    entries_near,
    entries_of,
    not_imported,
    pointer_path,
    read_commit,
    read_worktree,
    select,
)
from gitmodel.transfer.download import Wanted
from gitmodel.transfer.fetch import fetch_manifests
from gitmodel.words import some
from gitmodel.worktree.content import store_at
from gitmodel.worktree.journal import read_journal, write_journal
from gitmodel.worktree.opening import look, open_folder
from gitmodel.worktree.plan import Plan, Planner
from gitmodel.worktree.replaced import Kept
from gitmodel.worktree.swap import Outcome, Swap, check_all_placed
from gitmodel.worktree.track import track
from gitmodel.worktree.write import Staged, check_room, rows, stage


@dataclass(frozen=True, slots=True)
class _Move:
    """Where Git is to move, empty if it stays; what is wanted then, and what is there now.

    `left` is what was there before a checkout that died after Git had moved.  `mix` is the commit
    of the mix that Git's files are at; `mixed` is what they become, if that is no commit's.
    """

    revision: str
    target: Snapshot
    current: Snapshot
    left: Snapshot
    mix: str | None = None
    mixed: Mixed | None = None

    @property
    def moves(self) -> bool:
        """Whether Git's files are to change."""
        return bool(self.revision or self.mixed)

    def before(self, artifact: str) -> list[Pointer]:
        """Return the pointers that may have put there what is there, the surest last."""
        sources = (self.left, self.current)
        return [each.pointers[artifact] for each in sources if artifact in each.pointers]


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """What a checkout did.

    `commit` is where it moved to, empty if it did not; `revision` what it restored, as it may be
    shown; `kept` are files that the version does not have, and that were left; `replaced` is what
    stood in the way, is saved nowhere, and is kept for a day; `carried` are
    artifacts whose pointer is not committed, which stay what that says; `parts` says what of a mix
    came from where; `odd` are new files that may be run or have a hidden name: nobody saw them in a
    review, for Git holds only their pointer.
    """

    commit: str
    revision: str
    artifacts: int
    written: int
    removed: int
    bytes: int
    kept: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    carried: tuple[str, ...] = ()
    replaced: tuple[Kept, ...] = ()
    odd: tuple[str, ...] = ()


def checkout(
    project: Project, revision: str, paths: Sequence[str], work: Work, *, force: bool
) -> CheckedOut:
    """Restore the artifacts of a revision, fetching what is missing.

    Without paths the working tree moves to the revision, if one is given; with paths only those
    are restored.  Nothing is changed before everything is known to be there, to be whole, and
    to overwrite nothing that is saved nowhere else.

    Raises `ConflictError` if it would, `MissingError` for blobs that are nowhere.
    """
    with locked(project.lock):
        found = _resolve(project, revision)
        commit = found.commit if found else ""
        current = read_worktree(project.git)
        if not (commit and paths):
            # As with Git, taking something from a revision ends a conflict, and nothing else does.
            check_settled(paths or current.conflicts, current)
        target = _read(project, commit) if commit else current
        left = Snapshot("", {} if paths else read_journal(project.journal))
        goal = _for_git(found) if found and not paths else ""
        mix = find_mix(project.git) if goal else None
        carried = _carried(project, current, mix) if goal else {}
        pointers = {**target.pointers, **carried}
        move = _Move(goal, replace(target, pointers=pointers), current, left, mix)
        selections = _select(project, paths, move)
        done = _restore(project, selections, move, work, force=force)
        if commit and paths:
            # As with `git checkout REV -- PATH`, a whole artifact's pointer comes along.
            whole = [each.artifact for each in selections if not each.patterns]
            taken = {artifact: target.pointers[artifact] for artifact in whole}
            track(project.git, taken, current.pointers, project.beside)
    report = _report(*done, "" if paths else commit, found.label if found else "")
    return replace(report, carried=tuple(sorted(carried)))


def restore(
    project: Project,
    wanted: Mapping[str, Pointer],
    before: Mapping[str, Pointer | None],
    work: Work,
    *,
    force: bool,
) -> CheckedOut:
    """Make artifacts what `wanted` says, where `before` says what they are; touch no pointer.

    What `wanted` lacks is removed; where `before` is None, what gitmodel itself put there.  The
    caller holds the lock.  Raises as `checkout` does.
    """
    known = {artifact: pointer for artifact, pointer in before.items() if pointer}
    move = _Move("", Snapshot("", wanted), Snapshot("", known), Snapshot("", {}))
    selections = [Selection(artifact) for artifact in sorted(wanted.keys() | before.keys())]
    return _report(*_restore(project, selections, move, work, force=force))


def follow(
    project: Project, artifacts: Sequence[str], before: Mapping[str, Pointer], work: Work
) -> CheckedOut:
    """Restore some artifacts, or take them away, after Git itself has moved.

    `before` are the pointers that Git left: they may have put there what is there.  Raises what
    `checkout` does.
    """
    with locked(project.lock):
        current = read_worktree(project.git)
        left = Snapshot("", {**read_journal(project.journal), **before})
        selections = [Selection(artifact) for artifact in artifacts]
        move = _Move("", current, current, left)
        return _report(*_restore(project, selections, move, work, force=False))


def go_to(project: Project, commit: str, branch: str, work: Work) -> None:
    """Move to a commit as `checkout` does: on a branch if one is named, which must lead there."""
    with locked(project.lock):
        left = Snapshot("", read_journal(project.journal))
        current = read_worktree(project.git)
        mix = find_mix(project.git)
        move = _Move(branch or commit, _read(project, commit), current, left, mix)
        _report(*_restore(project, _select(project, (), move), move, work, force=False))


def checkout_mix(
    project: Project, revision: str, mix: Mix, work: Work, *, force: bool
) -> CheckedOut:
    """Move to a revision, if one is given, and restore code or data of others over it.

    HEAD is then at the revision, and what comes from elsewhere is staged.  The next `checkout`
    takes it back.  Raises what `checkout` does.
    """
    with locked(project.lock), history_of(project.git, project.config) as history:
        base = _resolve(project, revision) or resolve(history, "HEAD")
        mixed = make_mix(project, history, base, mix)
        left = Snapshot("", read_journal(project.journal))
        current = read_worktree(project.git)
        goal = _for_git(base) if revision else ""
        move = _Move(goal, mixed.snapshot, current, left, find_mix(project.git), mixed)
        done = _restore(project, _select(project, (), move), move, work, force=force)
    return replace(_report(*done, base.commit, base.label), parts=mixed.parts)


def _restore(
    project: Project, selections: Sequence[Selection], move: _Move, work: Work, *, force: bool
) -> tuple[Plan, Outcome]:
    if move.moves:
        _check_imported(move.target)
        known = (move.target.pointers, move.current.pointers, move.left.pointers)
        check_unseen(project.git, _steps(project.git, move), frozenset(chain(*known)))
    _check_names(project, [each.artifact for each in selections])
    _bring_manifests(project, selections, move, work)
    plan = _make_plan(project, selections, move, work)
    _check(project, plan, force=force)
    return plan, _carry_out(project, plan, move, work, force=force)


def _steps(git: Git, move: _Move) -> list[tuple[str, str]]:
    """Return the trees that Git's files go from and to, one after the other."""
    head = revisions.resolve(git, "HEAD") or trees.empty(git)
    stops = [move.mix, head, revisions.resolve(git, move.revision) if move.revision else None]
    stops.append(move.mixed.tree if move.mixed else None)
    return list(pairwise(stop for stop in stops if stop))


def _check_names(project: Project, artifacts: Sequence[str]) -> None:
    """Raise `IntegrityError` for artifacts that are one on a disk without case."""
    twins = find_twins(artifacts)
    if twins and gitconfig.ignores_case(project.git):
        one, other = twins
        raise IntegrityError(
            f"{one!r} and {other!r} are one name on this disk",
            hint="name the artifacts that you want: gitmodel checkout REV -- PATH",
        )


def _check_imported(target: Snapshot) -> None:
    """Raise `MissingError` if some of the data would stay that of another revision."""
    if target.foreign:
        raise MissingError(
            f"{target.commit[:12]}: {not_imported(target.foreign)}",
            hint="gitmodel import dvc --all-tags, on the branch that was imported; or git checkout"
            " and dvc checkout",
        )


def _report(plan: Plan, outcome: Outcome, commit: str = "", label: str = "") -> CheckedOut:
    """Return what was done; raise `ConflictError` if an edit that came in between was left."""
    check_all_placed(outcome)
    change = plan.change
    counts = (len(plan.artifacts), len(change.writes), len(change.removals), change.bytes)
    kept = tuple(plan.kept)
    odd = tuple(
        write.path
        for write in change.writes
        if write.path not in change.compared
        and (write.entry.type == EXECUTABLE or "/." in f"/{write.path}")
    )
    return CheckedOut(commit, label, *counts, kept, replaced=tuple(outcome.kept), odd=odd)


def _resolve(project: Project, revision: str) -> Resolved | None:
    if not revision:
        return None
    path = (project.root / revision).exists() or revision in read_worktree(project.git).pointers
    # Whoever types a path wants that restored, not all of its newest version.
    if path and revisions.resolve(project.git, revision) is None:
        raise UsageError(
            f"{revision!r} is a path, not a version",
            hint=command("gitmodel checkout -- {}", revision),
        )
    with history_of(project.git, project.config) as history:
        return resolve(history, revision)


def _for_git(found: Resolved) -> str:
    """Return what Git is to move to: a branch stays one, and a tag is none of the same name."""
    if found.tag:
        return f"refs/tags/{found.tag}"
    return found.commit if found.name else found.label


def _carried(project: Project, current: Snapshot, mix: str | None) -> dict[str, Pointer]:
    """Return the pointers here that no commit has: Git takes them along, or refuses to move."""
    base = mix or revisions.resolve(project.git, "HEAD")
    before = _read(project, base).pointers if base else {}
    return {path: each for path, each in current.pointers.items() if each != before.get(path)}


def _read(project: Project, commit: str) -> Snapshot:
    with closing(Objects(project.git)) as objects:
        return read_commit(objects, commit)


def _select(project: Project, paths: Sequence[str], move: _Move) -> list[Selection]:
    chosen = select(paths, move.target.pointers)
    if move.moves:
        # A sparse checkout goes on leaving out what it left out.
        out = staging.left_out(project.git)
        chosen = [each for each in chosen if pointer_path(each.artifact) not in out]
    if not paths:
        # What the revision does not track goes, as a file does that Git tracked.
        there = move.current.pointers.keys() | move.left.pointers.keys()
        gone = there - move.target.pointers.keys()
        chosen += [Selection(artifact) for artifact in sorted(gone)]
    return chosen


def _bring_manifests(
    project: Project, selections: Sequence[Selection], move: _Move, work: Work
) -> None:
    """Fetch what is needed to plan; blobs only once it is known which."""
    target = move.target
    named = [selection.artifact for selection in selections]
    _fetch(project, [target.pointers[a] for a in named if a in target.pointers], work)
    there = [artifact for artifact in named if look(project.root, artifact) is not None]
    # Without the manifest of what is there now, more of it counts as unsaved; no harm is done.
    with suppress(MissingError, RemoteError, UsageError):
        _fetch(project, [each for artifact in there for each in move.before(artifact)], work)


def _fetch(project: Project, pointers: Sequence[Pointer], work: Work) -> None:
    trees = {pointer.oid: pointer for pointer in pointers if pointer.kind == "tree"}
    if lacking := trees.keys() - project.cache.present(trees):
        remote = open_remote(project, rate=work.rate)
        fetch_manifests([trees[oid] for oid in lacking], project.cache, remote, work)


def _make_plan(
    project: Project,
    selections: Sequence[Selection],
    move: _Move,
    work: Work,
) -> Plan:
    target, current = move.target, move.current
    leaving: set[str] = set()
    if move.moves:
        # Before an artifact became one, Git held its files; their going is Git's own affair.
        new = sorted(target.pointers.keys() - current.pointers)
        leaving.update(staging.tracked(project.git, new))
    else:
        # What is no artifact now may be a file that Git holds.
        gone = {each.artifact for each in selections} - target.pointers.keys()
        leaving.update(staging.tracked(project.git, sorted(gone)))
    planner = Planner(project.root, project.cache, project.index, work.progress, leaving)
    for selection in selections:
        artifact = selection.artifact
        pointer = target.pointers.get(artifact)
        wanted = entries_of(pointer, project.cache) if pointer else {}
        check_there(selection, wanted)
        before: dict[str, Entry] = {}
        for earlier in move.before(artifact):
            with suppress(MissingError):
                before |= entries_near(earlier, project.cache, pointer, wanted)
        types = project.types(ChainMap(wanted, before).get)
        planner.compare(selection, wanted, before, project.config.algorithm, types)
    return planner.plan


def _check(project: Project, plan: Plan, *, force: bool) -> None:
    if in_way := [path for path, is_in_way in plan.repositories.items() if force or is_in_way]:
        were = "is a Git repository" if len(in_way) == 1 else "are Git repositories"
        raise ConflictError(
            f"{some(in_way)} {were}, which no command removes",
            hint=command("mv {} ANOTHER_NAME", in_way[0]),
        )
    links = [write.path for write in plan.change.writes if write.entry.type == LINK]
    if links and not gitconfig.keeps_links(project.git):
        raise DiskError(
            f"{links[0]!r} is a symlink, and core.symlinks says that there are none here",
            hint="git config core.symlinks true, if the disk has them",
        )
    if force:
        plan.change.removals += plan.kept
        plan.kept = []
    elif plan.unsaved:
        raise UnsavedError(
            f"{some(plan.unsaved)} would be overwritten, and what is in there is saved nowhere",
            plan.unsaved,
            hint=note("gitmodel add {} keeps it, --force replaces it", plan.unsaved[0]),
        )
    check_room(project.root, plan.change, project.places)


def _pointers_of(staged: Staged) -> set[str]:
    return {pointer_path(write.artifact) for write, _ in staged.writes}


def _carry_out(project: Project, plan: Plan, move: _Move, work: Work, *, force: bool) -> Outcome:
    """Write everything beside the tree, move Git, then put everything in its place."""
    change = plan.change
    wanted = (Wanted(write.entry.oid, write.entry.size, write.path) for write in change.writes)
    bring_wanted(project, wanted, "", work)
    with project.cache.writer(project.config.algorithm) as writer:
        for artifact, path in plan.rescues:
            store_at(project.root, artifact, path, writer)
    staged = stage(project.root, change, project.cache, project.places, work.progress)
    swap = Swap(project.root, project.cache, project.places, force=force)
    swap.check(change, staged, plan.leaving)
    leaving = {} if move.moves else move.left.pointers
    if leaving:
        write_journal(project.journal, leaving, project.scratch)
    if move.moves:
        _move_git(project, move)
        # Which of what is new is left out, only Git knows, and only now.
        out = staging.left_out(project.git)
        staged = [each for each in staged if not _pointers_of(each) <= out]
        # What is no artifact there may be a file that Git holds, and has just written.
        gone = move.current.pointers.keys() - move.target.pointers
        raw = set(staging.tracked(project.git, sorted(gone)))
        change.removals = [path for path in change.removals if path not in raw]
    outcome = swap.apply(change, staged)
    _make_empty(project, plan, move.target)
    fresh = [*plan.fresh, *rows(project.root, outcome.placed, project.places)]
    if fresh or change.removals:
        project.index.record(str(project.root), plan.artifacts, fresh, change.removals)
    if leaving or move.moves:
        project.journal.unlink(missing_ok=True)
    return outcome


def _make_empty(project: Project, plan: Plan, target: Snapshot) -> None:
    """Make the folders of trees that have no entries, which nothing was written for."""
    empty = {path for path, pointer in target.pointers.items() if pointer.files == 0}
    for artifact in empty.intersection(plan.artifacts):
        with open_folder(project.root, artifact, create=True):
            pass


def _move_git(project: Project, move: _Move) -> None:
    """Bring Git and its files to where they are to be, or change nothing if that would lose any."""
    git, old = project.git, move.mix
    after = move.mixed.tree if move.mixed else move.target.commit
    if old or move.mixed:
        worktree.move_tree(git, old or "HEAD", after, dry_run=True)
    write_journal(project.journal, move.current.pointers, project.scratch)
    if old:
        worktree.move_tree(git, old, "HEAD")
        refs.unset_mix(git)
    if move.revision:
        worktree.checkout(git, move.revision)
    if move.mixed:
        refs.set_mix(git, move.mixed.tree, move.mixed.base, move.mixed.words)
        worktree.move_tree(git, "HEAD", move.mixed.tree)
