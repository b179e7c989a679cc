"""Whatever a server of SFTP sends: an answer, or an error in words; never more is asked for."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from gitmodel.remote.wire import LineError, Session

ASKS: list[Callable[[Session], object]] = [
    lambda session: session.facts("a"),
    lambda session: session.read(b"h", 0, 100_000),
    lambda session: session.write(b"h", [b"x" * 100_000]),
    lambda session: session.rename("a", "b"),
    lambda session: list(session.listings(["a", "b"])),
]


class Said:
    """A line through which some bytes come, and then nothing; what is sent is counted."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.sent = 0

    def sendall(self, data: bytes | bytearray) -> None:
        self.sent += len(data)

    def recv(self, nbytes: int) -> bytes:
        some, self._data = self._data[:nbytes], self._data[nbytes:]
        return some


def _packet(kind: int, body: bytes) -> bytes:
    return struct.pack(">IB", len(body) + 1, kind) + body


_numbers = st.integers(0, 6).map(lambda number: struct.pack(">I", number))
_strings = st.binary(max_size=20).map(lambda data: struct.pack(">I", len(data)) + data)
_bodies = st.lists(_numbers | _strings | st.binary(max_size=12), max_size=6).map(b"".join)
_kinds = st.sampled_from([101, 102, 103, 104, 105]) | st.integers(0, 255)
_answers = st.builds(_packet, _kinds, st.builds(bytes.__add__, _numbers, _bodies))
_hello = st.just(_packet(2, struct.pack(">I", 3))) | _answers


@given(_hello, st.lists(_answers, max_size=12).map(b"".join), st.binary(max_size=30))
def test_any_server_is_understood_or_refused(hello: bytes, answers: bytes, rest: bytes) -> None:
    for ask in ASKS:
        line = Said(hello + answers + rest)
        with suppress(LineError, OSError):
            ask(Session(line))
        assert line.sent < 1 << 20
