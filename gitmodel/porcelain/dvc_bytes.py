"""Where DVC keeps what its hashes name: in caches, on remotes, in the working tree."""

from __future__ import annotations

import os
import posixpath
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from gitmodel.cache import SMALL
from gitmodel.digest import Digests, Hasher
from gitmodel.disk import OPEN_FILE, write_all
from gitmodel.dvcfile import MD5, Settings, format_members, parse_settings
from gitmodel.dvcsum import Md5Check
from gitmodel.errors import IntegrityError, MissingError, UsageError
from gitmodel.git import staging
from gitmodel.manifest import EXECUTABLE, FILE
from gitmodel.paths import POINTER_SUFFIX, fold, parents
from gitmodel.porcelain.connect import confirmed
from gitmodel.project import Project
from gitmodel.remote.store import Access, Store, open_store
from gitmodel.scratch import Scratch
from gitmodel.secrets import without_secret
from gitmodel.stream import read_blocks, will_read
from gitmodel.url import WEB, parse_url, with_options
from gitmodel.worktree.opening import open_folder, read_small
from gitmodel.worktree.scan import Found, scan

MAX_LISTING = 1 << 30
"""Bytes of the longest list of a folder."""

_SCHEMES = {
    **{scheme: scheme for scheme in ("file", "s3", "gs", "sftp", *WEB)},
    "azure": "abfs",
    "ssh": "sftp",
}
"""The schemes of DVC's that are read, and what they are called here."""
_KINDS = tuple(_SCHEMES.values())
_AHEAD = 32
_RANGE = 8 << 20
_NESTED = 5


class Wanted(NamedTuple):
    """A file that a key of DVC's names: where it may be in the working tree, and which remote."""

    key: str
    path: str
    remote: str


class Brought(NamedTuple):
    """A file from a remote, checked: in memory if it is small, else in an open scratch file."""

    wanted: Wanted
    digests: Digests
    data: bytes
    file: int = -1
    temporary: Path = Path()


@dataclass(frozen=True, slots=True)
class _Home:
    """A folder that DVC was set up in, relative to the top, and its configuration."""

    folder: str
    settings: Settings


class DvcBytes:
    """Reads what DVC keeps; nothing is believed before it has been compared to its hash."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._homes = _read_homes(project)
        self._caches = [_cache_of(project.root, home) for home in self._homes]
        self._stores: dict[str, Store] = {}

    def is_link(self, path: Path) -> bool:
        """Return whether a work file is a symlink into a cache of DVC's."""
        if not path.is_symlink():
            return False
        target = os.path.realpath(path)
        return any(
            target.startswith(f"{os.path.realpath(cache)}{os.sep}") for cache in self._caches
        )

    def read_ahead(self, wanted: Iterable[Wanted]) -> Iterator[tuple[Wanted, int]]:
        """Yield files with a descriptor of one in a cache, or -1, open until the next is asked for.

        Small ones are read by the disk meanwhile: one that is asked for them one after the other
        is idle most of the time.
        """
        opened: deque[tuple[Wanted, int]] = deque()
        try:
            for each in wanted:
                opened.append((each, self._open_cached(each.key)))
                if len(opened) > _AHEAD:
                    yield opened[0]
                    _close(opened.popleft()[1])
            while opened:
                yield opened[0]
                _close(opened.popleft()[1])
        finally:
            for _, fd in opened:
                _close(fd)

    def _open_cached(self, key: str) -> int:
        for cache in self._caches:
            for name in _names(key):
                with suppress(OSError):
                    fd = os.open(f"{cache}/{name}", OPEN_FILE)
                    if os.fstat(fd).st_size < SMALL:
                        will_read(fd)
                    return fd
        return -1

    def open_local(self, wanted: Wanted) -> Iterator[int]:
        """Yield descriptors of files that may be the wanted one: of caches, then the work file."""
        for cache in self._caches:
            for name in _names(wanted.key):
                with suppress(OSError), _opened(f"{cache}/{name}") as fd:
                    yield fd
        if wanted.path:
            folder, _, name = wanted.path.rpartition("/")
            with suppress(OSError, IntegrityError), open_folder(self._project.root, folder) as at:
                fd = os.open(name, OPEN_FILE, dir_fd=at)
                try:
                    yield fd
                finally:
                    os.close(fd)

    def listing(self, wanted: Wanted) -> bytes | None:
        """Return the list of a folder, or None if it is nowhere."""
        for fd in self.open_local(wanted._replace(path="")):
            with open(fd, "rb", closefd=False) as file:
                data = file.read(MAX_LISTING)
            if _is(data, wanted.key):
                return data
        if (made := self._listing_of_work(wanted)) is not None:
            return made
        for store, name in self._places(wanted):
            with suppress(MissingError):
                if store.size(name) <= MAX_LISTING:
                    data = store.read(name)
                    if _is(data, wanted.key):
                        return data
        return None

    def fetch(self, wanted: Sequence[Wanted], algorithm: str) -> Iterator[Brought]:
        """Yield what the remotes have of the files, several at once; the rest is missing.

        Whoever gets a scratch file closes it.
        """
        # Opened here, for it may ask the user.
        lanes = max((store.lanes for each in wanted for store, _ in self._places(each)), default=0)
        if not lanes:
            return
        scratch = self._project.scratch
        _ = scratch.path
        with ThreadPoolExecutor(lanes) as pool:
            rest = iter(wanted)
            tasks: list[Future[Brought | None]] = []
            while True:
                for each in islice(rest, 2 * lanes - len(tasks)):
                    tasks.append(pool.submit(self._fetch, each, algorithm, scratch))
                if not tasks:
                    return
                if brought := tasks.pop(0).result():
                    yield brought

    def remote_names(self) -> list[str]:
        """Return what the default remotes are called."""
        names = (home.settings.get("core", "remote") for home in self._homes)
        return [name for name in names if name]

    def _fetch(self, wanted: Wanted, algorithm: str, scratch: Scratch) -> Brought | None:
        for store, name in self._places(wanted):
            with suppress(MissingError):
                size = store.size(name)
                if size < SMALL:
                    brought = _fetch_small(store, name, size, wanted, algorithm)
                else:
                    brought = _fetch_large(store, name, size, (wanted, algorithm, scratch))
                if brought:
                    return brought
        return None

    def _places(self, wanted: Wanted) -> list[tuple[Store, str]]:
        stores = (self._store(home, wanted.remote) for home in self._homes)
        return [(store, name) for store in stores if store for name in _names(wanted.key)]

    def _store(self, home: _Home, name: str) -> Store | None:
        name = (name or home.settings.get("core", "remote")).lower()
        section = f"remote {name}"
        if not name or not home.settings.get(section, "url"):
            return None
        url = _url_of(self._project.root, home, section)
        if url not in self._stores:
            own = (section, "profile") in home.settings.own
            profile = home.settings.get(section, "profile") if own else ""
            self._stores[url] = self._open(name, url, profile)
        return self._stores[url]

    def _open(self, name: str, url: str, profile: str) -> Store:
        if parse_url(url, _KINDS).server and not confirmed(self._project, name, url):
            raise IntegrityError(
                f"DVC's remote {name!r} at {url!r} came with the repository and was not confirmed",
                hint="the same command on a terminal, which asks, or GITMODEL_TRUST_REMOTE=1",
            )
        return open_store(url, self._project.root, Access(profile), _KINDS)

    def _listing_of_work(self, wanted: Wanted) -> bytes | None:
        """Return the list that DVC would make of a work folder, if it is the wanted one."""
        if not wanted.path:
            return None
        members: dict[str, str] = {}
        try:
            for found in scan(self._project.root, wanted.path, {}):
                if found.type not in (FILE, EXECUTABLE) or not found.path:
                    return None
                members[found.path] = _md5_of(found, wanted.key)
        except (OSError, IntegrityError):
            return None
        data = format_members(members)
        return data if _is(data, wanted.key) else None


def _md5_of(found: Found, key: str) -> str:
    check = Md5Check(key)
    fd = os.open(found.name, OPEN_FILE, dir_fd=found.folder)
    try:
        for block in read_blocks(fd):
            check.update(block)
    finally:
        os.close(fd)
    return check.digest()


def _fetch_small(
    store: Store, name: str, size: int, wanted: Wanted, algorithm: str
) -> Brought | None:
    data = store.read(name, 0, size)
    hasher = Hasher(algorithm)
    hasher.update(data)
    return Brought(wanted, hasher.digests(), data) if _is(data, wanted.key) else None


def _fetch_large(
    store: Store, name: str, size: int, how: tuple[Wanted, str, Scratch]
) -> Brought | None:
    wanted, algorithm, scratch = how
    hasher, check = Hasher(algorithm), Md5Check(wanted.key)
    fd, temporary = scratch.new_file()
    try:
        for start in range(0, size, _RANGE):
            data = store.read(name, start, min(_RANGE, size - start))
            write_all(fd, data)
            hasher.update(data)
            check.update(data)
        if check.matches():
            return Brought(wanted, hasher.digests(), b"", fd, temporary)
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    temporary.unlink()
    return None


def _is(data: bytes, key: str) -> bool:
    check = Md5Check(key)
    check.update(data)
    return check.matches()


def _names(key: str) -> tuple[str, str]:
    """Return what DVC calls a file in a cache or on a remote, before and since 3.0."""
    kind, _, value = key.partition(":")
    old = f"{value[:2]}/{value[2:]}"
    new = f"files/md5/{old}"
    return (new, old) if kind == MD5 else (old, new)


def _close(fd: int) -> None:
    if fd >= 0:
        os.close(fd)


@contextmanager
def _opened(path: str) -> Iterator[int]:
    fd = os.open(path, OPEN_FILE)
    try:
        yield fd
    finally:
        os.close(fd)


def _read_homes(project: Project) -> list[_Home]:
    """Return the folders that DVC was set up in, the top first."""
    patterns = ("*.dvc/config", "*.dvc/config.local", f"*{POINTER_SUFFIX}")
    tracked = staging.matching(project.git, patterns)
    configs = (path.removesuffix(".dvc/config") for path in tracked if path.endswith("/config"))
    # A file system may take what is tracked under another case for the user's own file.
    brought = {fold(path.removesuffix(POINTER_SUFFIX)) for path in tracked}
    folders = ["", *sorted({folder.rstrip("/") for folder in configs} - {""})]
    return [_read_home(project.root, folder, brought) for folder in folders]


def _read_home(root: Path, folder: str, brought: Set[str]) -> _Home:
    """Return what DVC's configuration in a folder says.

    The local file is the user's own unless a clone `brought` it: as a file, as an artifact or in
    one, or in a repository in the repository.
    """
    at = posixpath.join(folder, ".dvc")
    try:
        with open_folder(root, at) as fd:
            shared, local = (
                read_small(fd, name, f"{at}/{name}") for name in ("config", "config.local")
            )
    except (FileNotFoundError, NotADirectoryError):
        shared = local = b""
    own = fold(f"{at}/config.local")
    nested = any((root / name / ".git").exists() for name in (at, folder) if name)
    if nested or not brought.isdisjoint((own, *parents(own))):
        shared, local = b"\n".join((shared, local)), b""
    return _Home(folder, parse_settings(shared, local))


def _cache_of(root: Path, home: _Home) -> Path:
    # Where nothing else is said, paths are relative to the file that says them.
    return root / home.folder / ".dvc" / (home.settings.get("cache", "dir") or "cache")


def _url_of(root: Path, home: _Home, section: str) -> str:
    settings = home.settings
    url = settings.get(section, "url")
    for _ in range(_NESTED):
        if not url.startswith("remote://"):
            break
        other, _, rest = url.removeprefix("remote://").partition("/")
        url = posixpath.join(settings.get(f"remote {other.lower()}", "url"), rest)
    scheme, colon, rest = url.partition("://")
    if not colon:
        return os.path.normpath(root / home.folder / ".dvc" / url)
    if scheme not in _SCHEMES:
        raise UsageError(
            f"DVC's remote at {without_secret(url)!r} is of a kind that only DVC reads",
            hint="dvc fetch --all-tags, then the same command again",
        )
    options = {"endpoint": "endpointurl", "region": "region"}
    values: Mapping[str, str] = {name: settings.get(section, key) for name, key in options.items()}
    return with_options(f"{_SCHEMES[scheme]}://{rest}", values if scheme == "s3" else {})
