"""Lines in files of Git's own: `.gitignore` and `.gitattributes`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gitmodel.scratch import Scratch
from gitmodel.worktree.files import read_file, remove_file, write_file


def ignore_rule(artifact: str) -> tuple[str, bytes]:
    """Return the file that makes Git ignore an artifact, and the line that does."""
    folder, _, name = artifact.rpartition("/")
    rule = "/" + "".join(f"\\{c}" if c in "\\*?[ " else c for c in name)
    return f"{folder}/.gitignore".lstrip("/"), rule.encode()


def add_rules(root: Path, path: str, rules: Sequence[bytes], scratch: Scratch) -> bool:
    """Append the lines that a file lacks, in a new file if there is none; return whether any."""
    old = read_rules(root, path)
    new = with_rules(old, rules)
    if new != old:
        write_file(root, path, new, scratch)
    return new != old


def with_rules(old: bytes, rules: Sequence[bytes]) -> bytes:
    """Return what a file is with the lines that it lacks."""
    there = set(old.splitlines())
    new = [rule for rule in rules if rule not in there]
    end = b"" if not new or not old or old.endswith(b"\n") else b"\n"
    return old + end + b"".join(rule + b"\n" for rule in new)


def remove_rule(root: Path, path: str, rule: bytes, scratch: Scratch) -> bool:
    """Take a line out of a file, and the file away if nothing is left; return whether it was in."""
    lines = read_rules(root, path).splitlines(keepends=True)
    rest = [line for line in lines if line.rstrip(b"\r\n") != rule]
    if len(rest) == len(lines):
        return False
    if rest:
        write_file(root, path, b"".join(rest), scratch)
    else:
        remove_file(root, path)
    return True


def read_rules(root: Path, path: str) -> bytes:
    """Return what is in such a file, empty if there is none; raise `IntegrityError` for a link."""
    return read_file(root, path) or b""
