"""Spares tests what botocore does anew for each client: parse the same megabytes of JSON."""

from __future__ import annotations

from typing import Any

from botocore.loaders import JSONFileLoader

_PARSED: dict[str, Any] = {}
_load = JSONFileLoader.load_file


def share() -> None:
    """Let all clients of this process, and of those forked from it, share what was parsed."""
    JSONFileLoader.load_file = _shared  # type: ignore[method-assign]


def _shared(loader: JSONFileLoader, path: str) -> Any:
    if path not in _PARSED:
        _PARSED[path] = _load(loader, path)
    return _PARSED[path]
