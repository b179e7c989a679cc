"""What is in an artifact now.  Folders are entered by descriptors, never through a symlink."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.errors import IntegrityError
from gitmodel.manifest import EXECUTABLE, FILE, FOLDER, LINK
from gitmodel.paths import MAX_PATH
from gitmodel.scratch import BESIDE, Scratch, is_scratch
from gitmodel.worktree.opening import is_untouched, look, open_folder, pack_stat
from gitmodel.worktree.replaced import is_aside, is_marked

if TYPE_CHECKING:
    # Who only reads files need not load SQLite.
    from gitmodel.index import Seen

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
