"""The tracked configuration `.gitmodel.yaml` (see docs/format.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gitmodel.digest import ALGORITHMS, BLAKE3
from gitmodel.document import discreet, is_document
from gitmodel.errors import IntegrityError, UsageError, newer
from gitmodel.hints import note
from gitmodel.paths import check_path
from gitmodel.sidecar import Goal, Kind
from gitmodel.strict_yaml import Value, parse_yaml, quoted
from gitmodel.url import check_url
from gitmodel.version import TAG_FORMATS, TagFormat

CONFIG_NAME = ".gitmodel.yaml"
FORMAT = 1

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_REMOTE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_KEYS = (
    *("gitmodel", "id", "hash", "remote", "remotes", "artifacts"),
    *("sidecars", "goals", "gates", "tag_formats"),
)
REPOSITORY = "*"
"""Stands for the whole repository where an artifact's name could stand."""
_HINT = note("edit {}, then gitmodel doctor", CONFIG_NAME)


@dataclass(frozen=True, slots=True)
class Config:
    """What `.gitmodel.yaml` says.

    `id` names the repository on its remotes; it is empty in a file that `gitmodel init` did not
    write, which is enough to read versions.  `remotes` maps names to URLs; `remote` is the name
    of the one to use when none is asked for; `artifacts` maps names to paths.  `sidecars` maps
    the name of an artifact, or `*`, to the paths of its metrics and params files; `goals` maps
    metrics to whether more or less is better; `gates` maps `tag`, or a stage, to conditions.
    `tag_formats` are the other spellings of versions that count.
    """

    id: str
    algorithm: str = BLAKE3
    remote: str = ""
    remotes: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)
    sidecars: Mapping[str, Mapping[Kind, tuple[str, ...]]] = field(default_factory=dict)
    goals: Mapping[str, Goal] = field(default_factory=dict)
    gates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tag_formats: tuple[TagFormat, ...] = ()

    @property
    def default_remote(self) -> str:
        """The name of the remote to use when none is asked for; empty if none stands out."""
        if self.remote or "origin" in self.remotes:
            return self.remote or "origin"
        return next(iter(self.remotes)) if len(self.remotes) == 1 else ""


def parse_config(data: bytes) -> Config:
    """Return the configuration in `data`; raise `IntegrityError` if anything in it is amiss."""
    try:
        with discreet(data, CONFIG_NAME):
            return _parse(data)
    except IntegrityError as error:
        raise IntegrityError(error.message, hint=error.hint or _HINT) from error


def format_config(config: Config) -> bytes:
    """Return a configuration file as `gitmodel init` and `gitmodel remote` write it."""
    lines = [f"gitmodel: {FORMAT}", f'id: "{config.id}"']
    if config.algorithm != BLAKE3:
        lines.append(f"hash: {config.algorithm}")
    if config.remote:
        lines.append(f"remote: {quoted(config.remote)}")
    for key, mapping in (("remotes", config.remotes), ("artifacts", config.artifacts)):
        if mapping:
            lines += [f"{key}:", *_lines(mapping)]
    return ("\n".join(lines) + "\n").encode()


def replace_section(data: bytes, key: str, mapping: Mapping[str, str]) -> bytes:
    """Return `data` with the top-level mapping `key` replaced; all other lines stay as they are."""
    lines = data.decode().splitlines()
    start, end = _find_section(lines, key)
    section = [f"{key}:", *_lines(mapping)] if mapping else []
    return ("\n".join([*lines[:start], *section, *lines[end:]]) + "\n").encode()


def with_id(data: bytes, identity: str) -> bytes:
    """Return a configuration that has no id with one; all other lines stay as they are."""
    lines = data.decode().splitlines()
    end = _find_section(lines, "gitmodel")[1]
    return ("\n".join([*lines[:end], f'id: "{identity}"', *lines[end:]]) + "\n").encode()


def check_remote_name(name: str) -> str:
    """Return `name`; raise `UsageError` if it may not name a remote."""
    if not _REMOTE_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} may not name a remote", hint="use letters, digits, '-', '_', '.'"
        )
    return name


def _find_section(lines: Sequence[str], key: str) -> tuple[int, int]:
    """Return where a top-level section starts and ends; at the end of all if there is none.

    Comments and blank lines belong to it only if one of its own lines follows.
    """
    is_key = re.compile(rf"(?:{key}|\"{key}\"|'{key}')[ \t]*:").match
    start = next((n for n, line in enumerate(lines) if is_key(line)), len(lines))
    end = start + 1
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if line.startswith((" ", "\t")) and not line.lstrip().startswith("#"):
            end = number + 1
        elif line.strip() and not line.lstrip().startswith("#"):
            break
    return start, min(end, len(lines))


def _lines(mapping: Mapping[str, str]) -> list[str]:
    return [f"  {quoted(key)}: {quoted(value)}" for key, value in mapping.items()]


def _parse(data: bytes) -> Config:
    value = parse_yaml(data, CONFIG_NAME)
    if not isinstance(value, dict):
        raise IntegrityError(f"{CONFIG_NAME!r} is not a mapping")
    number = value.get("gitmodel")
    if type(number) is int and number > FORMAT:
        raise newer(f"{CONFIG_NAME!r}", number)
    if type(number) is not int or number != FORMAT:
        raise IntegrityError(f"{CONFIG_NAME!r} does not say 'gitmodel: {FORMAT}'")
    if unknown := sorted(value.keys() - set(_KEYS)):
        raise IntegrityError(f"{CONFIG_NAME!r} has the unknown key {unknown[0]!r}")
    return Config(
        _match(value, "id", _ID) if "id" in value else "",
        _algorithm(value.get("hash", BLAKE3)),
        _default_remote(value.get("remote", "")),
        _remotes(value.get("remotes")),
        _strings(value.get("artifacts"), "artifacts"),
        _sidecars(value.get("sidecars")),
        _goals(value.get("goals")),
        {stage: _list(gates, f"gates.{stage}") for stage, gates in _mapping(value, "gates")},
        _tag_formats(value.get("tag_formats")),
    )


def _match(value: dict[str, Value], key: str, pattern: re.Pattern[str]) -> str:
    text = value.get(key)
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise IntegrityError(f"{CONFIG_NAME!r}: {key!r} must be {pattern.pattern}, in quotes")
    return text


def _algorithm(value: Value) -> str:
    if value not in ALGORITHMS or not isinstance(value, str):
        raise IntegrityError(f"{CONFIG_NAME!r}: 'hash' must be one of {', '.join(ALGORITHMS)}")
    return value


def _default_remote(value: Value) -> str:
    if not isinstance(value, str):
        raise IntegrityError(f"{CONFIG_NAME!r}: 'remote' must be the name of a remote")
    return value


def _remotes(value: Value) -> dict[str, str]:
    remotes = _strings(value, "remotes")
    for name, url in remotes.items():
        try:
            check_remote_name(name)
            check_url(url)
        except UsageError as error:
            raise IntegrityError(f"{CONFIG_NAME!r}: {error.message}", hint=error.hint) from error
    return remotes


def _sidecars(value: Value) -> dict[str, dict[Kind, tuple[str, ...]]]:
    sidecars: dict[str, dict[Kind, tuple[str, ...]]] = {}
    for name, files in _mapping({"sidecars": value}, "sidecars"):
        known: dict[str, Kind] = {"metrics": "metrics", "params": "params"}
        sidecars[name] = {}
        for kind, paths in _mapping({f"sidecars.{name}": files}, f"sidecars.{name}"):
            if kind not in known:
                raise IntegrityError(f"{CONFIG_NAME!r}: sidecars.{name} has the unknown {kind!r}")
            sidecars[name][known[kind]] = _list(paths, f"sidecars.{name}.{kind}")
            for path in sidecars[name][known[kind]]:
                check_path(path)
                if not is_document(path):
                    raise IntegrityError(f"{CONFIG_NAME!r}: {path!r} is neither .json nor .yaml")
    return sidecars


def _goals(value: Value) -> dict[str, Goal]:
    goals: dict[str, Goal] = {}
    for name, goal in _strings(value, "goals").items():
        if goal not in ("max", "min"):
            raise IntegrityError(f"{CONFIG_NAME!r}: goals.{name} must be max or min")
        goals[name] = "max" if goal == "max" else "min"
    return goals


def _tag_formats(value: Value) -> tuple[TagFormat, ...]:
    names = _list(value, "tag_formats")
    found = [known for name in names for known in TAG_FORMATS if known == name]
    if len(found) != len(names):
        raise IntegrityError(f"{CONFIG_NAME!r}: tag_formats may hold {', '.join(TAG_FORMATS)}")
    return tuple(found)


def _mapping(value: Mapping[str, Value], key: str) -> list[tuple[str, Value]]:
    found = value.get(key)
    if found is None:
        return []
    if not isinstance(found, dict):
        raise IntegrityError(f"{CONFIG_NAME!r}: {key!r} must be a mapping")
    return list(found.items())


def _list(value: Value, key: str) -> tuple[str, ...]:
    """Return the texts of a sequence; one alone needs no brackets."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    texts = tuple(item for item in items if isinstance(item, str))
    if len(texts) != len(items):
        raise IntegrityError(f"{CONFIG_NAME!r}: {key} must be a text, or a sequence of texts")
    return texts


def _strings(value: Value, key: str) -> dict[str, str]:
    strings: dict[str, str] = {}
    for name, text in _mapping({key: value}, key):
        if not isinstance(text, str):
            raise IntegrityError(f"{CONFIG_NAME!r}: {key}.{name} must be a string")
        strings[name] = text
    return strings
