"""Git's objects by way of dulwich: commits, trees and blobs, without touching the working tree."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from dulwich.errors import ChecksumMismatch, ObjectFormatException
from dulwich.objects import Blob, Commit, ObjectID, Tag, Tree
from dulwich.repo import Repo

from gitmodel.errors import GitmodelError, IntegrityError
from gitmodel.git.transport import bring_object
from gitmodel.paths import POINTER_SUFFIX

_T = TypeVar("_T", Commit, Tree, Blob, Tag)
_COMPANION = re.compile(
    rb"(?s).\.gitmodel\Z|\A\.gitmodel\.yaml\Z"
    rb"|(?:\A|\.)(?:metrics|params)\.(?:json|ya?ml)\Z|\.lineage\.yaml\Z|\.card\.md\Z"
)


class Objects:
    """Reads a repository's objects; a tree that was read once is not read again.

    Each is checked against its name, and none is replaced by another: `git replace` does not
    count here.
    """

    def __init__(self, common_dir: Path) -> None:
        self._common_dir = common_dir
        self._repo = Repo(str(common_dir))
        self._found: dict[bytes, tuple[tuple[bytes, bytes], ...]] = {}

    def close(self) -> None:
        """Close the repository's files."""
        self._repo.close()

    def pointers(self, commit: str) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of each pointer of a commit."""
        for path, blob in self.companions(commit).items():
            if path.endswith(POINTER_SUFFIX):
                yield path, self.blob(blob)

    def companions(self, commit: str) -> dict[str, str]:
        """Return what describes artifacts in a commit: path to Git blob.

        These are pointers, the configuration and what may be a sidecar, wherever they lie.
        """
        found = self._companions(self._top(commit))
        return {
            path.decode("utf-8", "surrogateescape"): blob.decode("ascii") for path, blob in found
        }

    def lacking(self, oids: Iterable[str]) -> list[str]:
        """Return which objects are not here."""
        store = self._repo.object_store
        return [oid for oid in oids if ObjectID(oid.encode()) not in store]

    def find(self, commit: str, path: str) -> str | None:
        """Return the Git blob of a file of a commit, or None if it has no such file."""
        oid = self._top(commit)
        *folders, name = os.fsencode(path).split(b"/")
        for folder in folders:
            mode, oid = self._entry(oid, folder)
            if not stat.S_ISDIR(mode):
                return None
        mode, oid = self._entry(oid, name)
        return oid.decode("ascii") if stat.S_ISREG(mode) else None

    def blob(self, oid: str) -> bytes:
        """Return the content of a Git blob."""
        data: bytes = self._get(oid.encode(), Blob).data
        return data

    def tag(self, oid: str) -> bytes:
        """Return the bytes of an annotated tag."""
        return self._get(oid.encode(), Tag).as_raw_string()

    def tree(self, commit: str) -> str:
        """Return the tree of a commit."""
        return self._top(commit).decode("ascii")

    def _entry(self, tree: bytes, name: bytes) -> tuple[int, bytes]:
        try:
            return self._tree(tree)[name]
        except KeyError:
            return 0, b""

    def _companions(self, tree: bytes) -> tuple[tuple[bytes, bytes], ...]:
        """Return what describes artifacts below a tree as pairs of path and blob."""
        if (known := self._found.get(tree)) is not None:
            return known
        found: list[tuple[bytes, bytes]] = []
        for name, mode, oid in self._tree(tree).iteritems():
            if stat.S_ISDIR(mode):
                found += [(name + b"/" + path, blob) for path, blob in self._companions(oid)]
            elif stat.S_ISREG(mode) and _COMPANION.search(name):
                found.append((name, oid))
        self._found[tree] = tuple(found)
        return self._found[tree]

    def _top(self, commit: str) -> bytes:
        """Return the tree of a commit."""
        try:
            tree: bytes = self._get(commit.encode(), Commit).tree
        except ObjectFormatException as error:
            raise IntegrityError(f"Git commit {commit} is malformed", hint="git fsck") from error
        return tree

    def _tree(self, oid: bytes) -> Tree:
        return self._get(oid, Tree)

    def _get(self, oid: bytes, kind: type[_T]) -> _T:
        store = self._repo.object_store
        try:
            found = store[ObjectID(oid)]
        except KeyError as error:
            # dulwich does not know of promisors: in a partial clone, Git itself fetches what lacks.
            if not bring_object(self._common_dir, oid.decode()):
                raise GitmodelError(
                    f"Git object {oid.decode()} is not here", hint="git fetch --refetch"
                ) from error
            found = store[ObjectID(oid)]
        except ChecksumMismatch as error:
            raise IntegrityError(
                f"Git object {oid.decode()} is not what its name says", hint="git fsck"
            ) from error
        if not isinstance(found, kind):
            raise GitmodelError(f"Git object {oid.decode()} is not a {kind.__name__.lower()}")
        return found
