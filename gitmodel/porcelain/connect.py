"""Which remote is meant, and whether it may be contacted and written to."""

from __future__ import annotations

import os
from dataclasses import replace

from gitmodel import trace
from gitmodel.config import Config
from gitmodel.errors import IntegrityError, UsageError
from gitmodel.git import gitconfig
from gitmodel.git.command import Git
from gitmodel.hints import command
from gitmodel.project import Project
from gitmodel.remote.limit import LimitedStore
from gitmodel.remote.packstore import Remote
from gitmodel.remote.store import Access, open_store
from gitmodel.remote.traced import TracedStore
from gitmodel.url import FOLDER, REMOTES, WEB, parse_url

_TRUST_KEY = "gitmodel.trusted-url"
_TIMEOUT_KEY = "gitmodel.timeout"
_LONGEST = 86_400.0
"""Seconds; what is more is a slip, and infinity would never end."""


def open_remote(project: Project, name: str = "", *, write: bool = False, rate: int = 0) -> Remote:
    """Open a remote by name, or the default one.

    A URL that came with the repository is read from, but written to, or a server that it names
    contacted, only after the user confirmed it once in this clone.  Raises `IntegrityError` if
    that is not so.  `rate` limits what is moved, in bytes a second.
    """
    chosen, url = _find(project.config, name)
    if (write or parse_url(url).server) and not confirmed(project, chosen, url):
        raise IntegrityError(
            f"remote {chosen!r} at {url!r} came with the repository and was not confirmed",
            hint=command("gitmodel remote add {} {}", chosen, url),
        )
    access = _access(project.git, chosen) if "://" in url else Access()
    store = open_store(url, project.root, replace(access, rate=rate))
    if trace.is_on():
        store = TracedStore(store)
    if rate:
        store = LimitedStore(store, rate)
    return Remote(chosen, store, project.index, project.config.id)


def confirmed(project: Project, name: str, url: str) -> bool:
    """Return whether the user confirmed a URL in this clone, or does so now that they are asked."""
    if is_trusted(project, url):
        return True
    if not project.confirm(name, url):
        return False
    trust(project, url)
    return True


def is_trusted(project: Project, url: str) -> bool:
    """Return whether the user confirmed in this clone the place that a URL leads to now."""
    return _place(project, url) in gitconfig.values(project.git, _TRUST_KEY)


def trust(project: Project, url: str) -> None:
    """Remember that the user confirmed the place that a URL leads to now."""
    if not is_trusted(project, url):
        gitconfig.add_value(project.git, _TRUST_KEY, _place(project, url))


def set_profile(git: Git, name: str, profile: str) -> None:
    """Remember which profile of the user's own to reach a remote with; never tracked."""
    gitconfig.set_value(git, _profile_key(name), profile)


def forget_profile(git: Git, name: str) -> None:
    """Forget what `set_profile` remembered: a remote of the same name may be another one."""
    gitconfig.remove_section(git, _section(name))


def _find(config: Config, name: str) -> tuple[str, str]:
    if not config.remotes:
        raise UsageError("no remote is configured", hint="gitmodel remote add origin PATH_OR_URL")
    chosen = name or config.default_remote
    if chosen not in config.remotes:
        what = f"there is no remote {chosen!r}" if chosen else "several remotes and no default"
        raise UsageError(
            f"{what} (there is {', '.join(config.remotes)})", hint="gitmodel remote list"
        )
    return chosen, config.remotes[chosen]


def _place(project: Project, url: str) -> str:
    """Return what is remembered of a URL that was confirmed: for a folder, where it really is.

    A later commit may put a symlink in its way.  A relative one is relative to the Git folder, so
    that a clone may be moved together with its remote, and another worktree's is another one.
    """
    parsed = parse_url(url, (*REMOTES, *WEB))
    if parsed.scheme != FOLDER:
        return url
    place = os.path.realpath(project.root / parsed.path)
    if os.path.isabs(parsed.path):
        return place
    return os.path.relpath(place, os.path.realpath(project.git.common_dir))


def _access(git: Git, name: str) -> Access:
    profile = gitconfig.values(git, _profile_key(name))
    timeout = gitconfig.values(git, _TIMEOUT_KEY)
    access = Access(profile[-1] if profile else "")
    if not timeout:
        return access
    try:
        seconds = float(timeout[-1])
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST:
        raise UsageError(
            f"{_TIMEOUT_KEY} is {timeout[-1]!r}, not a number of seconds",
            hint=command("git config {} 30", _TIMEOUT_KEY),
        )
    return replace(access, timeout=seconds)


def _profile_key(name: str) -> str:
    return f"{_section(name)}.profile"


def _section(name: str) -> str:
    return f"gitmodel.{name}"
