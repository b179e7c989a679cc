"""A repository that is read without a clone of it: one commit at a time, in a cache folder."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from blake3 import blake3

from gitmodel.atomic import write_file
from gitmodel.cache import Cache
from gitmodel.config import CONFIG_NAME, Config, parse_config
from gitmodel.digest import COMMIT
from gitmodel.disk import make_folder
from gitmodel.errors import ConflictError, IntegrityError, UsageError
from gitmodel.git import gitconfig, revisions, transport
from gitmodel.git.apart import open_apart
from gitmodel.git.command import Git, find_top
from gitmodel.git.objects import Objects
from gitmodel.hints import command, note
from gitmodel.imported import MAX_BYTES as MAX_IMPORTED
from gitmodel.imported import NAME
from gitmodel.index import Index, opened_index
from gitmodel.pointer import MAX_BYTES
from gitmodel.project import Project, never
from gitmodel.reference import STAGES, Best, Stage, near, no_stages, parse_wanted
from gitmodel.scratch import Scratch, scratch_in, sweep
from gitmodel.secrets import without_secret
from gitmodel.snapshot import Snapshot, read_commit, version_name
from gitmodel.version import (
    TagFormat,
    find_version,
    newest_version,
    parse_version,
    parse_versions,
)
from gitmodel.worktree.places import Places

_TAGS, _BRANCHES = "refs/tags/", "refs/heads/"
_SHORT_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.ASCII)
_HELPER = re.compile(r"[A-Za-z0-9+.-]*::")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[^/:]+:")
_LIMITS = (MAX_BYTES, 1 << 20, MAX_IMPORTED)
"""Bytes of the longest file to fetch: all pointers are shorter, nearly all configurations too.

What DVC has in Git may be longer than the first, what an import noted longer than the second.
"""


@dataclass(frozen=True, slots=True)
class Mirrors:
    """The folder that mirrors are kept in.

    `confirm` asks the user, given name and URL of a remote, whether an endpoint that the URL
    names may be contacted.
    """

    folder: Path
    confirm: Callable[[str, str], bool] = never


@dataclass(frozen=True, slots=True)
class Source:
    """What Git fetches from, and the folder that relative remotes are relative to, if any."""

    url: str
    base: Path | None


@dataclass(frozen=True, slots=True)
class Mirror:
    """What is kept here of a repository elsewhere: commits, blobs, and what was confirmed.

    `git` is a repository for this moment, to ask elsewhere with.
    """

    source: Source
    home: Path
    git: Git
    index: Index
    cache: Cache
    scratch: Scratch
    confirm: Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Revision:
    """What a commit tracks, and its configuration; `name` is the tag or branch it was found by."""

    name: str
    snapshot: Snapshot
    config: Config


def find_source(repository: str) -> Source:
    """Return what a path or URL means; raise `UsageError` if Git should not be given it."""
    folder = Path(repository.removeprefix("file://"))
    if folder.is_dir():
        top = find_top(folder).resolve()
        return Source(str(top), top)
    if _HELPER.match(repository) or repository.startswith("-") or not repository.isprintable():
        raise UsageError(
            f"{repository!r} is not a URL that is fetched from", hint="use https, ssh or a path"
        )
    if not _URL.match(repository) or repository.startswith("file://"):
        raise UsageError(f"{repository!r} is neither a folder nor a URL of Git")
    return Source(repository, None)


def default_cache(folder: str = "") -> Path:
    """Return where mirrors are kept if nobody says so.

    It is `gitmodel.cache` of the user's configuration of Git, else `folder`, else
    `~/.cache/gitmodel`.
    """
    return gitconfig.default_folder("gitmodel.cache", folder or "~/.cache/gitmodel")


@contextmanager
def open_mirror(source: Source, mirrors: Mirrors) -> Iterator[Mirror]:
    """Open what is kept of a repository; raises `IntegrityError` if others could write it."""
    folder = Path(os.path.abspath(mirrors.folder))
    home = folder / _home_name(source.url)
    _make_private(folder)
    _check_shared(folder)
    _make_private(home)
    if home.is_symlink():
        raise _not_ours(home, "is a symlink")
    sweep(scratch_in(home))
    with ExitStack() as stack:
        scratch = stack.enter_context(Scratch(scratch_in(home)))
        _make_private(home / "commits")
        with suppress(FileExistsError):
            os.close(os.open(home / "index.db", os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        for path in (home, home / "commits", home / "index.db"):
            _check_own(path, scratch)
        index = stack.enter_context(opened_index(home / "index.db"))
        blobs = Cache(home, index, scratch)
        stack.callback(blobs.close)
        git = open_apart(scratch.new_path(), scratch.new_path())
        confirm = _asking(_Confirmed(home / "confirmed", scratch), mirrors.confirm)
        yield Mirror(source, home, git, index, blobs, scratch, confirm)


def _make_private(folder: Path) -> None:
    """Make a folder that is there for this user alone, unless it is there."""
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir(0o700)


def _check_shared(folder: Path) -> None:
    """Raise `IntegrityError` if anybody could put something in the place of what is in a folder."""
    mode = folder.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise IntegrityError(
            f"everybody may write to {str(folder)!r}, and put other things in the place of a cache",
            hint=command("chmod +t {}", str(folder)),
        )


def _check_own(path: Path, scratch: Scratch) -> None:
    """Raise `IntegrityError` for what another user made or may write.

    Ours is the owner that what we have just made there has: on some network file systems that is
    not the user of this process.
    """
    status = path.lstat()
    if status.st_uid != scratch.path.stat().st_uid:
        raise _not_ours(path, "belongs to another user")
    if stat.S_ISLNK(status.st_mode):
        raise _not_ours(path, "is a symlink")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _not_ours(path, "can be written to by others")


def _not_ours(path: Path, why: str) -> IntegrityError:
    return IntegrityError(
        f"{str(path)!r} is not this user's own cache: it {why}",
        hint=note("rm -r {}, or another --cache", str(path)),
    )


def find_revision(mirror: Mirror, artifact: str, version: str) -> Revision:
    """Return the commit that is meant by a version, tag, branch or commit, or by nothing.

    Raises `UsageError` if there is none.
    """
    if COMMIT.fullmatch(version):
        return _read(mirror, version, version, "")
    refs = transport.refs_at(mirror.git, mirror.source.url)
    ref = _find_ref(mirror, refs, artifact, version)
    name = ref.removeprefix(_TAGS).removeprefix(_BRANCHES)
    tip = refs.get("HEAD", "")
    found = _read(mirror, ref, refs[ref], name if ref != "HEAD" else "", tip)
    return replace(found, config=_with_newest_remotes(mirror, refs, found.config))


def _with_newest_remotes(mirror: Mirror, refs: Mapping[str, str], config: Config) -> Config:
    """Return a configuration with the remotes that a fresh clone would have.

    An old version may be older than the first remote, or than the one it was moved to since.
    """
    if "HEAD" not in refs:
        return config
    # The default branch may know nothing of gitmodel.
    with suppress(UsageError):
        tip = _read(mirror, "HEAD", refs["HEAD"], "").config
        if tip.remotes:
            return replace(config, remotes=tip.remotes, remote=tip.remote)
    return config


def project_of(mirror: Mirror, config: Config, remote: str = "") -> Project:
    """Return the mirror as a project, whose folder remotes are relative to the source.

    `remote` is the one that will be used, or the default one if it is empty.
    """
    base = mirror.source.base
    used = config.remotes.get(remote or config.default_remote, "")
    if base is None and used and _is_relative(used):
        raise UsageError(
            f"its remote is the folder {used!r}, relative to a working tree, and"
            f" {without_secret(mirror.source.url)!r} has none here",
            hint="git clone it beside its remote, or give the remote a URL",
        )
    absolute = {
        name: os.path.normpath(base / url) if base and _is_relative(url) else url
        for name, url in config.remotes.items()
    }
    return Project(
        mirror.git,
        replace(config, remotes=absolute),
        mirror.index,
        mirror.cache,
        mirror.scratch,
        mirror.scratch,
        Places(mirror.git.worktree, mirror.scratch, mirror.cache.root),
        True,
        mirror.confirm,
    )


def _is_relative(url: str) -> bool:
    return "://" not in url and not os.path.isabs(url)


@dataclass(frozen=True, slots=True)
class _Confirmed:
    """The URLs that the user confirmed, in a file: one a line, in quotes as in JSON."""

    path: Path
    scratch: Scratch

    def read(self) -> list[str]:
        try:
            return [json.loads(line) for line in self.path.read_bytes().splitlines()]
        except (FileNotFoundError, ValueError):
            return []

    def add(self, url: str) -> None:
        lines = (f"{json.dumps(each)}\n" for each in (*self.read(), url))
        write_file(self.path, "".join(lines).encode(), self.scratch)


def _asking(
    confirmed: _Confirmed, confirm: Callable[[str, str], bool]
) -> Callable[[str, str], bool]:
    """Return a question that is answered by yes or by an error that fits where it is asked."""

    def ask(name: str, url: str) -> bool:
        if url in confirmed.read():
            return True
        if not confirm(name, url):
            raise IntegrityError(
                f"remote {name!r} at {url!r} came with the repository and was not confirmed",
                hint="gitmodel get on a terminal, which asks, or with GITMODEL_TRUST_REMOTE=1",
            )
        confirmed.add(url)
        return True

    return ask


def _home_name(url: str) -> str:
    """Return the name of a mirror's folder, which others may see: a login is no part of it."""
    place = without_secret(url)
    last = place.rstrip("/").replace(":", "/").rpartition("/")[2].removesuffix(".git")
    name = re.sub(r"[^A-Za-z0-9._-]", "_", last)[:40]
    return f"{name}-{blake3(place.encode()).hexdigest(16)}"


def _publish(folder: Path, scratch: Scratch, make: Callable[[Path], object]) -> Path:
    """Return `folder`, made under another name first unless it is there."""
    if not folder.is_dir():
        temporary = scratch.new_path()
        temporary.mkdir(0o700)
        make(temporary)
        # Another process may have made the same meanwhile.
        with suppress(OSError):
            os.rename(temporary, folder)
    return folder


def _find_ref(mirror: Mirror, refs: Mapping[str, str], artifact: str, version: str) -> str:
    tags = [ref.removeprefix(_TAGS) for ref in refs if ref.startswith(_TAGS)]
    _check_wanted(version)
    if tag := _find_tag(mirror, refs, artifact, version, tags):
        return _TAGS + tag
    for ref in (_TAGS + version, _BRANCHES + version, version) if version else ("HEAD",):
        if ref in refs:
            return ref
    if _SHORT_COMMIT.fullmatch(version):
        for ref, commit in refs.items():
            if commit.startswith(version):
                return ref
    raise _unknown(mirror, artifact, version, near(version, (*tags, *_branches(refs))))


def _find_tag(
    mirror: Mirror, refs: Mapping[str, str], artifact: str, version: str, tags: list[str]
) -> str | None:
    """Return the tag of a version of the artifact, or of its newest one."""
    parsed = parse_version(version)
    if version and (parsed is None or parsed.name):
        return None
    name, formats = _owner(mirror, refs, artifact, tags)
    if version:
        return find_version(tags, name, version, formats)
    return newest_version(tags, name, formats)


def _branches(refs: Mapping[str, str]) -> list[str]:
    return [ref.removeprefix(_BRANCHES) for ref in refs if ref.startswith(_BRANCHES)]


def _unknown(mirror: Mirror, artifact: str, version: str, alike: str) -> UsageError:
    shown = without_secret(mirror.source.url)
    if not version:
        return UsageError(
            f"{shown!r} has no default branch", hint=note("say which: {}", f"{artifact}@VERSION")
        )
    hint = "give the whole commit id; only the ends of branches and tags have a short one here"
    if not _SHORT_COMMIT.fullmatch(version):
        hint = command("git ls-remote {}", shown)
    return UsageError(
        f"{version!r} is not a version, tag, branch or commit of {shown!r}{alike}", hint=hint
    )


def _check_wanted(version: str) -> None:
    """Raise `UsageError` for what only a clone can answer."""
    wanted = parse_wanted(version, STAGES)
    if isinstance(wanted, Stage):
        raise no_stages(wanted)
    if isinstance(wanted, Best):
        raise UsageError(
            f"{version!r} takes the metrics of all versions, and only a clone has them",
            hint="gitmodel versions in a clone, then name the version",
        )


def _owner(
    mirror: Mirror, refs: Mapping[str, str], artifact: str, tags: list[str]
) -> tuple[str, tuple[TagFormat, ...]]:
    """Return the name that an artifact has in version tags, and which spellings of those count.

    Asks the newest commit if it must.
    """
    owners = {version.name for version in parse_versions(tags)}
    foreign = any("@" in tag for tag in tags)
    if "HEAD" not in refs or (not foreign and (artifact in owners or owners <= {""})):
        return artifact, ()
    tip = _read(mirror, "HEAD", refs["HEAD"], "")
    return version_name(tip.snapshot, tip.config.artifacts, artifact), tip.config.tag_formats


def _read(mirror: Mirror, ref: str, commit: str, name: str, tip: str = "") -> Revision:
    """Read a commit, fetching it unless it is here.

    `tip` is that of the default branch, which may say what a commit of DVC's consists of.
    """
    git, noted = _bring(mirror, ref, commit), None
    data = _file(git, commit, CONFIG_NAME)
    if data is None and tip:
        newest = _bring(mirror, "HEAD", tip)
        noted = _file(newest, tip, NAME)
        data = _file(newest, tip, CONFIG_NAME) if noted else None
    if data is None:
        where = without_secret(mirror.source.url)
        raise UsageError(
            f"{where!r} is not set up for gitmodel at {name or commit[:12]}",
            hint="name a version that is",
        )
    with closing(Objects(git, noted)) as objects:
        return Revision(name, read_commit(objects, commit), parse_config(data))


def _bring(mirror: Mirror, ref: str, commit: str) -> Git:
    """Return a repository of the objects of a commit, which are fetched unless they are here."""

    def fetch(folder: Path) -> None:
        git = open_apart(mirror.scratch.new_path(), folder / "objects", commit)
        for limit in _LIMITS:
            found = transport.fetch_one(git, mirror.source.url, ref, limit)
            if found is None:
                raise UsageError(f"{ref!r} does not lead to a commit", hint="name a version")
            if found != commit:
                raise ConflictError(
                    f"{ref!r} moved while it was read", hint="run the same command again"
                )
            if _is_whole(git, commit, limit):
                return

    folder = _publish(mirror.home / "commits" / commit, mirror.scratch, fetch)
    _check_own(folder, mirror.scratch)
    return open_apart(mirror.scratch.new_path(), folder / "objects", commit)


def _file(git: Git, commit: str, path: str) -> bytes | None:
    """Return a file of a commit, checked against its name in Git, or None if it did not come."""
    with closing(Objects(git, b"")) as objects:
        blob = objects.find(commit, path)
        lacks = blob is None or objects.lacking([blob])
        return None if blob is None or lacks else objects.blob(blob, path)


def _is_whole(git: Git, commit: str, limit: int) -> bool:
    """Return whether what is read of a commit came, though longer files were left out."""
    config, noted = (_file(git, commit, path) for path in (CONFIG_NAME, NAME))
    if config is None and not revisions.has_file(git, commit, CONFIG_NAME):
        # It may be one of DVC's, whose lock files have no limit.
        return limit > MAX_BYTES
    lacking = noted is None and revisions.has_file(git, commit, NAME)
    return config is not None and not lacking
