"""Turn what DVC tracks into artifacts, and note what its older revisions consist of."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from gitmodel.dvcfile import Out, is_outs
from gitmodel.errors import ConflictError, IntegrityError, UsageError
from gitmodel.git import refs, staging, worktree
from gitmodel.git.objects import Objects
from gitmodel.hints import command, either
from gitmodel.imported import NAME, format_imported, parse_imported
from gitmodel.locks import locked
from gitmodel.paths import parents
from gitmodel.pointer import Pointer
from gitmodel.porcelain.add import check_alone, check_new_name
from gitmodel.porcelain.dvc_bytes import DvcBytes
from gitmodel.porcelain.dvc_collect import Collector, Lost, Scope
from gitmodel.progress import Work
from gitmodel.project import Project
from gitmodel.snapshot import entries_of, pointer_path, read_worktree, staged_outs
from gitmodel.worktree.files import read_file, remove_file, write_file
from gitmodel.worktree.opening import look, pack_stat
from gitmodel.worktree.rules import ignore_rule, remove_rule
from gitmodel.worktree.swap import put
from gitmodel.worktree.track import track
from gitmodel.worktree.write import Change, Compared, Write


@dataclass(frozen=True, slots=True)
class Taken:
    """An artifact that was one of DVC's; `source` is the file that said so, `stage` what made it.

    `there`: whether its files are in the working tree.
    """

    path: str
    pointer: Pointer
    source: str
    stage: str
    there: bool


@dataclass(frozen=True, slots=True)
class ImportedDvc:
    """What an import did: all is staged, or, if something is lost and was not to be skipped, none.

    `tags` are those that can be read now, `objects` is how many artifacts of revisions are noted;
    `pipelines` are files of DVC's that stay.
    """

    taken: tuple[Taken, ...]
    lost: tuple[Lost, ...]
    tags: tuple[str, ...]
    objects: int
    pipelines: tuple[str, ...]
    remotes: tuple[str, ...]
    staged: bool


def import_dvc(project: Project, work: Work, *, all_tags: bool, skip_missing: bool) -> ImportedDvc:
    """Stage pointers in the place of what DVC tracks; with `all_tags`, note what its tags mean.

    Nothing is staged unless all bytes are in the cache, or what is missing may be skipped.  Raises
    `ConflictError` if files of DVC's are not as Git has them, `IntegrityError` for unsafe ones,
    `UsageError` if there is nothing to import.
    """
    with locked(project.lock):
        _check_committed(project)
        tags = _outs_of_tags(project, lenient=skip_missing) if all_tags else None
        scope = Scope(_outs_here(project), tags)
        if not scope.here and not scope.tags:
            raise UsageError(
                "DVC tracks nothing here that gitmodel does not",
                hint="gitmodel status" if all_tags else "gitmodel import dvc --all-tags",
            )
        _check_names(project, scope.here)
        collector = Collector(project, work)
        lost = collector.collect(scope)
        if ready := skip_missing or not lost:
            gone = {each.out.path for each in lost if not each.revision}
            mine = [out for out in scope.here if out.path not in gone]
            _stage(project, scope, mine, collector, work)
    return _report(project, scope, collector, lost, staged=ready)


def _check_committed(project: Project) -> None:
    """Raise `ConflictError` if Git's index is not what DVC says: it will be, and nothing else."""
    changed = worktree.unstaged(project.git, ["*.dvc", "*dvc.lock"])
    if names := [path for path in changed if is_outs(path)]:
        some = ", ".join(map(repr, names[:5]))
        raise ConflictError(
            f"{some} {'is' if len(names) == 1 else 'are'} other than in Git's index",
            hint=either(command("git add {}", names[0]), command("git checkout -- {}", names[0])),
        )


def _outs_here(project: Project) -> list[Out]:
    """Return what is to be taken; what a pipeline makes only once, for its files stay."""
    pointers = staging.pointers(project.git)
    outs = staged_outs(project.git)
    return [out for out in outs if not out.stage or pointer_path(out.path) not in pointers]


def _outs_of_tags(project: Project, *, lenient: bool) -> dict[str, list[Out]]:
    """Return what DVC tracks in each tag in which it tracks anything.

    `lenient`: leave out tags in which that cannot be told.
    """
    found = {}
    with closing(Objects(project.git)) as objects:
        for ref in refs.tags(project.git):
            try:
                found[ref.name] = objects.outs(ref.commit)
            except IntegrityError as error:
                if not lenient:
                    raise IntegrityError(
                        f"tag {ref.name!r}: {error.message}",
                        hint="gitmodel import dvc --all-tags --skip-missing leaves it out",
                    ) from error
    return {tag: outs for tag, outs in found.items() if outs}


def _check_names(project: Project, outs: Sequence[Out]) -> None:
    pointers = read_worktree(project.git).pointers
    check_alone(project, [out.path for out in outs], pointers)
    tracked = {*pointers, *(out.path for out in outs)}
    for out in outs:
        check_new_name(out.path)
        for folder in parents(out.path):
            if folder in tracked:
                raise IntegrityError(
                    f"{out.source!r} tracks {out.path!r}, which lies inside {folder!r}",
                    hint=command("dvc remove {}", out.source),
                )


def _stage(
    project: Project, scope: Scope, mine: Sequence[Out], collector: Collector, work: Work
) -> None:
    """Put pointers in the place of DVC's files, and tell Git; DVC's own go last."""
    made = {out.path: _pointer_of(out, collector) for out in mine}
    if scope.tags is not None:
        write_file(project.root, NAME, _noted(project, collector), project.beside)
        staging.stage(project.git, [NAME])
    for path in made:
        rules, rule = ignore_rule(path)
        if (old := _dvc_rule(path)) != rule:
            remove_rule(project.root, rules, old, project.beside)
    track(project.git, made, {}, project.beside)
    _replace_links(project, made, collector.bytes, work)
    kept = {out.source for out in scope.here if out.path not in made or out.stage}
    done = dict.fromkeys(out.source for out in mine if out.source not in kept)
    for path in staging.remove(project.git, list(done), force=True):
        remove_file(project.root, path)
    collector.forget()


def _pointer_of(out: Out, collector: Collector) -> Pointer:
    pointer = collector.pointers[out.key]
    executable = out.executable and pointer.kind == "file"
    return Pointer(
        pointer.kind, pointer.oid, pointer.fingerprint, pointer.size, pointer.files, executable
    )


def _noted(project: Project, collector: Collector) -> bytes:
    """Return what an earlier import noted, and this one."""
    data = read_file(project.root, NAME)
    before = parse_imported(data) if data is not None else {}
    return format_imported({**before, **collector.pointers})


def _dvc_rule(path: str) -> bytes:
    """Return the line by which DVC makes Git ignore a path."""
    name = path.rpartition("/")[2]
    return b"/" + "".join(f"\\{c}" if c in "[]!*#?" else c for c in name).encode()


def _replace_links(
    project: Project, made: Mapping[str, Pointer], dvc: DvcBytes, work: Work
) -> None:
    """Put files where DVC put symlinks into its cache, which may be deleted one day."""
    change = Change()
    for artifact, pointer in made.items():
        for entry in entries_of(pointer, project.cache).values():
            path = (write := Write(artifact, entry)).path
            status = look(project.root, path) if dvc.is_link(project.root / path) else None
            if status and stat.S_ISLNK(status.st_mode):
                change.writes.append(write)
                change.compared[path] = Compared(pack_stat(status), entry.oid, sure=True)
    put(project.root, change, project.cache, project.places, work.progress)


def _report(
    project: Project, scope: Scope, collector: Collector, lost: Sequence[Lost], *, staged: bool
) -> ImportedDvc:
    gone = {each.out.path for each in lost if not each.revision}
    taken = [
        Taken(
            out.path,
            _pointer_of(out, collector),
            out.source,
            out.stage,
            look(project.root, out.path) is not None,
        )
        for out in scope.here
        if out.path not in gone
    ]
    tags = scope.tags or {}
    readable = [tag for tag in tags if all(out.key in collector.pointers for out in tags[tag])]
    pipelines = dict.fromkeys(out.source for out in scope.here if out.stage)
    return ImportedDvc(
        tuple(taken) if staged else (),
        tuple(lost),
        tuple(readable),
        len(collector.pointers),
        tuple(pipelines),
        tuple(collector.bytes.remote_names()),
        staged,
    )
