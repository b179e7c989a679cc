"""What is in an artifact now.  Folders are entered by descriptors, never through a symlink."""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from gitmodel.atomic import Scratch
from gitmodel.cache import SMALL, CacheWriter
from gitmodel.digest import (
    Digests,
    digest_bytes,
    digest_file,
    fingerprint_file,
    fingerprint_from_bytes,
    fingerprint_of,
    fingerprint_to_bytes,
    oid_from_bytes,
    oid_to_bytes,
)
from gitmodel.errors import ConflictError, IntegrityError
from gitmodel.index import Seen
from gitmodel.manifest import EXECUTABLE, FILE, FOLDER, LINK, Entry
from gitmodel.paths import MAX_PATH

_T = TypeVar("_T")

_STAT = struct.Struct("<QQqqq")
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Found(NamedTuple):
    """A file, symlink or empty folder in the working tree.

    `path` is relative to the artifact, `full` to the top of the working tree; `folder` is a
    descriptor of its folder, open until the next one is asked for; `known` holds its digests if
    the index proves that they still hold.
    """

    path: str
    full: str
    type: str
    size: int
    stat: bytes
    folder: int
    name: str
    known: Seen | None


@contextmanager
def open_folder(root: Path, path: str, *, create: bool = False) -> Iterator[int]:
    """Open the folder `path` below `root`, step by step, never through a symlink."""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in path.split("/") if path else ():
            if create:
                with suppress(FileExistsError):
                    os.mkdir(name, dir_fd=fd)
            inner = _open_step(fd, name, path)
            os.close(fd)
            fd = inner
        yield fd
    finally:
        os.close(fd)


def _open_step(fd: int, name: str, path: str) -> int:
    try:
        return os.open(name, _FOLDER_FLAGS, dir_fd=fd)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        link = stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
        what = "a symlink" if link else "not a folder"
        raise IntegrityError(
            f"{name!r}, in the path {path!r}, is {what}", hint=f"ls -ld {path}"
        ) from error


def look(root: Path, path: str) -> os.stat_result | None:
    """Return what `lstat` says of a path below `root`, or None if there is nothing."""
    folder, _, name = path.rpartition("/")
    try:
        with open_folder(root, folder) as fd:
            return os.stat(name, dir_fd=fd, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None


def scan(root: Path, artifact: str, seen: Mapping[str, Seen]) -> Iterator[Found]:
    """Yield all that is in an artifact, or nothing if it is not there."""
    status = look(root, artifact)
    if status is None:
        return
    if stat.S_ISDIR(status.st_mode):
        yield from _scan_folders(root, artifact, seen)
        return
    folder, _, name = artifact.rpartition("/")
    with open_folder(root, folder) as fd:
        yield _found("", (name, status), fd, artifact, seen)


def _scan_folders(root: Path, artifact: str, seen: Mapping[str, Seen]) -> Iterator[Found]:
    pending = [""]
    while pending:
        prefix = pending.pop()
        if len(prefix) > MAX_PATH:
            raise IntegrityError(f"{artifact}/{prefix[:60]}… is too deep")
        with open_folder(root, f"{artifact}/{prefix}".rstrip("/")) as fd:
            files, folders = _list(fd)
            pending += [f"{prefix}{name}/" for name in reversed(folders)]
            if prefix and not files and not folders:
                path = prefix[:-1]
                yield Found(path, f"{artifact}/{path}", FOLDER, 0, b"", fd, "", None)
            for name, status in files:
                yield _found(prefix + name, (name, status), fd, artifact, seen)


def _list(fd: int) -> tuple[list[tuple[str, os.stat_result]], list[str]]:
    files, folders = [], []
    with os.scandir(fd) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            else:
                # A file that is removed meanwhile was not there.
                with suppress(FileNotFoundError):
                    files.append((entry.name, entry.stat(follow_symlinks=False)))
    files.sort()
    folders.sort()
    return files, folders


def _found(
    path: str, file: tuple[str, os.stat_result], fd: int, artifact: str, seen: Mapping[str, Seen]
) -> Found:
    name, status = file
    mode = status.st_mode
    full = f"{artifact}/{path}" if path else artifact
    if stat.S_ISREG(mode):
        packed = pack_stat(status)
        row = seen.get(full)
        clean = row is not None and row.stat == packed and row.stamp > status.st_ctime_ns
        kind = EXECUTABLE if mode & stat.S_IXUSR else FILE
        return Found(path, full, kind, status.st_size, packed, fd, name, row if clean else None)
    if stat.S_ISLNK(mode):
        return Found(path, full, LINK, status.st_size, pack_stat(status), fd, name, None)
    what = _KINDS.get(stat.S_IFMT(mode), "a special file")
    raise IntegrityError(
        f"{full!r} is {what}",
        hint="only files, folders and symlinks can be tracked",
    )


def pack_stat(status: os.stat_result) -> bytes:
    """Return what tells whether a file was touched: device, inode, size, mtime, ctime."""
    return _STAT.pack(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )


def now(scratch: Scratch) -> int:
    """Return the time by the file system's own clock, in nanoseconds."""
    fd, path = scratch.new_file()
    try:
        return os.fstat(fd).st_mtime_ns
    finally:
        os.close(fd)
        os.unlink(path)


# What a file's bytes are


def read_link(found: Found, artifact: str) -> bytes:
    """Return the target of a symlink; raise `IntegrityError` if it leaves the artifact."""
    try:
        target = os.fsencode(os.readlink(found.name, dir_fd=found.folder))
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):
            raise
        raise _changed(found) from error
    check_link(found.path, target, artifact)
    return target


def check_link(path: str, target: bytes, artifact: str) -> None:
    """Raise `IntegrityError` if a symlink at `path` could lead out of its artifact.

    Steps upwards may only come first: after a name, which may be a symlink itself, `..` could
    lead anywhere.
    """
    steps = target.split(b"/")
    up = 0
    while up < len(steps) and steps[up] == b"..":
        up += 1
    inside = up <= path.count("/") and path
    if (
        not inside
        or not target
        or target.startswith(b"/")
        or b".." in steps[up:]
        or b"\0" in target
    ):
        raise IntegrityError(
            f"the symlink {f'{artifact}/{path}'.rstrip('/')!r} leads out of the artifact",
            hint="replace it by what it points to, or by a relative one",
        )


def digests_known(found: Found) -> Digests:
    """Return the digests that the index proves; `found.known` must be there."""
    assert found.known is not None
    return Digests(
        oid_from_bytes(found.known.oid), fingerprint_from_bytes(found.known.fingerprint), found.size
    )


def digest_found(found: Found, artifact: str, algorithm: str) -> Digests:
    """Return the digests of what was found, from the index if it knows them."""
    if found.known and digests_known(found).oid.startswith(algorithm):
        return digests_known(found)
    if found.type == FOLDER:
        return digest_bytes(b"", algorithm)
    if found.type == LINK:
        return digest_bytes(read_link(found, artifact), algorithm)
    return _with_file(found, lambda fd: digest_file(fd, algorithm))


def read_small(folder: int, name: str, path: str) -> bytes:
    """Return the content of a small regular file, empty if there is none.

    Raises `IntegrityError` for a symlink or anything else; `path` is for the message.
    """
    try:
        fd = os.open(name, _FILE_FLAGS, dir_fd=folder)
    except FileNotFoundError:
        return b""
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise IntegrityError(f"{path!r} is a symlink", hint=f"ls -l {path}") from error
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise IntegrityError(f"{path!r} is not a regular file", hint=f"ls -l {path}")
        return file.read(1 << 24)


def matches(found: Found, artifact: str, entry: Entry) -> bool:
    """Return whether what was found is what an entry says; reads it only if it must."""
    if found.type != entry.type:
        return False
    if found.known:
        return oid_to_bytes(entry.oid) == found.known.oid
    if found.type == FOLDER:
        return True
    if found.size != entry.size:
        return False
    if found.type == LINK:
        return fingerprint_of(read_link(found, artifact)) == entry.fingerprint
    return _with_file(found, fingerprint_file) == entry.fingerprint


def store(found: Found, artifact: str, writer: CacheWriter, same: str = "") -> Digests:
    """Put what was found into the cache and return its digests.

    `same` is an oid that a large file probably has still; then it is not copied in vain.
    """
    if found.type in (FOLDER, LINK):
        data = read_link(found, artifact) if found.type == LINK else b""
        digests = digest_bytes(data, writer.algorithm)
        writer.add(data, digests)
        return digests
    if found.size < SMALL:
        return _store_small(found, writer)
    cache = writer.cache
    if same and _with_file(found, lambda fd: cache.is_copy(fd, found.size, same)):
        digests = digest_found(found, artifact, writer.algorithm)
        if digests.oid == same:
            return digests
    return _with_file(found, lambda fd: cache.put_file(fd, writer.algorithm, writer.meter))


def store_at(root: Path, artifact: str, path: str, writer: CacheWriter) -> None:
    """Put what is at `path` inside an artifact into the cache."""
    for found in scan(root, f"{artifact}/{path}".rstrip("/"), {}):
        store(found._replace(path=path), artifact, writer)


def _store_small(found: Found, writer: CacheWriter) -> Digests:
    fd = _open(found)
    try:
        # One byte more than `stat` said would show that the file has grown.
        room = writer.room(found.size + 1)
        count = os.readv(fd, [room])
        _check_unchanged(fd, found)
    finally:
        os.close(fd)
    digests = digest_bytes(room[:count], writer.algorithm)
    writer.keep(digests)
    return digests


def _with_file(found: Found, use: Callable[[int], _T]) -> _T:
    """Return what `use` makes of the open file, if the file is the same before and after."""
    fd = _open(found)
    try:
        result = use(fd)
        _check_unchanged(fd, found)
        return result
    finally:
        os.close(fd)


def _open(found: Found) -> int:
    try:
        return os.open(found.name, _FILE_FLAGS, dir_fd=found.folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOENT, errno.ENXIO):
            raise _changed(found) from error
        error.filename = found.full
        raise


def _check_unchanged(fd: int, found: Found) -> None:
    if pack_stat(os.fstat(fd)) != found.stat:
        raise _changed(found)


def _changed(found: Found) -> ConflictError:
    return ConflictError(
        f"{found.full!r} changed while it was read",
        hint="wait until its writer is done, then try again",
    )


def seen_row(found: Found, digests: Digests, stamp: int) -> Seen:
    """Return what the index should remember of a file that was hashed after `stamp`."""
    return Seen(
        found.full,
        found.stat,
        stamp,
        oid_to_bytes(digests.oid),
        fingerprint_to_bytes(digests.fingerprint),
    )
