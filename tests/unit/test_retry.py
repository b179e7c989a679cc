"""Trying again; servers are functions here, and no time passes but on a clock of the tests'."""

import asyncio
import selectors

import pytest

from gitmodel.remote import retry
from gitmodel.remote.retry import (
    Patience,
    RefusedError,
    Retries,
    TryAgainError,
    alive,
    moving,
    rest,
)

PATIENCE = Patience(stall=0.2, total=1.0)


class Clock:
    """What the module has instead of `time`."""

    now = 0.0

    def monotonic(self):
        return self.now


clock = Clock()


class Selector(selectors.SelectSelector):
    """Moves the clock on by what a loop would wait; what is to happen now does so at once."""

    def select(self, timeout=None):
        clock.now += timeout or 0
        return super().select(0)


def new_loop():
    loop = asyncio.SelectorEventLoop(Selector())
    loop.time = clock.monotonic
    return loop


@pytest.fixture(autouse=True)
def on_the_clock(monkeypatch):
    monkeypatch.setattr(retry, "time", clock)


def run_all(main):
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(main)


def run(request, patience=PATIENCE, lanes=8):
    return run_all(Retries(patience, lanes).run(request))


class Server:
    """Fails so many times, then answers; keeps when it was asked."""

    def __init__(self, failures, error=TryAgainError):
        self.failures, self.error = failures, error
        self.asked = []

    async def __call__(self):
        self.asked.append(clock.monotonic())
        if len(self.asked) <= self.failures:
            raise self.error("busy")
        return "answer"


@pytest.mark.parametrize("error", [TryAgainError, ConnectionError, asyncio.TimeoutError])
@pytest.mark.parametrize("failures", [0, 1, 2])
def test_what_passes_is_tried_again(error, failures):
    server = Server(failures, error)
    assert run(server) == "answer"
    assert len(server.asked) == failures + 1


@pytest.mark.parametrize("error", [RefusedError, ValueError, KeyError])
def test_what_will_not_pass_is_not(error):
    server = Server(9, error)
    with pytest.raises(error):
        run(server)
    assert len(server.asked) == 1


def test_pauses_grow_and_the_last_try_comes_when_the_time_is_up():
    server = Server(99)
    with pytest.raises(TryAgainError, match=r"^busy \(for 1 s\)$"):
        run(server)
    pauses = [b - a for a, b in zip(server.asked, server.asked[1:], strict=False)]
    for number, pause in enumerate(pauses[:-1]):
        assert 0.1 * 2**number <= pause < 0.2 * 2**number + 0.1
    assert server.asked[-1] - server.asked[0] == pytest.approx(1.0)


def test_pauses_differ():
    def first_pause():
        server = Server(1)
        run(server)
        return server.asked[1] - server.asked[0]

    assert len({round(first_pause(), 3) for _ in range(4)}) > 1


def test_a_server_that_never_answers_is_given_up():
    start = clock.monotonic()
    with pytest.raises(TryAgainError, match="did not answer in time"):
        run(lambda: asyncio.sleep(60))
    assert 0.9 < clock.monotonic() - start < 2


def test_a_large_body_gets_more_time(monkeypatch):
    async def request(size):
        moving(size)
        return await asyncio.sleep(0.4, "slow")

    monkeypatch.setattr(retry, "_SLOWEST", 1000)
    assert run(lambda: request(1000)) == "slow"
    with pytest.raises(TryAgainError):
        run(lambda: request(0), Patience(0.2, 0.2))


# Bodies


HUGE = 1 << 40
"""Bytes for which the slowest rate allows months."""


class Upload:
    """Takes parts of a body, each after a pause; with `stuck`, only one in the first try."""

    def __init__(self, parts, pause, *, size=HUGE, stuck=False):
        self.parts, self.pause, self.size, self.stuck = parts, pause, size, stuck
        self.tries = 0

    async def __call__(self):
        self.tries += 1
        moving(self.size)
        for left in reversed(range(self.parts)):
            alive(left)
            await asyncio.sleep(3600 if self.stuck and self.tries == 1 else self.pause)
        return "stored"


def test_a_body_that_is_not_taken_any_more_is_tried_again():
    upload = Upload(3, 0.0, stuck=True)
    assert run(upload) == "stored"
    assert upload.tries == 2


def test_a_body_that_is_taken_slowly_is_waited_for():
    upload = Upload(20, 0.1)
    assert run(upload, Patience(stall=1.0, total=1.0)) == "stored"
    assert upload.tries == 1


def test_a_body_that_is_taken_too_slowly_is_given_up(monkeypatch):
    monkeypatch.setattr(retry, "_SLOWEST", 1000)
    upload = Upload(10**6, 0.05, size=100)
    with pytest.raises(TryAgainError, match="did not answer in time"):
        run(upload, Patience(stall=0.4, total=0.0))
    assert upload.tries == 1


def test_the_end_of_a_body_may_wait_in_a_buffer(monkeypatch):
    monkeypatch.setattr(retry, "_BUFFERED", retry._SLOWEST)
    upload = Upload(1, 0.5)
    assert run(upload, Patience(stall=0.1, total=0.1)) == "stored"
    assert upload.tries == 1


def test_a_sign_of_life_that_comes_too_late_does_no_harm():
    async def late():
        await asyncio.sleep(0.1)
        alive(1)

    async def act():
        tasks = []

        async def request():
            tasks.append(asyncio.create_task(late()))
            return "refused early"

        result = await Retries(PATIENCE, 1).run(request)
        await asyncio.gather(*tasks)
        return result

    assert run_all(act()) == "refused early"


def test_a_rest_that_is_taken_on_purpose_is_no_silence():
    async def request():
        moving(100)
        await rest(0.5)
        await asyncio.sleep(0.05)
        return "stored"

    assert run(request, Patience(stall=0.2, total=0.0)) == "stored"


def test_a_rest_does_not_count_as_time_that_was_spent_trying():
    tries = []

    async def request():
        tries.append(1)
        if len(tries) < 3:
            await rest(0.7)
            raise TryAgainError("cut off at the end")
        return "stored"

    assert run(request, Patience(stall=1.0, total=0.6)) == "stored"


# Lanes


class Busy:
    """Answers after a moment; counts how many are at it."""

    def __init__(self):
        self.now = self.most = 0
        self.slower = False

    async def __call__(self):
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0.005)
            if self.slower:
                raise TryAgainError("slow down", slower=True)
        finally:
            self.now -= 1


async def most_at_once(retries, server, requests):
    server.most = 0
    results = (retries.run(server) for _ in range(requests))
    await asyncio.gather(*results, return_exceptions=True)
    return server.most


def test_no_more_than_the_lanes_run_at_once():
    async def act():
        return await most_at_once(Retries(PATIENCE, 3), Busy(), 20)

    assert run_all(act()) == 3


def test_lanes_are_few_at_first_and_grow_where_that_helps():
    async def act():
        retries, server = Retries(PATIENCE, 8), Busy()
        few = await most_at_once(retries, server, 8)
        return few, await most_at_once(retries, server, 200)

    few, many = run_all(act())
    assert few <= 4
    assert many > 4


def test_lanes_halve_when_the_server_asks():
    async def act():
        retries, server = Retries(Patience(0.2, 0.0), 8), Busy()
        await most_at_once(retries, server, 200)
        before = retries.lanes
        server.slower = True
        await most_at_once(retries, server, 1)
        return before, retries.lanes

    before, after = run_all(act())
    assert after == before // 2


def test_one_lane_is_always_left():
    async def act():
        retries, server = Retries(Patience(0.2, 0.0), 4), Busy()
        server.slower = True
        await most_at_once(retries, server, 30)
        server.slower = False
        return await most_at_once(retries, server, 1)

    assert run_all(act()) == 1


def test_a_request_that_is_cancelled_frees_its_lane():
    async def act():
        retries = Retries(Patience(60, 60), 1)
        task = asyncio.create_task(retries.run(lambda: asyncio.sleep(60)))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await asyncio.wait_for(retries.run(Server(0)), 1)

    assert run_all(act()) == "answer"
