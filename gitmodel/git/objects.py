"""Git's objects by way of dulwich: commits, trees and blobs, without touching the working tree."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.repo import Repo

from gitmodel.errors import GitmodelError
from gitmodel.paths import POINTER_SUFFIX

_T = TypeVar("_T", Commit, Tree, Blob)
_SUFFIX = POINTER_SUFFIX.encode()


class Objects:
    """Reads a repository's objects; a tree that was read once is not read again."""

    def __init__(self, common_dir: Path) -> None:
        self._repo = Repo(str(common_dir))
        self._found: dict[bytes, tuple[tuple[bytes, bytes], ...]] = {}

    def close(self) -> None:
        """Close the repository's files."""
        self._repo.close()

    def pointers(self, commit: str) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of each pointer of a commit."""
        for path, blob in self._pointers(self._commit(commit).tree):
            yield path.decode("utf-8", "surrogateescape"), self._blob(blob)

    def _pointers(self, tree: bytes) -> tuple[tuple[bytes, bytes], ...]:
        """Return the pointers below a tree as pairs of path and blob."""
        if (known := self._found.get(tree)) is not None:
            return known
        found: list[tuple[bytes, bytes]] = []
        for name, mode, oid in self._tree(tree).iteritems():
            if stat.S_ISDIR(mode):
                found += [(name + b"/" + path, blob) for path, blob in self._pointers(oid)]
            elif stat.S_ISREG(mode) and name.endswith(_SUFFIX) and name != _SUFFIX:
                found.append((name, oid))
        self._found[tree] = tuple(found)
        return self._found[tree]

    def _commit(self, commit: str) -> Commit:
        return self._get(commit.encode(), Commit)

    def _tree(self, oid: bytes) -> Tree:
        return self._get(oid, Tree)

    def _blob(self, oid: bytes) -> bytes:
        data: bytes = self._get(oid, Blob).data
        return data

    def _get(self, oid: bytes, kind: type[_T]) -> _T:
        try:
            found = self._repo.object_store[ObjectID(oid)]
        except KeyError as error:
            raise GitmodelError(
                f"Git object {oid.decode()} is not here", hint="git fetch --refetch"
            ) from error
        if not isinstance(found, kind):
            raise GitmodelError(f"Git object {oid.decode()} is not a {kind.__name__.lower()}")
        return found
