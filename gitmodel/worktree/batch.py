"""Small files that are read and hashed together."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, TypeVar

from gitmodel.digest import Digests, digest_bytes
from gitmodel.stream import will_read
from gitmodel.worktree.opening import (
    STAT_SIZE,
    changed,
    check_unchanged,
    open_file,
    open_folder,
    size_in,
)
from gitmodel.worktree.writers import is_written

_T = TypeVar("_T")

_START = 1 << 20
"""Bytes from the start of a file that are asked for ahead: all of a small one."""
_AHEAD = 32
"""Files that are open ahead: enough to keep a disk busy, few beside the 1,024 one may open."""


class Batch(NamedTuple):
    """The digests of small files, and the numbers of those that others could write to."""

    digests: list[Digests]
    written: list[int]


class Small(NamedTuple):
    """A small file as it was found; `path` is relative to the top of the working tree."""

    path: str
    stat: bytes


def join(paths: Iterable[str], stats: Iterable[bytes]) -> tuple[bytes, bytes]:
    """Return files as bytes: the paths with a NUL between, and what `stat` said of each."""
    return os.fsencode("\0".join(paths)), b"".join(stats)


def split(paths: bytes, stats: bytes) -> list[Small]:
    """Return the files that `join` made bytes of."""
    starts = range(0, len(stats), STAT_SIZE)
    packed = [stats[start : start + STAT_SIZE] for start in starts]
    return list(map(Small, os.fsdecode(paths).split("\0"), packed))


def read_batch(root: Path, files: Sequence[Small], room: memoryview, algorithm: str) -> Batch:
    """Read files back to back into `room`, one byte more than all of them.

    Raises `ConflictError` if one is not as it was found any more.
    """
    read = Batch([], [])
    at = 0
    for number, (file, fd) in enumerate(open_ahead(_open_all(root, files))):
        if is_written(fd, hold=True):
            read.written.append(number)
        size = size_in(file.stat)
        end = at + size
        # One byte more than `stat` said would show that the file has grown.
        count = os.readv(fd, [room[at : end + 1]])
        check_unchanged(fd, file.stat, file.path)
        if count != size:
            raise changed(file.path)
        read.digests.append(digest_bytes(room[at:end], algorithm))
        at = end
    return read


def _open_all(root: Path, files: Iterable[Small]) -> Iterator[tuple[Small, int]]:
    """Open files, one folder after the other; who takes a descriptor closes it."""
    named = ((file, *file.path.rpartition("/")[::2]) for file in files)
    for folder, those in groupby(named, key=itemgetter(1)):
        try:
            with open_folder(root, folder) as fd:
                for file, _, name in those:
                    yield file, open_file(name, fd, file.path)
        except FileNotFoundError as error:
            raise changed(folder) from error


def open_ahead(files: Iterable[tuple[_T, int]]) -> Iterator[tuple[_T, int]]:
    """Yield open files somewhat later, while the disk reads them, then close them.

    A disk that is asked for one small file after the other is idle most of the time.  What has
    no descriptor, but -1, passes at once.
    """
    waiting: deque[tuple[_T, int]] = deque()
    try:
        for file in files:
            if file[1] < 0:
                yield file
                continue
            waiting.append(file)
            will_read(file[1], 0, _START)
            if len(waiting) > _AHEAD:
                yield waiting[0]
                os.close(waiting.popleft()[1])
        while waiting:
            yield waiting[0]
            os.close(waiting.popleft()[1])
    finally:
        for _, fd in waiting:
            os.close(fd)
