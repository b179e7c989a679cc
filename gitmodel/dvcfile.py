"""What DVC leaves in Git: `.dvc` files, `dvc.lock` with `dvc.yaml`, and its configuration.

Read as DVC 0.x to 3.x write them, strictly: all of it comes with a clone.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gitmodel.errors import IntegrityError
from gitmodel.hints import command, either, note
from gitmodel.paths import POINTER_SUFFIX, check_artifact, check_path
from gitmodel.strict_yaml import Value, parse_yaml

SUFFIX = ".dvc"
MAX_BYTES = 1 << 20
"""Bytes of the longest file of DVC's in Git."""
LOCK = "dvc.lock"
STAGES = "dvc.yaml"
MD5 = "md5"
DOS2UNIX = "md5-dos2unix"
"""The MD5 of DVC before 3.0: of texts, it takes `\\r\\n` for `\\n`."""

_KEY = re.compile(r"([0-9a-f]{32})(\.dir)?", re.ASCII)
_SECTION = re.compile(r"""\s*\[\s*(['"]?)(\w+)(?:\s+"(.+?)")?\1\s*\]\s*""")


@dataclass(frozen=True, slots=True)
class Out:
    """A file or folder that DVC tracks; `path` is relative to the top of the repository.

    `key` is the hash's name and value, empty if DVC has not computed one; `source` is the file that
    says so, `stage` the pipeline's stage that makes it, if one does; `remote` where its bytes are,
    if not where all are.
    """

    path: str
    key: str
    source: str
    executable: bool = False
    stage: str = ""
    remote: str = ""

    @property
    def tree(self) -> bool:
        """Whether it is a folder."""
        return self.key.endswith(".dir")


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a folder of DVC's."""

    path: str
    key: str
    executable: bool


@dataclass(frozen=True, slots=True)
class DvcRemote:
    """Where DVC keeps bytes: a URL, or a folder; `options` are the settings of that remote."""

    url: str
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Settings:
    """DVC's configuration, as far as it says where bytes are; folders are as they are written.

    `own` are the keys that the user's own file gives, which no clone brings.
    """

    values: Mapping[str, Mapping[str, str]]
    own: frozenset[tuple[str, str]] = frozenset()

    def get(self, section: str, key: str) -> str:
        """Return a value, or nothing."""
        return self.values.get(section, {}).get(key, "")


def is_outs(path: str) -> bool:
    """Return whether a file of Git's says by its name that it lists what DVC tracks."""
    name = path.rpartition("/")[2]
    return name == LOCK or (name.endswith(SUFFIX) and name != SUFFIX)


def parse_outs(path: str, data: bytes, stages: bytes | None = None) -> list[Out]:
    """Return what a `.dvc` file or a `dvc.lock` says that DVC tracks and keeps.

    `stages` is the `dvc.yaml` beside a lock file.  Raises `IntegrityError` for what is malformed,
    and for outs that lie outside the repository.
    """
    found = _mapping(parse_yaml(data, path), path)
    if path.rpartition("/")[2] == LOCK:
        return list(_locked_outs(path, found, _stages(stages or b"", _beside(path, STAGES))))
    wdir = _text(found.get("wdir"), path) or "."
    outs = found.get("outs") or []
    stage = path if "cmd" in found else ""
    return [out for each in _list(outs, path) if (out := _out(each, path, wdir, stage))]


def parse_members(data: bytes, key: str) -> list[Member]:
    """Return what a `.dir` object lists, which is the folder of a certain key."""
    try:
        listed = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"DVC's list of the folder {key} is not JSON") from error
    hash_name = key.partition(":")[0]
    return [_member(each, hash_name, key) for each in _list(listed, key)]


def format_members(members: Mapping[str, str]) -> bytes:
    """Return the `.dir` object that lists files: path to MD5."""
    listed = [{"md5": members[path], "relpath": path} for path in sorted(members)]
    return json.dumps(listed, sort_keys=True).encode()


def parse_settings(tracked: bytes, local: bytes) -> Settings:
    """Return what `.dvc/config` and `.dvc/config.local` say; the second comes first."""
    values: dict[str, dict[str, str]] = {}
    for data in (tracked, local):
        for section, key, value in _read_ini(data):
            values.setdefault(section, {})[key] = value
    return Settings(values, frozenset((section, key) for section, key, _ in _read_ini(local)))


def _read_ini(data: bytes) -> Iterator[tuple[str, str, str]]:
    section = ""
    for line in data.decode("utf-8", "replace").splitlines():
        text = line.strip()
        if match := _SECTION.fullmatch(text):
            section = f"{match[2]} {match[3]}".lower() if match[3] else match[2].lower()
        elif text and text[0] not in "#;" and "=" in text:
            key, _, value = text.partition("=")
            value = value.strip()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
                value = value[1:-1]
            yield section, key.strip().lower(), value


def _locked_outs(path: str, lock: dict[str, Value], defined: Mapping[str, Value]) -> Iterator[Out]:
    # Before DVC 2.0, the stages were all that there was.
    stages = _section(lock, "stages") if "stages" in lock else lock
    for name, stage in stages.items():
        if name in ("schema", "datasets") or not isinstance(stage, dict):
            continue
        definition = _definition(defined, name)
        wdir = _text(definition.get("wdir"), path) or "."
        if "${" in wdir:
            raise IntegrityError(
                f"{path!r}: stage {name!r} works in {wdir!r}, a template that only DVC can fill in",
                hint=note("write the folder into {}", _beside(path, STAGES)),
            )
        plain = set(_uncached(definition))
        for each in _list(stage.get("outs") or [], path):
            if isinstance(each, dict) and _text(each.get("path"), path) not in plain:
                out = _out(each, path, wdir, name)
                if out:
                    yield out


def _stages(data: bytes, path: str) -> dict[str, Value]:
    """Return the stages that a `dvc.yaml` defines, which people write, with anchors and all.

    What cannot be read only matters if it says where stages work.
    """
    try:
        return _section(_mapping(parse_yaml(data, path), path), "stages")
    except IntegrityError:
        if b"wdir" in data:
            raise
        return {}


def _definition(defined: Mapping[str, Value], name: str) -> dict[str, Value]:
    """Return how `dvc.yaml` defines a stage; those made by `foreach` and `matrix` have an `@`."""
    found = defined.get(name, defined.get(name.partition("@")[0]))
    if isinstance(found, dict) and isinstance(found.get("do"), dict):
        found = found["do"]
    return found if isinstance(found, dict) else {}


def _uncached(definition: Mapping[str, Value]) -> Iterator[str]:
    """Yield the outs of a stage that DVC leaves to Git."""
    for kind in ("outs", "metrics", "plots"):
        outs = definition.get(kind)
        for each in outs if isinstance(outs, list) else ():
            for path, options in each.items() if isinstance(each, dict) else ():
                if isinstance(options, dict) and options.get("cache") is False:
                    yield path


def _out(value: Value, source: str, wdir: str, stage: str) -> Out | None:
    """Return an out, or None if Git holds it itself."""
    fields = _mapping(value, source)
    if fields.get("cache") is False:
        return None
    name = _text(fields.get("path"), source)
    path = _inside(name, source, wdir)
    md5 = _text(fields.get("md5"), source)
    if md5 and not _KEY.fullmatch(md5):
        raise _malformed(source, f"{md5[:60]!r} is not an MD5")
    kind = _text(fields.get("hash"), source) or DOS2UNIX
    key = f"{kind}:{md5}" if md5 and kind in (MD5, DOS2UNIX) else ""
    executable = fields.get("isexec") is True
    return Out(path, key, source, executable, stage, _text(fields.get("remote"), source))


def _inside(name: str, source: str, wdir: str) -> str:
    """Return where an out is; raise `IntegrityError` if that is not in the repository."""
    full = posixpath.normpath(posixpath.join(posixpath.dirname(source), wdir, name))
    outside = "://" in name or full.startswith(("/", "../")) or full in (".", "..")
    if not name or outside:
        raise IntegrityError(
            f"{source!r} tracks {name!r}, which is not in this repository",
            hint=either(command("dvc remove {}", source), "move the data into the repository"),
        )
    try:
        check_artifact(full)
    except IntegrityError as error:
        raise _malformed(source, error.message) from error
    if source.startswith(f"{full}/"):
        raise _malformed(source, "it lies in the folder that it tracks")
    if full.endswith(POINTER_SUFFIX):
        raise _malformed(source, f"{full!r} is a name for gitmodel's own files")
    return full


def _member(value: Value, hash_name: str, key: str) -> Member:
    fields = _mapping(value, key)
    path, md5 = fields.get("relpath"), fields.get("md5")
    if not isinstance(path, str) or not isinstance(md5, str) or not _KEY.fullmatch(md5):
        raise _malformed(key, "an entry has no path or no MD5")
    check_path(path)
    return Member(path, f"{hash_name}:{md5}", fields.get("isexec") is True)


def _beside(path: str, name: str) -> str:
    return posixpath.join(posixpath.dirname(path), name)


def _section(mapping: Mapping[str, Value], key: str) -> dict[str, Value]:
    found = mapping.get(key)
    return found if isinstance(found, dict) else {}


def _mapping(value: Value, path: str) -> dict[str, Value]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _malformed(path, "there is no mapping where one should be")
    return value


def _list(value: Value, path: str) -> list[Value]:
    if not isinstance(value, list):
        raise _malformed(path, "there is no list where one should be")
    return value


def _text(value: Value, path: str) -> str:
    if value is not None and not isinstance(value, str):
        raise _malformed(path, f"{str(value)[:60]!r} is not a text")
    return value or ""


def _malformed(path: str, why: str) -> IntegrityError:
    return IntegrityError(f"{path!r} is not as DVC writes it: {why}", hint="dvc status")
