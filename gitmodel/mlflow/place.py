"""Where a store is on this machine, and where the artifacts that it names may lie."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gitmodel.errors import IntegrityError, UsageError
from gitmodel.hints import also
from gitmodel.paths import check_path
from gitmodel.worktree.opening import look

_FILES = "mlruns"
_DATABASE = "mlflow.db"
_SERVED = "mlartifacts"
"""What `mlflow server` calls the folder of the artifacts that it serves."""
_HINT = "--store DIR, or --store sqlite:///mlflow.db"


@dataclass(frozen=True, slots=True)
class Place:
    """A store: a database, or a folder of files; `roots` are where its artifacts may lie."""

    path: Path
    database: bool
    roots: tuple[Path, ...]

    @property
    def base(self) -> Path:
        """The folder that MLflow was probably started in, which it resolves paths against."""
        return self.path.parent


@dataclass(frozen=True, slots=True)
class Spot:
    """A file or folder of a store: a path below a root, which no symlink may lead out of."""

    root: Path
    path: str


def find_place(text: str, folder: Path, roots: Iterable[Path] = ()) -> Place:
    """Return the store that a URI or path means; without one, that of `folder`, as MLflow does.

    `roots` are more folders where its artifacts may lie.  Raises `UsageError` if there is none.
    """
    path = folder / _path_of(text)
    more = tuple(Path(os.path.abspath(root)) for root in roots)
    if _mode(path) == stat.S_IFREG:
        here = Path(os.path.abspath(path.parent))
        return Place(here / path.name, True, (here / _FILES, here / _SERVED, *more))
    for each in (path, path / _FILES):
        if is_file_store(each):
            each = Path(os.path.abspath(each))
            return Place(each, False, (each, *more))
    if _mode(path / _DATABASE) == stat.S_IFREG:
        return find_place(str(path / _DATABASE), folder, roots)
    what = f"there is no MLflow store at {text!r}" if text else "there is no MLflow store here"
    raise UsageError(what, hint=_HINT)


def place_to_write(text: str, folder: Path, top: Path) -> Place:
    """Return the store that a URI or path means; without one, that of `folder`, else of `top`.

    One that is not there yet is to be a database.
    """
    with suppress(UsageError):
        return find_place(text, folder)
    if not text:
        with suppress(UsageError):
            return find_place("", top)
    path = folder / _path_of(text)
    path = path / _DATABASE if path.is_dir() else path
    return Place(Path(os.path.abspath(path)), True, ())


def is_file_store(folder: Path) -> bool:
    """Return whether a folder holds experiments, and not only the artifacts of a database."""
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    return any(_mode(folder / name / "meta.yaml") == stat.S_IFREG for name in names)


def locate(place: Place, uri: str, usual: str) -> Spot:
    """Return where the artifacts are that a store says are at `uri`.

    `usual`, if it is known, is where they are below a root unless somebody wished otherwise: a
    store that was moved still says where it was.  Raises `IntegrityError` for what lies outside
    the roots.
    """
    path = _local(uri)
    if path is not None and (spot := _inside(place, place.base / path)):
        return spot
    if usual:
        check_path(usual)
        there = (root for root in place.roots if look(root, usual) is not None)
        if root := next(there, None):
            return Spot(root, usual)
    if path is None and not uri.startswith("mlflow-artifacts:"):
        raise UsageError(
            f"its artifacts are at {uri!r}, which is not on this machine",
            hint="mlflow artifacts download --artifact-uri URI --dst-path DIR, then gitmodel add",
        )
    raise IntegrityError(
        f"its artifacts are at {uri!r}, which is outside the store at {str(place.path)!r}",
        hint="--artifacts DIR, if you trust what is in there",
    )


def _path_of(text: str) -> str:
    """Return the path that a tracking URI of MLflow's means."""
    scheme, _, rest = text.partition(":")
    if scheme.partition("+")[0] == "sqlite" and rest.startswith("///"):
        return rest[3:].partition("?")[0]
    path = _local(text)
    if path is None:
        raise UsageError(
            f"a store of {scheme!r} is not on this machine",
            hint=also(_HINT, "from a server, mlflow artifacts download, then gitmodel add"),
        )
    return path


def _local(uri: str) -> str | None:
    """Return the path that a URI or path means on this machine, or None."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme == "file":
        return unquote(parts.path) if parts.netloc in ("", "localhost") else None
    return None if parts.scheme else uri


def _inside(place: Place, path: Path) -> Spot | None:
    plain = os.path.normpath(path)
    for root in place.roots:
        for top in (str(root), os.path.realpath(root)):
            if plain.startswith(f"{top}{os.sep}"):
                inner = plain[len(top) + 1 :]
                check_path(inner)
                return Spot(root, inner)
    return None


def _mode(path: Path) -> int:
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except OSError:
        return 0
