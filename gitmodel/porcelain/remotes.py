"""Configure remotes, and care for them."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Set
from dataclasses import dataclass

from gitmodel.config import check_remote_name
from gitmodel.errors import MissingError, RemoteError, UsageError
from gitmodel.hints import command
from gitmodel.locks import locked
from gitmodel.porcelain.connect import forget_profile, is_trusted, open_remote, set_profile, trust
from gitmodel.porcelain.promises import find_broken
from gitmodel.porcelain.rewrite import rewrite_config
from gitmodel.progress import Progress
from gitmodel.project import Project
from gitmodel.remote.care import Health, Repaired, check, find_damaged, repair
from gitmodel.remote.store import Store
from gitmodel.url import check_url

_PROBE = 16 << 20


@dataclass(frozen=True, slots=True)
class RemoteEntry:
    """A configured remote; `trusted`: the user confirmed it in this clone."""

    name: str
    url: str
    default: bool
    trusted: bool


@dataclass(frozen=True, slots=True)
class Probed:
    """What a remote was seen to do, what it cannot do, and how fast it is (bytes a second)."""

    proven: tuple[str, ...]
    lacking: tuple[str, ...]
    up: float
    down: float


@dataclass(frozen=True, slots=True)
class Checked:
    """What a remote can do, and the state of what is on it.

    `health` is None where nothing was pushed yet; `leftovers` are temporary folders that nobody
    removes.
    """

    name: str
    url: str
    probed: Probed
    health: Health | None
    leftovers: tuple[str, ...]


def add_remote(project: Project, name: str, url: str, profile: str = "") -> bool:
    """Configure a remote and confirm its URL for this clone; return whether it is new.

    `profile` is the AWS profile to reach it with; it stays in this clone.
    """
    check_remote_name(name)
    check_url(url)
    old = project.config.remotes
    if name in old and old[name] != url:
        raise UsageError(
            f"remote {name!r} exists, with the URL {old[name]!r}",
            hint=command("gitmodel remote remove {}", name),
        )
    trust(project, url)
    if profile:
        set_profile(project.git, name, profile)
    if name in old:
        return False
    _write_remotes(project, {**old, name: url})
    return True


def remove_remote(project: Project, name: str) -> None:
    """Forget a remote; nothing on it is touched."""
    if name not in project.config.remotes:
        raise UsageError(f"there is no remote {name!r}", hint="gitmodel remote list")
    _write_remotes(project, {n: url for n, url in project.config.remotes.items() if n != name})
    project.index.forget_remote(project.config.remotes[name])
    forget_profile(project.git, name)


def list_remotes(project: Project) -> list[RemoteEntry]:
    """Return the configured remotes."""
    config = project.config
    return [
        RemoteEntry(name, url, name == config.default_remote, is_trusted(project, url))
        for name, url in config.remotes.items()
    ]


def check_remote(project: Project, name: str) -> Checked:
    """Prove on a scratch key that the remote does what it must; then look at what is on it."""
    remote = open_remote(project, name, write=True)
    if not (used := remote.is_used()):
        # Before a probe makes a folder where a drive is not mounted.
        remote.check_gone()
    probed = _probe(remote.store)
    health = check(remote) if used else None
    return Checked(remote.name, remote.store.url, probed, health, tuple(remote.store.leftovers()))


def repair_remote(project: Project, name: str, progress: Progress, *, read: bool) -> Repaired:
    """Rebuild what can be rebuilt from the packs.

    If `read`, every pack is read whole: damage inside one shows in no list.
    """
    remote = open_remote(project, name, write=True)
    if not remote.is_used():
        raise MissingError(
            f"nothing is on remote {remote.name!r} ({remote.store.url})", hint="gitmodel push"
        )
    damaged, unread = find_damaged(remote, progress) if read else ((), ())

    def holds(oids: Set[str]) -> bool:
        return len(remote.holds(list(oids))) == len(oids)

    return repair(remote, damaged, unread, lambda: find_broken(project, remote, holds, progress))


def _write_remotes(project: Project, remotes: dict[str, str]) -> None:
    with locked(project.lock):
        rewrite_config(project, "remotes", remotes)


def _probe(store: Store) -> Probed:
    key, data = f"scratch/{secrets.token_hex(16)}", os.urandom(_PROBE)
    name = key.partition("/")[2]
    proven: list[str] = []
    lacking: list[str] = []

    def prove(what: str, *, good: bool) -> None:
        if not good:
            raise RemoteError(
                f"{store.url}: {what} gave a wrong answer", hint="gitmodel remote list"
            )
        proven.append(what)

    try:
        up = _timed(lambda: store.put(key, data))
        down = _timed(lambda: prove("write and read back", good=store.read(key) == data))
        prove("ranged read", good=store.read(key, 12345, 678) == data[12345:13023])
        listed = store.files("scratch")
        prove("listing", good=name in listed and listed[name].size == _PROBE)
        if not store.put_new(key, b"") and store.size(key) == _PROBE:
            proven.append("conditional write")
        else:
            lacking.append("conditional write: two who push one version at once are not told")
        store.put(key, b"again")
        prove("overwrite", good=store.read(key) == b"again")
    finally:
        store.delete(key)
    prove("delete", good=name not in store.files("scratch"))
    return Probed(tuple(proven), tuple(lacking), _PROBE / up, _PROBE / down)


def _timed(act: Callable[[], None]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start
