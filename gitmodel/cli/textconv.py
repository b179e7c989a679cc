"""`gitmodel textconv`, which Git runs (see `porcelain.drivers`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from gitmodel.cli.printer import say, say_text
from gitmodel.digest import algorithm_of, hex_of
from gitmodel.manifest import EXECUTABLE, FOLDER, LINK, Entry
from gitmodel.paths import LARGEST
from gitmodel.pointer import Pointer
from gitmodel.porcelain.textconv import find_entries, find_pointer
from gitmodel.printable import shown
from gitmodel.words import human, plural

_MOST = 100_000
"""Files that are listed at most: what Git compares must end some time."""
_DIGITS = 12
_ROUNDED = 1000
"""Bytes from which a size in words is not the whole truth."""
_KINDS = {EXECUTABLE: "executable ", LINK: "symlink ", FOLDER: "empty folder "}


@click.command(hidden=True)
@click.argument("file", type=click.Path(path_type=Path))
def command(file: Path) -> None:
    """Print what the pointer in FILE stands for, and anything else as text."""
    with file.open("rb") as opened:
        data = opened.read(LARGEST + 1)
    if len(data) > LARGEST:
        say(f"(more than {human(LARGEST)}: no pointer)")
    elif pointer := find_pointer(data):
        say(*_lines(pointer))
    else:
        say_text(data.decode(errors="backslashreplace"))


def _lines(pointer: Pointer) -> Iterator[str]:
    size = human(pointer.size)
    if pointer.size >= _ROUNDED:
        size += f" ({pointer.size:,} bytes)"
    if pointer.files is None:
        yield f"{'executable ' if pointer.executable else ''}file, {size}"
        yield pointer.oid
        return
    yield f"folder, {plural(pointer.files, 'file')}, {size}"
    yield pointer.oid
    yield ""
    entries = find_entries(pointer, Path.cwd())
    if entries is None:
        yield "(which files is not known: the manifest is not in the cache)"
        return
    # Nothing is aligned: a longer name must not change the lines of others.
    yield from map(_line, entries[:_MOST])
    if len(entries) > _MOST:
        yield f"… and {plural(len(entries) - _MOST, 'more file')}"


def _line(entry: Entry) -> str:
    digest = f"{algorithm_of(entry.oid)}:{hex_of(entry.oid)[:_DIGITS]}"
    return f"{shown(entry.path)}  {_KINDS.get(entry.type, '')}{human(entry.size)}  {digest}"
