"""Logs in to servers by SSH, as the user's own `ssh` would, if their keys are known."""

from __future__ import annotations

import logging
import os
from typing import Any

import paramiko
from paramiko.hostkeys import InvalidHostKey

from gitmodel.errors import IntegrityError, RemoteError, UsageError
from gitmodel.hints import also, command
from gitmodel.url import Url

_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts")
_CONFIG = "~/.ssh/config"
_PORT = 22

# What goes wrong is raised; without this it would also be printed.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


def connect(url: Url, timeout: float) -> paramiko.SSHClient:
    """Log in to the server that a URL names; `timeout` is in seconds for each step.

    Name, port, user and keys come from `~/.ssh/config`, keys from the agent too.  Raises
    `IntegrityError` if the key of the server is not the one in `known_hosts`.
    """
    host = url.host.strip("[]")
    own = _settings(host)
    name, port = own.get("hostname", host), url.port or _port(own)
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(_Reject())
    _load_known(client, own)
    try:
        client.connect(
            name,
            port,
            url.user or own.get("user"),
            key_filename=_keys(own),
            look_for_keys="identityfile" not in own,
            timeout=timeout,
            banner_timeout=timeout,
            auth_timeout=timeout,
            channel_timeout=timeout,
            sock=_proxy(own),
        )
    except BaseException as error:
        client.close()
        if isinstance(error, (_UnknownKeyError, paramiko.SSHException, OSError, EOFError)):
            raise _refused(host, port, error) from error
        raise
    return client


class _UnknownKeyError(Exception):
    """Nobody vouches for the key of a server."""


class _Reject:
    """Talks to no server whose key is not known."""

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        """Refuse."""
        raise _UnknownKeyError(hostname)


def _settings(host: str) -> Any:
    path = os.path.expanduser(_CONFIG)
    if not os.path.isfile(path):
        return {}
    try:
        return paramiko.SSHConfig.from_path(path).lookup(host)
    except (
        paramiko.ConfigParseError,
        paramiko.CouldNotCanonicalize,
        ImportError,
        OSError,
        ValueError,
    ) as error:
        raise UsageError(f"{path!r}: {_why(error)}", hint=command("ssh -G {}", host)) from error


def _load_known(client: paramiko.SSHClient, own: Any) -> None:
    named = own.get("userknownhostsfile", "").split()
    for path in map(os.path.expanduser, (*named, *_KNOWN_HOSTS[2:]) if named else _KNOWN_HOSTS):
        if os.path.isfile(path):
            try:
                client.load_system_host_keys(path)
            except (InvalidHostKey, OSError, ValueError) as error:
                raise UsageError(
                    f"{path!r} cannot be read: {_why(error)}",
                    hint=command("ssh-keygen -l -f {}", path),
                ) from error


def _port(own: Any) -> int:
    text = own.get("port", str(_PORT))
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"{text!r} of ~/.ssh/config is no port", hint="ssh -G HOST")
    return int(text)


def _keys(own: Any) -> list[str]:
    return [
        path
        for path in map(os.path.expanduser, own.get("identityfile", ()))
        if os.path.isfile(path)
    ]


def _proxy(own: Any) -> Any:
    if own.get("proxyjump", "none") != "none":
        raise UsageError(
            "gitmodel does not follow ProxyJump of ~/.ssh/config",
            hint="ProxyCommand ssh -W %h:%p HOST",
        )
    command = own.get("proxycommand", "none")
    return None if command == "none" else paramiko.ProxyCommand(command)


def _refused(host: str, port: int, error: BaseException) -> IntegrityError | RemoteError:
    login = str(port), host
    if isinstance(error, paramiko.BadHostKeyException):
        return IntegrityError(
            f"the server {host!r} has another key than the one in known_hosts",
            hint=also("ask who runs it why", command("ssh -p {} {}", *login)),
        )
    if isinstance(error, _UnknownKeyError):
        return IntegrityError(
            f"the key of the server {host!r} is not in known_hosts",
            hint=also(command("ssh -p {} {}", *login), "it shows the key, and asks"),
        )
    if isinstance(error, paramiko.AuthenticationException):
        return RemoteError(
            f"the server {host!r} does not let you in: {error}",
            hint=command("ssh -p {} {}", *login),
        )
    return RemoteError(
        f"the server {host!r} cannot be reached: {_why(error)}",
        hint=command("ssh -p {} {}", *login),
    )


def _why(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
