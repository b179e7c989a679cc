"""The SSH File Transfer Protocol, version 3 (draft-ietf-secsh-filexfer-02), as OpenSSH extends it.

Requests may be under way side by side, so that a far server is not waited for at each of them;
paramiko's own client cannot tell what became of a write that it did not wait for, nor which
extensions a server has.
"""

from __future__ import annotations

import errno
import stat
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

REPLACE, FSYNC = "posix-rename@openssh.com", "fsync@openssh.com"
READ, WRITE, CREATE, EXCLUSIVE = 0x01, 0x02, 0x08, 0x20
"""How a file is opened."""

_VERSION = 3
_INIT, _VERSIONED, _OPEN, _CLOSE, _READ, _WRITE, _LSTAT, _FSTAT = 1, 2, 3, 4, 5, 6, 7, 8
_FSETSTAT, _OPENDIR, _READDIR, _REMOVE, _MKDIR, _RMDIR, _RENAME = 10, 11, 12, 13, 14, 15, 18
_EXTENDED = 200
_STATUS, _HANDLE, _DATA, _NAME, _ATTRIBUTES = 101, 102, 103, 104, 105
_OK, _EOF = 0, 1
_ERRNO = {2: errno.ENOENT, 3: errno.EACCES, 8: errno.ENOTSUP, 11: errno.EEXIST}
"""The codes of a status that say more than that it failed."""
_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES, _HAS_MORE = 1, 2, 4, 8, 1 << 31
_PART = 32 << 10
"""Bytes of data in one packet: every server takes so many."""
_UNDER_WAY = 64
"""Requests that are sent before the first of them must be answered."""
_LONGEST = 1 << 20
"""Bytes of the longest packet that is believed to be one."""
_RECEIVED = 256 << 10


class Line(Protocol):
    """What packets go through: a channel of paramiko's."""

    def sendall(self, data: bytes | bytearray) -> None:
        """Send bytes; raise `OSError` if the line is gone."""

    def recv(self, nbytes: int) -> bytes:
        """Return some bytes, none at the end."""


class StatusError(OSError):
    """The server did not do what it was asked."""


class LineError(Exception):
    """What came is not of this protocol, or the line is gone."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a server says of a file: type and mode, bytes, owner, and when it was last written."""

    mode: int = 0
    size: int = 0
    owner: int = -1
    written: int = 0

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, and no link to one."""
        return stat.S_ISDIR(self.mode)


class Session:
    """A conversation with a server of files, for one thread at a time.

    Raises `StatusError` for what the server refuses, `LineError` or `OSError` if it is gone.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._received = bytearray()
        self._number = 0
        self._asked: set[int] = set()
        self._answers: dict[int, tuple[int, _Reader]] = {}
        self._send(_INIT, struct.pack(">I", _VERSION))
        kind, body = self._receive()
        if kind != _VERSIONED:
            raise LineError("the server does not speak SFTP")
        body.number()
        self.extensions: dict[str, bytes] = {}
        while body.rest():
            name = body.text()
            self.extensions[name] = body.data()

    def facts(self, path: str) -> Facts:
        """Return what is known of a file, folder or link."""
        return self._ask(_ATTRIBUTES, _LSTAT, _string(path)).facts()

    @contextmanager
    def opened(self, path: str, how: int) -> Iterator[bytes]:
        """Open a file, and close it again; yields its handle."""
        how_new = struct.pack(">II", how, 0)
        handle = self._ask(_HANDLE, _OPEN, _string(path) + how_new).data()
        try:
            yield handle
        except StatusError:
            self._ask(_STATUS, _CLOSE, _string(handle))
            raise
        self._ask(_STATUS, _CLOSE, _string(handle))

    def facts_of(self, handle: bytes) -> Facts:
        """Return what is known of an open file."""
        return self._ask(_ATTRIBUTES, _FSTAT, _string(handle)).facts()

    def read(self, handle: bytes, start: int, length: int) -> bytes:
        """Return a part of an open file, less at its end."""
        found = bytearray(length)
        asked: deque[tuple[int, int, int]] = deque()
        parts = iter(range(0, length, _PART))
        end = length
        while True:
            while len(asked) < _UNDER_WAY and (at := next(parts, None)) is not None:
                asked.append(self._begin_read(handle, start, at, min(_PART, length - at)))
            if not asked:
                return bytes(memoryview(found)[:end])
            number, at, size = asked.popleft()
            data = self._data(number)
            found[at : at + len(data)] = data
            if not data:
                end = min(end, at)
            elif len(data) < size:
                asked.append(self._begin_read(handle, start, at + len(data), size - len(data)))

    def _begin_read(self, handle: bytes, start: int, at: int, size: int) -> tuple[int, int, int]:
        where = struct.pack(">QI", start + at, size)
        return self._begin(_READ, _string(handle) + where), at, size

    def _data(self, number: int) -> bytes:
        kind, body = self._finish(number)
        if kind == _DATA:
            return body.data()
        if kind == _STATUS and body.status() == _EOF:
            return b""
        raise LineError("the server answered with something else than data")

    def write(self, handle: bytes, parts: Iterable[bytes | memoryview]) -> None:
        """Write the whole content of an open file."""
        asked: deque[int] = deque()
        at = 0
        for part in parts:
            view = memoryview(part)
            for offset in range(0, len(view), _PART):
                piece = view[offset : offset + _PART]
                where = struct.pack(">QI", at, len(piece))
                asked.append(self._begin(_WRITE, b"".join((_string(handle), where, piece))))
                at += len(piece)
                if len(asked) > _UNDER_WAY:
                    self._done(asked.popleft())
        while asked:
            self._done(asked.popleft())

    def sync(self, handle: bytes) -> None:
        """Have the server bring an open file to its disk, if it can."""
        if FSYNC in self.extensions:
            self._ask(_STATUS, _EXTENDED, _string(FSYNC) + _string(handle))

    def date(self, handle: bytes, written: int) -> None:
        """Have an open file say that it was last written at another time, in seconds."""
        times = struct.pack(">III", _HAS_TIMES, written, written)
        self._ask(_STATUS, _FSETSTAT, _string(handle) + times)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, which none may have."""
        self._ask(_STATUS, _RENAME, _string(old) + _string(new))

    def replace(self, old: str, new: str) -> None:
        """Give a file another name, in the place of the one that has it."""
        if REPLACE not in self.extensions:
            raise StatusError(errno.ENOTSUP, "the server cannot replace a file at once")
        self._ask(_STATUS, _EXTENDED, _string(REPLACE) + _string(old) + _string(new))

    def remove(self, path: str) -> None:
        """Remove a file."""
        self._ask(_STATUS, _REMOVE, _string(path))

    def remove_folder(self, path: str) -> None:
        """Remove a folder, which must be empty."""
        self._ask(_STATUS, _RMDIR, _string(path))

    def make_folder(self, path: str) -> None:
        """Make a folder."""
        self._ask(_STATUS, _MKDIR, _string(path) + struct.pack(">I", 0))

    def listings(self, folders: list[str]) -> Iterator[tuple[str, str, Facts]]:
        """Yield folder, name and facts of what is in folders; one that is not there is empty."""
        for first in range(0, len(folders), _UNDER_WAY):
            some = folders[first : first + _UNDER_WAY]
            opening = [(each, self._begin(_OPENDIR, _string(each))) for each in some]
            handles = [(each, self._handle(number)) for each, number in opening]
            yield from self._entries([(each, handle) for each, handle in handles if handle])

    def _entries(self, handles: list[tuple[str, bytes]]) -> Iterator[tuple[str, str, Facts]]:
        while handles:
            reading = [(*each, self._begin(_READDIR, _string(each[1]))) for each in handles]
            handles, ended = [], []
            for folder, handle, number in reading:
                kind, body = self._finish(number)
                if kind == _NAME:
                    handles.append((folder, handle))
                    for _ in range(body.number()):
                        name = body.text()
                        # What `ls -l` would say.
                        body.data()
                        facts = body.facts()
                        if name not in (".", ".."):
                            yield folder, name, facts
                elif kind == _STATUS and body.status() == _EOF:
                    ended.append(self._begin(_CLOSE, _string(handle)))
                else:
                    raise LineError("the server answered with something else than names")
            for number in ended:
                self._done(number)

    def _handle(self, number: int) -> bytes:
        try:
            kind, body = self._finish(number)
            return body.data() if kind == _HANDLE else b""
        except StatusError as error:
            if error.errno == errno.ENOENT:
                return b""
            raise

    def _ask(self, wanted: int, kind: int, body: bytes) -> _Reader:
        got, answer = self._finish(self._begin(kind, body))
        if got == _STATUS and answer.status() == _EOF:
            raise StatusError(errno.EIO, "there is no more")
        if got != wanted:
            raise LineError("the server answered another question")
        return answer

    def _done(self, number: int) -> None:
        kind, _ = self._finish(number)
        if kind != _STATUS:
            raise LineError("the server answered another question")

    def _begin(self, kind: int, body: bytes) -> int:
        self._number = (self._number + 1) & 0xFFFFFFFF
        self._asked.add(self._number)
        self._send(kind, struct.pack(">I", self._number) + body)
        return self._number

    def _finish(self, number: int) -> tuple[int, _Reader]:
        """Return the answer to a request; raise `StatusError` if that is that it failed."""
        while number not in self._answers:
            kind, body = self._receive()
            answered = body.number()
            if answered not in self._asked:
                raise LineError("the server answered what nobody asked")
            self._asked.remove(answered)
            self._answers[answered] = kind, body
        kind, body = self._answers.pop(number)
        if kind == _STATUS and (code := body.status()) not in (_OK, _EOF):
            raise StatusError(_ERRNO.get(code, errno.EIO), body.reason())
        return kind, body

    def _send(self, kind: int, body: bytes) -> None:
        self._line.sendall(struct.pack(">IB", len(body) + 1, kind) + body)

    def _receive(self) -> tuple[int, _Reader]:
        length, kind = struct.unpack(">IB", self._take(5))
        if not 1 <= length <= _LONGEST:
            raise LineError("the server sent something else than SFTP")
        return kind, _Reader(self._take(length - 1))

    def _take(self, count: int) -> bytes:
        while len(self._received) < count:
            some = self._line.recv(_RECEIVED)
            if not some:
                raise LineError("the server closed the connection")
            self._received += some
        taken = bytes(memoryview(self._received)[:count])
        del self._received[:count]
        return taken


class _Reader:
    """The body of a packet, read from front to back."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def rest(self) -> int:
        """Return how many bytes were not read yet."""
        return len(self._body) - self._at

    def number(self, form: str = ">I") -> int:
        try:
            (value,) = struct.unpack_from(form, self._body, self._at)
        except struct.error as error:
            raise LineError("the server sent a packet that is cut short") from error
        self._at += struct.calcsize(form)
        return int(value)

    def data(self) -> bytes:
        length = self.number()
        if length > self.rest():
            raise LineError("the server sent a packet that is cut short")
        self._at += length
        return self._body[self._at - length : self._at]

    def text(self) -> str:
        return self.data().decode("utf-8", "surrogateescape")

    def status(self) -> int:
        """Return the code of a status; what comes behind it stays to be read."""
        code = self.number()
        self._at -= 4
        return code

    def reason(self) -> str:
        self.number()
        return self.data().decode("utf-8", "replace") if self.rest() else "it failed"

    def facts(self) -> Facts:
        flags = self.number()
        size = self.number(">Q") if flags & _HAS_SIZE else 0
        owner = self.number() if flags & _HAS_OWNER else -1
        if flags & _HAS_OWNER:
            self.number()
        mode = self.number() if flags & _HAS_MODE else 0
        if flags & _HAS_TIMES:
            self.number()
        written = self.number() if flags & _HAS_TIMES else 0
        for _ in range(self.number() if flags & _HAS_MORE else 0):
            self.data()
            self.data()
        return Facts(mode, size, owner, written)


def _string(value: str | bytes) -> bytes:
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return struct.pack(">I", len(data)) + data
