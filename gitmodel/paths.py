"""Which names may stand in a manifest, on every system alike.

A name that one file system folds into another, or that means something else there, could
write outside the artifact or into `.git`; such names are refused when written and when read.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from gitmodel.errors import IntegrityError

POINTER_SUFFIX = ".gitmodel"
MAX_PATH = 4096
"""Bytes of the longest path in a manifest."""
MAX_NAME = 255
"""Bytes of the longest name of a path."""
TEMPORARY = ".gitmodel-tmp"
"""The end of the name of a scratch folder."""
ASIDE = ".gitmodel-replaced"
"""The end of the name of a folder in which lies what was taken out."""
OWN_ENDINGS = (TEMPORARY, ASIDE)
"""The ends of the names that gitmodel's own files and folders have in the working tree."""
LARGEST = 1 << 24
"""Bytes of a small file: what is read of one at most."""
_LONGEST = {POINTER_SUFFIX: 1 << 16, ".curves.csv": 1 << 28, ".gitmodel.imported": 1 << 28}

_DEVICE = re.compile(
    r"(?i:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(?:[.:].*)?", re.DOTALL
)
# Code points that HFS+ ignores when it compares names, as Git's `is_hfs_dotgit` lists them.
_IGNORED = dict.fromkeys(
    [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF]
)
_READ = frozenset(
    {
        *(".gitattributes", ".gitignore", ".gitmodules", ".mailmap", ".lfsconfig"),
        *(".gitmodel.yaml", ".gitmodel.imported"),
    }
)
_READ_SHORT = re.compile(r"(?:git(?:att|ign|mod)|mailma|lfscon|(?:gi|ma)[0-9a-f]{4})~[0-9]")
"""What NTFS makes of these names for programs that know only eight letters."""
_NOT_ON_WINDOWS = re.compile(r"[<>:\"|?*\x01-\x09\x0b-\x1f]|[ .](?:[/\n]|$)")
_SUSPICIOUS = re.compile(
    r"(?i)\.gitmodel-|[/\n](?:\.{0,2}[/\n]|[\s.]*git|con|prn|aux|nul|com|lpt)", re.ASCII
)


def longest_at(path: str) -> int:
    """Return how many bytes are read at most of a file at a path that describes artifacts.

    A pointer is shorter still, but it may be in conflict, or none.
    """
    known = (limit for ending, limit in _LONGEST.items() if path.endswith(ending))
    return next(known, LARGEST)


def check_path(path: str) -> None:
    """Raise `IntegrityError` if `path` may not name an entry of a manifest."""
    if len(path) <= MAX_NAME and _are_plain(path):
        return
    _check_whole(path)
    for name in path.split("/"):
        _check_name(name, path)


def check_paths(paths: Sequence[str]) -> None:
    """Raise `IntegrityError` if one path is bad, or two cannot live side by side everywhere.

    Refused: duplicates, twins that differ only in case or in Unicode normalisation, a file that
    is also the folder of another.
    """
    # All at once first: a call for each path takes most of the time of reading a manifest.
    if max(map(len, paths), default=0) > MAX_NAME or not _are_plain("\n".join(paths)):
        for path in paths:
            check_path(path)
    folders = _folders(paths)
    files = _fold_apart(paths)
    for key in files & _fold_apart(folders):
        twin = next(path for path in paths if fold(path) == key)
        raise IntegrityError(f"{twin!r} is both a file and a folder")


def check_artifact(path: str) -> None:
    """Raise `IntegrityError` if `path` may not be an artifact's.

    Besides paths that no manifest may have: files that Git and gitmodel read themselves, for nobody
    would see in Git what they say.
    """
    check_path(path)
    if is_read(path):
        raise IntegrityError(f"{path!r} is a name of a file that Git or gitmodel reads itself")


def is_read(path: str) -> bool:
    """Return whether Git or gitmodel itself reads a file of this name, on some system."""
    name = _plain(path.rpartition("/")[2])
    return name in _READ or bool(_READ_SHORT.fullmatch(name))


def not_on_windows(paths: Sequence[str]) -> list[str]:
    """Return the paths that a manifest may have and Windows may not."""
    if not _NOT_ON_WINDOWS.search("\n".join(paths)):
        return []
    return [path for path in paths if _NOT_ON_WINDOWS.search(path)]


def find_twins(paths: Iterable[str], known: Iterable[str] = ()) -> tuple[str, str] | None:
    """Return two names that some systems take for one, the second that of a path or above one.

    `known` may be twins of each other, for that is how they are.
    """
    spellings: dict[str, set[str]] = {}
    for path in known:
        for each in (path, *parents(path)):
            spellings.setdefault(fold(each), set()).add(each)
    for path in paths:
        for each in (path, *parents(path)):
            there = spellings.setdefault(fold(each), {each})
            if each not in there:
                return min(there), each
    return None


def parents(path: str) -> Iterator[str]:
    """Yield the folders above a relative path, nearest first."""
    while path := path.rpartition("/")[0]:
        yield path


def fold(path: str) -> str:
    """Return what a file system without case and with normalisation takes `path` for."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def _folders(paths: Iterable[str]) -> list[str]:
    found: set[str] = set()
    for folder in {path.rpartition("/")[0] for path in paths}:
        for each in (folder, *parents(folder)):
            found.add(each)
    return sorted(found - {""})


def _fold_apart(paths: Sequence[str]) -> set[str]:
    """Return the folded paths; raise `IntegrityError` if two fold into one."""
    folded = {fold(path) for path in paths}
    if len(folded) != len(paths):
        seen: dict[str, str] = {}
        for path in paths:
            if (other := seen.get(fold(path))) is not None:
                both = f"{other!r} and {path!r} are one name on some systems"
                raise IntegrityError(f"{path!r} appears twice" if other == path else both)
            seen[fold(path)] = path
    return folded


def _are_plain(paths: str) -> bool:
    """Return whether paths, a line each, are so plain that none of them can be bad.

    One that holds a newline is taken for two, and each is as suspicious as the whole, or more.
    """
    ascii_only = paths.isascii() and "\\" not in paths and "\0" not in paths
    return ascii_only and not _SUSPICIOUS.search(f"\n{paths}\n")


def _check_whole(path: str) -> None:
    try:
        encoded = path.encode()
    except UnicodeEncodeError as error:
        raise IntegrityError(f"{path!r} is not valid UTF-8") from error
    if len(encoded) > MAX_PATH:
        raise IntegrityError(f"{path[:60]!r}… is longer than {MAX_PATH} bytes")


def _check_name(name: str, path: str) -> None:
    if name in ("", ".", ".."):
        raise IntegrityError(f"{path!r} is not a plain relative path")
    if "\0" in name or "\\" in name:
        raise IntegrityError(f"{path!r} holds a NUL or a backslash, a separator on Windows")
    if len(name.encode()) > MAX_NAME:
        raise IntegrityError(f"{name[:60]!r}… is longer than {MAX_NAME} bytes")
    if fold(name).endswith(OWN_ENDINGS):
        raise IntegrityError(f"{path!r} is named like a temporary file of gitmodel's own")
    if is_dot_git(name):
        raise IntegrityError(f"{path!r} is '.git' on some systems")
    if _DEVICE.fullmatch(name):
        raise IntegrityError(f"{path!r} is a device on Windows")


def is_dot_git(name: str) -> bool:
    """Return whether NTFS, FAT, HFS+ or APFS takes a name for `.git`."""
    return _plain(name) in (".git", "git~1")


def _plain(name: str) -> str:
    """Return what every system that folds names takes this one for."""
    plain = unicodedata.normalize("NFKC", name.translate(_IGNORED)).casefold()
    return plain.split(":")[0].rstrip(". ")


def name_of(artifact: str, names: Mapping[str, str]) -> str:
    """Return the name of the artifact at a path; `names` are those that were given."""
    given = (name for name, path in names.items() if path == artifact)
    return next(given, "") or stem_of(artifact)


@functools.lru_cache(maxsize=1024)
def stem_of(path: str) -> str:
    """Return the name of a file without its extension.

    Thousands of versions have the same few paths.
    """
    return PurePosixPath(path).stem


def stem_path(artifact: str) -> str:
    """Return an artifact's path without the extension: its sidecars' paths begin with it."""
    folder, slash, name = artifact.rpartition("/")
    return f"{folder}{slash}{stem_of(name)}"
