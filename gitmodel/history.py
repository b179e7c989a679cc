"""The commits and tags of a repository, read from Git's objects alone.

It needs no working tree, no cache and no configuration: a bare repository, or one of DVC's, will
do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

from gitmodel.config import Config
from gitmodel.errors import GitmodelError
from gitmodel.git import refs, revisions, transport
from gitmodel.git.command import Git, open_repository
from gitmodel.git.objects import Objects
from gitmodel.git.refs import Ref
from gitmodel.paths import POINTER_SUFFIX
from gitmodel.recall import Key, recall, remember
from gitmodel.record import Measured, Reader, is_measure
from gitmodel.settings import read_carried_config, read_config
from gitmodel.snapshot import name_of
from gitmodel.version import Version, parse_versions


class History:
    """What is tagged and committed; what was read once is not read again.

    `config` is the configuration of the working tree, else of HEAD, else an empty one.
    """

    def __init__(self, git: Git, config: Config) -> None:
        self.git = git
        self.config = config
        self._closing: list[Callable[[], None]] = []

    @cached_property
    def objects(self) -> Objects:
        """Git's objects; opened when the first one is asked for."""
        objects = Objects(self.git)
        self._closing.append(objects.close)
        return objects

    @cached_property
    def reader(self) -> Reader:
        """Reads what commits say."""
        return Reader(self.objects, self.config)

    @cached_property
    def tags(self) -> dict[str, Ref]:
        """The tags that lead to a commit, by short name."""
        return {ref.name: ref for ref in refs.tags(self.git)}

    @cached_property
    def versions(self) -> list[Version]:
        """The tags that are versions."""
        return parse_versions(self.tags, self.config.tag_formats)

    @cached_property
    def artifacts(self) -> dict[str, str]:
        """The artifacts of HEAD: path to name."""
        head = revisions.resolve(self.git, "HEAD")
        return self.artifacts_of(head) if head else {}

    def artifacts_of(self, commit: str) -> dict[str, str]:
        """Return the artifacts of a commit: path to name."""
        pointers = (p for p in self.objects.companions(commit) if p.endswith(POINTER_SUFFIX))
        paths = (pointer.removesuffix(POINTER_SUFFIX) for pointer in pointers)
        return {path: name_of(path, self.config.artifacts) for path in paths}

    def measure(self, wanted: Iterable[Key]) -> dict[Key, Measured]:
        """Return what commits say of artifacts; what was read before is not read again."""
        wanted = list(dict.fromkeys(wanted))
        unread = [key for key in wanted if key not in self._known]
        self.bring((commit for commit, _ in unread), is_measure)
        new: dict[Key, Measured] = {}
        passing: dict[Key, Measured] = {}
        for key in unread:
            try:
                new[key] = self.reader.measure(*key)
            except GitmodelError as error:
                # An object that is not here, as in a partial clone, may be here tomorrow.
                passing[key] = Measured({}, {}, (error.message,))
        remember(self._cache, self.config, self._known, new, wanted)
        self._known |= new
        return {**self._known, **passing}

    def bring(self, commits: Iterable[str], wanted: Callable[[str], bool]) -> None:
        """Fetch those files of commits, by path, that a partial clone left out.

        At once: one by one would take a connection each.  Raises `RemoteError` if that fails.
        """
        commits = list(commits)
        promisors = transport.promisors(self.git) if commits else []
        if not promisors:
            return
        blobs: dict[str, None] = {}
        for commit in commits:
            with suppress(GitmodelError):
                files = self.objects.companions(commit)
                blobs |= dict.fromkeys(blob for path, blob in files.items() if wanted(path))
        for promisor in promisors:
            if lacking := self.objects.lacking(blobs):
                transport.bring_objects(self.git, promisor, lacking)

    @property
    def _cache(self) -> Path:
        return self.git.common_dir / "gitmodel" / "versions.cache"

    @cached_property
    def _known(self) -> dict[Key, Measured]:
        """What is remembered, and what was read since."""
        return recall(self._cache, self.config)

    def close(self) -> None:
        """Close the repository's files."""
        for close in self._closing:
            close()


@contextmanager
def open_history(folder: Path, *, named: bool = False) -> Iterator[History]:
    """Open the repository that `folder` is in, bare or not; for `named` see `open_git`.

    Raises `UsageError` if it is in none, `IntegrityError` if its configuration is broken.
    """
    git = open_repository(folder, named=named)
    config = read_config(git, "HEAD") or read_carried_config(git) or Config("")
    with history_of(git, config) as history:
        yield history


@contextmanager
def history_of(git: Git, config: Config) -> Iterator[History]:
    """Open the history of a repository of which the rest is open already."""
    history = History(git, config)
    try:
        yield history
    finally:
        history.close()
