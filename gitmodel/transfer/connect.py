"""Which remote is meant, and whether it may be written to."""

from __future__ import annotations

from pathlib import Path

from gitmodel.config import Config
from gitmodel.errors import UsageError
from gitmodel.git.command import Git
from gitmodel.index import Index
from gitmodel.remote.packstore import Remote
from gitmodel.remote.store import open_store

_TRUST_KEY = "gitmodel.trusted-url"


def remote_url(config: Config, name: str = "") -> tuple[str, str]:
    """Return name and URL of a remote, or of the default one; raise `UsageError` if none fits."""
    if not config.remotes:
        raise UsageError("no remote is configured", hint="gitmodel remote add origin PATH_OR_URL")
    chosen = name or config.default_remote
    if chosen not in config.remotes:
        what = f"there is no remote {chosen!r}" if chosen else "several remotes and no default"
        raise UsageError(
            f"{what} (there is {', '.join(config.remotes)})", hint="gitmodel remote list"
        )
    return chosen, config.remotes[chosen]


def is_trusted(git: Git, url: str) -> bool:
    """Return whether the user confirmed in this clone that a URL may be written to."""
    return url in git.config(_TRUST_KEY)


def trust(git: Git, url: str) -> None:
    """Remember that the user confirmed a URL."""
    if not is_trusted(git, url):
        git.add_config(_TRUST_KEY, url)


def open_remote(config: Config, root: Path, index: Index, name: str = "") -> Remote:
    """Open a remote by name, or the default one."""
    chosen, url = remote_url(config, name)
    return Remote(chosen, open_store(url, root), index, config.id)
