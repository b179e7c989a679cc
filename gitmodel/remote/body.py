"""How the bodies of requests and answers travel: in slices, without copies, within a rate."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

from aiobotocore.httpsession import AIOHTTPSession
from aiohttp import ClientTimeout

from gitmodel.progress import Far
from gitmodel.remote.retry import RefusedError, alive, moving, rest

ELSEWHERE = "the server sends us elsewhere, which is not followed"
_SLICE = 256 << 10
_LEAST = 4 << 10
_A_SECOND = 4
"""Slices that are to go each second where a rate limits them."""


class Session(AIOHTTPSession):  # type: ignore[misc]  # it comes without annotations
    """Follows no redirect: the request, and a session token, would go to any host it names."""

    async def send(self, request: Any) -> Any:
        """Send a request; raise `RefusedError` if the answer is to ask elsewhere."""
        answer = await super().send(request)
        # The region of the bucket is all that botocore may take from such an answer.
        if 300 <= answer.status_code < 400 and "x-amz-bucket-region" not in answer.headers:
            raise RefusedError(ELSEWHERE)
        return answer

    async def _get_session(self, proxy_url: str | None) -> SimpleNamespace:
        session = await super()._get_session(proxy_url)

        def request(*arguments: Any, data: Any, **options: Any) -> Any:
            if isinstance(data, Body):
                # aiohttp would copy all of it before it sends the first byte, and would wait for
                # the answer from when the system took the last one, not the server.
                moving(len(data))
                alive(len(data))
                data = data.slices()
                options["timeout"] = ClientTimeout(sock_connect=self._timeout.sock_connect)
            return session.request(*arguments, data=data, allow_redirects=False, **options)

        return SimpleNamespace(request=request)


class Body(io.RawIOBase):
    """Bytes that botocore takes for a file, or it would copy them; nobody reads it as one.

    `far` is told how many bytes have gone; `rate` is in bytes a second, 0 for any.
    """

    def __init__(self, parts: Sequence[bytes | memoryview], far: Far, rate: int) -> None:
        super().__init__()
        self._parts = parts
        self._size = sum(map(len, parts))
        self._far = far
        self._rate = rate

    def __len__(self) -> int:
        return self._size

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Be ready to be sent once more."""
        return 0

    async def slices(self) -> AsyncIterator[memoryview]:
        """Yield all of it, piece by piece."""
        pace = _Pace(self._rate)
        done = 0
        for part in self._parts:
            view = memoryview(part)
            for start in range(0, len(view), pace.step):
                piece = view[start : start + pace.step]
                yield piece
                done += len(piece)
                alive(self._size - done)
                self._far(done)
                if done < self._size:
                    await pace.keep(done)


async def read_all(body: Any, length: int, rate: int) -> bytes:
    """Return the body of an answer, which is to have `length` bytes."""
    moving(length)
    if not rate:
        data: bytes = await body.read()
        return data
    pace, parts, got = _Pace(rate), [], 0
    # A server that is told nothing for a while sends no more than the system takes for us.
    while part := await body.read(pace.step):
        parts.append(part)
        got += len(part)
        await pace.keep(got)
    return b"".join(parts)


class _Pace:
    """Keeps what one request moves within a rate; between requests a `LimitedStore` does."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._start = asyncio.get_running_loop().time()
        self.step = min(_SLICE, max(_LEAST, rate // _A_SECOND)) if rate else _SLICE

    async def keep(self, done: int) -> None:
        """Wait until so many bytes would have gone at the rate."""
        if self._rate:
            now = asyncio.get_running_loop().time()
            await rest(max(0.0, self._start + done / self._rate - now))
