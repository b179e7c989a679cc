"""The fields that docs/json.md promises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_TEXT = (Path(__file__).parents[2] / "docs" / "json.md").read_text()


def promised(kind: str) -> set[str]:
    """Return the fields of a kind of output, as the first column of its table spells them."""
    section = _TEXT.split(f"\n## `gitmodel/{kind}/1`\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", section, re.M))


def fields(value: object, path: str = "") -> Iterator[str]:
    """Yield the fields of a value; one that holds others is named only by them, but for lists."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from fields(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield path
        yield from fields(value[0], f"{path}[]")
    else:
        yield path
