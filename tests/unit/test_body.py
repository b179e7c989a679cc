"""How bodies travel; that a rate holds is counted in slices and in the rests between them."""

import asyncio
import itertools

import pytest

from gitmodel.progress import unheard
from gitmodel.remote import body
from gitmodel.remote.body import Body, read_all
from gitmodel.remote.retry import Patience, Retries

DATA = bytes(range(256)) * 4096
MINUTE = 60.0


class Answer:
    """The body of an answer, as aiobotocore gives it."""

    def __init__(self, data):
        self.data = data

    async def read(self, amount=None):
        part, self.data = self.data[:amount], self.data[amount or len(self.data) :]
        return part


@pytest.fixture
def rests(monkeypatch):
    """Return how long each rest was that was taken; no time passes in it."""
    taken = []

    async def rest(seconds):
        taken.append(seconds)

    monkeypatch.setattr(body, "rest", rest)
    return taken


def within_request(act):
    return asyncio.run(Retries(Patience(MINUTE, MINUTE), 1).run(act))


def send(rate, far=unheard):
    async def act():
        return [
            bytes(part) async for part in Body([DATA[:300_000], DATA[300_000:]], far, rate).slices()
        ]

    return within_request(act)


def receive(rate):
    return within_request(lambda: read_all(Answer(DATA), len(DATA), rate))


def test_a_body_goes_in_slices_without_a_rest(rests):
    told = []
    assert b"".join(send(0, told.append)) == DATA
    assert told == [262_144, 300_000, 562_144, 824_288, 1_048_576]
    assert receive(0) == DATA
    assert rests == []


def test_a_rate_is_kept_within_a_body(rests):
    rate = len(DATA) // 10
    parts = send(rate)
    assert b"".join(parts) == DATA
    assert max(map(len, parts)) <= rate // 4
    # No time passes here, so each rest is as long as all that went before may take.
    expected = [done / rate for done in itertools.accumulate(map(len, parts[:-1]))]
    assert rests == pytest.approx(expected, abs=0.5)


def test_a_rate_is_kept_within_an_answer(rests):
    rate = len(DATA) // 10
    assert receive(rate) == DATA
    assert rests[-1] == pytest.approx(10.0, abs=0.5)
    assert len(rests) >= 40


def test_the_slowest_rate_makes_no_tiny_slices(rests):
    assert {len(part) for part in send(1)} == {4096, 300_000 % 4096, (len(DATA) - 300_000) % 4096}


def test_what_is_small_goes_at_once(rests):
    async def act():
        return [bytes(part) async for part in Body([b"index"], unheard, 1).slices()]

    assert within_request(act) == [b"index"]
    assert rests == []
