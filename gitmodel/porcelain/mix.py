"""Put a working tree together from several versions, to find out which part of one matters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gitmodel import curves
from gitmodel.config import CONFIG_NAME
from gitmodel.errors import ConflictError, UsageError
from gitmodel.git import refs, revisions, trees, worktree
from gitmodel.git.command import Git
from gitmodel.git.trees import Change
from gitmodel.hints import command
from gitmodel.history import History
from gitmodel.paths import POINTER_SUFFIX
from gitmodel.porcelain.resolve import Resolved, resolve
from gitmodel.project import Project
from gitmodel.snapshot import Snapshot, name_of, pointer_path, read_commit, select
from gitmodel.version import parse_version
from gitmodel.words import some
from gitmodel.worktree.rules import ignore_rule, with_rules


@dataclass(frozen=True, slots=True)
class Mix:
    """What is to come from another version, as references; an empty one is the version itself.

    `paths` say which artifacts are data; without any, see `_data_of`.
    """

    code: str = ""
    data: str = ""
    paths: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """What came from a version: `code`, `data` or `rest`.

    `label` names the version; `paths` are files of code that differ from those of the version
    that the rest is of, else artifacts.
    """

    kind: str
    label: str
    commit: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mixed:
    """A mix that was worked out: what it tracks, Git's tree of it, and what came from where.

    `base` is the commit that the tree is a change of.
    """

    base: str
    snapshot: Snapshot
    tree: str
    parts: tuple[Part, ...]

    @property
    def words(self) -> str:
        """What it is, for a line of a log."""
        return "gitmodel: " + ", ".join(f"{part.kind} of {part.label}" for part in self.parts)


def make_mix(project: Project, history: History, base: Resolved, mix: Mix) -> Mixed:
    """Return what a version becomes with code or data of others; only Git's objects are written.

    Raises `ConflictError` if files that Git tracks have changes that no commit has.
    """
    if mix.paths and not mix.data:
        raise UsageError("paths say which artifacts --data takes", hint="--data VERSION -- PATH")
    check_code(project.git)
    snapshot = read_commit(history.objects, base.commit)
    changes: dict[str, Change] = {}
    parts = []
    pointers = dict(snapshot.pointers)
    if mix.data:
        found = _resolve(history, mix.data, base)
        other = read_commit(history.objects, found.commit)
        chosen = _data_of(project, base, (snapshot, other), mix.paths)
        changes |= _data_changes(project, history, base, found, chosen)
        pointers = {path: each for path, each in pointers.items() if path not in chosen}
        pointers |= {path: each for path, each in other.pointers.items() if path in chosen}
        parts.append(Part("data", found.label, found.commit, chosen))
    if mix.code:
        found = _resolve(history, mix.code, base)
        code = _code_changes(project, history, base, found, pointers)
        changes |= code
        parts.append(Part("code", found.label, found.commit, tuple(code)))
    data = {path for part in parts if part.kind == "data" for path in part.paths}
    rest = tuple(path for path in sorted(pointers) if path not in data)
    parts.append(Part("rest", base.label, base.commit, rest))
    tree = trees.write_tree(project.git, base.commit, changes.values(), project.scratch.new_path())
    return Mixed(base.commit, Snapshot("", pointers), tree, tuple(parts))


def _resolve(history: History, text: str, base: Resolved) -> Resolved:
    """Return what a reference means; beside `model-v1.1`, v1.0 may be a version of that model."""
    is_bare = parse_version(text) and text not in history.tags
    return resolve(history, text, base.name if is_bare else "")


def find_mix(git: Git) -> str | None:
    """Return the commit of the mix that the working tree is at; None if it is at none any more.

    Whoever moved Git, or took back what was mixed, is done with it.
    """
    mix = refs.mix(git)
    if mix is None:
        return None
    if revisions.resolve(git, f"{mix}^") == revisions.resolve(git, "HEAD"):
        mixed = {change.path for change in trees.changes(git, "HEAD", mix)}
        if mixed.intersection(worktree.modified(git, "HEAD", staged=True)):
            return mix
    refs.unset_mix(git)
    return None


def check_code(git: Git) -> None:
    """Refuse what would not be the code of any version, and could be lost on the way."""
    tree = find_mix(git) or "HEAD"
    changed = sorted({*worktree.modified(git, tree), *worktree.modified(git, tree, staged=True)})
    if changed:
        raise ConflictError(
            f"{some(changed)} changed, and no commit has that", hint="git commit it, or git stash"
        )


def _data_of(
    project: Project, base: Resolved, snapshots: Sequence[Snapshot], paths: Sequence[str]
) -> tuple[str, ...]:
    """Return which artifacts are data.

    Those that were named; else, of a version of one artifact, all others; else, folders.
    """
    there = {path: pointer for each in snapshots for path, pointer in each.pointers.items()}
    if paths:
        selections = select(paths, there)
        if part := next((each for each in selections if each.patterns), None):
            raise UsageError(
                f"{part.patterns[0]!r} is a part of {part.artifact!r}, which is taken whole",
                hint=command("-- {}", part.artifact),
            )
        return tuple(each.artifact for each in selections)
    names = project.config.artifacts
    chosen = [path for path in there if base.name and name_of(path, names) != base.name]
    if not base.name:
        found = (each.pointers.items() for each in snapshots)
        chosen = [path for each in found for path, pointer in each if pointer.kind == "tree"]
    if not chosen:
        raise UsageError(
            f"nothing tells which artifacts of {base.label!r} are data",
            hint="name them: --data VERSION -- PATH",
        )
    return tuple(sorted(set(chosen)))


def _data_changes(
    project: Project, history: History, base: Resolved, other: Resolved, chosen: Iterable[str]
) -> dict[str, Change]:
    """Return how Git's tree changes with the pointers of artifacts, or the files they were."""
    chosen = list(chosen)
    pointers = {pointer_path(path) for path in chosen}
    changes = {
        change.path: change
        for change in trees.changes(project.git, base.commit, other.commit)
        if change.path in pointers or _lies_in(change.path, chosen)
    }
    rules: dict[str, bytes] = {}
    for path in chosen:
        if history.objects.find(other.commit, pointer_path(path)):
            where, rule = ignore_rule(path)
            blob = history.objects.find(base.commit, where)
            old = rules.get(where, history.objects.blob(blob, where) if blob else b"")
            rules[where] = with_rules(old, [rule])
    for where, data in rules.items():
        changes[where] = Change("100644", trees.write_blob(project.git, data), where)
    return changes


def _code_changes(
    project: Project,
    history: History,
    base: Resolved,
    other: Resolved,
    artifacts: Iterable[str],
) -> dict[str, Change]:
    is_code = code_filter(history, (base.commit, other.commit), list(artifacts))
    changes = trees.changes(project.git, base.commit, other.commit)
    return {change.path: change for change in changes if is_code(change.path)}


def code_filter(
    history: History, commits: Iterable[str], artifacts: Sequence[str]
) -> Callable[[str], bool]:
    """Return what tells code from what describes artifacts, and from what makes Git ignore them."""
    others = {CONFIG_NAME}
    for commit in commits:
        others.update(history.objects.companions(commit))
    for sidecars in history.config.sidecars.values():
        others.update(path for paths in sidecars.values() for path in paths)

    def is_code(path: str) -> bool:
        if path in others or path.endswith((".gitignore", POINTER_SUFFIX, curves.SUFFIX)):
            return False
        # What is an artifact in one version may be Git's own in another.
        return not _lies_in(path, artifacts) and not any(
            artifact.startswith(f"{path}/") for artifact in artifacts
        )

    return is_code


def _lies_in(path: str, artifacts: Iterable[str]) -> bool:
    return any(path == artifact or path.startswith(f"{artifact}/") for artifact in artifacts)
