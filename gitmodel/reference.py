"""The spelling of references: what people type where a version is expected.

`model`, `model@v1.1`, `model@best:accuracy`, `model@production~1`, `v1.0`, `HEAD~2`: see
docs/design.md for what each means, and in which order they are tried.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from gitmodel.errors import UsageError

STAGES = ("production", "staging")
"""The stages that every repository has; its configuration may name more."""

_BEST = "best:"
_SHOWN = 3
_STAGE = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9_-]*)(?:~(?P<back>[0-9]{1,6})|:(?P<date>.+))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Best:
    """The version with the best value of a metric."""

    metric: str


@dataclass(frozen=True, slots=True)
class Stage:
    """The version that is in a stage.

    `back` counts how many came into the stage after it; `date` says as of when.
    """

    name: str
    back: int = 0
    date: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """A version, a tag or a revision of Git by its name; nothing stands for the newest version."""

    text: str


Wanted = Best | Stage | Named


def split_reference(text: str) -> tuple[str, str]:
    """Return what stands before the last `@` of a reference and what follows; else two nothings.

    An `@` that is Git's own, as in `@~2` and `HEAD@{1}`, does not count.
    """
    before, at, after = text.rpartition("@")
    return (before, after) if at and before and not after.startswith("{") else ("", "")


def parse_wanted(text: str, stages: Collection[str]) -> Wanted:
    """Return which version of an artifact is meant by what follows the `@`.

    Raises `UsageError` if it has the form of no revision, and of nothing else either.
    """
    if text.startswith(_BEST):
        if not text[len(_BEST) :]:
            raise UsageError(f"{text!r} names no metric", hint="best:METRIC, as in best:accuracy")
        return Best(text[len(_BEST) :])
    match = _STAGE.fullmatch(text)
    if match and (match["name"] in stages or match["date"]):
        return Stage(match["name"], int(match["back"] or 0), match["date"] or "")
    return Named(text)


def stages_of(gates: Iterable[str]) -> tuple[str, ...]:
    """Return the names of stages, given what the configuration has gates for."""
    return tuple(dict.fromkeys((*STAGES, *(name for name in gates if name != "tag"))))


def no_stages(stage: Stage) -> UsageError:
    """Return the error that a stage was named where nothing records stages."""
    return UsageError(
        f"{stage.name!r} is a stage, and nothing records yet what is in a stage",
        hint="name a version; gitmodel versions lists them",
    )


def best_of(values: Mapping[str, float], *, less: bool) -> str | None:
    """Return the key with the best value, the first of equal ones; None if there are none."""
    if not values:
        return None
    return (min if less else max)(values, key=lambda key: values[key])


def near(text: str, known: Iterable[str]) -> str:
    """Return a few of the known names that are like the one that was typed, in words."""
    found = difflib.get_close_matches(text, dict.fromkeys(known), _SHOWN)
    return f"; near it: {', '.join(map(repr, found))}" if found else ""
