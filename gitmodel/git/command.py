"""The real `git`: where a repository is, and how Git is run in it.

What is asked of it is in the modules beside this one; it honours the user's set-up.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitmodel.errors import GitmodelError, IntegrityError, UsageError
from gitmodel.hints import command
from gitmodel.printable import cut, their_words
from gitmodel.secrets import without_secret
from gitmodel.signals import deaf_children, waiting
from gitmodel.trace import step

_OWN = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_INDEX_FILE"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"),
    *("GIT_NAMESPACE", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_REPLACE_REF_BASE"),
)
"""Variables by which Git tells a hook which repository it is of."""
_FOLDERS = ("--absolute-git-dir", "--git-common-dir")
_SHA256 = 64
_SIDEBAND = "remote:"
"""Git begins lines with this that a server sent."""
_LONGEST_SAID = 1000
_LONGEST = 200
"""Characters of a call that are shown."""


@dataclass(frozen=True, slots=True)
class Git:
    """A repository and one working tree of it, by way of the `git` command.

    `options` stand before the verb of every call.  `apart`: it was named, so that it is not the one
    that the environment is about, if any.
    """

    program: str
    worktree: Path
    git_dir: Path
    common_dir: Path
    options: tuple[str, ...] = ()
    apart: bool = False

    def run(
        self, *arguments: str, feed: bytes = b"", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `git`, whatever its exit code; `env` is added to the environment."""
        whole = {**_environment(named=self.apart), **(env or {})}
        return _run(self.program, self.worktree, (*self.options, *arguments), feed, whole)

    def finish(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run `git` to its end, even if this process is told to stop meanwhile.

        Files that Git has begun to move are then all where they belong, and it knows of them.
        """
        whole = (*self.options, *arguments)
        with waiting():
            with deaf_children():
                git = _start(self.program, self.worktree, whole, _environment(named=self.apart))
            with step(lambda: _line(whole)):
                return _end(git)

    def checked(
        self, *arguments: str, feed: bytes = b"", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `git`; raises `GitmodelError` if it fails."""
        done = self.run(*arguments, feed=feed, env=env)
        if done.returncode:
            verb = next(word for word in arguments if not word.startswith("-"))
            raise GitmodelError(f"git {verb}: {said(done)}", hint="git status")
        return done

    def names(self, *arguments: str, separator: str = "\0") -> list[str]:
        """Run `git` for a list of names; raises `GitmodelError` if it fails."""
        done = self.checked(*arguments)
        return [name for name in os.fsdecode(done.stdout).split(separator) if name]

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run `git` for an answer that is to be believed.

        It is in English and without traces, and no object is replaced by another.
        """
        whole = _environment(named=self.apart)
        kept = {key: value for key, value in whole.items() if not key.startswith("GIT_TRACE")}
        env = {**kept, "LC_ALL": "C", "LANGUAGE": "C", "GIT_NO_REPLACE_OBJECTS": "1"}
        return _run(self.program, self.worktree, (*self.options, *arguments), env=env)

    def version(self) -> str:
        """Return what `git --version` says."""
        return self.checked("--version").stdout.decode().strip()

    def version_number(self) -> tuple[int, int]:
        """Return the first two numbers of Git's version."""
        first, second = re.findall(r"\d+", self.version())[:2]
        return int(first), int(second)


def open_git(folder: Path, *, named: bool = False) -> Git:
    """Return the repository that `folder` is in; raises `UsageError` if it is in none.

    In a hook the environment says which one that is, unless `folder` was `named` by the user.
    """
    done = _ask(folder, "--show-toplevel", *_FOLDERS, named=named)
    if done.returncode == 0:
        return _located(folder, done, named=named)
    text = said(done)
    if "dubious ownership" in text:
        raise _of_another(folder)
    if "must be run in a work tree" in text:
        raise UsageError("a bare repository has no working tree", hint="git clone it first")
    raise UsageError(f"{str(folder)!r} is not in a Git repository", hint="git init")


def open_repository(folder: Path, *, named: bool = False) -> Git:
    """Return the repository that `folder` is in; a bare one is its own working tree.

    It is for what only reads; for `named` see `open_git`.  Raises `UsageError` if the folder is in
    none.
    """
    done = _ask(folder, "--show-toplevel", *_FOLDERS, named=named)
    if done.returncode:
        done = _ask(folder, "--absolute-git-dir", *_FOLDERS, named=named)
    return open_git(folder, named=named) if done.returncode else _located(folder, done, named=named)


def _located(folder: Path, done: subprocess.CompletedProcess[bytes], *, named: bool) -> Git:
    lines = os.fsdecode(done.stdout).split("\n")
    if len(lines) != 4:
        raise UsageError(f"{str(folder)!r} has a line break in its path", hint="rename it")
    worktree, git_dir, common_dir = (folder / line for line in lines[:3])
    whole = Path(os.path.abspath(common_dir))
    return Git(_find_program(), worktree, git_dir, whole, apart=named)


def has_worktree(folder: Path) -> bool:
    """Return whether a folder that was named is in the working tree of a repository."""
    try:
        return folder.is_dir() and bool(open_git(folder, named=True))
    except UsageError:
        return False


def open_bare(folder: Path, commit: str = "") -> Git:
    """Return the bare repository at `folder`, made anew if it is not there.

    `commit` is one that will be in it: its objects are named by SHA-1 or by SHA-256.
    """
    program = _find_program()
    git = Git(program, folder, folder, folder, ("--git-dir", str(folder)), apart=True)
    if not (folder / "HEAD").exists():
        folder.mkdir(parents=True, exist_ok=True)
        form = ["--object-format=sha256"] if len(commit) == _SHA256 else []
        git.checked("init", "--quiet", "--bare", "--template=", *form)
    return git


def find_top(folder: Path) -> Path:
    """Return the top of the working tree that a named folder is in, or its bare repository.

    Raises `UsageError` if it is in neither.
    """
    top = _ask(folder, "--show-toplevel", named=True)
    if top.returncode:
        top = _ask(folder, "--absolute-git-dir", named=True)
    if top.returncode == 0:
        return Path(os.fsdecode(top.stdout).removesuffix("\n"))
    if "dubious ownership" in said(top):
        raise _of_another(folder)
    raise UsageError(f"{str(folder)!r} is not in a Git repository", hint="git init")


def find_common_dir(folder: Path) -> Path:
    """Return where the repository that `folder` is in keeps what its worktrees share.

    Raises `UsageError` if it is in none.
    """
    done = run_in(folder, "rev-parse", "--git-common-dir")
    if done.returncode:
        raise UsageError(f"{str(folder)!r} is not in a Git repository", hint="git init")
    return Path(os.path.abspath(folder / os.fsdecode(done.stdout).removesuffix("\n")))


def _ask(folder: Path, *questions: str, named: bool) -> subprocess.CompletedProcess[bytes]:
    arguments = ("rev-parse", *questions)
    return _run(_find_program(), folder, arguments, env=_environment(named=named))


def _environment(*, named: bool) -> dict[str, str]:
    """Return the environment, for a repository that was named without what is about another."""
    return {key: value for key, value in os.environ.items() if not (named and key in _OWN)}


def run_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run `git` in a folder, whatever repository that is in, if any."""
    return _run(_find_program(), folder, arguments)


def _find_program() -> str:
    """Look on PATH, but never in the current folder, as an empty or relative entry would."""
    for folder in os.get_exec_path():
        path = os.path.join(folder, "git")
        if os.path.isabs(folder) and os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    raise GitmodelError("git is not on PATH", hint="install Git 2.30 or newer")


def _run(
    program: str,
    folder: Path,
    arguments: Sequence[str],
    feed: bytes = b"",
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    with step(lambda: _line(arguments)):
        return _end(_start(program, folder, arguments, env), feed)


def _line(arguments: Sequence[str]) -> str:
    """Return a call as it may be shown, in part if it is long."""
    line = without_secret(shlex.join(("git", *arguments)))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."


def _start(
    program: str, folder: Path, arguments: Sequence[str], env: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    whole = [program, *arguments]
    return subprocess.Popen(whole, cwd=folder, env=env, stdin=pipe, stdout=pipe, stderr=pipe)


def _end(git: subprocess.Popen[bytes], feed: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    with git:
        try:
            out, err = git.communicate(feed)
        except BaseException:
            # Told to end it takes its lock files away; killed it would leave them.
            git.terminate()
            git.wait()
            raise
    return subprocess.CompletedProcess(git.args, git.returncode, out, err)


def _of_another(folder: Path) -> IntegrityError:
    return IntegrityError(
        f"{str(folder)!r} belongs to a repository of another owner",
        hint=command("git config --global --add safe.directory {}", str(folder)),
    )


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return what Git said of a run in one line, without passwords, or its exit code.

    What came from a server, a hook there for example, is told apart.
    """
    lines = without_secret(os.fsdecode(done.stderr)).splitlines()
    plain = (line.removeprefix("fatal: ").removeprefix("error: ").strip() for line in lines)
    ours = [line for line in plain if line and not line.startswith(_SIDEBAND)]
    theirs = [line.removeprefix(_SIDEBAND) for line in lines if line.startswith(_SIDEBAND)]
    told = [cut("; ".join(ours), _LONGEST_SAID)] if ours else []
    told += [their_words(" ".join(theirs))] if any(map(str.strip, theirs)) else []
    return "; ".join(told) or f"exit code {done.returncode}"
