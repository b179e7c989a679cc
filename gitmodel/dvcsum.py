"""The hashes by which DVC names bytes."""

from __future__ import annotations

import hashlib

from gitmodel.dvcfile import MD5

_CHUNK = 1 << 20
_LOOK = 512
_TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"


class Md5Check:
    """Compares bytes to a key of DVC's, over any number of updates.

    A key of DVC before 3.0 also fits a text of which only the ends of the lines are others
    (`dvc_data.hashfile.hash.Dos2UnixHashStreamFile`).
    """

    def __init__(self, key: str) -> None:
        name, _, value = key.partition(":")
        self._wanted = value.removesuffix(".dir")
        self._plain = hashlib.md5(usedforsecurity=False)
        self._unix = None if name == MD5 else hashlib.md5(usedforsecurity=False)
        self._pending = bytearray()

    def update(self, data: memoryview | bytes) -> None:
        """Add bytes."""
        self._plain.update(data)
        if self._unix is not None:
            self._pending += data
            while len(self._pending) >= _CHUNK:
                self._unix.update(_unix(bytes(self._pending[:_CHUNK])))
                del self._pending[:_CHUNK]

    def matches(self) -> bool:
        """Return whether all bytes so far are those that the key names."""
        return self._wanted in (self._plain.hexdigest(), self.digest())

    def digest(self) -> str:
        """Return the MD5 that DVC would give the bytes."""
        if self._unix is None:
            return self._plain.hexdigest()
        rest = self._unix.copy()
        rest.update(_unix(bytes(self._pending)))
        return rest.hexdigest()


def _unix(chunk: bytes) -> bytes:
    """Return what DVC hashes of a chunk: of a text without the carriage returns at line ends."""
    start = chunk[:_LOOK]
    odd = len(start.translate(None, _TEXT))
    text = b"\0" not in start and odd <= 0.3 * len(start)
    return chunk.replace(b"\r\n", b"\n") if text else chunk
