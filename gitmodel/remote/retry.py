"""Trying again: how often, how long, and how many requests at once a server is happy with."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

import aiohttp
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.exceptions import HTTPClientError, IncompleteReadError

from gitmodel.remote.lanes import Lanes

_T = TypeVar("_T")

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 8.0
_FIRST_CONTACT = 10.0
"""Seconds after which a server that never answered is not there, rather than busy."""
_SLOWEST = 64 << 10
"""Bytes a second that a body must make, or the request is given up."""
_REQUEST = 64 << 10
"""Bytes that a request is worth besides those of its body."""
_BUFFERED = 4 << 20
"""Bytes of a body that a system takes before the network does, at most."""
_AGAIN = (
    aiohttp.ClientError,
    asyncio.TimeoutError,
    BotoConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ConnectionError,
    asyncio.IncompleteReadError,
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds: for a sign of life, and for a request with all its tries."""

    stall: float = 30.0
    total: float = 120.0


class TryAgainError(Exception):
    """The request failed in a way that may pass; `slower`: the server asks for fewer at once."""

    def __init__(self, message: str, *, slower: bool = False) -> None:
        super().__init__(message)
        self.slower = slower


class RefusedError(Exception):
    """The request failed in a way that will not pass."""


class _Pulse:
    """Knows when a request is given up; each sign of life puts that off, up to an end."""

    def __init__(self, stall: float) -> None:
        self._stall = stall
        self.rested = 0.0
        self.size = 0
        """Bytes of the body of the request that is under way, there or back."""

    def begin(self) -> asyncio.Timeout:
        self.size = 0
        self._end = asyncio.get_running_loop().time() + self._stall
        self._timer = asyncio.timeout_at(self._end)
        return self._timer

    def beat(self, rest: int) -> None:
        # At the end, what the system took has yet to reach the server.
        wait = self._stall if rest else self._stall + _BUFFERED / _SLOWEST
        # A body may be read on for a moment after its request has ended.
        with suppress(RuntimeError):
            self._timer.reschedule(min(self._end, asyncio.get_running_loop().time() + wait))

    def grow(self, size: int) -> None:
        self.size += size
        self._end += size / _SLOWEST
        self._timer.reschedule(self._end)

    def rest(self, seconds: float) -> None:
        self.rested += seconds
        self._end += seconds
        with suppress(RuntimeError):
            self._timer.reschedule((self._timer.when() or self._end) + seconds)


_pulse: ContextVar[_Pulse] = ContextVar("pulse")


def alive(rest: int) -> None:
    """Tell that the request that is under way gets its body sent; `rest` bytes are not yet taken.

    Silence for the time of a stall after that ends the request.
    """
    _pulse.get().beat(rest)


def moving(size: int) -> None:
    """Tell that a body of so many bytes is on its way, of the request that is under way or back."""
    _pulse.get().grow(size)


async def rest(seconds: float) -> None:
    """Wait on purpose, in the middle of a request: that is not time that the server took."""
    _pulse.get().rest(seconds)
    await asyncio.sleep(seconds)


class Retries:
    """Runs requests, a bounded number at once, again and again within their patience.

    Pauses grow and are random, so that clients do not come back all at once ("full jitter",
    Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015).  How many may run at
    once, `Lanes` finds out.
    """

    def __init__(self, patience: Patience, lanes: int) -> None:
        self._patience = patience
        self._lanes = Lanes(lanes)
        self._answered = False
        self._free = asyncio.Condition()

    @property
    def lanes(self) -> int:
        """How many requests may run at once now."""
        return self._lanes.count

    async def run(self, request: Callable[[], Awaitable[_T]]) -> _T:
        """Return what `request` returns; raise `TryAgainError` when the patience has run out."""
        start = time.monotonic()
        pause = _FIRST_PAUSE
        pulse = _Pulse(self._patience.stall)
        while True:
            try:
                return await self._once(request, pulse)
            except TryAgainError as error:
                self._answered = True
                failed = error
            except _AGAIN as error:
                failed = TryAgainError(_in_words(error))
            now = time.monotonic()
            end = start + self._patience.total + pulse.rested
            if now >= (end if self._answered else min(end, start + _FIRST_CONTACT)):
                raise TryAgainError(f"{failed} (for {now - start:.0f} s)")
            # The last try comes when the time is up, not a long pause before.
            await asyncio.sleep(min(random.uniform(pause / 2, pause), end - now))
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _once(self, request: Callable[[], Awaitable[_T]], pulse: _Pulse) -> _T:
        async with self._free:
            await self._free.wait_for(lambda: self._lanes.running < self._lanes.count)
            self._lanes.begin(time.monotonic())
        work = 0
        try:
            _pulse.set(pulse)
            async with pulse.begin():
                result = await request()
        except TryAgainError as error:
            if error.slower:
                self._lanes.halve()
            raise
        else:
            self._answered = True
            work = _REQUEST + pulse.size
            return result
        finally:
            async with self._free:
                self._lanes.end(time.monotonic(), work)
                self._free.notify_all()


def _in_words(error: BaseException) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "the server did not answer in time"
    return f"the connection failed: {str(error) or type(error).__name__}"
