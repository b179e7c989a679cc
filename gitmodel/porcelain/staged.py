"""What hooks look for in the files that are about to be committed.

Content is read from Git's index: that is what the commit will have, whatever the work files are.
Nothing here needs a remote, and only pointers need the cache.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from gitmodel.card import SUFFIX as CARD
from gitmodel.card import check_card, parse_card
from gitmodel.config import CONFIG_NAME, Config, parse_config
from gitmodel.curves import MAX_BYTES, parse_curves
from gitmodel.curves import SUFFIX as CURVES
from gitmodel.document import discreet, is_document
from gitmodel.errors import GateError, GitmodelError, IntegrityError, MissingError, UsageError
from gitmodel.expression import parse_expression
from gitmodel.git import staging, trees
from gitmodel.git.command import Git
from gitmodel.git.staging import Staged
from gitmodel.hints import command, note
from gitmodel.lineage import SUFFIX as LINEAGE
from gitmodel.lineage import parse_lineage
from gitmodel.paths import POINTER_SUFFIX, check_artifact, parents
from gitmodel.pointer import MAX_BYTES as MAX_POINTER
from gitmodel.pointer import Pointer, parse_pointer
from gitmodel.project import Project
from gitmodel.record import is_measure
from gitmodel.secrets import Secret, find_secrets_in
from gitmodel.settings import read_config
from gitmodel.sidecar import Kind, parse_metrics, parse_params, secrets_said
from gitmodel.snapshot import oids_of

LARGE_KEY = "gitmodel.largeFile"
LARGE = 10 << 20
"""Bytes; more than any source file has, and less than most models."""

_SIDECAR = re.compile(
    r"(?P<folder>(?:.*/)?)(?P<stem>[^/]*?\.|)(?P<kind>metrics|params)\.(?:json|ya?ml)", re.DOTALL
)
_REVOKE = (
    "take it out, and revoke it if anyone may have seen it; if it is none, end its line with"
    " # pragma: allowlist secret; then git add the file"
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a staged file, in words that name it, and the next command."""

    message: str
    hint: str = field(kw_only=True)


def new_large_files(git: Git, limit: int) -> list[Staged]:
    """Return the files of more than `limit` bytes that the next commit brings into history."""
    return large_among(git, staging.staged_files(git), limit)


def large_among(git: Git, files: Iterable[Staged], limit: int) -> list[Staged]:
    """Return those staged files of more than `limit` bytes that were not as large in HEAD.

    A file of Git LFS is as large as what Git keeps of it.
    """
    large = [file for file in files if file.size > limit > 0]
    known = trees.sizes_of(git, [file.before or "0" for file in large])
    return [file for file, before in zip(large, known, strict=True) if before <= limit]


def large_files(git: Git, limit: int) -> list[Staged]:
    """Return all files of more than `limit` bytes in Git's index."""
    files = staging.staged(git)
    sizes = trees.sizes_of(git, list(files.values()))
    pairs = zip(files, sizes, strict=True)
    return [Staged(path, size, "") for path, size in pairs if size > limit > 0]


def check_large(git: Git, files: Sequence[Staged]) -> None:
    """Raise `GateError` if there are large files."""
    if not files:
        return
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    raise GateError(
        f"{files[0].path!r}{more} of {files[0].size:,} bytes would stay in Git's history for ever",
        hint=_large_hint(git, [file.path for file in files]),
    )


def _large_hint(git: Git, paths: Sequence[str]) -> str:
    of_lfs = staging.left_to_lfs(git, paths)
    if of_lfs:
        names = [path for path in paths if path in of_lfs]
        return command("git lfs install && git add --renormalize {}", names)
    add = command("gitmodel add {}", paths)
    is_set_up = (git.worktree / CONFIG_NAME).exists()
    return note(
        "{} (or, to keep it in Git: git commit --no-verify)"
        if is_set_up
        else "gitmodel init && {} (or, to keep it in Git: git commit --no-verify)",
        add,
    )


def raw_artifacts(git: Git, names: Collection[str]) -> list[Problem]:
    """Return what is wrong with files that are staged although they are an artifact, or part of it.

    Git would keep their bytes, and put them in the way of every checkout.
    """
    artifacts = {path.removesuffix(POINTER_SUFFIX) for path in staging.pointers(git)}
    if not artifacts:
        return []
    there = staging.staged(git)
    found = []
    for path in sorted(set(names) & there.keys()):
        owner = next((each for each in (path, *parents(path)) if each in artifacts), "")
        if owner:
            found.append(_raw(path, owner))
    return found


def _raw(path: str, owner: str) -> Problem:
    where = "" if path == owner else f" as part of {owner!r}"
    return Problem(
        f"{path!r} is staged itself, but {owner + POINTER_SUFFIX!r} tracks it{where}",
        hint=note(
            "{} && {}", command("git rm --cached {}", path), command("gitmodel add {}", path)
        ),
    )


def broken_pointers(project: Project, names: Collection[str]) -> list[Problem]:
    """Return what is wrong with staged pointers.

    Those that are new must be of blobs that are in the cache, or known to be on the remote.
    """
    files = _chosen(project.git, names, _is_pointer)
    texts = trees.blobs(project.git, files.values(), MAX_POINTER)
    artifacts = {path.removesuffix(POINTER_SUFFIX) for path in staging.pointers(project.git)}
    new = {file.path for file in staging.staged_files(project.git)} if files else set()
    problems = []
    for path, blob in files.items():
        try:
            pointer = _pointer(path, texts.get(blob))
            _check_place(path, artifacts)
            if path in new:
                _check_kept(project, path, pointer)
        except GitmodelError as error:
            problems.append(Problem(error.message, hint=error.hint))
    return problems


def _is_pointer(path: str) -> bool:
    return path.endswith(POINTER_SUFFIX)


def _pointer(path: str, data: bytes | None) -> Pointer:
    if data is None:
        raise IntegrityError(
            f"{path!r} is no pointer: it is longer than {MAX_POINTER} bytes",
            hint=command("git log -p -- {}", path),
        )
    return parse_pointer(data, path)


def _check_place(path: str, artifacts: Collection[str]) -> None:
    artifact = path.removesuffix(POINTER_SUFFIX)
    hint = command("git rm --cached {}", path)
    try:
        check_artifact(artifact)
    except IntegrityError as error:
        raise IntegrityError(f"{path!r}: {error.message}", hint=hint) from error
    if outer := next((each for each in parents(artifact) if each in artifacts), ""):
        raise IntegrityError(f"artifact {artifact!r} lies inside artifact {outer!r}", hint=hint)


def _check_kept(project: Project, path: str, pointer: Pointer) -> None:
    """Ask no remote: what was seen of it last time is what counts."""
    lacking = missing_blobs(project, pointer)
    if lacking and lacking - _on_remote(project, lacking):
        artifact = path.removesuffix(POINTER_SUFFIX)
        raise MissingError(
            f"{path!r}: blobs of {artifact!r} are neither in the cache nor known to be on the"
            " remote",
            hint=note("gitmodel add {}, or, if others have the data: gitmodel fetch", artifact),
        )


def missing_blobs(project: Project, pointer: Pointer) -> set[str]:
    """Return the oids that the cache lacks; the manifest's, if it is what is lacking."""
    try:
        oids = oids_of(pointer, project.cache)
    except MissingError:
        return {pointer.oid}
    return set(oids) - project.cache.present(oids)


def _on_remote(project: Project, oids: Iterable[str]) -> set[str]:
    config = project.config
    url = config.remotes.get(config.default_remote)
    remote = project.index.remote_id(url) if url else None
    return set(project.index.remote_oids(remote, list(oids))) if remote else set()


def broken_sidecars(git: Git, names: Collection[str]) -> list[Problem]:
    """Return what is wrong with staged metrics, params, lineages, curves, cards, configuration."""
    config = _config_of(git)
    files = _chosen(git, names, lambda path: bool(_reader_of(path, config)))
    texts = trees.blobs(git, files.values(), MAX_BYTES)
    problems = []
    for path, blob in files.items():
        read = _reader_of(path, config)
        try:
            if blob not in texts:
                raise IntegrityError(f"{path!r} is longer than {MAX_BYTES} bytes")
            if read:
                with discreet(texts[blob], path, prose=path.endswith(CARD)):
                    read(texts[blob], path)
        except GitmodelError as error:
            hint = error.hint or command("edit {}", path)
            problems.append(Problem(error.message, hint=hint))
    return problems


def _config_of(git: Git) -> Config:
    """Return the configuration; a broken one says nothing, and is a problem of its own."""
    try:
        return read_config(git, "HEAD") or Config("")
    except IntegrityError:
        return Config("")


def _reader_of(path: str, config: Config) -> Callable[[bytes, str], object] | None:
    """Return what reads a file, if it is one that gitmodel reads."""
    if path == CONFIG_NAME:
        return _read_config
    for suffix, read in ((LINEAGE, parse_lineage), (CURVES, parse_curves), (CARD, _read_card)):
        if path.endswith(suffix):
            return read
    if kind := _kind_of(path, config):
        return _read_params if kind == "params" else _Metrics(config)
    return None


def _kind_of(path: str, config: Config) -> Kind | None:
    """Return what kind of sidecar a file is, by the configuration or by its name."""
    for kinds in config.sidecars.values():
        for kind, paths in kinds.items():
            if path in paths:
                return kind
    found = _SIDECAR.fullmatch(path)
    # Without a stem, only those at the top are ours.
    if found is None or not (found["stem"] or not found["folder"]):
        return None
    return "metrics" if found["kind"] == "metrics" else "params"


@dataclass(frozen=True, slots=True)
class _Metrics:
    config: Config

    def __call__(self, data: bytes, path: str) -> object:
        return parse_metrics(data, path, self.config.goals)


def _read_params(data: bytes, path: str) -> object:
    return parse_params(data, path)


def _read_config(data: bytes, path: str) -> object:
    config = parse_config(data)
    for name, conditions in config.gates.items():
        for condition in conditions:
            try:
                parse_expression(condition)
            except UsageError as error:
                why = error.message.splitlines()[0]
                raise IntegrityError(
                    f"{path!r}: gates.{name}, {condition!r}: {why}", hint=command("edit {}", path)
                ) from error
    return config


def _read_card(data: bytes, path: str) -> object:
    card = parse_card(data, path)
    for finding in check_card(card):
        if finding.level == "error":
            raise IntegrityError(
                f"{path!r}, line {finding.line}: {finding.message}", hint=command("edit {}", path)
            )
    return card


def secrets_in(git: Git, names: Collection[str]) -> list[Problem]:
    """Return where files that gitmodel reads or writes hold credentials, but never which."""
    config = _config_of(git)
    files = _chosen(git, names, lambda path: _is_known(path, config))
    texts = trees.blobs(git, files.values(), MAX_BYTES)
    return [
        Problem(f"{path!r}, line {secret.line}, holds what looks like {secret.what}", hint=_REVOKE)
        for path, blob in files.items()
        for secret in secrets_of(path, texts.get(blob, b""))
    ]


def _is_known(path: str, config: Config) -> bool:
    return _is_pointer(path) or is_measure(path) or bool(_reader_of(path, config))


def secrets_of(path: str, data: bytes) -> list[Secret]:
    """Return where a file that gitmodel reads or writes holds credentials."""
    found = find_secrets_in(data, prose=path.endswith(CARD))
    if found or not is_document(path):
        return found
    with suppress(IntegrityError):
        return secrets_said(data, path)
    return []


def _chosen(git: Git, names: Collection[str], wanted: Callable[[str], bool]) -> dict[str, str]:
    """Return those of the files that are staged, and that `wanted` is true of: path to blob."""
    there = staging.staged(git)
    return {path: there[path] for path in sorted(set(names) & there.keys()) if wanted(path)}
