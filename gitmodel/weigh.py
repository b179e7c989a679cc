"""How much a version differs from the one before it, by what their commits say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from gitmodel.bump import Bump
from gitmodel.pointer import Pointer
from gitmodel.record import Record
from gitmodel.strict_yaml import Value

_SIGNATURE = "signature"
"""Params below this key say what a model takes and gives; so does MLflow name it."""


def weigh(before: Record, after: Record) -> tuple[Bump, str]:
    """Return what a change asks for, and why in words.

    Whoever uses a version must act if an artifact is no longer where it was, is of another kind,
    or declares another signature: major.  New bytes are minor.  The rest describes: patch.
    """
    if why := _broken(before, after):
        return "major", why
    if why := _renewed(before, after):
        return "minor", why
    if before.sidecars != after.sidecars:
        return "patch", "the same artifacts, other metrics or params"
    return "patch", "the same artifacts"


def _broken(before: Record, after: Record) -> str:
    for path, pointer in before.artifacts.items():
        if path not in after.artifacts:
            return _gone(path, before, after)
        if pointer.kind != after.artifacts[path].kind:
            return f"{path!r} was a {pointer.kind} and is a {after.artifacts[path].kind}"
    if _signature(before.params) != _signature(after.params):
        return "the params declare another signature"
    return ""


def _gone(path: str, before: Record, after: Record) -> str:
    new = [each for each in after.artifacts if each not in before.artifacts]
    if len(new) != 1:
        return f"{path!r} is no longer there"
    kinds = PurePosixPath(path).suffix, PurePosixPath(new[0]).suffix
    return f"{path!r} became {new[0]!r}" + (", another kind" if kinds[0] != kinds[1] else "")


def _renewed(before: Record, after: Record) -> str:
    for path, pointer in after.artifacts.items():
        if path not in before.artifacts:
            return f"{path!r} is new"
        if _bytes(pointer) != _bytes(before.artifacts[path]):
            return f"{path!r} has new bytes"
    return ""


def _bytes(pointer: Pointer) -> tuple[str, bool]:
    return pointer.oid, pointer.executable


def _signature(params: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in params.items() if _SIGNATURE in name.split(".")}
