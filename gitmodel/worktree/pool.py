"""Reads many small files with all processors.

Most of the time that a small file takes is Python's own, and one process has one processor for
that.  So processes are started beside this one when there is enough to do; the bytes come back
through memory that all share.
"""

from __future__ import annotations

import json
import mmap
import os
import queue
import resource
import select
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType

from gitmodel.digest import Digests
from gitmodel.disk import write_all
from gitmodel.worktree.batch import Batch, Small, join, read_batch
from gitmodel.worktree.scan import Found

_PART = 4 << 20
_FILES = 256
"""Files of a batch at most: what is said of them fits into a pipe twice."""
_ALONE = 8
"""Batches after which other processes are started: that takes as long as these do."""
_PROCESSES = 8
_QUEUED = 2
_ANSWER = 1 << 16

Free = Callable[[], None]
Take = Callable[[Sequence[Found], memoryview, Sequence[Digests], Free], None]
"""Is given files, their bytes back to back, their digests, and what to call when it is done."""


class ReaderPool:
    """Reads small files and gives them to `take`, in batches and in any order.

    Use as a context manager; the last files are given when `finish` has returned.
    """

    def __init__(self, root: Path, algorithm: str, take: Take) -> None:
        self._root = root
        self._algorithm = algorithm
        self._take = take
        self._batch: list[Found] = []
        self._size = 0
        self._batches = 0
        self._count = _processes()
        self._parts = _Parts(self._count * _QUEUED + 2, shared=self._count > 1)
        self._readers: list[_Reader] = []

    def add(self, found: Found) -> None:
        """Read a small regular file."""
        if len(self._batch) == _FILES or self._size + found.size >= _PART:
            self._read()
        self._batch.append(found)
        self._size += found.size

    def finish(self) -> None:
        """Wait until everything is read."""
        self._read()
        while self._busy():
            self._listen(None)

    def __enter__(self) -> ReaderPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        for reader in self._readers:
            reader.stop()
        self._parts.close()

    def _read(self) -> None:
        batch, self._batch, self._size = self._batch, [], 0
        if not batch:
            return
        self._batches += 1
        if self._batches == _ALONE and self._count > 1:
            self._readers = [self._start() for _ in range(self._count)]
        number = self._part()
        self._listen(0)
        while (ready := [each for each in self._readers if each.ready]) and all(
            len(each.asked) == _QUEUED for each in ready
        ):
            self._listen(None)
        if ready:
            min(ready, key=lambda each: len(each.asked)).ask(number, batch)
        else:
            self._read_here(number, batch)

    def _part(self) -> int:
        """Return the number of a part of the memory that nobody uses."""
        while (number := self._parts.take(wait=not self._busy())) is None:
            self._listen(None)
        return number

    def _busy(self) -> bool:
        return any(reader.asked for reader in self._readers)

    def _start(self) -> _Reader:
        return _Reader(self._parts, self._root, self._algorithm)

    def _read_here(self, number: int, batch: Sequence[Found]) -> None:
        files = [Small(found.full, found.stat) for found in batch]
        room = self._parts[number]
        self._give(number, batch, read_batch(self._root, files, room, self._algorithm))

    def _give(self, number: int, batch: Sequence[Found], read: Batch) -> None:
        data = self._parts[number][: sum(each.size for each in read.digests)]
        founds = list(batch)
        for each in read.written:
            founds[each] = founds[each]._replace(written=True)
        self._take(founds, data, read.digests, partial(self._parts.free, number))

    def _listen(self, seconds: float | None) -> None:
        """Take what the readers have done, waiting for it some time, or as long as it takes."""
        lines = {reader.output: reader for reader in self._readers}
        if not lines:
            return
        for output in select.select(list(lines), [], [], seconds)[0]:
            reader = lines[output]
            for number, batch, read in reader.answers():
                if read is None:
                    self._read_here(number, batch)
                else:
                    self._give(number, batch, read)
            if reader.ended:
                self._readers.remove(reader)
                reader.stop()


class _Parts:
    """Memory in parts of equal length; other processes can share it by its descriptor."""

    def __init__(self, count: int, *, shared: bool) -> None:
        # Behind the files of a batch one more byte is read.
        self.length = _PART + mmap.PAGESIZE
        self.descriptor = os.memfd_create("gitmodel") if shared else -1
        if self.descriptor >= 0:
            os.ftruncate(self.descriptor, count * self.length)
        self._all = memoryview(mmap.mmap(self.descriptor, count * self.length))
        # What was used last is still in the processor's cache.
        self._free: queue.LifoQueue[int] = queue.LifoQueue()
        for number in reversed(range(count)):
            self._free.put(number)

    def __getitem__(self, number: int) -> memoryview:
        return self._all[number * self.length : (number + 1) * self.length]

    def take(self, *, wait: bool) -> int | None:
        """Return the number of a part that is free; None if there is none and `wait` is false."""
        try:
            return self._free.get(block=wait)
        except queue.Empty:
            return None

    def free(self, number: int) -> None:
        """Take a part back; any thread may."""
        self._free.put(number)

    def close(self) -> None:
        """Close the descriptor."""
        if self.descriptor >= 0:
            os.close(self.descriptor)


class _Reader:
    """A process that reads for this one.

    `asked` holds what it was asked and has not answered, `ready` says whether it has started,
    `ended` whether it is gone.
    """

    def __init__(self, parts: _Parts, root: Path, algorithm: str) -> None:
        self.asked: deque[tuple[int, Sequence[Found]]] = deque()
        self.ready = self.ended = False
        self._text = b""
        arguments = [str(parts.descriptor), str(parts.length), str(root), algorithm]
        # Not -m alone: that would look for modules in the current folder first.  In a group of
        # its own, it hears nothing of Ctrl-C.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "gitmodel.worktree.reader", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[parts.descriptor],
            process_group=0,
            bufsize=0,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._input = self._process.stdin.fileno()
        self.output = self._process.stdout.fileno()

    def ask(self, number: int, batch: Sequence[Found]) -> None:
        """Have files read into a part of the memory."""
        self.asked.append((number, batch))
        paths, stats = join((each.full for each in batch), (each.stat for each in batch))
        line = json.dumps((number, len(paths), len(stats))).encode()
        # If it is gone, that shows when its answers are read.
        with suppress(BrokenPipeError):
            write_all(self._input, b"%s\n%s%s" % (line, paths, stats))

    def answers(self) -> Iterator[tuple[int, Sequence[Found], Batch | None]]:
        """Read once, and yield what has become of what was asked; None for what it failed at."""
        data = os.read(self.output, _ANSWER)
        self.ended = not data
        *lines, self._text = (self._text + data).split(b"\n")
        for line in lines:
            if not self.ready:
                self.ready = True
                continue
            answer = json.loads(line)
            yield *self.asked.popleft(), answer and _batch(*answer)
        while self.ended and self.asked:
            yield *self.asked.popleft(), None

    def stop(self) -> None:
        """End the process: it has nothing that could be lost."""
        self._process.kill()
        self._process.communicate()


def _batch(digests: list[tuple[str, str, int]], written: list[int]) -> Batch:
    return Batch([Digests(*each) for each in digests], written)


def _processes() -> int:
    """Return how many processes can read at once."""
    if not sys.executable or not hasattr(os, "memfd_create"):
        return 1
    # A limit on the size of files is one on memory that processes share, too.
    if resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY:
        return 1
    return min(len(os.sched_getaffinity(0)), _PROCESSES)
