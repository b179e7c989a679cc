"""The scripts of the Git hooks: in the package, or beside it in a clone of gitmodel."""

from __future__ import annotations

from pathlib import Path


def hook_script(name: str) -> Path:
    """Return where the script of a hook is."""
    package = Path(__file__).parent
    folder = package / "hooks"
    return (folder if folder.is_dir() else package.parent / "hooks") / name
