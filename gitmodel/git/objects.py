"""Git's objects by way of dulwich: commits, trees and blobs, without touching the working tree."""

from __future__ import annotations

import os
import posixpath
import re
import stat
import traceback
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import NamedTuple, TypeVar

from dulwich.errors import ApplyDeltaError, ChecksumMismatch, ObjectFormatException
from dulwich.object_format import SHA1, SHA256
from dulwich.object_store import DiskObjectStore
from dulwich.objects import Blob, Commit, ObjectID, Tag, Tree

from gitmodel.dvcfile import LOCK, STAGES, SUFFIX, Out, parse_outs
from gitmodel.errors import GitmodelError, IntegrityError
from gitmodel.git.command import Git
from gitmodel.git.revisions import check_size, find_carried
from gitmodel.git.transport import bring_object
from gitmodel.git.weight import Scales
from gitmodel.imported import NAME, Imported, Translation, parse_imported, translate
from gitmodel.paths import POINTER_SUFFIX
from gitmodel.pointer import format_pointer

_T = TypeVar("_T", Commit, Tree, Blob, Tag)
_SHA1_DIGITS = 40
_LARGEST = {Commit: 1 << 24, Tag: 1 << 24, Tree: 1 << 26, Blob: 1 << 28}
"""Bytes of the longest object of each kind that is read."""
_MOST_EFFORT = 1 << 27
"""Bytes that may be unpacked on the way to an object, beside the object itself."""
_MOST = 1_000_000
"""Companions of a commit."""
_DEEPEST = 1_000
"""Folders in one another."""
_LONGEST = 1 << 28
"""Bytes of the paths of all companions of a commit."""
_COMPANION = re.compile(
    rb"(?s).\.gitmodel\Z|\A\.gitmodel\.yaml\Z"
    rb"|(?:\A|\.)(?:metrics|params)\.(?:json|ya?ml)\Z|\.lineage\.yaml\Z|\.card\.md\Z"
    rb"|.\.dvc\Z|\Advc\.lock\Z"
)
_DVC_NAMES = (SUFFIX.encode(), LOCK.encode())

_Entries = list[tuple[bytes, bytes]]
"""Names in a tree, and what is there."""


class _Folder(NamedTuple):
    """What of a tree describes artifacts: files, and folders in which there are such files.

    `below` is how many such files there are below, and `length` how many bytes their paths have.
    """

    files: tuple[tuple[bytes, bytes], ...]
    folders: tuple[tuple[bytes, bytes], ...]
    below: int
    length: int


class Objects:
    """Reads a repository's objects; a tree that was read once is not read again.

    Each is checked against its name, and none is replaced by another: `git replace` does not
    count here.  What a commit of DVC's tracks is read as pointers, where an import from DVC noted
    what they are.
    """

    def __init__(self, git: Git, noted: bytes | None = None) -> None:
        """`noted` is what an import noted; by default it is looked for."""
        self._noted = noted
        self._git = git
        self._folders: dict[bytes, _Folder] = {}
        self._found: dict[bytes, tuple[tuple[bytes, bytes], ...]] = {}
        self._opened: tuple[DiskObjectStore, Scales] | None = None
        self._made: dict[str, bytes] = {}
        self._outs: dict[tuple[str, bytes, str | None], list[Out] | IntegrityError] = {}

    def close(self) -> None:
        """Close the repository's files."""
        if self._opened is not None:
            store, scales = self._opened
            scales.close()
            store.close()

    def pointers(self, commit: str) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of each pointer of a commit.

        Raises `IntegrityError` if a file of DVC's that stands for some is malformed.
        """
        for path, blob in self.companions(commit).items():
            if path.endswith(POINTER_SUFFIX):
                yield path, self.blob(blob, path)
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
        wanted = [oid for oid in oids if oid not in self._made]
        return [oid for oid in wanted if ObjectID(oid.encode()) not in self._store(oid)[0]]

    def find(self, commit: str, path: str) -> str | None:
        """Return the Git blob of a file of a commit, or None if it has no such file."""
        mode, oid = self._find(commit, path)
        return oid.decode("ascii") if stat.S_ISREG(mode) else None

    def blob(self, oid: str, path: str) -> bytes:
        """Return the content of a Git blob, which is that of a file at `path`.

        Raises `IntegrityError` if such a file may not be as long.
        """
        if oid in self._made:
            return self._made[oid]
        data: bytes = self._get(oid.encode(), Blob, path).data
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
        found = find_carried(self._git, NAME)
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
                data = self.blob(blob.decode("ascii"), path)
                defined = self.blob(stages, beside) if stages else None
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
        """Return what describes artifacts below a tree as pairs of path and blob.

        Raises `IntegrityError` if that is more than anybody needs: kilobytes of trees in one
        another can say billions of files.
        """
        if (known := self._found.get(tree)) is not None:
            return known
        whole = self._weigh(tree)
        if whole.below > _MOST or whole.length > _LONGEST:
            raise IntegrityError(
                f"Git tree {tree.decode()} has {whole.below} files that describe artifacts,"
                f" more than {_MOST}, or too long paths",
                hint="git ls-tree",
            )
        found = []
        pending = [(b"", tree)]
        while pending:
            prefix, oid = pending.pop()
            folder = self._folders[oid]
            found += [(prefix + name, blob) for name, blob in folder.files]
            pending += [(prefix + name + b"/", inner) for name, inner in folder.folders]
        # The order that Git has them in, too.
        found.sort()
        if sum(map(len, self._found.values())) + len(found) > _MOST:
            self._found.clear()
        self._found[tree] = tuple(found)
        return self._found[tree]

    def _weigh(self, tree: bytes) -> _Folder:
        """Look into a tree and all below, each once; raises `IntegrityError` if it is too deep."""
        above: list[tuple[bytes, _Entries, _Entries, Iterator[tuple[bytes, bytes]]]] = []
        wanted: bytes | None = tree
        while wanted is not None:
            if wanted not in self._folders:
                if len(above) >= _DEEPEST:
                    raise IntegrityError(
                        f"Git tree {tree.decode()} has more than {_DEEPEST} folders in one another",
                        hint="git ls-tree",
                    )
                files, folders = self._split(wanted)
                above.append((wanted, files, folders, iter(folders)))
            wanted = None
            while above and wanted is None:
                oid, files, folders, left = above[-1]
                wanted = next((inner for _, inner in left), None)
                if wanted is None:
                    self._folders[oid] = self._sum(files, folders)
                    above.pop()
        return self._folders[tree]

    def _split(self, tree: bytes) -> tuple[_Entries, _Entries]:
        """Return the files of a tree that describe artifacts, and its folders."""
        files: _Entries = []
        folders: _Entries = []
        for name, mode, oid in self._tree(tree).iteritems():
            if stat.S_ISDIR(mode):
                folders.append((name, oid))
            elif stat.S_ISREG(mode) and _COMPANION.search(name):
                files.append((name, oid))
        return files, folders

    def _sum(self, files: _Entries, folders: _Entries) -> _Folder:
        count, size = len(files), sum(len(name) for name, _ in files)
        used = []
        for name, oid in folders:
            if (inner := self._folders[oid]).below:
                used.append((name, oid))
                count += inner.below
                size += inner.length + inner.below * (len(name) + 1)
        return _Folder(tuple(files), tuple(used), count, size)

    def _top(self, commit: str) -> bytes:
        """Return the tree of a commit."""
        try:
            tree: bytes = self._get(commit.encode(), Commit).tree
        except (ObjectFormatException, ValueError) as error:
            raise IntegrityError(f"Git commit {commit} is malformed", hint="git fsck") from error
        return tree

    def _tree(self, oid: bytes) -> Tree:
        return self._get(oid, Tree)

    def _get(self, oid: bytes, kind: type[_T], path: str = "") -> _T:
        name = oid.decode("ascii")
        store, scales = self._store(name)
        weight = scales.weigh(oid)
        # dulwich does not know of promisors: in a partial clone, Git itself fetches what lacks.
        if weight is None and bring_object(self._git, name):
            weight = scales.weigh(oid)
        if weight is None:
            raise GitmodelError(f"Git object {name} is not here", hint="git fetch --refetch")
        if path:
            check_size(path, weight.size)
        if weight.size > _LARGEST[kind] or weight.effort > weight.size + _MOST_EFFORT:
            raise IntegrityError(f"Git object {name} is too large to be read", hint="git fsck")
        try:
            with _let_go_by_errors():
                found = store[ObjectID(oid)]
        except (ObjectFormatException, ValueError) as error:
            raise IntegrityError(f"Git object {name} is malformed", hint="git fsck") from error
        except (ChecksumMismatch, ApplyDeltaError, zlib.error) as error:
            raise IntegrityError(
                f"Git object {name} is not what its name says", hint="git fsck"
            ) from error
        if not isinstance(found, kind):
            raise GitmodelError(f"Git object {name} is not a {kind.__name__.lower()}")
        return found

    def _store(self, oid: str) -> tuple[DiskObjectStore, Scales]:
        """Return what Git keeps objects in, and what weighs them.

        Opened by its folder: whatever else a configuration says of a repository is Git's affair,
        which refuses what it does not know.
        """
        if self._opened is None:
            form = SHA1 if len(oid) == _SHA1_DIGITS else SHA256
            folder = self._git.common_dir / "objects"
            # What is larger is refused before; its head may lie.
            limit = max(_LARGEST.values()) + 64
            store = DiskObjectStore(folder, object_format=form, loose_object_size_limit=limit)
            self._opened = store, Scales(store)
        return self._opened


@contextmanager
def _let_go_by_errors() -> Iterator[None]:
    """Let an error, or Ctrl-C, that leaves the block hold no view of a pack.

    dulwich maps packs, and cannot close one that the frames of a traceback still look into.
    """
    try:
        yield
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)
        raise
