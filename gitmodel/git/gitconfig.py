"""Git's configuration: that which counts is read, that of this clone is written."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from gitmodel.errors import UsageError
from gitmodel.git.command import Git, checked, nowhere, said
from gitmodel.hints import command

_SHARED = re.compile(r"|1|2|true|yes|on|group|all|world|everybody|0?[0-7][2367][0-7]")


def values(git: Git, key: str) -> list[str]:
    """Return the values of a key."""
    done = git.act("config", "--null", "--get-all", "--", key)
    return os.fsdecode(done.stdout).split("\0")[:-1] if done.returncode == 0 else []


def switched_on(git: Git, key: str) -> bool:
    """Return whether a key is true."""
    return git.act("config", "--type=bool", "--get", "--", key).stdout.strip() == b"true"


def enabled(git: Git, key: str, *, default: bool) -> bool:
    """Return a yes or no; raises `UsageError` if it is neither."""
    return _typed(git, "bool", key, str(default).lower()) == "true"


def number(git: Git, key: str, default: int) -> int:
    """Return a number, in which `k`, `m` and `g` may stand."""
    return int(_typed(git, "int", key, str(default)))


def is_shared(git: Git) -> bool:
    """Return whether a group may write to the repository (`core.sharedRepository`).

    That is in its own configuration, as Git too has it, so where the word is not, none is asked.
    """
    with suppress(FileNotFoundError):
        if b"sharedrepository" not in (git.common_dir / "config").read_bytes().lower():
            return False
    done = git.run("config", "--local", "--get", "core.sharedRepository")
    said = done.stdout.decode(errors="replace").strip().lower()
    # A key without a value is true, and a number in octal the rights themselves.
    return done.returncode == 0 and bool(_SHARED.fullmatch(said))


def keeps_modes(git: Git) -> bool:
    """Return whether the executable bit of a work file means something (`core.fileMode`).

    Git wrote that into the repository's own configuration when it made it, so mostly none is asked.
    """
    with suppress(FileNotFoundError):
        text = (git.common_dir / "config").read_bytes().lower()
        others = (b"[include", b"worktreeconfig")
        once = text.count(b"filemode") == 1 and not any(each in text for each in others)
        if once and b"\n\tfilemode = true\n" in text:
            return True
    return enabled(git, "core.fileMode", default=True)


def keeps_links(git: Git) -> bool:
    """Return whether the working tree can have symlinks (`core.symlinks`)."""
    return enabled(git, "core.symlinks", default=True)


def ignores_case(git: Git) -> bool:
    """Return whether names that differ only in case are one (`core.ignoreCase`)."""
    return enabled(git, "core.ignoreCase", default=False)


def _typed(git: Git, kind: str, key: str, default: str) -> str:
    options = (f"--type={kind}", f"--default={default}")
    done = git.act("config", *options, "--get", "--", key)
    if done.returncode:
        raise UsageError(f"{key}: {said(done)}", hint=command("git config {} {}", key, default))
    return done.stdout.decode().strip()


def default_folder(key: str, default: str) -> Path:
    """Return a path of the user's own configuration, or `default`; `~` is the home folder.

    That of a repository does not count: whose it is, nobody knows.
    """
    options = ("--type=path", f"--default={default}")
    done = nowhere().act("config", *options, "--get", "--", key)
    if done.returncode:
        raise UsageError(f"{key}: {said(done)}", hint=command("git config --global {} FOLDER", key))
    return Path(os.fsdecode(done.stdout).removesuffix("\n"))


def hooks_folder(git: Git) -> Path:
    """Return where Git looks for hooks: `core.hooksPath`, or the repository's own folder."""
    done = checked(git, git.act("rev-parse", "--git-path", "hooks"))
    return git.worktree / os.fsdecode(done.stdout).removesuffix("\n")


def add_value(git: Git, key: str, value: str) -> None:
    """Add a value to a key of this clone's own configuration."""
    checked(git, git.act("config", "--local", "--add", "--", key, value))


def set_value(git: Git, key: str, value: str) -> None:
    """Set a key of this clone's own configuration."""
    checked(git, git.act("config", "--local", "--replace-all", "--", key, value))


def unset(git: Git, key: str) -> None:
    """Take a key out of this clone's own configuration, if it is there."""
    git.act("config", "--local", "--unset-all", "--", key)


def remove_section(git: Git, section: str) -> None:
    """Remove a section from this clone's own configuration, if it is there."""
    git.act("config", "--local", "--remove-section", "--", section)
