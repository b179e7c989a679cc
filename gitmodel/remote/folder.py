"""A folder as a store: the default remote, which needs no driver and no server.

Others may write to it too.  So it is opened once and entered by descriptors, never through a
symlink, and only files that are files are read, replaced and removed.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from gitmodel.atomic import publish_in
from gitmodel.disk import OPEN_FILE, OPEN_FOLDER, exists_in, fsync, give, make_folder, sync_folder
from gitmodel.errors import IntegrityError, MissingError, RemoteError
from gitmodel.exchange import rename_new
from gitmodel.hints import command
from gitmodel.progress import Far, unheard
from gitmodel.remote.file import DEEPEST, LARGEST, File, check_length, check_size
from gitmodel.scratch import Scratch, of_other_hosts, sweep
from gitmodel.stream import write_whole

_SCRATCH = ".gitmodel-scratch-"
"""Begins the names of the folders that scratch folders lie in: each user has one."""
_OLD_SCRATCH = "tmp"
"""Where the scratch folders of early versions lay: a name that others use too."""
_KINDS = {stat.S_IFLNK: "a symlink", stat.S_IFDIR: "a folder", stat.S_IFREG: "a file"}


class FolderStore:
    """A store in a folder, of this machine or of a network file system; see `Store`.

    Inside `tree`, a working tree, no symlink leads to it: a commit could have put that there.
    """

    lanes = lanes_now = 2

    def __init__(self, url: str, root: Path, tree: Path | None = None) -> None:
        self.url = url
        self._root = root
        self._tree = tree
        self._fd = -1
        self._opening = threading.Lock()

    def read(
        self, key: str, start: int = 0, length: int | None = None, *, limit: int = LARGEST
    ) -> bytes:
        """Return a part of a file, or all."""
        with self._translated(key), self._file(key) as fd:
            size = os.fstat(fd).st_size
            wanted = size - start if length is None else length
            if length is None:
                check_size(self.url, key, size, limit)
            data = _read(fd, start, wanted)
        return check_length(self.url, key, data, wanted)

    def size(self, key: str) -> int:
        """Return the size in bytes."""
        with self._translated(key), self._file(key) as fd:
            return os.fstat(fd).st_size

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Write a file durably."""
        with self._translated(key):
            self._write(key, [data], new=False)

    def put_new(self, key: str, *parts: bytes | memoryview, far: Far = unheard) -> bool:
        """Write a file unless it exists; how far that is, is not told."""
        with self._translated(key):
            return self._write(key, parts, new=True)

    def files(self, prefix: str) -> dict[str, File]:
        """Return name, size and tag of each file below a folder, and the folders there."""
        found: dict[str, File] = {}
        absent = suppress(FileNotFoundError)
        with self._translated(prefix), absent, self._folder(f"{prefix}/") as (fd, _):
            _list(fd, "", found)
        return found

    def move(self, key: str, new: str) -> bool:
        """Rename a file, unless the other name is taken."""
        with self._translated(key), self._file(key), self._folder(key) as (fd, name):
            with self._folder(new, make=True) as (target, wanted):
                try:
                    rename_new(name, fd, wanted, target)
                except FileExistsError:
                    return False
                sync_folder(target)
            sync_folder(fd)
        return True

    def delete(self, key: str) -> None:
        """Remove a file, or an empty folder in its place, if it is there."""
        absent = suppress(FileNotFoundError)
        with self._translated(key), absent, self._folder(key) as (fd, name):
            self._check(fd, name, key, stat.S_IFREG, stat.S_IFDIR)
            if _is_folder(fd, name):
                os.rmdir(name, dir_fd=fd)
            else:
                os.unlink(name, dir_fd=fd)

    def sweep(self) -> None:
        """Remove what writers of this user and host that died left half written."""
        with self._translated(_SCRATCH), suppress(FileNotFoundError):
            sweep(_own_scratch(), at=self._top())

    def leftovers(self) -> Sequence[str]:
        """Return the names of temporary folders that are never removed from here."""
        with self._translated(_SCRATCH), suppress(FileNotFoundError):
            top = self._top()
            old = [_OLD_SCRATCH] if exists_in(_OLD_SCRATCH, top) else []
            ours = _own_scratch()
            return [*old, *(f"{ours}/{name}" for name in of_other_hosts(ours, at=top))]
        return ()

    def abort(self) -> None:
        """A disk answers soon, one way or the other."""

    def _write(self, key: str, parts: Sequence[bytes | memoryview], *, new: bool) -> bool:
        with self._folder(key, make=True) as (folder, name):
            with suppress(FileNotFoundError):
                self._check(folder, name, key, stat.S_IFREG, stat.S_IFDIR)
            with Scratch(_own_scratch(), at=self._top()) as scratch:
                fd, temporary = scratch.new_file()
                try:
                    write_whole(fd, *parts)
                    self._share(fd, 0o050)
                    fsync(fd)
                finally:
                    os.close(fd)
                # A folder of this name is no file; if it holds something, what follows fails.
                with suppress(OSError):
                    os.rmdir(name, dir_fd=folder)
                if new and not _is_folder(folder, name):
                    return publish_in(folder, name, Path(temporary.name), scratch.fd)
                os.rename(temporary.name, name, src_dir_fd=scratch.fd, dst_dir_fd=folder)
                sync_folder(folder)
                return True

    @contextmanager
    def _file(self, key: str) -> Iterator[int]:
        """Open a file that must be one."""
        with self._folder(key) as (folder, name):
            try:
                fd = os.open(name, OPEN_FILE, dir_fd=folder)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENXIO):
                    self._check(folder, name, key, stat.S_IFREG)
                raise
            try:
                mode = os.fstat(fd).st_mode
                if stat.S_ISDIR(mode):
                    raise FileNotFoundError(key)
                if not stat.S_ISREG(mode):
                    self._check(folder, name, key, stat.S_IFREG)
                yield fd
            finally:
                os.close(fd)

    @contextmanager
    def _folder(self, key: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """Open the folder that a file is in, and those above it; yield it and the file's name."""
        *above, name = key.split("/")
        if not {"", ".", ".."}.isdisjoint(above) or name in (".", ".."):
            raise IntegrityError(f"{self.url}: {key!r} is no key")
        fd = os.dup(self._top(make=make))
        try:
            for each in above:
                inner = self._step(fd, each, key, make=make)
                os.close(fd)
                fd = inner
            yield fd, name
        finally:
            os.close(fd)

    def _step(self, fd: int, name: str, key: str, *, make: bool) -> int:
        try:
            return os.open(name, OPEN_FOLDER, dir_fd=fd)
        except FileNotFoundError:
            if not make:
                raise
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            self._check(fd, name, key, stat.S_IFDIR)
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=fd)
            made = os.open(name, OPEN_FOLDER, dir_fd=fd)
            try:
                self._share(made, stat.S_IRWXG)
            finally:
                os.close(made)
        sync_folder(fd)
        return os.open(name, OPEN_FOLDER, dir_fd=fd)

    def _check(self, fd: int, name: str, key: str, *kinds: int) -> None:
        """Raise `IntegrityError` if something is there that is of no such kind."""
        kind = stat.S_IFMT(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
        if kind not in kinds:
            what = _KINDS.get(kind, "a special file")
            of = f", of {key!r}," if key else ""
            raise IntegrityError(
                f"{self.url}: {name!r}{of} is {what} where {_KINDS[kinds[0]]} should be",
                hint=command("ls -ld {}", str(self._root / key)),
            )

    def _share(self, fd: int, rights: int) -> None:
        """Let a group have what we make in its folder, whatever the umask."""
        top = os.fstat(self._top())
        if top.st_mode & (stat.S_ISGID | stat.S_IWGRP):
            if os.fstat(fd).st_gid != top.st_gid:
                with suppress(PermissionError):
                    os.chown(fd, -1, top.st_gid)
            give(top.st_mode & rights, fd)

    def _top(self, *, make: bool = False) -> int:
        """Return a descriptor of the folder, which is opened once."""
        with self._opening:
            if self._fd < 0:
                if make:
                    make_folder(self._root)
                self._fd = self._open_top()
                weakref.finalize(self, os.close, self._fd)
            return self._fd

    def _open_top(self) -> int:
        for folder in (self._root, *self._root.parents) if self._tree else ():
            if self._tree and _is_same(folder, self._tree):
                break
        else:
            return os.open(self._root, OPEN_FOLDER & ~os.O_NOFOLLOW)
        fd = os.open(folder, OPEN_FOLDER & ~os.O_NOFOLLOW)
        for name in self._root.relative_to(folder).parts:
            try:
                inner = self._step(fd, name, "", make=False)
            finally:
                os.close(fd)
            fd = inner
        return fd

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise MissingError(
                f"{self.url}: {key!r} is not there", hint="gitmodel remote check"
            ) from error
        except OSError as error:
            raise RemoteError(
                f"{self.url}: {key!r}: {error.strerror or error}", hint="gitmodel remote check"
            ) from error


def _own_scratch() -> Path:
    return Path(f"{_SCRATCH}{os.geteuid()}")


def _is_same(one: Path, other: Path) -> bool:
    with suppress(OSError):
        return os.path.samefile(one, other)
    return False


def _is_folder(fd: int, name: str) -> bool:
    with suppress(FileNotFoundError):
        return stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
    return False


def _read(fd: int, start: int, length: int) -> bytes:
    """One read gives at most 2 GiB, and less where a signal comes."""
    data = os.pread(fd, length, start)
    if len(data) == length:
        return data
    parts = [data]
    while part := os.pread(fd, length - sum(map(len, parts)), start + sum(map(len, parts))):
        parts.append(part)
    return b"".join(parts)


def _list(fd: int, prefix: str, found: dict[str, File]) -> None:
    """Add the files in an open folder, and in those below it; what is no file is none of ours."""
    with os.scandir(fd) as entries:
        for entry in entries:
            # What goes meanwhile was not there.
            with suppress(FileNotFoundError, NotADirectoryError):
                if entry.is_file(follow_symlinks=False):
                    found[prefix + entry.name] = _file(entry.stat(follow_symlinks=False))
                elif entry.is_dir(follow_symlinks=False) and prefix.count("/") < DEEPEST:
                    found[f"{prefix}{entry.name}/"] = File(0, "")
                    inner = os.open(entry.name, OPEN_FOLDER, dir_fd=fd)
                    try:
                        _list(inner, f"{prefix}{entry.name}/", found)
                    finally:
                        os.close(inner)


def _file(status: os.stat_result) -> File:
    return File(status.st_size, f"{status.st_mtime_ns}-{status.st_ctime_ns}")
