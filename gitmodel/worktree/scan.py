"""What is in an artifact now.  Folders are entered by descriptors, never through a symlink."""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.disk import OPEN_FILE, OPEN_FOLDER
from gitmodel.errors import ConflictError, IntegrityError
from gitmodel.hints import command
from gitmodel.manifest import EXECUTABLE, FILE, FOLDER, LINK
from gitmodel.paths import LARGEST, MAX_PATH
from gitmodel.scratch import BESIDE, Scratch, is_scratch
from gitmodel.worktree.replaced import is_aside, is_marked

if TYPE_CHECKING:
    # Who only reads files need not load SQLite.
    from gitmodel.index import Seen

_STAT = struct.Struct("<QQqqq")
STAT_SIZE = _STAT.size
_CTIME = struct.calcsize("<QQqq")
"""Where the ctime begins in it, which comes last."""
_CHANGED = struct.Struct(f"<{_CTIME}xq")

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
    the index proves that they still hold.  `file` is a descriptor of the file itself, also open
    until the next one is asked for, or -1 if nobody opened it; `written` says whether others could
    write to it when it was opened.
    """

    path: str
    full: str
    type: str
    size: int
    stat: bytes
    folder: int
    name: str
    known: Seen | None
    file: int = -1
    written: bool = False


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
        return os.open(name, OPEN_FOLDER, dir_fd=fd)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        link = stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
        what = "a symlink" if link else "not a folder"
        raise IntegrityError(
            f"{name!r}, in the path {path!r}, is {what}", hint=command("ls -ld {}", path)
        ) from error


def look(root: Path, path: str) -> os.stat_result | None:
    """Return what `lstat` says of a path below `root`, or None if there is nothing."""
    folder, _, name = path.rpartition("/")
    try:
        with open_folder(root, folder) as fd:
            return os.stat(name, dir_fd=fd, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None


Types = Callable[[str], str | None]
"""Says which type was recorded of the file at a path inside an artifact, if any was."""


def scan(
    root: Path, artifact: str, seen: Mapping[str, Seen], types: Types | None = None
) -> Iterator[Found]:
    """Yield all that is in an artifact, or nothing if it is not there.

    Where modes mean nothing, `types` says which files are executable.
    """
    found = _scan(root, artifact, seen)
    return found if types is None else (_typed(each, types) for each in found)


def _typed(found: Found, types: Types) -> Found:
    if found.type not in (FILE, EXECUTABLE):
        return found
    return found._replace(type=EXECUTABLE if types(found.path) == EXECUTABLE else FILE)


def _scan(root: Path, artifact: str, seen: Mapping[str, Seen]) -> Iterator[Found]:
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
                if not _is_own(entry.name, fd):
                    folders.append(entry.name)
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                # A file that is removed meanwhile was not there.
                continue
            files.append((entry.name, status))
    files.sort()
    folders.sort()
    return files, folders


def _is_own(name: str, parent: int) -> bool:
    """Return whether a folder is one of gitmodel's own, on a mount that the cache is not on."""
    if not name.startswith("."):
        return False
    scratch = BESIDE.host_in(name) is not None and is_scratch(name, parent)
    return scratch or (is_aside(name) and is_marked(name, parent))


def _found(
    path: str, file: tuple[str, os.stat_result], fd: int, artifact: str, seen: Mapping[str, Seen]
) -> Found:
    name, status = file
    mode = status.st_mode
    full = f"{artifact}/{path}" if path else artifact
    if stat.S_ISREG(mode):
        packed = pack_stat(status)
        row = seen.get(full)
        known = row if row and is_untouched(row, packed) else None
        kind = EXECUTABLE if mode & stat.S_IXUSR else FILE
        return Found(path, full, kind, status.st_size, packed, fd, name, known)
    if stat.S_ISLNK(mode):
        return Found(path, full, LINK, status.st_size, pack_stat(status), fd, name, None)
    what = _KINDS.get(stat.S_IFMT(mode), "a special file")
    raise IntegrityError(
        f"{full!r} is {what}",
        hint="only files, folders and symlinks can be tracked",
    )


def device_in(packed: bytes) -> int:
    """Return the number of the device that `pack_stat` was given."""
    device: int = _STAT.unpack(packed)[0]
    return device


def pack_stat(status: os.stat_result) -> bytes:
    """Return what tells whether a file was touched: device, inode, size, mtime, ctime."""
    return _STAT.pack(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )


def size_in(packed: bytes) -> int:
    """Return the size in bytes that `pack_stat` was given."""
    size: int = _STAT.unpack(packed)[2]
    return size


def ctime_in(packed: bytes) -> int:
    """Return the ctime in nanoseconds that `pack_stat` was given."""
    return int(_CHANGED.unpack(packed)[0])


def is_untouched(row: Seen, packed: bytes) -> bool:
    """Return whether nothing touched a file since it was hashed, by what `stat` says of it now."""
    return row.stat == packed and row.stamp > _CHANGED.unpack(packed)[0]


def is_older(packed: bytes, stamp: int) -> bool:
    """Return whether a file was last touched before a time: a change after it shows in its stat."""
    _, _, _, mtime, ctime = _STAT.unpack(packed)
    return bool(max(mtime, ctime) < stamp)


def only_renamed(before: bytes, after: bytes) -> bool:
    """Return whether at most the ctime differs between two results of `pack_stat`.

    A rename changes that of what is renamed, not of what lies below it.
    """
    return before[:_CTIME] == after[:_CTIME]


def open_file(name: str, folder: int, path: str) -> int:
    """Open a file that was found; raise `ConflictError` if it is one no longer."""
    try:
        return os.open(name, OPEN_FILE, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOENT, errno.ENXIO):
            raise changed(path) from error
        error.filename = path
        raise


def check_unchanged(fd: int, stat: bytes, path: str) -> None:
    """Raise `ConflictError` if an open file is not as `stat` packed says any more."""
    if pack_stat(os.fstat(fd)) != stat:
        raise changed(path)


def changed(path: str) -> ConflictError:
    """Return the error that a file changed while it was read."""
    return ConflictError(
        f"{path!r} changed while it was read",
        hint="wait until its writer is done, then try again",
    )


def now(scratch: Scratch) -> int:
    """Return the time by the file system's own clock, in nanoseconds."""
    fd, path = scratch.new_file()
    try:
        return os.fstat(fd).st_mtime_ns
    finally:
        os.close(fd)
        os.unlink(path)


def now_if_writable(scratch: Scratch) -> int:
    """Return the time by the disk's own clock; 0 where nothing can be remembered anyway."""
    try:
        return now(scratch)
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES):
            raise
        return 0


def read_small(folder: int, name: str, path: str, limit: int = LARGEST) -> bytes:
    """Return the content of a regular file of at most `limit` bytes, empty if there is none.

    Raises `IntegrityError` for a longer one, a symlink or anything else; `path` is for the message.
    """
    try:
        fd = os.open(name, OPEN_FILE, dir_fd=folder)
    except FileNotFoundError:
        return b""
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise IntegrityError(f"{path!r} is a symlink", hint=command("ls -l {}", path)) from error
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise IntegrityError(f"{path!r} is not a regular file", hint=command("ls -l {}", path))
        data = file.read(limit + 1)
    if len(data) > limit:
        raise IntegrityError(
            f"{path!r} is longer than {limit} bytes", hint=command("ls -l {}", path)
        )
    return data
