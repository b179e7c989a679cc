"""Git's objects by way of dulwich: commits, trees and blobs, without touching the working tree."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from dulwich.errors import ChecksumMismatch, ObjectFormatException
from dulwich.objects import Blob, Commit, ObjectID, Tag, Tree
from dulwich.repo import Repo

from gitmodel.dvcfile import LOCK, STAGES, SUFFIX, Out, parse_outs
from gitmodel.errors import GitmodelError, IntegrityError
from gitmodel.git.command import open_bare
from gitmodel.git.revisions import find_carried
from gitmodel.git.transport import bring_object
from gitmodel.imported import NAME, Imported, Translation, parse_imported, translate
from gitmodel.paths import POINTER_SUFFIX
from gitmodel.pointer import format_pointer

_T = TypeVar("_T", Commit, Tree, Blob, Tag)
_COMPANION = re.compile(
    rb"(?s).\.gitmodel\Z|\A\.gitmodel\.yaml\Z"
    rb"|(?:\A|\.)(?:metrics|params)\.(?:json|ya?ml)\Z|\.lineage\.yaml\Z|\.card\.md\Z"
    rb"|.\.dvc\Z|\Advc\.lock\Z"
)
_DVC_NAMES = (SUFFIX.encode(), LOCK.encode())


class Objects:
    """Reads a repository's objects; a tree that was read once is not read again.

    Each is checked against its name, and none is replaced by another: `git replace` does not
    count here.  What a commit of DVC's tracks is read as pointers, where an import from DVC noted
    what they are.
    """

    def __init__(self, common_dir: Path, noted: bytes | None = None) -> None:
        """`noted` is what an import noted; by default it is looked for."""
        self._noted = noted
        self._common_dir = common_dir
        self._repo = Repo(str(common_dir))
        self._found: dict[bytes, tuple[tuple[bytes, bytes], ...]] = {}
        self._made: dict[str, bytes] = {}
        self._outs: dict[tuple[str, bytes, str | None], list[Out] | IntegrityError] = {}

    def close(self) -> None:
        """Close the repository's files."""
        self._repo.close()

    def pointers(self, commit: str) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of each pointer of a commit.

        Raises `IntegrityError` if a file of DVC's that stands for some is malformed.
        """
        for path, blob in self.companions(commit).items():
            if path.endswith(POINTER_SUFFIX):
                yield path, self.blob(blob)
        if self._dvc_files(commit) and self._imported is not None:
            self.outs(commit)

    def companions(self, commit: str) -> dict[str, str]:
        """Return what describes artifacts in a commit: path to Git blob.

        These are pointers, the configuration and what may be a sidecar, wherever they lie; also
        the pointers that stand for what DVC tracks, which Git itself does not have.
        """
        found = self.written(commit)
        for artifact, pointer in self._translation(commit, found).pointers.items():
            data = format_pointer(pointer)
            blob = Blob.from_string(data).id.decode("ascii")
            self._made[blob] = data
            found.setdefault(artifact + POINTER_SUFFIX, blob)
        return found

    def written(self, commit: str) -> dict[str, str]:
        """Return those companions of a commit that Git has."""
        return {
            path.decode("utf-8", "surrogateescape"): blob.decode("ascii")
            for path, blob in self._companions(self._top(commit))
            if not path.endswith(_DVC_NAMES)
        }

    def foreign(self, commit: str) -> tuple[str, ...]:
        """Return what a commit has of DVC's and nothing says which artifacts that is.

        Where no import was noted and gitmodel tracks something, the two live side by side.
        """
        files, own = self._dvc_files(commit), self.written(commit)
        if files and self._imported is None:
            pointers = any(path.endswith(POINTER_SUFFIX) for path in own)
            return () if pointers else tuple(files)
        return tuple(out.path for out in self._translation(commit, own).unknown)

    def outs(self, commit: str) -> list[Out]:
        """Return what DVC tracks in a commit, but for what Git holds itself.

        Raises `IntegrityError` for files of DVC's that are malformed.
        """
        found, errors = self._read_outs(commit)
        for error in errors:
            raise error
        return found

    def lacking(self, oids: Iterable[str]) -> list[str]:
        """Return which objects are not here."""
        store = self._repo.object_store
        return [
            oid for oid in oids if oid not in self._made and ObjectID(oid.encode()) not in store
        ]

    def find(self, commit: str, path: str) -> str | None:
        """Return the Git blob of a file of a commit, or None if it has no such file."""
        mode, oid = self._find(commit, path)
        return oid.decode("ascii") if stat.S_ISREG(mode) else None

    def blob(self, oid: str) -> bytes:
        """Return the content of a Git blob."""
        if oid in self._made:
            return self._made[oid]
        data: bytes = self._get(oid.encode(), Blob).data
        return data

    def tag(self, oid: str) -> bytes:
        """Return the bytes of an annotated tag."""
        return self._get(oid.encode(), Tag).as_raw_string()

    def tree(self, commit: str) -> str:
        """Return the tree of a commit."""
        return self._top(commit).decode("ascii")

    @cached_property
    def _imported(self) -> Imported | None:
        """What an import from DVC noted, on whatever branch."""
        if self._noted is not None:
            return parse_imported(self._noted)
        found = find_carried(open_bare(self._common_dir), NAME)
        return None if found is None else parse_imported(found[1])

    def _find(self, commit: str, path: str) -> tuple[int, bytes]:
        """Return mode and oid of what a commit has at a path; zero and nothing if it has none."""
        mode, oid = stat.S_IFDIR, self._top(commit)
        for name in os.fsencode(path).split(b"/"):
            if not stat.S_ISDIR(mode):
                return 0, b""
            mode, oid = self._entry(oid, name)
        return mode, oid

    def _translation(self, commit: str, own: Iterable[str]) -> Translation:
        """Return what stands for what DVC tracks, beside the artifacts that are there already."""
        if not self._dvc_files(commit) or self._imported is None:
            return Translation({}, ())
        taken = set(own)
        outs = self._read_outs(commit)[0]
        left = [out for out in outs if out.path + POINTER_SUFFIX not in taken]
        return translate(left, self._imported)

    def _dvc_files(self, commit: str) -> dict[str, bytes]:
        """Return the files in which DVC says what it tracks: path to blob.

        In what was committed after the import, they say nothing any more.
        """
        found = {
            path.decode("utf-8", "surrogateescape"): blob
            for path, blob in self._companions(self._top(commit))
            if path.endswith(_DVC_NAMES)
        }
        return {} if found and self._find(commit, NAME)[0] else found

    def _read_outs(self, commit: str) -> tuple[list[Out], list[IntegrityError]]:
        """Return what DVC tracks in a commit, and what of that could not be read."""
        found: dict[str, Out] = {}
        errors = []
        for path, blob in self._dvc_files(commit).items():
            read = self._parse_outs(commit, path, blob)
            if isinstance(read, IntegrityError):
                errors.append(read)
            else:
                for out in read:
                    found.setdefault(out.path, out)
        return [out for out in found.values() if not self._find(commit, out.path)[0]], errors

    def _parse_outs(self, commit: str, path: str, blob: bytes) -> list[Out] | IntegrityError:
        lock = path.rpartition("/")[2] == LOCK
        beside = posixpath.join(posixpath.dirname(path), STAGES)
        stages = self.find(commit, beside) if lock else None
        if (path, blob, stages) not in self._outs:
            try:
                data = self.blob(blob.decode("ascii"))
                defined = self.blob(stages) if stages else None
                self._outs[path, blob, stages] = parse_outs(path, data, defined)
            except IntegrityError as error:
                self._outs[path, blob, stages] = error
        return self._outs[path, blob, stages]

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
