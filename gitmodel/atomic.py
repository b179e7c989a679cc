"""Durable writes: a file appears whole or not at all, and what was reported stays after a crash.

Temporary files live in a scratch folder that belongs to one process and is held by a lock; what
a killed process left behind is removed by the next one, and nothing else ever is.
"""

from __future__ import annotations

import errno
import fcntl
import math
import os
import re
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from gitmodel.errors import ConflictError, IntegrityError
from gitmodel.hints import command
from gitmodel.signals import waiting

MARKER = "lock"
"""The file in a scratch folder that says whose that is; locked as long as its process lives."""
TEMPORARY = ".gitmodel-tmp"
"""The end of the names that temporary things have in folders that are not gitmodel's."""

_FICLONE = 0x40049409
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_HEAD = b"scratch folder of gitmodel: "
_MOST = 4096
"""Bytes that are read of a marker or a lock file: ours are shorter."""
_HOST = re.sub(r"[^A-Za-z0-9.]", "_", os.uname().nodename)[:64] or "localhost"


def _open_own(path: Path, at: int | None) -> int:
    """Open a folder that must be ours."""
    try:
        fd = os.open(path, _FOLDER, dir_fd=at)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        raise _not_ours(f"is {_kind(path, at)}", path, at) from error
    try:
        owner = os.fstat(fd).st_uid
        if owner != os.geteuid() and owner != owner_of_new(fd):
            raise _not_ours("belongs to another user", path, at)
        mode = os.fstat(fd).st_mode
        if mode & 0o022:
            # Who may write there could put another folder in the place of ours.
            os.fchmod(fd, stat.S_IMODE(mode) & ~0o022)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _not_ours(what: str, path: Path, at: int | None) -> IntegrityError:
    shown = _shown(path, at)
    return IntegrityError(
        f"{shown!r} {what}: temporary files lie only in a folder that gitmodel made",
        hint=command("ls -ld {}", shown),
    )


def _shown(path: Path, at: int | None) -> str:
    if at is not None:
        with suppress(OSError):
            path = Path(os.readlink(f"/proc/self/fd/{at}")) / path
    return str(path)


def _kind(path: Path, at: int | None) -> str:
    mode = os.stat(path, dir_fd=at, follow_symlinks=False).st_mode
    return "a symlink" if stat.S_ISLNK(mode) else "not a folder"


def _open_any(path: Path, at: int | None) -> int:
    """Open a folder of the user's, who may have put a symlink in its place."""
    return os.open(path, _FOLDER & ~os.O_NOFOLLOW, dir_fd=at)


def _open_target(path: Path, at: int | None) -> int:
    """Open a folder of the user's in which nobody else can rename what is ours."""
    fd = _open_any(path, at)
    mode = os.fstat(fd).st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        os.close(fd)
        raise IntegrityError(
            f"everybody may write to {_shown(path, at)!r}, and put other things in the place of"
            " what is delivered there",
            hint=command("chmod +t {}", _shown(path, at)),
        )
    return fd


@dataclass(frozen=True, slots=True)
class Place:
    """How scratch folders are named in a kind of folder, and how that is opened.

    `files` lie in each of them, by name.
    """

    before: str
    after: str
    open: Callable[[Path, int | None], int]
    files: Mapping[str, bytes]

    def new_name(self) -> str:
        """Return a name that nothing has."""
        return f"{self.before}{_HOST}-{os.getpid()}-{secrets.token_hex(8)}{self.after}"

    def host_in(self, name: str) -> str | None:
        """Return the host in the name of a scratch folder, or None if that is no such name."""
        found = _SCRATCH.fullmatch(name.removeprefix(self.before).removesuffix(self.after))
        whole = name.startswith(self.before) and name.endswith(self.after)
        return found["host"] if found and whole else None


_SCRATCH = re.compile(r"(?P<host>[A-Za-z0-9._]{1,64})-[0-9]{1,10}-[0-9a-f]{16}", re.ASCII)
OWN = Place("", "", _open_own, {})
"""A folder of gitmodel's own and this user's: a symlink, or another user's, is refused."""
BESIDE = Place(".", TEMPORARY, _open_any, {".gitignore": b"*\n"})
"""A folder of the user's: nobody can know the names beforehand, and Git does not see them."""
TARGET = replace(BESIDE, open=_open_target)
"""A folder that something is delivered to; refused where everybody may rename what is in it."""


class Scratch:
    """A folder for the temporary files of this process, gone when the process is done.

    `at` is a descriptor that `parent` is relative to.
    """

    def __init__(self, parent: Path, place: Place = OWN, at: int | None = None) -> None:
        self._parent = parent
        self._place = place
        self._at = at
        self._name = ""
        self._path = Path()
        self._fds: tuple[int, int, int] | None = None
        self._making = threading.Lock()

    @property
    def path(self) -> Path:
        """The folder; made on first use, when what dead processes left is removed too."""
        self._open()
        return self._path

    @property
    def fd(self) -> int:
        """A descriptor of the folder, made as `path` is: nobody can put another in its place."""
        return self._open()[1]

    def new_path(self) -> Path:
        """Return a path in the folder that nothing uses yet."""
        return self.path / secrets.token_hex(12)

    def new_file(self, mode: int = 0o666) -> tuple[int, Path]:
        """Create a file for writing, its mode less the umask; return its descriptor and path."""
        path = self.new_path()
        return os.open(path.name, _NEW, mode, dir_fd=self.fd), path

    def close(self) -> None:
        """Remove the folder and what is in it."""
        with waiting():
            if self._fds is not None:
                parent, folder, marker = self._fds
                _remove(parent, self._name, folder, marker)
                os.close(folder)
                os.close(parent)
                self._fds = None

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> tuple[int, int, int]:
        """Return descriptors of the folder it lies in, of the folder, and of its marker."""
        with self._making:
            if self._fds is None:
                self._make()
            assert self._fds is not None
            return self._fds

    def _make(self) -> None:
        parent = self._open_parent()
        try:
            _sweep(parent, self._place)
            while self._fds is None:
                # Between making it and knowing of it, a signal would leave it behind.
                with waiting():
                    self._claim(parent)
        except BaseException:
            if self._fds is None:
                os.close(parent)
            raise

    def _open_parent(self) -> int:
        try:
            return self._place.open(self._parent, self._at)
        except FileNotFoundError:
            if self._place is not OWN:
                raise
        if self._at is None:
            make_folder(self._parent.parent)
        with suppress(FileExistsError):
            os.mkdir(self._parent, 0o700, dir_fd=self._at)
        return self._place.open(self._parent, self._at)

    def _claim(self, parent: int) -> None:
        """Make and lock a folder, unless someone sweeps it away in between."""
        name = self._place.new_name()
        os.mkdir(name, 0o700, dir_fd=parent)
        try:
            folder = os.open(name, _FOLDER, dir_fd=parent)
        except FileNotFoundError:
            return
        try:
            marker = _mark(folder, name)
            for each, data in self._place.files.items() if marker >= 0 else ():
                with open(os.open(each, _NEW, 0o600, dir_fd=folder), "wb") as file:
                    file.write(data)
        except BaseException:
            _remove(parent, name, folder, -1)
            os.close(folder)
            raise
        if marker < 0:
            os.close(folder)
            return
        self._name, self._fds = name, (parent, folder, marker)
        own = self._place is OWN and self._at is None
        self._path = self._parent / name if own else by_descriptor(folder, self._parent / name)


def by_descriptor(fd: int, path: Path) -> Path:
    """Return a path that leads to an open folder whatever becomes of its name, `path`.

    It is of use in this process alone, and `path` where the system has none such.
    """
    there = Path(f"/proc/self/fd/{fd}")
    return there if there.is_dir() else path


def scratch_in(home: Path) -> Path:
    """Return where scratch folders lie in a folder of gitmodel's: each user has a parent of them.

    Users who share a repository do not share that: none can touch what is another's.
    """
    return home / f"scratch-{os.geteuid()}"


def sweep(parent: Path, place: Place = OWN, at: int | None = None) -> list[Path]:
    """Remove the scratch folders in `parent` whose process is gone; return them.

    Ours are those with the name of one on this host, of the owner that a file has which is made
    there now, and with a marker that nobody holds.  Those of another host are left alone: its locks
    need not show here.
    """
    try:
        fd = place.open(parent, at)
    except FileNotFoundError:
        return []
    try:
        return [parent / name for name in _sweep(fd, place)]
    finally:
        os.close(fd)


def of_other_hosts(parent: Path, place: Place = OWN, at: int | None = None) -> list[str]:
    """Return the names of the scratch folders in `parent` that only another host could judge."""
    try:
        fd = place.open(parent, at)
    except FileNotFoundError:
        return []
    try:
        return sorted(name for name in os.listdir(fd) if place.host_in(name) not in (None, _HOST))
    finally:
        os.close(fd)


def owner_of_new(folder: int) -> int:
    """Return the owner that a file gets which this process makes in an open folder.

    That is not always the user of this process: servers and mounts put others in its place.
    """
    try:
        probe = os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600, dir_fd=folder)
    except (AttributeError, OSError):
        return _owner_of_named(folder)
    try:
        return os.fstat(probe).st_uid
    finally:
        os.close(probe)


def _owner_of_named(folder: int) -> int:
    name = f".{secrets.token_hex(8)}{TEMPORARY}"
    try:
        probe = os.open(name, _NEW, 0o600, dir_fd=folder)
    except OSError:
        # Nothing can be made there, so nothing can be removed either.
        return os.geteuid()
    try:
        return os.fstat(probe).st_uid
    finally:
        os.close(probe)
        os.unlink(name, dir_fd=folder)


def _mark(folder: int, name: str) -> int:
    """Put a locked marker into a new folder; return its descriptor, or -1 if that is swept away."""
    try:
        marker = os.open(MARKER, _NEW, 0o600, dir_fd=folder)
    except FileNotFoundError:
        return -1
    try:
        if _is_kept(marker, folder):
            write_all(marker, _HEAD + f"{name}\n{_identity()}".encode())
            return marker
    except BaseException:
        os.close(marker)
        raise
    os.close(marker)
    return -1


def _is_kept(marker: int, folder: int) -> bool:
    """Lock a new marker; return whether nobody was faster, to sweep it away."""
    try:
        fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # A file system without locks has none that another could take either.
        return True
    try:
        return os.path.samestat(os.stat(MARKER, dir_fd=folder), os.fstat(marker))
    except FileNotFoundError:
        return False


def _sweep(parent: int, place: Place) -> list[str]:
    try:
        names = [name for name in os.listdir(parent) if place.host_in(name) == _HOST]
    except PermissionError:
        # One may be allowed to put things into a folder, and not to see what is there.
        return []
    owner = owner_of_new(parent) if names else -1
    return [name for name in names if _remove_left(parent, name, owner)]


def _remove_left(parent: int, name: str, owner: int) -> bool:
    """Remove a scratch folder if it is ours and its process is gone."""
    try:
        folder = os.open(name, _FOLDER, dir_fd=parent)
    except OSError:
        return False
    try:
        if os.fstat(folder).st_uid != owner:
            return False
        marker = _take_marker(folder, name, owner)
        if marker < 0 and os.listdir(folder):
            return False
        # Without a marker it was being made; then whoever makes it makes another one.
        _remove(parent, name, folder, marker)
        return True
    finally:
        os.close(folder)


def _take_marker(folder: int, name: str, owner: int) -> int:
    """Return a descriptor of a folder's marker, locked, or -1 if it has none or that is held."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        marker = os.open(MARKER, flags, dir_fd=folder)
    except OSError:
        return -1
    status = os.fstat(marker)
    if stat.S_ISREG(status.st_mode) and status.st_uid == owner and lock(marker):
        data = os.pread(marker, _MOST, 0)
        # Between two steps of the one who made it, it is empty, and alone.
        if data.startswith(_HEAD + f"{name}\n".encode()) or not (data or os.listdir(folder)[1:]):
            return marker
    os.close(marker)
    return -1


def _remove(parent: int, name: str, folder: int, marker: int) -> None:
    """Remove an open folder, its marker last: what is left of it if this is killed stays ours.

    The open marker, if there is one, is closed: NFS and FUSE only hide a file that is open.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == MARKER:
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.name, ignore_errors=True, dir_fd=folder)
            else:
                with suppress(OSError):
                    os.unlink(entry.name, dir_fd=folder)
    with suppress(OSError):
        os.unlink(MARKER, dir_fd=folder)
    if marker >= 0:
        os.close(marker)
    with suppress(OSError):
        os.rmdir(name, dir_fd=parent)


# Locks


def lock(fd: int) -> bool:
    """Lock an open file until it is closed; return False if another holds the lock."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Patience:
    """How a process waits for locks.

    `command` is what others are told who wait for this one; `limit` gives the seconds to wait at
    most, and is asked only when there is somebody to wait for; `tell` is told for whom.
    """

    command: str = "gitmodel"
    limit: Callable[[], float] = lambda: math.inf
    tell: Callable[[str], object] = len


_patience = [Patience()]
_SILENT = 1.0
"""Seconds of waiting before anybody is told."""
_STEP = 0.05


def set_patience(patience: Patience) -> None:
    """Say how this process waits for locks from now on."""
    _patience[:] = [patience]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, waiting for whoever holds it now.

    Raises `ConflictError` if that takes longer than `Patience` says.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        with suppress(PermissionError):
            share(path.parent.stat().st_mode, fd)
        _wait(fd, path)
        # It is only for those who wait: a full disk is no reason to do nothing.
        with suppress(OSError):
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{_identity()}command {_patience[0].command}\n".encode(), 0)
        yield
    finally:
        os.close(fd)


def _wait(fd: int, path: Path) -> None:
    begun, limit, told = time.monotonic(), -1.0, ""
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - begun
        else:
            return
        holder = _read_holder(fd)
        limit = _patience[0].limit() if limit < 0 else limit
        if waited >= limit:
            raise _held(holder, path)
        if waited >= _SILENT and holder.words != told:
            told = holder.words
            _patience[0].tell(f"waiting for {told}")
        time.sleep(min(_STEP, limit - waited))


@dataclass(frozen=True, slots=True)
class _Holder:
    """Who holds a lock: in words, and its process, if that is on this host."""

    words: str
    pid: str


_NOTE = re.compile(
    rb"pid (?P<pid>[0-9]{1,10})\nhost (?P<host>[A-Za-z0-9._]{1,64})\n"
    rb"since (?P<since>[0-9: -]{19})\n(?:command (?P<command>[a-z -]{1,60})\n)?"
)


def _read_holder(fd: int) -> _Holder:
    """Return who holds a lock file, by what is in it."""
    found = _NOTE.fullmatch(os.pread(fd, _MOST, 0))
    if found is None:
        return _Holder("another process", "")
    pid, host, since, verb = (each.decode() for each in found.groups(b"gitmodel"))
    if host == _HOST:
        return _Holder(f"{verb} (process {pid}, since {since})", pid)
    return _Holder(f"{verb} (process {pid} on {host}, since {since})", "")


def _held(holder: _Holder, path: Path) -> ConflictError:
    message = f"{holder.words} holds {str(path)!r}"
    if holder.pid:
        return ConflictError(message, hint=command("ps -o pid,stat,args -p {}", holder.pid))
    return ConflictError(message, hint="run the same command again")


def _identity() -> str:
    """Return who this process is, for others to read."""
    return f"pid {os.getpid()}\nhost {_HOST}\nsince {time.strftime('%Y-%m-%d %H:%M:%S')}\n"


# Files


def write_file(path: Path, data: bytes, scratch: Scratch) -> None:
    """Write `path` durably; it is exactly the old file or exactly the new one at any moment."""
    write_files({path: data}, scratch)


def write_files(files: Mapping[Path, bytes], scratch: Scratch) -> None:
    """Write several files durably; all are on the disk before the first has its name."""
    written = {}
    for path, data in files.items():
        fd, written[path] = scratch.new_file()
        share(path.parent.stat().st_mode, fd)
        fill(fd, data)
    for path, temporary in written.items():
        move(temporary, path)
    for folder in {path.parent for path in files}:
        fsync_folder(folder)


def write_program(path: Path, data: bytes, scratch: Scratch) -> None:
    """Write an executable file as `write_file` does; one that was there keeps its mode."""
    fd, temporary = scratch.new_file(0o777)
    with suppress(FileNotFoundError):
        os.fchmod(fd, stat.S_IMODE(path.stat().st_mode))
    share(path.parent.stat().st_mode, fd)
    fill(fd, data)
    move(temporary, path)
    fsync_folder(path.parent)


def fill(fd: int, data: bytes) -> None:
    """Write a file that was just made, durably, and close it."""
    try:
        write_all(fd, data)
        fsync(fd)
    finally:
        os.close(fd)


def move(temporary: Path, path: Path) -> None:
    """Rename over `path`, by way of a copy in its folder if that is on another file system."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        move_in(temporary, folder, path.name)
    finally:
        os.close(folder)


def move_in(temporary: Path, folder: int, name: str) -> None:
    """Do as `move` in an open folder."""
    try:
        os.rename(temporary, name, dst_dir_fd=folder)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = f".{secrets.token_hex(8)}.gitmodel-tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(beside, flags, 0o600, dir_fd=folder)
        try:
            with open(fd, "wb") as target, temporary.open("rb") as source:
                shutil.copyfileobj(source, target)
                target.flush()
                os.fchmod(fd, stat.S_IMODE(os.fstat(source.fileno()).st_mode))
                fsync(fd)
            os.rename(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(beside, dir_fd=folder)
            raise
        temporary.unlink()


def publish(temporary: Path, path: Path) -> bool:
    """Give a finished file its name unless the name is taken; return whether it was free.

    The file must have been synced.  What exists already is kept.
    """
    try:
        folder = open_real(path.parent)
    except FileNotFoundError:
        make_folder(path.parent)
        folder = open_real(path.parent)
    try:
        share(os.fstat(folder).st_mode, temporary)
        return publish_in(folder, path.name, temporary)
    finally:
        os.close(folder)


def publish_in(folder: int, name: str, temporary: Path, at: int | None = None) -> bool:
    """Do as `publish` in an open folder; `at` is a descriptor that `temporary` is relative to."""
    try:
        os.link(temporary, name, src_dir_fd=at, dst_dir_fd=folder)
    except FileExistsError:
        _drop(temporary, at)
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS):
            raise
        if _is_there(name, folder):
            _drop(temporary, at)
            return False
        os.rename(temporary, name, src_dir_fd=at, dst_dir_fd=folder)
    else:
        _drop(temporary, at)
    sync_folder(folder)
    return True


def _drop(temporary: Path, at: int | None) -> None:
    # Another process may have taken it for what a dead one left.
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=at)


def _is_there(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def open_real(path: Path) -> int:
    """Open a folder; raise `IntegrityError` if it is a symlink or something else."""
    try:
        return os.open(path, _FOLDER)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        raise IntegrityError(
            f"{str(path)!r} is {_kind(path, None)}, where a folder of gitmodel's should be",
            hint=command("ls -ld {}", str(path)),
        ) from error


def check_folders(home: Path, names: Iterable[str]) -> None:
    """Raise `IntegrityError` if something in `home` is a symlink: it came from elsewhere."""
    for name in names:
        with suppress(FileNotFoundError, NotADirectoryError):
            if stat.S_ISLNK(os.lstat(home / name).st_mode):
                raise IntegrityError(
                    f"{str(home / name)!r} is a symlink, which gitmodel never makes",
                    hint=command("ls -ld {}", str(home / name)),
                )


def make_folder(path: Path) -> None:
    """Make a folder and its parents, durably; in a folder that a group shares, for that group."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        with suppress(FileExistsError):
            folder.mkdir()
            share(folder.parent.stat().st_mode, folder)
        fsync_folder(folder.parent)


def make_file(path: Path) -> None:
    """Make an empty file unless there is one; in a folder that a group shares, for that group."""
    with suppress(FileExistsError):
        fd = os.open(path, _NEW, 0o666)
        try:
            share(path.parent.stat().st_mode, fd)
        finally:
            os.close(fd)


def share(mode: int, path: Path | int) -> None:
    """Give a new file or folder the group's rights of the folder it will lie in, of this `mode`.

    Only if that is set-group-id, as Git makes what is shared (`core.sharedRepository`).
    """
    if mode & stat.S_ISGID:
        give(mode & stat.S_IRWXG, path)


def give(rights: int, path: Path | int) -> None:
    """Give the group rights to a file, or with set-group-id to a folder, whatever the umask."""
    old = stat.S_IMODE(os.stat(path).st_mode)
    if stat.S_ISDIR(os.stat(path).st_mode):
        new = old | rights | stat.S_ISGID
    else:
        # A file that its owner may not write to, or run, stays so.
        new = old | (rights & (old >> 3))
    if new != old:
        os.chmod(path, new)


def fsync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_folder(fd)
    finally:
        os.close(fd)


def sync_folder(fd: int) -> None:
    """Make the names in an open folder durable."""
    try:
        os.fsync(fd)
    except OSError as error:
        # Some network file systems have no fsync for folders; their renames are synchronous.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write all of `data`; a plain write may stop short."""
    view = memoryview(data)
    while view:
        view = view[write_some(fd, view) :]


def write_some(fd: int, data: memoryview) -> int:
    """Write what goes at once; return how many bytes.  What goes wrong names the file."""
    try:
        return os.write(fd, data)
    except OSError as error:
        _name(error, fd)
        raise


def fsync(fd: int) -> None:
    """Make an open file durable; what goes wrong names the file."""
    try:
        os.fsync(fd)
    except OSError as error:
        _name(error, fd)
        raise


def seal(fd: int) -> None:
    """Make a finished file durable, and take away everybody's right to write to it."""
    os.fchmod(fd, stat.S_IMODE(os.fstat(fd).st_mode) & 0o444)
    fsync(fd)


def _name(error: OSError, fd: int) -> None:
    """Put the path of an open file into an error of it, which knows none."""
    if error.filename is None:
        with suppress(OSError):
            error.filename = os.readlink(f"/proc/self/fd/{fd}")


def clone(source: int, target: int) -> bool:
    """Make `target` share the blocks of `source`; return False where the disk cannot."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True
