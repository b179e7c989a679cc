"""Steps are told when they end, if anybody wants to know."""

import re

import pytest

from gitmodel import trace


@pytest.fixture(autouse=True)
def _off_again():
    yield
    trace.stop()


def test_nobody_is_told_at_first():
    with trace.step(lambda: pytest.fail("nobody asked")):
        assert not trace.is_on()


def test_a_step_is_told_when_it_ends():
    told = []
    trace.start(told.append)
    assert trace.is_on()
    with trace.step(lambda: "git status"):
        assert told == []
    (line,) = told
    assert re.fullmatch(r" +0 ms  git status", line)


def test_a_step_that_fails_is_told_too():
    told = []
    trace.start(told.append)
    with pytest.raises(ValueError, match="no"), trace.step(lambda: "git push"):
        raise ValueError("no")
    assert told[0].endswith("git push")


def test_stopped_it_tells_no_more():
    told = []
    trace.start(told.append)
    trace.stop()
    with trace.step(lambda: "git status"):
        pass
    assert told == []
