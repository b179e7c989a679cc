import time

import pytest

from gitmodel.remote.folder import FolderStore
from gitmodel.remote.limit import LimitedStore

RATE = 100_000


@pytest.fixture
def store(tmp_path):
    return LimitedStore(FolderStore("remote", tmp_path / "remote"), RATE)


def seconds(act):
    start = time.monotonic()
    act()
    return time.monotonic() - start


def test_what_is_moved_is_paid_for_by_the_next(store):
    data = bytes(RATE // 5)
    assert seconds(lambda: store.put("a", data)) < 0.15
    assert 0.15 < seconds(lambda: store.put_new("b", data)) < 0.4
    assert 0.15 < seconds(lambda: store.read("a")) < 0.4
    assert 0.15 < seconds(lambda: store.read("a", 0, 10)) < 0.4


def test_time_that_was_not_used_is_not_saved_up(store):
    time.sleep(0.3)
    store.put("a", bytes(RATE // 5))
    assert seconds(lambda: store.read("a")) > 0.15


def test_questions_are_free(store):
    store.put("a/b", bytes(RATE // 2))
    assert seconds(lambda: (store.list("a"), store.size("a/b"), store.delete("a/b"))) < 0.15


def test_it_is_a_store_like_the_one_below(store):
    assert store.url == "remote"
    assert store.lanes == 1
    assert store.put_new("a/b", b"x")
    assert not store.put_new("a/b", b"y")
    assert store.read("a/b") == b"x"
    assert store.list("a") == {"b": 1}
    assert store.size("a/b") == 1
    store.delete("a/b")
    store.sweep()
    assert store.list("a") == {}
