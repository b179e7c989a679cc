import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from gitmodel.signals import deaf_children, insist, signal_behind, terminate, waiting


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Ctrl-C is heard, as at a terminal; a shell has what it starts in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_signal_waits_for_the_end_of_the_block() -> None:
    done = False
    with pytest.raises(KeyboardInterrupt), waiting():  # noqa: PT012 - the block is what is tested
        os.kill(os.getpid(), signal.SIGINT)
        done = True
    assert done


def test_a_second_one_does_not_wait() -> None:
    done = False
    with pytest.raises(KeyboardInterrupt), waiting():  # noqa: PT012 - the block is what is tested
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        done = True
    assert not done


def test_what_handled_them_before_does_so_after() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with waiting():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with waiting():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_only_the_main_thread_hears_of_signals() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def look() -> None:
        with waiting():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before]


@pytest.mark.parametrize("deaf", [False, True])
def test_a_child_is_deaf_only_if_it_was_started_so(deaf: bool) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('alive')"
    command = [sys.executable, "-c", f"import signal; signal.signal(2, signal.SIG_DFL); {code}"]
    if deaf:
        with deaf_children():
            done = subprocess.run(command, capture_output=True, check=False)
    else:
        done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == ((0, b"alive\n") if deaf else (-signal.SIGINT, b""))


class _Deaf:
    """Sends a signal from where no exception gets out of."""

    def __init__(self, number: signal.Signals) -> None:
        self._number = number

    def __del__(self) -> None:
        signal.raise_signal(self._number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_python_loses_comes_again(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    before = signal.signal(signal.SIGTERM, terminate)
    insist()
    try:
        with pytest.raises((KeyboardInterrupt, SystemExit)):  # noqa: PT012 - as Python raises them
            _Deaf(number)
            time.sleep(60)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert capfd.readouterr().err == ""


def test_one_that_comes_again_waits_as_the_first_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    insist()
    done = False
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the block is what is tested
        _Deaf(signal.SIGINT)
        with waiting():
            signal.sigwait({signal.SIGALRM})
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
            signal.raise_signal(signal.SIGALRM)
            done = True
    assert done


def test_other_errors_that_python_loses_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: told.append(lost.exc_type))
    insist()

    class Broken:
        def __del__(self) -> None:
            raise ValueError

    Broken()
    assert told == [ValueError]


def _raised(by: Callable[[], object]) -> BaseException:
    try:
        by()
    except BaseException as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError("nothing was raised")


def _in_a_class(error: BaseException) -> None:
    class Named:
        def __set_name__(self, *_: object) -> None:
            raise error

    type("Owner", (), {"name": Named()})


def _in_cleaning_up(error: BaseException) -> None:
    try:
        raise error
    finally:
        int("nothing")


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (KeyboardInterrupt(), signal.SIGINT),
        (SystemExit(128 + signal.SIGTERM), signal.SIGTERM),
        (SystemExit(1), None),
        (ValueError(), None),
    ],
)
@pytest.mark.parametrize("wrap", [_in_a_class, _in_cleaning_up])
def test_a_signal_is_known_behind_the_error_that_came_of_it(
    wrap: Callable[[BaseException], None], error: BaseException, number: signal.Signals | None
) -> None:
    assert signal_behind(_raised(lambda: wrap(error))) == number
