"""Where a remote's files lie: what every kind of place must be able to do."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from gitmodel.errors import MissingError, RemoteError
from gitmodel.hints import note
from gitmodel.progress import Far, unheard
from gitmodel.remote.file import LARGEST, File
from gitmodel.remote.folder import FolderStore
from gitmodel.url import AZURE, FOLDER, REMOTES, WEB, parse_url

_DRIVERS = {
    "s3": "s3",
    "sftp": "sftp",
    **dict.fromkeys(("gs", *AZURE), "objects"),
    **dict.fromkeys(WEB, "web"),
}
"""Which module of this package opens the URLs of a scheme."""


class Store(Protocol):
    """A flat set of files by key; keys are relative and use `/`.

    A folder is no file: where a place has folders, one that is empty gives way to a file that is
    written in its place, and one that is not is left as it is, with a `RemoteError`.
    """

    url: str
    lanes: int
    """Requests that are worth having under way at once, at most."""

    @property
    def lanes_now(self) -> int:
        """How many of them the place is happy with at the moment."""

    def read(
        self, key: str, start: int = 0, length: int | None = None, *, limit: int = LARGEST
    ) -> bytes:
        """Return `length` bytes from `start` on, or all; never fewer.

        Raises `MissingError` if there is no such file, `RemoteError` for anything else.  Of a file
        that is read whole and has more than `limit` bytes none are read: `IntegrityError`.
        """

    def size(self, key: str) -> int:
        """Return the size in bytes; raise `MissingError` if there is no such file."""

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Write a file; when this returns, it is durable, and `data` may change."""

    def put_new(self, key: str, *parts: bytes | memoryview, far: Far = unheard) -> bool:
        """Write a file of these parts unless it exists; return whether it was written.

        `far` is called by any thread, and not by every kind of store.
        """

    def files(self, prefix: str) -> dict[str, File]:
        """Return name, relative to the folder `prefix`, size and tag of each file below it.

        Where a place has folders, they are there too; their names end in `/`.
        """

    def move(self, key: str, new: str) -> bool:
        """Give a file another key, unless there is one under that; return whether it was moved.

        Its bytes do not pass through here.  Raises `MissingError` if there is no such file.
        """

    def delete(self, key: str) -> None:
        """Remove a file, or an empty folder in its place, if it is there."""

    def sweep(self) -> None:
        """Remove what writers that died left half written."""

    def leftovers(self) -> Sequence[str]:
        """Return the names of temporary folders that `sweep` leaves to others, of this store."""

    def abort(self) -> None:
        """Give up the requests that are under way on other threads, so that nobody waits."""


@dataclass(frozen=True, slots=True)
class Access:
    """What the user adds to a URL.

    An AWS profile, seconds without a sign of life, bytes a second that may be moved (0 for any).
    """

    profile: str = ""
    timeout: float = 30.0
    rate: int = 0


def move_by_copy(store: Store, key: str, new: str, copy: Callable[[], object]) -> bool:
    """Move a file as `Store.move` does, where a server can only copy: `copy` has it do so."""
    size = store.size(key)
    with suppress(MissingError):
        store.size(new)
        return False
    copy()
    if store.size(new) != size:
        raise RemoteError(
            f"{store.url}: the copy {new!r} of {key!r} has another size",
            hint="gitmodel remote check",
        )
    store.delete(key)
    return True


def open_store(
    url: str, base: Path, access: Access = Access(), schemes: Sequence[str] = REMOTES
) -> Store:
    """Open the store at a URL of one of the schemes; a plain path is relative to `base`.

    Raises `UsageError` for any other URL: it may come from a repository.
    """
    parsed = parse_url(url, schemes)
    if parsed.scheme == FOLDER:
        return FolderStore(url, Path(os.path.normpath(base / parsed.path)), base)
    # A driver takes longer to load than most commands take; a folder needs none.
    try:
        module = importlib.import_module(f"gitmodel.remote.{_DRIVERS[parsed.scheme]}")
    except ImportError as error:
        raise RemoteError(
            f"{url!r} needs a driver: {error}",
            hint=note("pip install {}", f"gitmodel[{parsed.scheme}]"),
        ) from error
    return cast("Store", module.open_at(url, parsed, access))
