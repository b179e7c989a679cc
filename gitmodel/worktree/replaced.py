"""Where a thing goes that is taken out of the working tree; kept for a day if it is saved nowhere.

A killed command leaves it there too, so nothing is lost between taking out and putting back.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gitmodel.disk import OPEN_FILE, OPEN_FOLDER, exists_in, make_folder
from gitmodel.paths import ASIDE
from gitmodel.worktree.writers import can_tell

KEPT = 24 * 60 * 60
"""Seconds for which a file is kept after it was last written to."""
REPLACED = "replaced"
"""The folder of the cache in which folders of things that were taken out lie."""
_NAME = r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{16}"
_TIME = "%Y%m%dT%H%M%SZ"
_MARKER = ".gitignore"
_MARK = b"# taken out by gitmodel\n*\n"
"""What stands in the marker of a folder in the working tree, where a name proves nothing."""
_LONGEST = 200
"""Bytes of a path in a name, which has room for 255 bytes."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A path of the working tree, and where what stood there is kept."""

    path: str
    where: Path


class Aside:
    """A folder for what one command takes out of the working tree, on the same mount.

    Its name tells the time.  `inside` says that it lies in the working tree.
    """

    def __init__(self, parent: Path, *, inside: bool) -> None:
        self._parent = parent
        self._inside = inside
        self._path: Path | None = None
        self._fd = -1
        self._number = 0
        self.tells_writers = False

    @property
    def fd(self) -> int:
        """A descriptor of the folder, which is made now if there is none yet."""
        if self._path is None:
            forget_old(self._parent, time.time(), inside=self._inside)
            name = f"{time.strftime(_TIME, time.gmtime())}-{secrets.token_hex(8)}"
            path = self._parent / (f".{name}{ASIDE}" if self._inside else name)
            if not self._inside:
                make_folder(self._parent)
            path.mkdir(0o700)
            self._path = path
            self._fd = os.open(path, OPEN_FOLDER)
            if self._inside:
                (path / _MARKER).write_bytes(_MARK)
            self.tells_writers = can_tell(self._fd, self.new_name("probe"))
        return self._fd

    def new_name(self, path: str) -> str:
        """Return a name in the folder that tells what is called so, and that nothing has."""
        plain = path.replace("%", "%25").replace("/", "%2F")
        end = os.fsdecode(os.fsencode(plain)[-_LONGEST:])
        while True:
            self._number += 1
            name = f"{self._number}-{end}"
            # What is kept here may be called so in the working tree.
            if not exists_in(name, self.fd):
                return name

    def keep(self, name: str, path: str) -> Kept:
        """Leave here what is called `name`, by the path that it had in the working tree."""
        assert self._path is not None
        where = self._path / path
        if os.path.lexists(where) or len(path) > _LONGEST:
            return Kept(path, self._path / name)
        try:
            where.parent.mkdir(parents=True, exist_ok=True)
            os.rename(self._path / name, where)
        except OSError:
            # The full disk that is in the way of tidiness is in the way of no byte.
            return Kept(path, self._path / name)
        return Kept(path, where)

    def close(self) -> None:
        """Remove the folder if nothing has to be kept."""
        if self._path is not None:
            os.close(self._fd)
            if self._inside and os.listdir(self._path) == [_MARKER]:
                (self._path / _MARKER).unlink()
            with suppress(OSError):
                self._path.rmdir()
            self._path = None


def is_aside(name: str) -> bool:
    """Return whether a name in the working tree is that of such a folder."""
    return name.endswith(ASIDE) and re.fullmatch(_NAME, name[1 : -len(ASIDE)]) is not None


def is_marked(name: str, parent: int | None = None) -> bool:
    """Return whether a folder says inside that it is one; `parent` is what the name is in."""
    with suppress(OSError):
        marker = os.open(f"{name}/{_MARKER}", OPEN_FILE, dir_fd=parent)
        with open(marker, "rb") as file:
            return file.read(len(_MARK) + 1) == _MARK
    return False


def kept_in(parent: Path, *, inside: bool) -> Iterator[Path]:
    """Yield what is kept in the folders that lie in `parent`, oldest first.

    `inside` says whether that is a folder of the working tree.
    """
    for folder in _folders(parent, inside=inside):
        yield from _files(folder, inside=inside)


def forget_old(parent: Path, now: float, *, inside: bool) -> None:
    """Remove what has been kept for a day without being written to, if it is surely ours."""
    for folder in _folders(parent, inside=inside):
        if all(_touched(path) < now - KEPT for path in (folder, *_files(folder, inside=inside))):
            shutil.rmtree(folder, ignore_errors=True)


def _folders(parent: Path, *, inside: bool) -> list[Path]:
    """Return the folders in which something is kept: by name, kind, owner and marker."""
    try:
        if not stat.S_ISDIR(os.lstat(parent).st_mode):
            return []
        names = sorted(os.listdir(parent))
    except (FileNotFoundError, PermissionError):
        return []
    if inside:
        marked = (parent / name for name in names if is_aside(name))
        return [path for path in marked if _is_own(path) and is_marked(str(path))]
    return [parent / name for name in names if re.fullmatch(_NAME, name) and _is_own(parent / name)]


def _is_own(path: Path) -> bool:
    status = os.lstat(path)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def _files(folder: Path, *, inside: bool) -> Iterator[Path]:
    marker = folder / _MARKER if inside else None
    for here, _, names in os.walk(folder):
        paths = (Path(here, name) for name in sorted(names))
        yield from (path for path in paths if path != marker)


def _touched(path: Path) -> float:
    status = os.lstat(path)
    return max(status.st_mtime, status.st_ctime)
