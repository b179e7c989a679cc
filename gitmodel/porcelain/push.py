"""Send the blobs of HEAD and of all versions to the remote, then the version tags to Git's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace

from gitmodel.errors import ConflictError, MissingError, UsageError
from gitmodel.git import refs, revisions, transport
from gitmodel.git.objects import Objects
from gitmodel.hints import command
from gitmodel.history import History, history_of
from gitmodel.imported import NAME
from gitmodel.porcelain.connect import open_remote
from gitmodel.porcelain.moved import moved_of
from gitmodel.porcelain.resolve import resolve
from gitmodel.progress import Work
from gitmodel.project import Project
from gitmodel.remote.packstore import Remote
from gitmodel.remote.upload import Sent
from gitmodel.root import make_root
from gitmodel.snapshot import Snapshot, oids_of, read_commit, read_worktree
from gitmodel.transfer.push import Absent, push_blobs
from gitmodel.version import is_almost_version, parse_version

_TAGS_AT_ONCE = 200
_FEW = 16
"""Refs of which it is quickly said what they consist of."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to push: these tags, or HEAD and all versions; to which remote, or the default one.

    `git`: whether the tags go to the Git remote as well.
    """

    tags: Sequence[str] = ()
    remote: str = ""
    git: bool = True


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did.

    `complete` are the refs whose blobs are all on the remote now and were not before;
    `incomplete` those of which blobs are missing here and there; `uncommitted` the artifacts
    whose pointers no commit has yet, so that they were not pushed; `moved` the versions, other
    than those to push, that are other tags on the Git remote than here, or than they were;
    `foreign` the refs that hold data of DVC's that was not imported, so that they are DVC's to
    push; `almost` the tags that people may take for versions.
    """

    remote: str
    url: str
    sent: Sent
    complete: tuple[str, ...]
    incomplete: dict[str, tuple[Absent, ...]]
    git_remote: str = ""
    git_tags: tuple[str, ...] = ()
    uncommitted: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    almost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """A ref that is to be complete on the remote; a branch moves, a version does not."""

    ref: str
    commit: str
    moves: bool


@dataclass(slots=True)
class _Outcome:
    sent: Sent
    complete: list[str] = field(default_factory=list)
    incomplete: dict[str, tuple[Absent, ...]] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)


def push(
    project: Project,
    request: Request,
    work: Work,
) -> Pushed:
    """Make the tags, or HEAD and all versions, complete on the remote; then push the tags.

    Raises `ConflictError` if a tag moved since it was pushed.
    """
    targets = _targets(project, request.tags)
    done = push_targets(project, targets, request.remote, work)
    remote = transport.remote_of(project.git) if request.git else None
    tags, moved = _push_tags(project, remote, targets, done) if remote else ((), ())
    return replace(
        done,
        git_remote=remote or "",
        git_tags=tags,
        uncommitted=_uncommitted(project),
        moved=moved,
        almost=() if request.tags else _almost(project),
    )


def push_targets(project: Project, targets: Sequence[Target], name: str, work: Work) -> Pushed:
    """Make some refs complete on the remote `name`, or the default one, and tell Git nothing.

    Raises `ConflictError` if a version is there at another commit.
    """
    remote = open_remote(project, name, write=True, rate=work.rate)
    remote.create()
    outcome = _push_targets(project, remote, targets, work)
    return Pushed(
        remote.name,
        remote.store.url,
        outcome.sent,
        tuple(outcome.complete),
        outcome.incomplete,
        foreign=tuple(outcome.foreign),
    )


def _targets(project: Project, tags: Sequence[str]) -> list[Target]:
    """Return what to push, versions first: they are what others wait for."""
    with history_of(project.git, project.config) as history:
        chosen = [_find_tag(history, tag) for tag in tags]
        chosen = chosen or sorted(version.tag for version in history.versions)
        targets = [
            Target(f"refs/tags/{tag}", history.tags[tag].commit, moves=False)
            for tag in dict.fromkeys(chosen)
        ]
    head = None if tags else revisions.resolve(project.git, "HEAD")
    if head:
        branch = refs.branch(project.git)
        targets.append(Target(branch or f"commits/{head}", head, moves=branch is not None))
    if not targets:
        raise UsageError("there is no commit to push yet", hint="git commit")
    return targets


def _find_tag(history: History, text: str) -> str:
    found = resolve(history, text)
    if not found.tag:
        raise UsageError(f"{text!r} is not a tag", hint="gitmodel versions")
    return found.tag


def _push_targets(
    project: Project,
    remote: Remote,
    targets: Sequence[Target],
    work: Work,
) -> _Outcome:
    complete = _complete(project, remote, targets)
    pending = [target for target in targets if target not in complete]
    pending += _grown(project, remote, complete)
    if not remote.has_all_packs(few=len(targets) <= _FEW):
        remote.check_packs(oids=_oids(project, _read(project, targets).values()))
    snapshots = _read(project, pending)
    pointers = {
        (artifact, pointer): None
        for snapshot in snapshots.values()
        for artifact, pointer in snapshot.pointers.items()
    }
    sent, absent = push_blobs(list(pointers), project.cache, remote, work)
    outcome = _Outcome(sent)
    lacking = {each.pointer.oid: each for each in absent}
    remote.confirm()
    for target in pending:
        oids = [pointer.oid for pointer in snapshots[target.commit].pointers.values()]
        if snapshots[target.commit].foreign:
            outcome.foreign.append(target.ref)
            continue
        if missing := tuple(lacking[oid] for oid in oids if oid in lacking):
            outcome.incomplete[target.ref] = missing
            continue
        remote.put_root(make_root(target.ref, target.commit, oids), moves=target.moves)
        outcome.complete.append(target.ref)
    remote.confirm_roots()
    return outcome


def _complete(project: Project, remote: Remote, targets: Sequence[Target]) -> list[Target]:
    """Return the refs whose root says that they are complete, and is right.

    Raises `ConflictError` if a version has a root of another commit.
    """
    roots = remote.roots_of(target.ref for target in targets)
    found = []
    for target in targets:
        root = roots.get(target.ref)
        if root is None:
            continue
        if root.commit != target.commit and not target.moves:
            raise ConflictError(
                f"{target.ref.removeprefix('refs/tags/')!r} is on remote {remote.name!r} at commit"
                f" {root.commit[:12]}, here at {target.commit[:12]}; a version never moves",
                hint="give the new version another tag",
            )
        if root.commit == target.commit:
            found.append(target)
    doubtful = [target for target in found if not remote.is_kept(roots[target.ref])]
    # An index file may have gone since the root was written.
    snapshots = _read(project, doubtful)
    for target in doubtful:
        oids = {*roots[target.ref].oids, *_oids(project, [snapshots[target.commit]])}
        if len(remote.holds(list(oids))) == len(oids):
            remote.set_kept(roots[target.ref])
        else:
            found.remove(target)
    return found


def _oids(project: Project, snapshots: Iterable[Snapshot]) -> list[str]:
    """Return all that pointers stand for, as far as the manifests are here."""
    found: set[str] = set()
    for snapshot in snapshots:
        for pointer in snapshot.pointers.values():
            found.add(pointer.oid)
            with suppress(MissingError):
                found.update(oids_of(pointer, project.cache))
    return list(found)


def _grown(project: Project, remote: Remote, targets: Sequence[Target]) -> list[Target]:
    """Return the complete refs that consist of more since what DVC tracks in them was imported."""
    if not targets or revisions.find_carried(project.git, NAME) is None:
        return []
    grown = []
    snapshots = _read(project, targets)
    for target in targets:
        root = remote.root(target.ref)
        snapshot = snapshots[target.commit]
        oids = {pointer.oid for pointer in snapshot.pointers.values()}
        if root and not snapshot.foreign and oids > set(root.oids):
            grown.append(replace(target, moves=True))
    return grown


def _read(project: Project, targets: Sequence[Target]) -> dict[str, Snapshot]:
    if not targets:
        return {}
    with closing(Objects(project.git)) as objects:
        return {target.commit: read_commit(objects, target.commit) for target in targets}


def _push_tags(
    project: Project, remote: str, targets: Sequence[Target], done: Pushed
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Push the complete tags that the Git remote lacks; nobody sees a tag without its data.

    Returns them, and which other versions are other tags there than here.
    """
    here, there = refs.tag_objects(project.git), transport.remote_tags(project.git, remote)
    complete = [
        target.ref.removeprefix("refs/tags/")
        for target in targets
        if target.ref.startswith("refs/tags/")
        and target.ref not in (*done.incomplete, *done.foreign)
    ]
    if moved := [tag for tag in complete if there.get(tag, here[tag]) != here[tag]]:
        raise ConflictError(
            f"tag {moved[0]!r} is another one on Git remote {remote!r}; a version never moves",
            hint=command("git ls-remote {} refs/tags/{}", remote, moved[0]),
        )
    new = [tag for tag in complete if tag not in there]
    for start in range(0, len(new), _TAGS_AT_ONCE):
        transport.push_tags(project.git, remote, new[start : start + _TAGS_AT_ONCE])
    return tuple(new), moved_of(project, remote, here, there)


def _almost(project: Project) -> tuple[str, ...]:
    """Return tags that are no versions by their names, or as they lead to no commit."""
    formats = project.config.tag_formats
    commits = {tag.name for tag in refs.tags(project.git)}
    return tuple(
        name
        for name in refs.tag_objects(project.git)
        if is_almost_version(name, formats)
        or (name not in commits and parse_version(name, formats))
    )


def _uncommitted(project: Project) -> tuple[str, ...]:
    head = revisions.resolve(project.git, "HEAD")
    committed = _read(project, [Target("HEAD", head, moves=True)])[head].pointers if head else {}
    now = read_worktree(project.git).pointers
    return tuple(path for path, pointer in now.items() if committed.get(path) != pointer)
