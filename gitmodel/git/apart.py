"""A repository of our own for a moment, around objects that are kept somewhere else.

Who can write where those are kept can write a configuration, hooks and refs beside them as well,
by which Git would run programs and fetch from elsewhere.  Here there are none but ours; the objects
are checked against their names where they are read.
"""

from __future__ import annotations

from pathlib import Path

from gitmodel.git.command import APART, Git, find_program

_SHA256 = 64
_CONFIG = """\
[core]
\trepositoryformatversion = 1
\tbare = true
[extensions]
\tobjectFormat = {}
"""


def open_apart(place: Path, store: Path, commit: str = "") -> Git:
    """Make a bare repository at `place`, where nothing is, of the objects in the folder `store`.

    `commit` is one that is there or will be: its objects are named by SHA-1 or by SHA-256.
    """
    (place / "refs").mkdir(parents=True)
    store.mkdir(parents=True, exist_ok=True)
    (place / "objects").symlink_to(store.absolute(), target_is_directory=True)
    (place / "HEAD").write_text("ref: refs/heads/none\n", "ascii")
    form = "sha256" if len(commit) == _SHA256 else "sha1"
    (place / "config").write_text(_CONFIG.format(form), "ascii")
    return Git(find_program(), place, place, place, ("--git-dir", str(place)), APART)
