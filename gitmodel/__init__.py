"""Versions of machine-learning models and datasets, kept in Git."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gitmodel.porcelain.compare import compare
    from gitmodel.porcelain.python import resolve, versions
    from gitmodel.porcelain.read import open, path, read

__all__ = ["__version__", "compare", "open", "path", "read", "resolve", "versions"]
__version__ = "0.1.0"

_HOMES = {"compare": "compare", "resolve": "python", "versions": "python"}
"""Where in `gitmodel.porcelain` a name is; all others are in `read`."""


def __getattr__(name: str) -> Any:
    """Load what is read from Python only when it is used: commands start faster without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES.get(name, "read")
    return getattr(importlib.import_module(f"gitmodel.porcelain.{home}"), name)
