import pytest

from gitmodel.remote.folder import FolderStore
from gitmodel.remote.limit import LimitedStore
from tests.helpers.formats import sizes_in

RATE = 100_000


class Clock:
    """Stands still unless somebody waits."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    return LimitedStore(FolderStore("remote", tmp_path / "remote"), RATE, clock)


@pytest.fixture
def seconds(clock):
    def act(work):
        start = clock.now
        work()
        return pytest.approx(clock.now - start)

    return act


def test_what_is_moved_is_paid_for_by_the_next(store, seconds):
    data = bytes(RATE // 5)
    assert seconds(lambda: store.put("a", data)) == 0.0
    assert seconds(lambda: store.put_new("b", data)) == 0.2
    assert seconds(lambda: store.read("a", 0, RATE // 10)) == 0.2
    assert seconds(lambda: store.read("a")) == 0.1
    assert seconds(lambda: store.read("a", 0, 10)) == 0.2


def test_time_that_passed_is_not_waited_for_again(store, clock, seconds):
    store.put("a", bytes(RATE))
    clock.now += 0.7
    assert seconds(lambda: store.read("a")) == 0.3


def test_time_that_was_not_used_is_not_saved_up(store, clock, seconds):
    clock.now += 60
    store.put("a", bytes(RATE // 5))
    assert seconds(lambda: store.read("a")) == 0.2


def test_questions_are_free(store, seconds):
    store.put("a/b", bytes(RATE // 2))
    assert seconds(lambda: (sizes_in(store, "a"), store.size("a/b"), store.delete("a/b"))) == 0.0


def test_it_is_a_store_like_the_one_below(store):
    assert store.url == "remote"
    assert store.lanes == 1
    assert store.put_new("a/b", b"x")
    assert not store.put_new("a/b", b"y")
    assert store.read("a/b") == b"x"
    assert sizes_in(store, "a") == {"b": 1}
    assert store.size("a/b") == 1
    store.delete("a/b")
    store.sweep()
    assert sizes_in(store, "a") == {}
