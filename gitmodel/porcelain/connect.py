"""Which remote is meant, and whether it may be contacted and written to."""

from __future__ import annotations

import shlex
from dataclasses import replace

from gitmodel import trace
from gitmodel.config import Config, names_endpoint
from gitmodel.errors import IntegrityError, UsageError
from gitmodel.git import gitconfig
from gitmodel.git.command import Git
from gitmodel.project import Project
from gitmodel.remote.limit import LimitedStore
from gitmodel.remote.packstore import Remote
from gitmodel.remote.store import Access, open_store
from gitmodel.remote.traced import TracedStore

_TRUST_KEY = "gitmodel.trusted-url"
_TIMEOUT_KEY = "gitmodel.timeout"
_LONGEST = 86_400.0
"""Seconds; what is more is a slip, and infinity would never end."""


def open_remote(project: Project, name: str = "", *, write: bool = False, rate: int = 0) -> Remote:
    """Open a remote by name, or the default one.

    A URL that came with the repository is read from, but written to, or an endpoint that it names
    contacted, only after the user confirmed it once in this clone.  Raises `IntegrityError` if
    that is not so.  `rate` limits what is moved, in bytes a second.
    """
    chosen, url = _find(project.config, name)
    if write or names_endpoint(url):
        _confirm(project, chosen, url)
    access = _access(project.git, chosen) if "://" in url else Access()
    store = open_store(url, project.root, replace(access, rate=rate))
    if trace.is_on():
        store = TracedStore(store)
    if rate:
        store = LimitedStore(store, rate)
    return Remote(chosen, store, project.index, project.config.id)


def is_trusted(git: Git, url: str) -> bool:
    """Return whether the user confirmed in this clone that a URL may be written to."""
    return url in gitconfig.values(git, _TRUST_KEY)


def trust(git: Git, url: str) -> None:
    """Remember that the user confirmed a URL."""
    if not is_trusted(git, url):
        gitconfig.add_value(git, _TRUST_KEY, url)


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


def _confirm(project: Project, name: str, url: str) -> None:
    if is_trusted(project.git, url):
        return
    if not project.confirm(name, url):
        raise IntegrityError(
            f"remote {name!r} at {url!r} came with the repository and was not confirmed",
            hint=f"gitmodel remote add {name} {shlex.quote(url)}",
        )
    trust(project.git, url)


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
            hint=f"git config {_TIMEOUT_KEY} 30",
        )
    return replace(access, timeout=seconds)


def _profile_key(name: str) -> str:
    return f"{_section(name)}.profile"


def _section(name: str) -> str:
    return f"gitmodel.{name}"
