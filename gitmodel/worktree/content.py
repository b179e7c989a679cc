"""What the bytes of an artifact's files are: digests, comparison, and the way into the cache."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import TypeVar

from gitmodel.cache import SMALL, CacheWriter
from gitmodel.digest import (
    Digests,
    algorithm_of,
    digest_bytes,
    digest_file,
    fingerprint_from_bytes,
    fingerprint_to_bytes,
    oid_from_bytes,
    oid_to_bytes,
)
from gitmodel.errors import IntegrityError
from gitmodel.index import Seen
from gitmodel.manifest import EXECUTABLE, FILE, FOLDER, LINK, Entry
from gitmodel.mounts import is_shared, kind_of
from gitmodel.scratch import Scratch
from gitmodel.worktree.batch import open_ahead
from gitmodel.worktree.opening import changed, check_unchanged, device_in, open_file
from gitmodel.worktree.scan import Found, now_if_writable, scan
from gitmodel.worktree.writers import is_written

_T = TypeVar("_T")


def read_ahead(founds: Iterable[Found]) -> Iterator[Found]:
    """Yield what was found, small files last seen somewhat later, while the disk reads them."""
    for found, fd in open_ahead((found, _open_early(found)) for found in founds):
        yield found if fd < 0 else _with_descriptor(found, fd)


def _open_early(found: Found) -> int:
    if found.known or found.type not in (FILE, EXECUTABLE):
        return -1
    return open_file(found.name, found.folder, found.full)


def _with_descriptor(found: Found, fd: int) -> Found:
    return Found(*found[:-2], fd, is_written(fd))


@contextmanager
def opened(found: Found) -> Iterator[Found]:
    """Open a file that was found, as `read_ahead` does."""
    fd = open_file(found.name, found.folder, found.full)
    try:
        yield _with_descriptor(found, fd)
    finally:
        os.close(fd)


def read_link(found: Found) -> bytes:
    """Return the target of a symlink, wherever it leads."""
    try:
        return os.fsencode(os.readlink(found.name, dir_fd=found.folder))
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):
            raise
        raise changed(found.full) from error


def check_link(path: str, target: bytes, artifact: str) -> None:
    """Raise `IntegrityError` if a symlink at `path` could lead out of its artifact."""
    if _leads_out(path, target):
        raise IntegrityError(
            f"the symlink {f'{artifact}/{path}'.rstrip('/')!r} leads out of the artifact",
            hint="replace it by what it points to, or by a relative one",
        )


def _leads_out(path: str, target: bytes) -> bool:
    """Return whether a symlink at `path` could lead out of its artifact.

    Steps upwards may only come first: after a name, which may be a symlink itself, `..` could
    lead anywhere.
    """
    steps = target.split(b"/")
    up = 0
    while up < len(steps) and steps[up] == b"..":
        up += 1
    inside = up <= path.count("/") and path
    return (
        not inside
        or not target
        or target.startswith(b"/")
        or b".." in steps[up:]
        or b"\0" in target
    )


def digests_known(found: Found) -> Digests:
    """Return the digests that the index proves; `found.known` must be there."""
    assert found.known is not None
    return Digests(
        oid_from_bytes(found.known.oid), fingerprint_from_bytes(found.known.fingerprint), found.size
    )


def digest_found(found: Found, algorithm: str) -> Digests:
    """Return the digests of what was found, from the index if it knows them."""
    if found.known and digests_known(found).oid.startswith(algorithm):
        return digests_known(found)
    if found.type == FOLDER:
        return digest_bytes(b"", algorithm)
    if found.type == LINK:
        return digest_bytes(read_link(found), algorithm)
    if found.size < SMALL:
        return digest_bytes(_with_file(found, lambda fd: _read_small(fd, found)), algorithm)
    return _with_file(found, lambda fd: digest_file(fd, algorithm))


def matches(found: Found, entry: Entry) -> bool:
    """Return whether what was found is what an entry says, by its oid; reads it only if it must.

    The fingerprint proves nothing: other bytes can be made to have it.
    """
    if found.type != entry.type:
        return False
    if found.type == FOLDER:
        return True
    if found.size != entry.size:
        return False
    if found.known and found.known.oid == oid_to_bytes(entry.oid):
        return found.known.fingerprint == fingerprint_to_bytes(entry.fingerprint)
    if found.type == LINK and _leads_out(found.path, read_link(found)):
        return False
    digests = digest_found(found, algorithm_of(entry.oid))
    return digests == Digests(entry.oid, entry.fingerprint, entry.size)


def store(found: Found, artifact: str, writer: CacheWriter, same: str = "") -> Digests:
    """Put what was found into the cache and return its digests.

    `same` is an oid that a large file probably has still; then it is not copied in vain.  Raises
    `IntegrityError` for a symlink that leaves the artifact.
    """
    if found.type == FOLDER:
        return store_bytes(b"", writer)
    if found.type == LINK:
        target = read_link(found)
        check_link(found.path, target, artifact)
        return store_bytes(target, writer)
    if found.size < SMALL:
        return _store_small(found, writer)
    cache = writer.cache
    if same and _with_file(found, lambda fd: cache.is_copy(fd, found.size, same)):
        digests = digest_found(found, writer.algorithm)
        if digests.oid == same:
            return digests
    return _with_file(found, lambda fd: cache.put_file(fd, writer.algorithm, writer.meter))


def store_bytes(data: bytes, writer: CacheWriter) -> Digests:
    """Put a small blob into the cache and return its digests."""
    digests = digest_bytes(data, writer.algorithm)
    writer.add(data, digests)
    return digests


def store_at(root: Path, artifact: str, path: str, writer: CacheWriter) -> None:
    """Put what is at `path` inside an artifact into the cache."""
    for found in scan(root, f"{artifact}/{path}".rstrip("/"), {}):
        store(found._replace(path=path), artifact, writer)


def _store_small(found: Found, writer: CacheWriter) -> Digests:
    return store_bytes(_with_file(found, lambda fd: _read_small(fd, found)), writer)


def _read_small(fd: int, found: Found) -> bytes:
    """Return all of a small file; raise `ConflictError` if it is not as long as it was."""
    # One byte more than `stat` said would show that the file has grown.
    data = os.read(fd, found.size + 1)
    if len(data) != found.size:
        raise changed(found.full)
    return data


def _with_file(found: Found, use: Callable[[int], _T]) -> _T:
    """Return what `use` makes of the open file, if the file is the same before and after."""
    fd = found.file
    if fd >= 0:
        os.lseek(fd, 0, os.SEEK_SET)
    else:
        fd = open_file(found.name, found.folder, found.full)
    try:
        result = use(fd)
        check_unchanged(fd, found.stat, found.full)
        return result
    finally:
        if fd != found.file:
            os.close(fd)


class Rows:
    """Collects rows for the index, of files that are hashed from now on.

    `stamp` is the time before which nothing that was hashed may have changed; 0 where nothing can
    be remembered.
    """

    def __init__(self, scratch: Scratch, root: Path) -> None:
        self.stamp = now_if_writable(scratch)
        self.fresh: list[Seen] = []
        self._root = root
        self._telling: dict[int, bool] = {}

    def add(self, found: Found, digests: Digests) -> None:
        """Remember a file, unless a later change of it might not show.

        A page that somebody mapped and has written to can be written to again, and no time of
        the file changes.
        """
        if self.stamp and not (found.written and self._tells(found)):
            self.fresh.append(seen_row(found, digests, self.stamp))

    def add_all(self, founds: Sequence[Found], digests: Sequence[Digests]) -> None:
        """Remember several files."""
        if any(found.written for found in founds):
            for pair in zip(founds, digests, strict=True):
                self.add(*pair)
        elif self.stamp:
            stamps = repeat(self.stamp)
            self.fresh += map(seen_row, founds, digests, stamps)

    def _tells(self, found: Found) -> bool:
        """Return whether "written" means it: a network's file system may say so of any file."""
        device = device_in(found.stat)
        if device not in self._telling:
            self._telling[device] = not is_shared(kind_of((self._root / found.full).parent))
        return self._telling[device]


def seen_row(found: Found, digests: Digests, stamp: int) -> Seen:
    """Return what the index should remember of a file that was hashed after `stamp`."""
    return Seen(
        found.full,
        found.stat,
        stamp,
        oid_to_bytes(digests.oid),
        fingerprint_to_bytes(digests.fingerprint),
    )
