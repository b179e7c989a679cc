import re
import threading

import pytest

from gitmodel.errors import ConflictError
from gitmodel.locks import Patience, lock, locked, set_patience
from tests.helpers.holding import held_by_another


def test_lock_is_held_by_one_at_a_time(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(20):
            with locked(tmp_path / "lock"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1


def test_a_lock_is_held_by_one(tmp_path):
    path = tmp_path / "file"
    with path.open("w") as one, path.open("w") as other:
        assert lock(one.fileno())
        assert not lock(other.fileno())
    with path.open("w") as third:
        assert lock(third.fileno())


@pytest.fixture
def held_lock(tmp_path):
    """A lock file that another process holds, and its number."""
    path = tmp_path / "lock"
    with held_by_another(path) as process:
        yield path, process


@pytest.fixture
def patience():
    yield set_patience
    set_patience(Patience())


def test_who_waits_is_told_for_whom(held_lock, patience):
    path, process = held_lock
    said = []

    def tell(text):
        said.append(text)
        process.stdin.close()

    patience(Patience(tell=tell))
    with locked(path):
        (text,) = said
    since = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.fullmatch(
        rf"waiting for gitmodel checkout \(process {process.pid}, since {since}\)", text
    )


def test_who_has_waited_long_enough_ends(held_lock, patience):
    path, process = held_lock
    said = []
    patience(Patience(limit=lambda: 0.1, tell=said.append))
    holder = rf"gitmodel checkout \(process {process.pid}, "
    with pytest.raises(ConflictError, match=holder) as no, locked(path):
        pass
    assert no.value.hint == f"ps -o pid,stat,args -p {process.pid}"
    assert said == []


@pytest.mark.parametrize("note", [b"", b"\x1b]0;x\x07", b"pid 1\nhost h\nsince x\n"])
def test_a_lock_file_that_says_nothing_is_waited_for_all_the_same(tmp_path, patience, note):
    path = tmp_path / "lock"
    path.write_bytes(note)
    patience(Patience(limit=float))
    with path.open() as file:
        assert lock(file.fileno())
        with pytest.raises(ConflictError, match="another process holds "), locked(path):
            pass
