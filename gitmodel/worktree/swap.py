"""Puts what was staged in its place, and takes nothing away that is saved nowhere.

Hours may lie between the comparison that made the plan and this.  So what stands in a place is
looked at again: before anything moves, and once more when it was exchanged for the new and nobody
reaches it by its path.  An edit that came in between goes back to its place.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal

from gitmodel.cache import Cache
from gitmodel.digest import BLAKE3, SHA256, algorithm_of, digest_bytes, digest_file
from gitmodel.disk import OPEN_FILE
from gitmodel.errors import ConflictError, DiskError, IntegrityError
from gitmodel.exchange import HERE, exchange_at, rename_new
from gitmodel.hints import command
from gitmodel.progress import Progress
from gitmodel.words import some
from gitmodel.worktree.opening import look, only_renamed, open_folder, pack_stat
from gitmodel.worktree.places import Places
from gitmodel.worktree.replaced import Aside, Kept
from gitmodel.worktree.write import Change, Compared, Staged, stage
from gitmodel.worktree.writers import is_written

_Verdict = Literal["saved", "open", "changed"]
"""Saved elsewhere; so, but somebody may still write to it; not, or changed since the comparison."""


@dataclass(slots=True)
class Outcome:
    """What became of a change.

    `placed` are in their places; `left` are paths that changed meanwhile and were left alone;
    `kept` is what had to go and is saved nowhere else.
    """

    placed: list[Staged] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)


def put(root: Path, change: Change, cache: Cache, places: Places, progress: Progress) -> None:
    """Write and place what a change says; raise `ConflictError` for what changed meanwhile."""
    staged = stage(root, change, cache, places, progress)
    swap = Swap(root, cache, places, force=False)
    swap.check(change, staged)
    check_all_placed(swap.apply(change, staged))


def check_all_placed(outcome: Outcome) -> None:
    """Raise `ConflictError` if something changed meanwhile, so that it was left alone."""
    if outcome.left:
        were = "was" if len(outcome.left) == 1 else "were"
        kept = [str(each.where) for each in outcome.kept]
        raise ConflictError(
            f"{some(outcome.left)} changed while this command was running, and {were} left alone;"
            f" the rest is done{f'; kept for a day: {some(kept)}' if kept else ''}",
            hint="gitmodel status",
        )


class Swap:
    """One change of a working tree."""

    def __init__(self, root: Path, cache: Cache, places: Places, *, force: bool) -> None:
        """With `force` an edit goes too, be it old or one that came in between, but is kept."""
        self._root = root
        self._cache = cache
        self._places = places
        self._force = force
        self._outcome = Outcome()

    def check(
        self, change: Change, staged: Iterable[Staged], leaving: Collection[str] = ()
    ) -> None:
        """Raise an error, before anything moves, if something cannot go where it should.

        `ConflictError` for what changed since it was compared, `DiskError` for a place that cannot
        be written to.  `leaving` are paths that Git will clear.
        """
        changed = []
        paths = {*(unit.path for unit in staged), *change.removals}.difference(leaving)
        for folder, names in _by_folder(paths).items():
            with _nearest(self._root, folder) as (fd, is_there):
                if not os.access(".", os.W_OK | os.X_OK, dir_fd=fd):
                    raise _read_only(folder, names[0])
                if is_there:
                    changed += [name for name in names if self._is_changed(fd, name, change)]
        if changed and not self._force:
            raise ConflictError(
                f"{some(changed)} changed meanwhile; nothing was replaced", hint="gitmodel status"
            )

    def apply(self, change: Change, staged: Iterable[Staged]) -> Outcome:
        """Remove and rename.  Of `change`, removals are files, and folders that are empty then."""
        compared = change.compared
        for folder, paths in sorted(_by_folder(change.removals).items(), reverse=True):
            rest = [*paths]
            try:
                with suppress(FileNotFoundError), open_folder(self._root, folder) as fd:
                    while rest:
                        self._remove(rest[0], fd, compared.get(rest[0]))
                        del rest[0]
                _prune(self._root, folder)
            except IntegrityError:
                # Somebody put something else in the place of the folder.
                self._outcome.left += rest
        for folder, units in groupby(staged, lambda unit: unit.path.rpartition("/")[0]):
            self._place_all(folder, list(units), compared.get)
        self._places.settle()
        return self._outcome

    def _is_changed(self, fd: int, path: str, change: Change) -> bool:
        """Return whether something is at a path that was not compared, and is not saved."""
        name = _name_of(path)
        try:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if stat.S_ISDIR(status.st_mode):
            # It is filled up, or it stays.
            return False
        if self._places.is_mount(path):
            raise DiskError(
                f"{path!r} is a mount point: nothing can be put in its place",
                hint=command("umount {}", path),
            )
        compared = change.compared.get(path)
        if compared:
            compared = _seen_again(compared, status)
            if compared.sure:
                return False
        return self._judge(fd, name, compared, tells=False) == "changed"

    def _remove(self, path: str, fd: int, compared: Compared | None) -> None:
        """Take a file out, and put it back if it changed; a folder goes if it is empty."""
        name = _name_of(path)
        try:
            with _naming(path):
                status = os.stat(name, dir_fd=fd, follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    self._remove_folder(path, fd, compared)
                    return
                out, aside = self._places.take_out(path, fd)
        except FileNotFoundError:
            return
        if compared:
            compared = _seen_again(compared, status)
        if self._let_go(out, path, aside, compared):
            return
        self._outcome.left.append(path)
        try:
            rename_new(out, aside.fd, name, fd)
        except FileExistsError:
            self._outcome.kept.append(aside.keep(out, path))

    def _remove_folder(self, path: str, fd: int, compared: Compared | None) -> None:
        """Remove a folder, unless it is a mount point or something has come into it."""
        try:
            os.rmdir(_name_of(path), dir_fd=fd)
        except OSError:
            if compared:
                # There was a file in its place.
                self._outcome.left.append(path)

    def _place_all(
        self, folder: str, units: list[Staged], compared: Callable[[str], Compared | None]
    ) -> None:
        try:
            with open_folder(self._root, folder, create=True) as fd:
                for unit in units:
                    self._place(unit, fd, compared(unit.path))
        except IntegrityError:
            # Somebody put something else in the place of the folder.
            placed = {unit.path for unit in self._outcome.placed}
            self._outcome.left += [unit.path for unit in units if unit.path not in placed]

    def _place(self, unit: Staged, fd: int, compared: Compared | None) -> None:
        with _naming(unit.path):
            try:
                self._place_once(unit, fd, compared)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                # Quotas and subvolumes part the folders of one mount.
                near = str(self._places.near(unit.path).scratch.new_path())
                _copy(unit.temporary, near)
                unit.temporary = near
                self._place_once(unit, fd, compared)

    def _place_once(self, unit: Staged, fd: int, compared: Compared | None) -> None:
        if compared:
            self._replace(unit, fd, compared)
        else:
            self._put(unit, fd)

    def _replace(self, unit: Staged, fd: int, compared: Compared) -> None:
        """Exchange something for the new, and back if it changed."""
        aside, path = self._places.at(unit.path).aside, unit.path
        with suppress(FileNotFoundError):
            status = os.stat(_name_of(path), dir_fd=fd, follow_symlinks=False)
            compared = _seen_again(compared, status)
        new = aside.new_name(path)
        os.rename(unit.temporary, new, dst_dir_fd=aside.fd)
        try:
            out, done = self._exchange(path, new, fd, aside)
        except OSError:
            os.rename(new, unit.temporary, src_dir_fd=aside.fd)
            raise
        if done and (not out or self._let_go(out, path, aside, compared)):
            self._outcome.placed.append(unit)
            return
        self._outcome.left.append(path)
        if done and out:
            out, _ = self._exchange(path, out, fd, aside)
        if out:
            self._drop(out, path, aside)

    def _exchange(self, path: str, new: str, fd: int, aside: Aside) -> tuple[str, bool]:
        """Put `new` at a path; return the name of what was there, and whether that was done."""
        name = _name_of(path)
        out = new
        try:
            if exchange_at(new, aside.fd, name, fd):
                return new, True
            # Here there is nothing at the path for a moment.
            out = aside.new_name(path)
            os.rename(name, out, src_dir_fd=fd, dst_dir_fd=aside.fd)
        except FileNotFoundError:
            # Whoever removed it meanwhile did not want it.
            out = ""
        try:
            rename_new(new, aside.fd, name, fd)
        except FileExistsError:
            self._drop(new, path, aside)
            return out, False
        return out, True

    def _put(self, unit: Staged, fd: int) -> None:
        """Put something where nothing is, or a folder."""
        name = _name_of(unit.path)
        try:
            rename_new(unit.temporary, HERE, name, fd)
        except FileExistsError:
            if _is_folder(name, fd):
                self._put_over_folder(unit, fd, name)
            elif self._is_there(unit, fd, name):
                self._outcome.placed.append(unit)
            else:
                self._outcome.left.append(unit.path)
        else:
            self._outcome.placed.append(unit)

    def _put_over_folder(self, unit: Staged, fd: int, name: str) -> None:
        is_folder = os.path.isdir(unit.temporary)
        try:
            if is_folder:
                os.rename(unit.temporary, name, dst_dir_fd=fd)
            else:
                os.rmdir(name, dir_fd=fd)
                rename_new(unit.temporary, HERE, name, fd)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY):
                raise
            if is_folder:
                self._put_parts(unit)
            else:
                self._outcome.left.append(unit.path)
        else:
            self._outcome.placed.append(unit)

    def _put_parts(self, unit: Staged) -> None:
        """Put what is in a folder into one that cannot be replaced by it."""
        for write, packed in unit.writes:
            if write.path != unit.path:
                temporary = unit.temporary + write.path[len(unit.path) :]
                part = Staged(temporary, write.path, [(write, packed)])
                self._place_all(write.path.rpartition("/")[0], [part], lambda path: None)

    def _is_there(self, unit: Staged, fd: int, name: str) -> bool:
        """Return whether what has appeared at a path is just what was to be put there."""
        write, _ = unit.writes[0]
        return write.path == unit.path and write.entry.oid in _oids_at(fd, name)

    def _let_go(self, out: str, path: str, aside: Aside, compared: Compared | None) -> bool:
        """Remove what was taken out, or keep it; return False if it should be put back."""
        verdict = self._judge(aside.fd, out, compared, tells=aside.tells_writers)
        if verdict == "saved":
            _discard(out, aside.fd)
        elif verdict == "changed" and not self._force:
            return False
        else:
            self._outcome.kept.append(aside.keep(out, path))
        return True

    def _drop(self, out: str, path: str, aside: Aside) -> None:
        """Remove what came out of a place when an edit was put back, unless it is one as well."""
        if self._judge(aside.fd, out, None, tells=aside.tells_writers) == "saved":
            _discard(out, aside.fd)
        else:
            self._outcome.kept.append(aside.keep(out, path))

    def _judge(self, fd: int, name: str, compared: Compared | None, *, tells: bool) -> _Verdict:
        """Return whether what is called so in an open folder is saved."""
        try:
            file = os.open(name, OPEN_FILE, dir_fd=fd)
        except OSError:
            # A symlink, a socket, or nobody may read it.
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            saved = _is_saved(status, compared) or self._has(_oids_at(fd, name), compared)
            return "saved" if saved else "changed"
        try:
            # From here on nobody can begin to write without our knowing.
            written = tells and is_written(file, hold=True)
            status = os.fstat(file)
            if stat.S_ISDIR(status.st_mode):
                return "changed" if os.listdir(file) else "saved"
            if not _is_saved(status, compared):
                algorithms = [algorithm_of(compared.oid)] if compared else [BLAKE3, SHA256]
                is_file = stat.S_ISREG(status.st_mode)
                if not is_file or not self._has(_oids_of(file, algorithms), compared):
                    return "changed"
            return "open" if written else "saved"
        finally:
            os.close(file)

    def _has(self, oids: list[str], compared: Compared | None) -> bool:
        known = bool(compared and compared.saved and compared.oid in oids)
        return known or bool(self._cache.present(oids))


def _by_folder(paths: Iterable[str]) -> dict[str, list[str]]:
    folders: dict[str, list[str]] = {}
    for path in paths:
        folders.setdefault(path.rpartition("/")[0], []).append(path)
    return folders


def _name_of(path: str) -> str:
    return path.rpartition("/")[2]


@contextmanager
def _nearest(root: Path, folder: str) -> Iterator[tuple[int, bool]]:
    """Open a folder, or the nearest one above it that is there; tell whether it is the folder."""
    above = folder
    while above and look(root, above) is None:
        above = above.rpartition("/")[0]
    with open_folder(root, above) as fd:
        yield fd, above == folder


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Let errors name what the user knows, not a file of ours."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = path, None
        raise


def _read_only(folder: str, path: str) -> DiskError:
    return DiskError(
        f"{path!r} cannot be replaced: its folder is not writable",
        hint=command("ls -ld {}", folder or "."),
    )


def _seen_again(compared: Compared, status: os.stat_result) -> Compared:
    """Return what was compared, no longer sure if even the ctime says that it was touched."""
    same = pack_stat(status) == compared.stat
    return compared if same else compared._replace(sure=False)


def _is_folder(name: str, fd: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)


def _is_saved(status: os.stat_result, compared: Compared | None) -> bool:
    """Return whether something is saved, as it was compared; being taken out changed its ctime."""
    if compared is None or not (compared.sure and compared.saved):
        return False
    return only_renamed(compared.stat, pack_stat(status))


def _oids_at(fd: int, name: str) -> list[str]:
    """Return the oids of a file or symlink in an open folder."""
    try:
        data = os.fsencode(os.readlink(name, dir_fd=fd))
    except OSError:
        try:
            file = os.open(name, OPEN_FILE, dir_fd=fd)
        except OSError:
            return []
        try:
            return _oids_of(file, [BLAKE3, SHA256])
        finally:
            os.close(file)
    return [digest_bytes(data, algorithm).oid for algorithm in (BLAKE3, SHA256)]


def _oids_of(file: int, algorithms: list[str]) -> list[str]:
    found = []
    for algorithm in algorithms:
        os.lseek(file, 0, os.SEEK_SET)
        found.append(digest_file(file, algorithm).oid)
    return found


def _discard(name: str, fd: int) -> None:
    try:
        os.unlink(name, dir_fd=fd)
    except (IsADirectoryError, PermissionError):
        os.rmdir(name, dir_fd=fd)


def _copy(source: str, target: str) -> None:
    if os.path.isdir(source) and not os.path.islink(source):
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def _prune(root: Path, folder: str) -> None:
    """Remove a folder and those above it as long as they are empty."""
    while folder:
        above, _, name = folder.rpartition("/")
        try:
            with open_folder(root, above) as fd:
                os.rmdir(name, dir_fd=fd)
        except OSError:
            return
        folder = above
