"""Object stores that fsspec has a driver for, of Google and Microsoft, as stores.

Their errors become ours here.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from gitmodel.errors import MissingError, RemoteError
from gitmodel.hints import command
from gitmodel.printable import their_words
from gitmodel.progress import Far, unheard
from gitmodel.remote.file import LARGEST, File, check_length, check_size
from gitmodel.remote.store import Access, move_by_copy
from gitmodel.url import Url

CLASSES = {"gs": ("gs", "gcsfs", "GCSFileSystem"), "az": ("azure", "adlfs", "AzureBlobFileSystem")}
"""The extra that a kind of store needs, and its driver: never one that a URL chooses."""

# What goes wrong is told as an error; what drivers log beside it would be said twice.
for _name in ("adlfs", "azure", "gcsfs", "google"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


def open_at(text: str, url: Url, access: Access) -> ObjectStore:
    """Open the store at a URL of Google's or Microsoft's; no request is made yet."""
    kind = "gs" if url.scheme == "gs" else "az"
    extra, module, name = CLASSES[kind]
    try:
        driver = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise RemoteError(
            f"{text!r} needs a driver: {error}",
            hint=command("pip install {}", f"gitmodel[{extra}]"),
        ) from error
    # A listing from a cache would hide what others pushed meanwhile.
    try:
        fs = driver(use_listings_cache=False, skip_instance_cache=True, **_account(url))
    except Exception as error:
        raise RemoteError(
            f"{text}: {their_words(str(error), 'driver')}",
            hint="gcloud auth application-default login"
            if kind == "gs"
            else "export AZURE_STORAGE_CONNECTION_STRING=...",
        ) from error
    return ObjectStore(text, fs, f"{url.container}/{url.path.strip('/')}")


def _account(url: Url) -> dict[str, str]:
    """Return which account of Azure is meant, if the URL says so, and the host that serves it."""
    if not url.host:
        return {}
    name, _, rest = url.host.partition(".")
    return {"account_name": name, "account_host": f"{name}.blob.{rest.partition('.')[2]}"}


class ObjectStore:
    """A store on a file system as fsspec defines them; see `Store`.

    One request writes an object whole or not at all, so nothing is ever half written.
    """

    lanes = lanes_now = 4

    def __init__(self, url: str, fs: Any, root: str) -> None:
        self.url = url
        self._fs = fs
        self._root = root.rstrip("/")

    def read(
        self, key: str, start: int = 0, length: int | None = None, *, limit: int = LARGEST
    ) -> bytes:
        """Return a part of an object, or all."""
        if length is None:
            length = self.size(key) - start
            check_size(self.url, key, start + length, limit)
        if length == 0:
            return b""
        with _translated(self.url, key):
            data: bytes = self._fs.cat_file(self._path(key), start=start, end=start + length)
        return check_length(self.url, key, data, length)

    def size(self, key: str) -> int:
        """Return the size in bytes."""
        with _translated(self.url, key):
            return int(self._fs.size(self._path(key)))

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Write an object."""
        with _translated(self.url, key):
            self._fs.pipe_file(self._path(key), bytes(data))

    def put_new(self, key: str, *parts: bytes | memoryview, far: Far = unheard) -> bool:
        """Write an object unless it exists; how far that is, is not told."""
        try:
            with _translated(self.url, key):
                self._fs.pipe_file(self._path(key), b"".join(parts), mode="create")
        except FileExistsError:
            return False
        return True

    def files(self, prefix: str) -> dict[str, File]:
        """Return name, size and tag of each object below a prefix."""
        try:
            with _translated(self.url, prefix):
                found = self._fs.find(self._path(prefix), detail=True)
        except MissingError:
            return {}
        start = len(self._path(prefix)) + 1
        # Some drivers have paths begin at a root.
        return {
            path.removeprefix("/")[start:]: File(int(each["size"]), _tag(each))
            for path, each in found.items()
        }

    def move(self, key: str, new: str) -> bool:
        """Copy an object on the server, look whether the copy is whole, and remove it."""

        def copy() -> None:
            with _translated(self.url, key):
                self._fs.cp_file(self._path(key), self._path(new))

        return move_by_copy(self, key, new, copy)

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        try:
            with _translated(self.url, key):
                self._fs.rm_file(self._path(key))
        except MissingError:
            return

    def sweep(self) -> None:
        """Nothing is ever half written."""

    def leftovers(self) -> Sequence[str]:
        """Nothing is ever half written."""
        return ()

    def abort(self) -> None:
        """These drivers give nothing up."""

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"


def _tag(entry: Mapping[str, Any]) -> str:
    """Return what drivers tell that changes with an object: each has another name for it."""
    names = ("ETag", "etag", "md5Hash", "mtime", "last_modified", "created")
    return str(next((entry[name] for name in names if entry.get(name)), ""))


@contextmanager
def _translated(url: str, key: str) -> Iterator[None]:
    """Turn what drivers raise into our errors; `FileExistsError` is an answer, not an error."""
    try:
        yield
    except FileExistsError:
        raise
    except FileNotFoundError as error:
        raise MissingError(f"{url}: {key!r} is not there", hint="gitmodel remote check") from error
    except Exception as error:
        # Each driver has classes of its own, and what it says may be the server's.
        said = their_words(str(getattr(error, "strerror", None) or error), "driver")
        raise RemoteError(f"{url}: {key!r}: {said}", hint="gitmodel remote check") from error
