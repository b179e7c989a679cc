"""Scratch folders: each belongs to one process, and what a killed one left the next one removes.

Nothing else is ever removed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
import stat
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from gitmodel.disk import MAKE_FILE, OPEN_FILE, OPEN_FOLDER, kind_of, make_folder, write_all
from gitmodel.errors import IntegrityError
from gitmodel.hints import command
from gitmodel.locks import HOST, identity, lock
from gitmodel.paths import TEMPORARY
from gitmodel.signals import waiting

MARKER = "lock"
"""The file in a scratch folder that says whose that is; locked as long as its process lives."""
_HEAD = b"scratch folder of gitmodel: "
_MOST = 4096
"""Bytes that are read of a marker: ours are shorter."""
_LONGEST = 1024
"""Bytes of the longest path on macOS."""


def _open_own(path: Path, at: int | None) -> int:
    """Open a folder that must be ours."""
    try:
        fd = os.open(path, OPEN_FOLDER, dir_fd=at)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        raise _not_ours(f"is {kind_of(path, at)}", path, at) from error
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


def _open_any(path: Path, at: int | None) -> int:
    """Open a folder of the user's, who may have put a symlink in its place."""
    return os.open(path, OPEN_FOLDER & ~os.O_NOFOLLOW, dir_fd=at)


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


class Place(NamedTuple):
    """How scratch folders are named in a kind of folder, and how that is opened.

    `files` lie in each of them, by name.
    """

    before: str
    after: str
    open: Callable[[Path, int | None], int]
    files: Mapping[str, bytes]

    def new_name(self) -> str:
        """Return a name that nothing has."""
        return f"{self.before}{HOST}-{os.getpid()}-{secrets.token_hex(8)}{self.after}"

    def host_in(self, name: str) -> str | None:
        """Return the host in the name of a scratch folder, or None if that is no such name."""
        found = re.fullmatch(_SCRATCH, name.removeprefix(self.before).removesuffix(self.after))
        whole = name.startswith(self.before) and name.endswith(self.after)
        return found["host"] if found and whole else None


_SCRATCH = r"(?P<host>[A-Za-z0-9._]{1,64})-[0-9]{1,10}-[0-9a-f]{16}"
OWN = Place("", "", _open_own, {})
"""A folder of gitmodel's own and this user's: a symlink, or another user's, is refused."""
BESIDE = Place(".", TEMPORARY, _open_any, {".gitignore": b"*\n"})
"""A folder of the user's: nobody can know the names beforehand, and Git does not see them."""
TARGET = BESIDE._replace(open=_open_target)
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
        return os.open(path.name, MAKE_FILE, mode, dir_fd=self.fd), path

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
            folder = os.open(name, OPEN_FOLDER, dir_fd=parent)
        except FileNotFoundError:
            return
        try:
            marker = _mark(folder, name)
            for each, data in self._place.files.items() if marker >= 0 else ():
                with open(os.open(each, MAKE_FILE, 0o600, dir_fd=folder), "wb") as file:
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
    if there.is_dir():
        return there
    if hasattr(fcntl, "F_GETPATH"):
        # macOS tells the name that the folder has now.
        found: bytes = fcntl.fcntl(fd, fcntl.F_GETPATH, bytes(_LONGEST))
        return Path(os.fsdecode(found.rstrip(b"\0")))
    return path


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
        return sorted(name for name in os.listdir(fd) if place.host_in(name) not in (None, HOST))
    finally:
        os.close(fd)


def is_scratch(name: str, parent: int) -> bool:
    """Return whether a folder in an open one says inside that it is a scratch folder."""
    with suppress(OSError):
        marker = os.open(f"{name}/{MARKER}", OPEN_FILE, dir_fd=parent)
        with open(marker, "rb") as file:
            return file.read(len(_HEAD)) == _HEAD
    return False


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
        probe = os.open(name, MAKE_FILE, 0o600, dir_fd=folder)
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
        marker = os.open(MARKER, MAKE_FILE, 0o600, dir_fd=folder)
    except FileNotFoundError:
        return -1
    try:
        if _is_kept(marker, folder):
            write_all(marker, _HEAD + f"{name}\n{identity()}".encode())
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
        names = [name for name in os.listdir(parent) if place.host_in(name) == HOST]
    except PermissionError:
        # One may be allowed to put things into a folder, and not to see what is there.
        return []
    owner = owner_of_new(parent) if names else -1
    return [name for name in names if _remove_left(parent, name, owner)]


def _remove_left(parent: int, name: str, owner: int) -> bool:
    """Remove a scratch folder if it is ours and its process is gone."""
    try:
        folder = os.open(name, OPEN_FOLDER, dir_fd=parent)
    except OSError:
        return False
    try:
        if os.fstat(folder).st_uid != owner:
            return False
        marker = _take_marker(folder, name, owner)
        if marker >= 0:
            _remove(parent, name, folder, marker)
            return True
        # Without a marker it was being made; if it is empty, whoever makes it makes another one.
        with suppress(OSError):
            os.rmdir(name, dir_fd=parent)
            return True
        return False
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
