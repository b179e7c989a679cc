"""What can go wrong, by what the caller can do next; each class carries its exit code."""

from __future__ import annotations

from collections.abc import Sequence


class GitmodelError(Exception):
    """Something failed; `hint` is the command, or the act, that comes next.

    `more` are further lines of the message.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", more: Sequence[str] = ()) -> None:
        super().__init__("\n  ".join((message, *more)))
        self.message = message
        self.hint = hint
        self.more = more


class UsageError(GitmodelError):
    """The request makes no sense here: a wrong path, a name that does not exist."""

    exit_code = 2


class GateError(GitmodelError):
    """A gate or a policy refused."""

    exit_code = 3


class ConflictError(GitmodelError):
    """A race was lost, or work that is saved nowhere would be overwritten."""

    exit_code = 4


class UnsavedError(ConflictError):
    """Work at `paths` that is saved nowhere would be overwritten, and nobody forced it."""

    def __init__(self, message: str, paths: Sequence[str], *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.paths = paths


class MissingError(GitmodelError):
    """Bytes that a pointer names are not in the cache, nor where they were looked for."""

    exit_code = 5


class RemoteError(GitmodelError):
    """The remote, the network or the credentials failed."""

    exit_code = 6


class IntegrityError(GitmodelError):
    """Bytes differ from their digest, or a file from outside is malformed or unsafe."""

    exit_code = 7


class CacheError(IntegrityError):
    """Something in the local cache is damaged; where it came from there may be a good copy."""


class DiskError(GitmodelError):
    """The local disk refused: full, read-only, not permitted, or damaged."""

    exit_code = 8


class NewerError(IntegrityError):
    """What was read is not damaged, but of a later version than this one."""


def newer(what: str, number: int | None = None) -> NewerError:
    """Return the error for what this version cannot read, but a later one can."""
    form = "" if number is None else f" (format {number})"
    return NewerError(
        f"{what} was written by a newer gitmodel{form}", hint="pip install --upgrade gitmodel"
    )
