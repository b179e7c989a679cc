"""A folder on a server that is reached by SSH, as a store."""

from __future__ import annotations

import errno
import posixpath
import secrets
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar

import paramiko

from gitmodel.errors import IntegrityError, MissingError, RemoteError
from gitmodel.printable import their_words
from gitmodel.progress import Far, unheard
from gitmodel.remote.file import DEEPEST, LARGEST, MOST, File, check_length, check_size, endless
from gitmodel.remote.ssh import connect
from gitmodel.remote.store import Access
from gitmodel.remote.wire import (
    CREATE,
    EXCLUSIVE,
    READ,
    WRITE,
    Facts,
    LineError,
    Session,
    StatusError,
)
from gitmodel.url import Url

_SCRATCH = ".gitmodel-scratch"
_PREFIX = "part-"
_NAME = 32
"""Digits of the random part of the name of a file that is being written."""
_DEAD = 24 * 3600
"""Seconds after which nobody still writes to a file."""
_PAUSES = (0.2, 1.0, 3.0)
"""Seconds to wait before a request is tried again on a new connection."""

_T = TypeVar("_T")
_GONE = (LineError, paramiko.SSHException, EOFError)


def open_at(text: str, url: Url, access: Access) -> SftpStore:
    """Open the store at an `sftp` URL; no connection is made yet."""
    return SftpStore(text, url, access.timeout)


class SftpStore:
    """A store in a folder that a server serves by SFTP; see `Store`.

    Each thread that uses it at the same time has a session of its own on one connection.
    """

    lanes = lanes_now = 4

    def __init__(self, text: str, url: Url, timeout: float) -> None:
        """`timeout` is in seconds without a sign of life."""
        self.url = text
        self._root = _folder(url)
        self._timeout = timeout
        self._lines = _Lines(url, timeout)
        self._folders: set[str] = set()
        weakref.finalize(self, self._lines.close)

    def read(
        self, key: str, start: int = 0, length: int | None = None, *, limit: int = LARGEST
    ) -> bytes:
        """Return a part of a file, or all."""
        path = self._path(key)

        def act(session: Session) -> bytes:
            size = self._size(session, path)
            if length is None:
                check_size(self.url, key, size, limit)
            wanted = size - start if length is None else min(length, size - start)
            with session.opened(path, READ) as handle:
                return session.read(handle, start, max(0, wanted))

        data = self._call(key, act)
        return data if length is None else check_length(self.url, key, data, length)

    def size(self, key: str) -> int:
        """Return the size in bytes."""
        return self._call(key, lambda session: self._size(session, self._path(key)))

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Write a file."""
        self._call(key, lambda session: self._write(session, key, data))

    def put_new(self, key: str, *parts: bytes | memoryview, far: Far = unheard) -> bool:
        """Write a file unless it exists; how far that is, is not told.

        If an answer is lost, the second try finds what the first one wrote, and returns False.
        """
        return self._call(key, lambda session: self._write_new(session, key, parts))

    def files(self, prefix: str) -> dict[str, File]:
        """Return name, size and tag of each file below a folder, and the folders there.

        No link is followed.
        """
        top = self._path(prefix)

        def act(session: Session) -> dict[str, File]:
            self._check_way(session, f"{top}/")
            return _walk(session, top, self.url)

        try:
            return self._call(prefix, act)
        except MissingError:
            return {}

    def move(self, key: str, new: str) -> bool:
        """Rename a file, unless the other name is taken."""

        def act(session: Session) -> bool:
            self._size(session, self._path(key))
            self._make_folders(session, posixpath.dirname(self._path(new)))
            return _rename(session, self._path(key), self._path(new))

        return self._call(key, act)

    def delete(self, key: str) -> None:
        """Remove a file, or an empty folder in its place, if it is there."""

        def act(session: Session) -> None:
            self._check_way(session, self._path(key))
            # An empty folder goes by that.
            if _make_room(session, self._path(key)):
                session.remove(self._path(key))

        with suppress(MissingError):
            self._call(key, act)

    def sweep(self) -> None:
        """Remove what writers that died left half written.

        Only what has a name that is given here, belongs to whom new files belong to, and was last
        written a day ago by the server's own clock.
        """

        def act(session: Session) -> None:
            folder = self._path(_SCRATCH)
            self._check_way(session, f"{folder}/")
            left = [
                (name, facts)
                for _, name, facts in session.listings([folder])
                if _is_part(name) and facts.is_file
            ]
            if not left:
                return
            probe = self._scratch_file(session)
            with session.opened(probe, WRITE | CREATE | EXCLUSIVE) as handle:
                own = session.facts_of(handle)
            session.remove(probe)
            for name, facts in left:
                if facts.owner == own.owner and facts.written < own.written - _DEAD:
                    # Another sweep may have been here first.
                    with suppress(StatusError):
                        session.remove(f"{folder}/{name}")

        with suppress(MissingError):
            self._call(_SCRATCH, act)

    def leftovers(self) -> Sequence[str]:
        """All are removed by `sweep`, sooner or later."""
        return ()

    def abort(self) -> None:
        """Give up the requests that are under way."""
        self._lines.abort()

    def _write(self, session: Session, key: str, data: bytes | memoryview) -> None:
        target = self._path(key)
        self._make_folders(session, posixpath.dirname(target))
        old = _make_room(session, target)
        temporary = self._write_part(session, [data])
        with _removed(session, temporary):
            if old and old.written >= session.facts(temporary).written:
                # Times are in seconds; a file that is written anew must have another one.
                with session.opened(temporary, WRITE) as handle:
                    session.date(handle, old.written + 1)
            session.replace(temporary, target)

    def _write_new(self, session: Session, key: str, parts: Sequence[bytes | memoryview]) -> bool:
        target = self._path(key)
        self._make_folders(session, posixpath.dirname(target))
        if _make_room(session, target):
            return False
        temporary = self._write_part(session, parts)
        with _removed(session, temporary):
            if _rename(session, temporary, target):
                return True
        session.remove(temporary)
        return False

    def _write_part(self, session: Session, parts: Sequence[bytes | memoryview]) -> str:
        """Write a file under a name of its own, on the file system of the place it will have."""
        temporary = self._scratch_file(session)
        with (
            _removed(session, temporary),
            session.opened(temporary, WRITE | CREATE | EXCLUSIVE) as handle,
        ):
            session.write(handle, parts)
            session.sync(handle)
        return temporary

    def _scratch_file(self, session: Session) -> str:
        self._make_folders(session, self._path(_SCRATCH))
        return self._path(f"{_SCRATCH}/{_PREFIX}{secrets.token_hex(_NAME // 2)}")

    def _make_folders(self, session: Session, folder: str) -> None:
        """Make a folder and those above it, unless they are there."""
        if folder in self._folders or folder in ("", "/", "."):
            return
        below, above = folder.startswith(f"{self._root}/"), posixpath.dirname(folder)
        if below:
            self._make_folders(session, above)
        try:
            session.make_folder(folder)
        except StatusError as error:
            if error.errno == errno.ENOENT and not below:
                self._make_folders(session, above)
                # Another one may be at it, too.
                with suppress(StatusError):
                    session.make_folder(folder)
            if _facts(session, folder) is None:
                raise
            self._check_way(session, f"{folder}/")
        self._folders.add(folder)

    def _check_way(self, session: Session, path: str) -> None:
        """Raise `IntegrityError` if a folder on the way from the top of the store is a link.

        Who shares the store could have that lead out of it.  The top itself, and what is above it,
        is as whoever runs the server made it.
        """
        top = self._root.rstrip("/")
        if path.startswith(f"{top}/"):
            way = top
            for name in path[len(top) + 1 :].split("/")[:-1]:
                way = f"{way}/{name}"
                if way not in self._folders:
                    if not session.facts(way).is_folder:
                        raise IntegrityError(
                            f"{self.url}: {way!r} is not a folder", hint="gitmodel remote check"
                        )
                    self._folders.add(way)

    def _size(self, session: Session, path: str) -> int:
        """Return the size of a file; a folder is none, and a link leads nobody knows where."""
        self._check_way(session, path)
        facts = session.facts(path)
        if not facts.is_file:
            raise StatusError(errno.ENOENT, "it is not a file")
        return facts.size

    def _path(self, key: str) -> str:
        return posixpath.join(self._root, key)

    def _call(self, key: str, act: Callable[[Session], _T]) -> _T:
        """Have a session do something, and another one on a new connection if that one is gone."""
        aborts = self._lines.aborts
        for pause in (*_PAUSES, None):
            try:
                with self._lines.session() as session:
                    return act(session)
            except StatusError as error:
                raise self._translated(key, error) from error
            except (*_GONE, OSError) as error:
                self._folders.clear()
                if pause is None or self._lines.aborts != aborts:
                    raise RemoteError(
                        f"{self.url}: {key!r}: {error or type(error).__name__}",
                        hint="run the same command again",
                    ) from error
                time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _translated(self, key: str, error: StatusError) -> MissingError | RemoteError:
        if error.errno == errno.ENOENT:
            return MissingError(f"{self.url}: {key!r} is not there", hint="gitmodel remote check")
        said = their_words(error.strerror or "")
        return RemoteError(f"{self.url}: {key!r}: {said}", hint="gitmodel remote check")


class _Lines:
    """The connection to a server, and its sessions that nobody uses at the moment."""

    def __init__(self, url: Url, timeout: float) -> None:
        self.aborts = 0
        """How often what was under way was given up."""
        self._url = url
        self._timeout = timeout
        self._lock = threading.Lock()
        self._client: paramiko.SSHClient | None = None
        self._idle: list[Session] = []

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Lend a session that no other thread uses; connect if need be.

        If something goes wrong with it, other than an answer, the connection is closed.
        """
        client, session = self._take()
        try:
            session = session or self._open(client)
            yield session
        except BaseException as error:
            if not (isinstance(error, StatusError) and session):
                self._drop(client)
                raise
            self._give(client, session)
            raise
        self._give(client, session)

    def abort(self) -> None:
        """Close the connection under the hands of those who use it."""
        self.aborts += 1
        self.close()

    def close(self) -> None:
        """Close the connection, if there is one."""
        if client := self._client:
            self._drop(client)

    def _take(self) -> tuple[paramiko.SSHClient, Session | None]:
        with self._lock:
            if self._client is None:
                self._client = connect(self._url, self._timeout)
            return self._client, self._idle.pop() if self._idle else None

    def _open(self, client: paramiko.SSHClient) -> Session:
        transport = client.get_transport()
        if transport is None:
            raise LineError("the connection was closed")
        channel = transport.open_session(timeout=self._timeout)
        channel.settimeout(self._timeout)
        channel.invoke_subsystem("sftp")
        return Session(channel)

    def _give(self, client: paramiko.SSHClient, session: Session) -> None:
        with self._lock:
            if client is self._client:
                self._idle.append(session)

    def _drop(self, client: paramiko.SSHClient) -> None:
        with self._lock:
            # Another thread may have made a new one meanwhile.
            if client is self._client:
                self._client = None
                self._idle.clear()
        client.close()


def _folder(url: Url) -> str:
    """Return the folder that a URL means; `/~/` is the home folder of the user there."""
    path = url.path.rstrip("/") or "/"
    if path == "/~" or path.startswith("/~/"):
        return path[3:] or "."
    return path


def _is_part(name: str) -> bool:
    digits = name.removeprefix(_PREFIX)
    return (
        name.startswith(_PREFIX) and len(digits) == _NAME and set(digits) <= set("0123456789abcdef")
    )


def _facts(session: Session, path: str) -> Facts | None:
    """Return what is known of a file, or None if there is none."""
    try:
        return session.facts(path)
    except StatusError as error:
        if error.errno == errno.ENOENT:
            return None
        raise


def _make_room(session: Session, path: str) -> Facts | None:
    """Return what is known of a file that is to be written, or None if there is room for it.

    A folder of its name is no file; if it holds something, it stays, and the error is raised.
    """
    facts = _facts(session, path)
    if facts is None or not facts.is_folder:
        return facts
    session.remove_folder(path)
    return None


def _rename(session: Session, old: str, new: str) -> bool:
    """Give a file another name; return False if that one is taken.

    This request, of the first version of the protocol, never overwrites: OpenSSH makes a hard link,
    so that nobody can come in between.
    """
    try:
        session.rename(old, new)
    except StatusError as error:
        if error.errno != errno.ENOENT and _facts(session, new):
            return False
        raise
    return True


@contextmanager
def _removed(session: Session, path: str) -> Iterator[None]:
    """Remove a file if what is done with it fails."""
    try:
        yield
    except StatusError:
        with suppress(StatusError):
            session.remove(path)
        raise


def _walk(session: Session, top: str, url: str) -> dict[str, File]:
    found: dict[str, File] = {}
    folders = [top]
    for _ in range(DEEPEST):
        below: list[str] = []
        for folder, name, facts in session.listings(folders):
            path = f"{folder}/{name}"
            if facts.is_folder:
                below.append(path)
                found[f"{path[len(top) + 1 :]}/"] = File(0, "")
            elif facts.is_file:
                found[path[len(top) + 1 :]] = File(facts.size, str(facts.written))
            if len(found) > MOST:
                raise endless(url, top, len(found))
        folders = below
    return found
