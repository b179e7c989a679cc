"""What a web server has, to be read: DVC's remotes may lie there."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, NoReturn
from urllib.parse import quote

from gitmodel.errors import MissingError, RemoteError
from gitmodel.progress import Far, unheard
from gitmodel.remote.file import LARGEST, File, check_length, check_size
from gitmodel.remote.store import Access
from gitmodel.url import Url

_GONE = (404, 410)
_AS_IT_IS = "/%~!$&'()*+,;=:@"
"""Characters that a path keeps; what is percent-encoded already stays that too."""


def open_at(text: str, url: Url, access: Access) -> WebStore:
    """Open the store at an `http` or `https` URL; no request is made yet."""
    return WebStore(text, access.timeout)


class WebStore:
    """A store on a web server, which can only be read; see `Store`."""

    lanes = lanes_now = 8

    def __init__(self, url: str, timeout: float) -> None:
        """`timeout` is in seconds without a sign of life."""
        self.url = url
        self._top = quote(url.rstrip("/"), safe=_AS_IT_IS)
        self._timeout = timeout
        self._opener = urllib.request.build_opener(_Here())

    def read(
        self, key: str, start: int = 0, length: int | None = None, *, limit: int = LARGEST
    ) -> bytes:
        """Return a part of a file, or all."""
        if length is None:
            length = self.size(key) - start
            check_size(self.url, key, start + length, limit)
        if length <= 0:
            return b""
        part = f"bytes={start}-{start + length - 1}"
        with self._asked("GET", key, {"Range": part}) as answer:
            if answer.status == 200:
                # The server knows no ranges; what is before this one has to come too.
                _skip(answer, start)
            data: bytes = answer.read(length)
        return check_length(self.url, key, data, length)

    def size(self, key: str) -> int:
        """Return the size in bytes."""
        with self._asked("HEAD", key, {}) as answer:
            length = answer.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()):
            raise RemoteError(f"{self.url}: the server does not say how long {key!r} is")
        return int(length)

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Refuse to write a file."""
        self._refuse()

    def put_new(self, key: str, *parts: bytes | memoryview, far: Far = unheard) -> bool:
        """Refuse to write a file."""
        self._refuse()

    def files(self, prefix: str) -> dict[str, File]:
        """Refuse to list files."""
        self._refuse()

    def move(self, key: str, new: str) -> bool:
        """Refuse to rename a file."""
        self._refuse()

    def delete(self, key: str) -> None:
        """Refuse to remove a file."""
        self._refuse()

    def sweep(self) -> None:
        """Nothing is ever written."""

    def leftovers(self) -> Sequence[str]:
        """Nothing is ever written."""
        return ()

    def abort(self) -> None:
        """A request ends when its time is up."""

    def _refuse(self) -> NoReturn:
        raise RemoteError(f"{self.url}: a web server can only be read", hint="gitmodel remote list")

    @contextmanager
    def _asked(self, method: str, key: str, headers: dict[str, str]) -> Iterator[Any]:
        request = urllib.request.Request(f"{self._top}/{key}", method=method, headers=headers)
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in _GONE:
                raise MissingError(f"{self.url}: {key!r} is not there") from error
            elsewhere = ", which leads elsewhere" if 300 <= error.code < 400 else ""
            raise RemoteError(
                f"{self.url}: {key!r}: the server answered {error.code}{elsewhere}",
                hint="dvc fetch, then the same command again",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise RemoteError(f"{self.url}: {key!r}: {_why(error)}") from error


class _Here(urllib.request.HTTPRedirectHandler):
    """Goes nowhere else: the user was asked about one server, not about where that points to."""

    def redirect_request(self, *request: object) -> None:
        """Leave a redirect to be an error."""


def _skip(answer: IO[bytes], count: int) -> None:
    while count > 0 and (data := answer.read(min(count, 1 << 20))):
        count -= len(data)


def _why(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None)
    return str(reason or error) or type(error).__name__
