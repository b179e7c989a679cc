"""The opened parts of one repository."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gitmodel.cache import Cache
from gitmodel.config import Config
from gitmodel.disk import give, make_folder
from gitmodel.errors import UsageError
from gitmodel.git import gitconfig
from gitmodel.git.command import Git, open_git
from gitmodel.hints import command
from gitmodel.index import Index, opened_index
from gitmodel.manifest import Entry
from gitmodel.scratch import BESIDE, Scratch, scratch_in
from gitmodel.secrets import without_secret
from gitmodel.settings import read_carried_config, read_config
from gitmodel.worktree.places import Places
from gitmodel.worktree.scan import Types


@dataclass(frozen=True, slots=True)
class Project:
    """A repository, its working tree, its cache and what is known of both.

    `scratch` lies on the file system of the cache, `beside` on that of the working tree, and
    `places` has one for each mount in it; `keeps_modes`: the disk has an executable bit;
    `confirm` asks the user, given name and URL of a remote, whether it may be written to.
    """

    git: Git
    config: Config
    index: Index
    cache: Cache
    scratch: Scratch
    beside: Scratch
    places: Places
    keeps_modes: bool
    confirm: Callable[[str, str], bool]

    def types(self, find: Callable[[str], Entry | None]) -> Types | None:
        """Return what tells executable files apart, as `find` has their entries, or None.

        None where the disk itself tells.
        """
        if self.keeps_modes:
            return None
        return lambda path: entry.type if (entry := find(path)) else None

    @property
    def root(self) -> Path:
        """The top folder of the working tree."""
        return self.git.worktree

    @property
    def lock(self) -> Path:
        """The file that is locked by what changes pointers or the working tree."""
        return self.git.git_dir / "gitmodel.lock"

    @property
    def journal(self) -> Path:
        """The file that says what a checkout is leaving, for the case that it dies."""
        return self.git.git_dir / "gitmodel-checkout"


def never(name: str, url: str) -> bool:
    """Confirm no remote: where there is nobody to ask."""
    return False


@contextmanager
def open_project(
    folder: Path,
    revision: str = "",
    confirm: Callable[[str, str], bool] = never,
    *,
    named: bool = False,
) -> Iterator[Project]:
    """Open the project that `folder` is in; raises `UsageError` if there is none.

    Where the working tree has no configuration, as in a clone of which nothing is checked out
    yet, that of `revision` serves, else that of HEAD, else that of the branch that an import made.
    For `named` see `open_git`.
    """
    git = open_git(folder, named=named)
    config = read_config(git, revision)
    if config is None and revision:
        config = read_config(git, "HEAD")
    if config is None:
        config = read_carried_config(git)
    if config is None or not config.id:
        raise UsageError(f"{str(git.worktree)!r} is not set up for gitmodel", hint="gitmodel init")
    home = git.common_dir / "gitmodel"
    if gitconfig.is_shared(git):
        make_folder(home)
        # Who came first had perhaps not heard of it.
        with suppress(PermissionError):
            give(stat.S_IRWXG, home)
    with ExitStack() as stack:
        scratch = stack.enter_context(Scratch(scratch_in(home)))
        beside = scratch
        if os.stat(git.worktree).st_dev != os.stat(git.common_dir).st_dev:
            beside = stack.enter_context(Scratch(git.worktree, BESIDE))
        index = stack.enter_context(opened_index(home / "index.db"))
        cache = Cache(home, index, scratch)
        stack.callback(cache.close)
        modes = gitconfig.keeps_modes(git)
        places = stack.enter_context(Places(git.worktree, scratch, home))
        yield Project(git, config, index, cache, scratch, beside, places, modes, confirm)


def path_from_top(path: str, folder: str, top: str) -> str:
    """Return a path as typed in `folder`, relative to `top`; both have no symlink in them.

    Raises `UsageError` if it leads elsewhere.
    """
    if "://" in path:
        raise UsageError(
            f"{without_secret(path)!r} is a URL, and no path here",
            hint="download it, and give its path",
        )
    full = os.path.normpath(os.path.join(folder, path))
    if not full.startswith(top + os.sep) and os.path.isabs(path):
        # /home may be a symlink: compare what it leads to, but leave the last name alone.
        full = os.path.join(os.path.realpath(os.path.dirname(full)), os.path.basename(full))
    if full != top and not full.startswith(top + os.sep):
        raise UsageError(f"{path!r} is outside the repository", hint=command("cd {}", top))
    relative = os.path.relpath(full, top)
    if relative.split(os.sep)[0] == ".git":
        raise UsageError(f"{path!r} belongs to Git itself", hint="give another path")
    return "" if relative == "." else relative.replace(os.sep, "/")
