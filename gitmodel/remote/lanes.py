"""How many requests to have under way at once: as many as make a place do more."""

from __future__ import annotations

import math

_FIRST = 2
_SHARE = 0.5
"""What one more lane must bring of what it would if the place had room for it."""
_IDLE = 0.1
"""A round in which more of the lanes' time than this passed unused tells nothing."""
_ROUNDS = 4
"""After so many rounds it is tried again whether one more lane would bring something now."""


class Lanes:
    """A number of requests at once that grows by one as long as that makes more of them end.

    What is near, or has few processors, does no more for many at once than for a few, but each of
    them takes memory, here and there; what is far does more for each.  It is judged in rounds of
    as many requests as there are lanes, while all lanes are used.
    """

    def __init__(self, most: int) -> None:
        self.count = min(most, _FIRST)
        """How many requests should run at once, at most."""
        self.running = 0
        """How many do."""
        self._most = most
        self._before = 0.0
        self._tried = False
        self._rest = 0
        self._start(0.0)
        # Nothing was seen yet.
        self._idle = math.inf

    def begin(self, now: float) -> None:
        """Hear of a request that begins, at a time in seconds."""
        self._watch(now)
        self.running += 1
        if self.running >= self.count and self._was_idle(now):
            self._start(now)

    def end(self, now: float, work: int) -> None:
        """Hear of a request that ends and did so much, in any unit; nothing if it failed."""
        self._watch(now)
        self.running -= 1
        self._done += bool(work)
        self._work += work
        if self._done >= self.count and now > self._began and not self._was_idle(now):
            self._judge(self._work / (now - self._began))
            self._start(now)

    def halve(self) -> None:
        """Hear that the place asks for less."""
        self.count = max(1, self.count // 2)
        self._tried, self._rest, self._idle = False, 0, math.inf

    def _start(self, now: float) -> None:
        self._began = self._seen = now
        self._done = self._work = 0
        self._idle = 0.0

    def _watch(self, now: float) -> None:
        self._idle += max(0, self.count - self.running) * (now - self._seen)
        self._seen = now

    def _was_idle(self, now: float) -> bool:
        return self._idle > _IDLE * self.count * (now - self._began)

    def _judge(self, rate: float) -> None:
        if self._tried and rate < self._before * (1 + _SHARE / (self.count - 1)):
            self.count -= 1
            self._tried, self._rest = False, _ROUNDS
        elif self._rest:
            self._rest -= 1
        else:
            self._before = rate
            self._tried = self.count < self._most
            self.count += self._tried
