"""What makes Git merge and show pointers by way of gitmodel.

The attributes are tracked and travel with the repository; the commands that they name are in the
configuration of each clone, since Git runs nothing that only came with a repository.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

from gitmodel.git import gitconfig, staging
from gitmodel.git.command import Git
from gitmodel.scratch import Scratch
from gitmodel.scripts import find_program
from gitmodel.worktree.rules import add_rules, read_rules

ATTRIBUTES_NAME = ".gitattributes"
PROGRAM = "gitmodel.program"
"""The key that holds the path of the program that Git's drivers and hooks call."""
ATTRIBUTES = (
    # A pointer has one valid spelling: Git must not change the ends of its lines.
    b"*.gitmodel -text diff=gitmodel merge=gitmodel",
    # Two branches that each track something new in one folder both add a line at the end.
    b".gitignore merge=union",
)
# The shell of a driver stands in the working tree: a relative entry of PATH would lead there.
_FIND = (
    f'g=$(git config --get {PROGRAM}); [ -x "$g" ] || g=$(set -f; IFS=:; for d in $PATH;'
    ' do case $d in /*) [ -x "$d/gitmodel" ] && echo "$d/gitmodel" && break;; esac; done);'
    """ [ -n "$g" ] || { echo "gitmodel: 'gitmodel' is not on PATH" >&2; """
)
DRIVERS: Mapping[str, str] = MappingProxyType(
    {
        "merge.gitmodel.name": "gitmodel: merge the files of a dataset one by one",
        # Git puts the names in quotes; what follows -- is never an option.
        "merge.gitmodel.driver": (
            f'{_FIND}exit 1; }}; "$g" merge-driver --marker-size=%L -- %O %A %B %P %X %Y'
        ),
        # Git adds the name of a file.  Without gitmodel a pointer is shown as it is.
        "diff.gitmodel.textconv": (
            f'f() {{ {_FIND}command -p cat -- "$1"; return; }}; "$g" textconv -- "$1"; }}; f'
        ),
        # What is shown depends on what is in the cache, so Git must not remember it.
        "diff.gitmodel.cachetextconv": "false",
    }
)
_SECTIONS = ("merge.gitmodel", "diff.gitmodel")


def set_drivers(git: Git) -> list[str]:
    """Write the drivers into this clone's configuration; return the keys that changed."""
    wanted = dict(DRIVERS)
    if (program := find_program()) and not _is_there(git):
        wanted[PROGRAM] = str(program)
    wrong = [key for key, value in wanted.items() if gitconfig.values(git, key)[-1:] != [value]]
    for key in wrong:
        gitconfig.set_value(git, key, wanted[key])
    return wrong


def unset_drivers(git: Git) -> list[str]:
    """Take the drivers out of this clone's configuration; return the keys that were there."""
    there = [key for key in (*DRIVERS, PROGRAM) if gitconfig.values(git, key)]
    for section in _SECTIONS:
        gitconfig.remove_section(git, section)
    gitconfig.unset(git, PROGRAM)
    return there


def set_attributes(git: Git, scratch: Scratch) -> bool:
    """Add the lines that `.gitattributes` lacks and stage it; return whether any was lacking."""
    changed = add_rules(git.worktree, ATTRIBUTES_NAME, ATTRIBUTES, scratch)
    if changed:
        staging.stage(git, [ATTRIBUTES_NAME])
    return changed


def check_drivers(git: Git) -> list[str]:
    """Return what of the drivers is missing or different in this clone, in words."""
    problems = [
        f"{key} is {' and '.join(map(repr, gitconfig.values(git, key))) or 'not set'}"
        for key, value in DRIVERS.items()
        if gitconfig.values(git, key)[-1:] != [value]
    ]
    if not _is_there(git):
        said = " and ".join(map(repr, gitconfig.values(git, PROGRAM)))
        problems.append(f"{PROGRAM} is {said}, which is gone" if said else f"{PROGRAM} is not set")
    there = read_rules(git.worktree, ATTRIBUTES_NAME).splitlines()
    problems += [
        f"{ATTRIBUTES_NAME} lacks {rule.decode()!r}" for rule in ATTRIBUTES if rule not in there
    ]
    return problems


def _is_there(git: Git) -> bool:
    """Return whether the program that Git is to call is set, and can be called."""
    found = gitconfig.values(git, PROGRAM)[-1:]
    return all(os.path.isabs(path) and os.access(path, os.X_OK) for path in found) and bool(found)
