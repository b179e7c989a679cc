"""What Git sends to other repositories and fetches from them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote

from gitmodel.digest import COMMIT
from gitmodel.errors import ConflictError, RemoteError
from gitmodel.git import gitconfig, refs, revisions
from gitmodel.git.command import Git, lines_of, operand, said
from gitmodel.hints import command
from gitmodel.secrets import without_secret

_MUTE = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true"}
_SOURCE = "source"
_PARAMETERS = "GIT_CONFIG_PARAMETERS"
_ANSWER = (
    '!f() { test "$1" = get &&'
    ' printf \'username=%s\\npassword=%s\\n\' "$GITMODEL_USER" "$GITMODEL_PASSWORD"; }; f'
)
_FETCHED = "refs/gitmodel/fetched"


def remote_of(git: Git) -> str | None:
    """Return the name of the Git remote that tags are pushed to, or None."""
    names = git.names("remote", separator="\n")
    branch = (refs.branch(git) or "").removeprefix("refs/heads/")
    keys = (f"branch.{branch}.pushRemote", "remote.pushDefault", f"branch.{branch}.remote")
    wanted = [name for key in keys for name in gitconfig.values(git, key)]
    usable = [name for name in (*wanted, "origin") if name in names]
    if usable:
        return usable[0]
    return names[0] if len(names) == 1 else None


def remote_tags(git: Git, remote: str, *, ask: bool = True) -> dict[str, str]:
    """Return the tags of a Git remote: short name to the oid of the tag or commit.

    `ask`: whether Git may ask the user for a password.
    """
    env = None if ask else _MUTE
    done = git.run("ls-remote", "--refs", "--tags", "--", remote, env=env)
    if done.returncode:
        raise RemoteError(
            f"Git remote {remote!r}: {said(done)}", hint=command("git ls-remote {}", remote)
        )
    lines = lines_of(done.stdout)
    pairs = (line.split("\t", 1) for line in lines)
    return {name.removeprefix("refs/tags/"): oid for oid, name in pairs}


def push_tags(git: Git, remote: str, tags: Sequence[str]) -> None:
    """Push tags; raises `ConflictError` if the remote refuses one, and then pushes none."""
    specs = [f"refs/tags/{tag}:refs/tags/{tag}" for tag in tags]
    done = git.act("push", "--quiet", "--atomic", "--", remote, *specs)
    if done.returncode:
        text = said(done)
        kind = ConflictError if "rejected" in text else RemoteError
        raise kind(
            f"Git remote {remote!r} did not take the tags: {text}",
            hint=command("git push {} {}", remote, tags[0]),
        )


def refs_at(git: Git, url: str) -> dict[str, str]:
    """Return the refs of a repository elsewhere, HEAD too: full name to the commit.

    Raises `RemoteError` if it cannot be reached.
    """
    done = git.run("ls-remote", "--", _SOURCE, env=_at(url))
    if done.returncode:
        raise _unreachable(url, done)
    found: dict[str, str] = {}
    for line in lines_of(done.stdout):
        oid, name = line.split("\t", 1)
        if COMMIT.fullmatch(oid):
            # An annotated tag comes twice; the second time, as the commit that it leads to.
            found[name.removesuffix("^{}")] = oid
    return found


def fetch_one(git: Git, url: str, source: str, limit: int) -> str | None:
    """Fetch one commit from elsewhere: a ref or a commit id, without what came before it.

    Files of more than `limit` bytes are left there if the server can.  Returns the commit.
    Raises `RemoteError` if it cannot be had.
    """
    done = git.run(
        *("fetch", "--quiet", "--depth=1", "--no-tags", "--no-auto-gc"),
        *("--no-recurse-submodules", f"--filter=blob:limit={limit + 1}"),
        *("--", _SOURCE, f"+{source}:{_FETCHED}"),
        env=_at(url),
    )
    if done.returncode:
        raise _unreachable(url, done)
    return revisions.resolve(git, _FETCHED)


def _at(url: str) -> dict[str, str]:
    """Return an environment in which Git knows a URL as the remote `source`.

    Everybody may list the arguments of programs, those of Git's own helpers too, and Git keeps a
    URL that is an argument of `fetch`.  So a login of the web is no part of the URL, but what a
    helper answers to the one server that asks for it.
    """
    scheme, _, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    if not at or scheme not in ("http", "https") or "/" in login:
        return {_PARAMETERS: _configured({f"remote.{_SOURCE}.url": url})}
    user, colon, password = login.partition(":")
    server = f"credential.{scheme}://{place.partition('/')[0]}"
    asked = {f"{server}.helper": _ANSWER} if colon else {f"{server}.username": unquote(user)}
    return {
        _PARAMETERS: _configured({f"remote.{_SOURCE}.url": f"{scheme}://{place}", **asked}),
        "GITMODEL_USER": unquote(user),
        "GITMODEL_PASSWORD": unquote(password),
    }


def _configured(settings: Mapping[str, str]) -> str:
    """Return settings as `git -c` hands them on to the programs that it starts."""
    quoted = (
        "'{}'".format(f"{key}={value}".replace("'", "'\\''").replace("!", "'\\!'"))
        for key, value in settings.items()
    )
    return " ".join(filter(None, (os.environ.get(_PARAMETERS, ""), *quoted)))


def _unreachable(url: str, done: subprocess.CompletedProcess[bytes]) -> RemoteError:
    shown = without_secret(url)
    return RemoteError(
        f"Git repository {shown!r}: {said(done)}", hint=command("git ls-remote {}", shown)
    )


def promisors(git: Git) -> list[str]:
    """Return the remotes that have what a partial clone left out."""
    done = git.run("config", "--name-only", "--get-regexp", r"^remote\..*\.promisor$")
    keys = lines_of(done.stdout)
    return [key.removeprefix("remote.").removesuffix(".promisor") for key in keys]


def bring_objects(git: Git, promisor: str, oids: Iterable[str]) -> None:
    """Have Git fetch objects that a partial clone left out, all at once if it can.

    This is how Git itself does it (`fetch_objects` in promisor-remote.c), but one by one.
    """
    git.run(
        *("-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags"),
        *("--no-write-fetch-head", "--recurse-submodules=no", "--filter=blob:none", "--stdin"),
        *("--", promisor),
        feed="".join(f"{oid}\n" for oid in oids).encode(),
    )


def bring_object(git: Git, oid: str) -> bool:
    """Have Git fetch an object that a partial clone left out; return whether it is here then."""
    return git.run("cat-file", "-t", operand(oid)).returncode == 0
