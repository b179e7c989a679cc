"""Where things lie before they get a place in the working tree, and after: each on its own mount.

A part of the working tree may be another disk, or the same one mounted again, and between two
mounts nothing can be renamed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from gitmodel.disk import check_folders
from gitmodel.errors import ConflictError
from gitmodel.hints import command
from gitmodel.mounts import is_device, is_mount, mount_of, mount_points
from gitmodel.scratch import BESIDE, Scratch
from gitmodel.worktree.opening import open_folder
from gitmodel.worktree.replaced import REPLACED, Aside, Kept, kept_in
from gitmodel.worktree.repositories import repositories_in


class Place:
    """A scratch folder on a mount, and one for what is taken out there."""

    def __init__(self, scratch: Scratch, aside: Aside) -> None:
        self.scratch = scratch
        self.aside = aside


class Places:
    """The places for a working tree; those that lie inside it are made when they are needed."""

    def __init__(self, root: Path, scratch: Scratch, home: Path) -> None:
        """`home` is the folder of the cache, `scratch` lies on its mount."""
        self._root = root
        check_folders(home, (REPLACED,))
        self._replaced = home / REPLACED
        self._home = Place(scratch, Aside(self._replaced, inside=False))
        self._real = ""
        self._points: dict[str, str] | None = None
        self._inside: dict[str, Place] = {}
        self._of_folder: dict[str, Place] = {}

    def at(self, path: str) -> Place:
        """Return the place on the mount of the folder that holds `path`."""
        return self._of(path.rpartition("/")[0])

    def near(self, path: str) -> Place:
        """Return a place in the folder that holds `path`, if `at` was no good after all."""
        folder = path.rpartition("/")[0]
        self._of_folder[folder] = self._make(folder)
        return self._of_folder[folder]

    def take_out(self, path: str, fd: int) -> tuple[str, Aside]:
        """Rename what is at a path, `fd` being its folder; return its name and where it is now."""
        for place in (self.at, self.near):
            aside = place(path).aside
            out = aside.new_name(path)
            try:
                os.rename(path.rpartition("/")[2], out, src_dir_fd=fd, dst_dir_fd=aside.fd)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
            else:
                return out, aside
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)

    def set_aside(self, path: str) -> Kept:
        """Take something out of the working tree, and keep it for a day.

        Raises `ConflictError` for a folder in which a Git repository is.
        """
        place = self._root / path
        if not place.is_symlink() and next(repositories_in(place), None):
            raise ConflictError(
                f"{path!r} holds a Git repository, which no command removes",
                hint=command("mv {} ANOTHER_NAME", path),
            )
        with open_folder(self._root, path.rpartition("/")[0]) as fd:
            name, aside = self.take_out(path, fd)
        return aside.keep(name, path)

    def is_mount(self, path: str) -> bool:
        """Return whether `path` is a mount point, which nothing can be renamed to."""
        self._look()
        return is_mount(os.path.join(self._real, path), self._points)

    def kept(self) -> Iterator[Path]:
        """Yield what is kept of things that were taken out, in all places of this tree."""
        yield from kept_in(self._replaced, inside=False)
        for point in self._mounts_inside():
            yield from kept_in(self._root / point, inside=True)

    def settle(self) -> None:
        """Remove what was made for things that were taken out, as far as nothing is kept there."""
        for place in (self._home, *self._inside.values()):
            place.aside.close()

    def close(self) -> None:
        """Remove the scratch folders inside the working tree."""
        self.settle()
        for place in self._inside.values():
            place.scratch.close()
        self._inside.clear()
        self._of_folder.clear()

    def __enter__(self) -> Places:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _mounts_inside(self) -> list[str]:
        """Return the top folder, and the mount points below it."""
        self._look()
        start = f"{self._real}/"
        points = sorted(point for point in self._points or () if point.startswith(start))
        return ["", *(point.removeprefix(start) for point in points)]

    def _look(self) -> None:
        if not self._real:
            self._points = mount_points()
            self._real = os.path.realpath(self._root)

    def _of(self, folder: str) -> Place:
        found = self._of_folder.get(folder)
        if found is None:
            if not folder:
                found = self._home if self._shares_mount() else self._make("")
            elif self.is_mount(folder) or is_device(os.path.join(self._real, folder)):
                found = self._make(folder)
            else:
                found = self._of(folder.rpartition("/")[0])
            self._of_folder[folder] = found
        return found

    def _shares_mount(self) -> bool:
        """Return whether the cache is on the mount of the top folder."""
        self._look()
        home = os.path.realpath(self._home.scratch.path)
        return mount_of(home, self._points) == mount_of(self._real, self._points)

    def _make(self, folder: str) -> Place:
        if folder not in self._inside:
            path = self._root / folder
            place = Place(Scratch(path, BESIDE), Aside(path, inside=True))
            try:
                # Made at once: a disk that is read-only is told before anything moves.
                _ = place.scratch.path
            except OSError as error:
                error.filename = folder or str(self._root)
                raise
            self._inside[folder] = place
        return self._inside[folder]
