"""As many requests are under way at once as make a place do more, and no more."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest

from gitmodel.remote.lanes import Lanes

MOST = 8


class Place:
    """Does so much a second, by how many requests run at once, and shares it among them."""

    def __init__(self, rate: Callable[[int], float], lanes: Lanes, sizes: Sequence[int]) -> None:
        self.rate, self.lanes = rate, lanes
        self.sizes = itertools.cycle(sizes)
        self.now = 0.0

    def asked(self, requests: int) -> list[int]:
        """How many run at once, after each of some requests."""
        running: list[list[float]] = []
        counts = []
        for _ in range(requests):
            while len(running) < self.lanes.count:
                running.append([size := next(self.sizes), size])
                self.lanes.begin(self.now)
            each = self.rate(len(running)) / len(running)
            first = min(running)
            self.now += first[0] / each
            running.remove(first)
            running = [[left - first[0], size] for left, size in running]
            self.lanes.end(self.now, int(first[1]))
            counts.append(self.lanes.count)
        for _ in running:
            self.lanes.end(self.now, 0)
        return counts


@pytest.fixture(params=[[1], [20, 23, 21, 25, 22]], ids=["all as long", "of many lengths"])
def sizes(request):
    return request.param


def linear(running: int) -> float:
    return running


def test_a_place_that_is_far_is_asked_for_much_at_once(sizes):
    counts = Place(linear, Lanes(MOST), sizes).asked(100)
    assert counts[0] == 2
    assert counts[-1] == max(counts) == MOST
    # Not a request more than it takes to see that each one helps, but for the first round.
    assert counts.index(MOST) <= MOST + sum(range(2, MOST + 1))


@pytest.mark.parametrize("rate", [lambda _: 1.0, lambda running: min(running, 2.0)])
def test_a_place_that_does_no_more_is_not_asked_for_more(rate, sizes):
    counts = Place(rate, Lanes(MOST), sizes).asked(200)
    assert max(counts) == 3
    assert sum(counts) / len(counts) < 2.5


def test_as_many_as_help(sizes):
    counts = Place(lambda running: min(running, 5.0), Lanes(MOST), sizes).asked(400)
    assert max(counts) == 6
    assert sorted(counts)[len(counts) // 2] == 5


def test_it_is_tried_again_whether_more_help_now(sizes):
    place = Place(lambda _: 1.0, Lanes(MOST), sizes)
    assert max(place.asked(50)) == 3
    place.rate = linear
    assert place.asked(300)[-1] == MOST


def test_half_of_them_when_it_asks_for_less_and_more_again(sizes):
    place = Place(linear, Lanes(MOST), sizes)
    place.asked(100)
    place.lanes.halve()
    assert place.lanes.count == 4
    assert place.asked(200)[-1] == MOST
    for _ in range(5):
        place.lanes.halve()
    assert place.lanes.count == 1
    assert place.asked(200)[-1] == MOST


def test_one_is_enough_where_one_is_all(sizes):
    assert set(Place(linear, Lanes(1), sizes).asked(30)) == {1}


def test_requests_that_come_one_by_one_tell_nothing():
    lanes = Lanes(MOST)
    for number in range(100):
        lanes.begin(float(number))
        lanes.end(number + 0.9, 1)
    assert lanes.count == 2


def test_lanes_that_wait_for_their_next_request_tell_nothing():
    lanes = Lanes(MOST)
    for number in range(0, 100, 2):
        for _ in range(2):
            lanes.begin(float(number))
        for _ in range(2):
            lanes.end(number + 1.0, 1)
    # Half of the time nothing was under way; the one more that the first round brings is used by
    # nobody, so it is not known whether it would help.
    assert lanes.count == 3


def test_a_clock_that_stands_still_tells_nothing():
    lanes = Lanes(MOST)
    for _ in range(100):
        for _ in range(2):
            lanes.begin(5.0)
        for _ in range(2):
            lanes.end(5.0, 1)
    assert lanes.count == 2


def test_what_failed_is_no_work(sizes):
    place = Place(linear, Lanes(MOST), [0])
    assert set(place.asked(100)) == {2}
