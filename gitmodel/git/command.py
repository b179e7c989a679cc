"""The real `git`: where a repository is, and how Git is run in it.

What is asked of it is in the modules beside this one.  A question runs nothing that a configuration
names; what moves files or refs is Git at work as the user set it up.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from gitmodel.errors import ConflictError, DiskError, GitmodelError, IntegrityError, UsageError
from gitmodel.hints import command, note
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
_PATTERNS = ("GLOB", "NOGLOB", "LITERAL", "ICASE")
_MEANT = tuple(f"GIT_{name}_PATHSPECS" for name in _PATTERNS)
"""Variables that change what our patterns mean; `git --literal-pathspecs` sets one for hooks."""
_QUIET = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
"""What keeps Git from running programs to answer a question."""
_FOLDERS = ("--absolute-git-dir", "--git-common-dir")
_SIDEBAND = "remote:"
"""Git begins lines with this that a server sent."""
_LONGEST_SAID = 1000
_WITH_VALUE = ("-c", "-C", "--git-dir")
_REFUSED = ("No space left on device", "Disk quota exceeded", "Input/output error")
_LONGEST = 200
"""Characters of a call that are shown."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """How the environment of a Git differs from that of this process."""

    without: tuple[str, ...]
    added: Mapping[str, str]

    def environment(self) -> dict[str, str]:
        """Return the whole environment of a Git."""
        without = {*self.without, *_MEANT}
        kept = {key: value for key, value in os.environ.items() if key not in without}
        return {**kept, **self.added}


# The messages of Git are looked into, so they are in English; only they, as `LC_ALL` would
# change more.
_ENGLISH = {"LANGUAGE": "C"}
HERE = Surroundings((), MappingProxyType(_ENGLISH))
"""For the repository that one stands in, or that a hook is of."""
NAMED = Surroundings(
    # Before Git 2.45 (2.39.4) nothing knows the first variable; the second stops every transport.
    _OWN,
    MappingProxyType({**_ENGLISH, "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": ""}),
)
"""For one that was named: it may be anybody's, so Git fetches nothing for it."""
APART = Surroundings(_OWN, MappingProxyType({**_ENGLISH, "GIT_NO_LAZY_FETCH": "1"}))
"""For one of our own, made to fetch into."""


@dataclass(frozen=True, slots=True)
class Git:
    """A repository and one working tree of it, by way of the `git` command.

    `options` stand before the verb of every call.
    """

    program: str
    worktree: Path
    git_dir: Path
    common_dir: Path
    options: tuple[str, ...] = ()
    around: Surroundings = HERE

    def run(
        self, *arguments: str, feed: bytes = b"", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Ask `git` something, whatever its exit code; `env` is added to the environment."""
        return _run(self, (_QUIET, arguments), feed, {**self.around.environment(), **(env or {})})

    def act(
        self, *arguments: str, feed: bytes = b"", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `git` as the user set it up, hooks and all, whatever its exit code."""
        return _run(self, ((), arguments), feed, {**self.around.environment(), **(env or {})})

    def finish(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Do as `act` to the end, even if this process is told to stop meanwhile.

        Files that Git has begun to move are then all where they belong, and it knows of them.
        """
        with waiting():
            with deaf_children():
                git = _start(self, arguments, self.around.environment())
            with step(lambda: _line(self, arguments)):
                return _end(git)

    def checked(
        self, *arguments: str, feed: bytes = b"", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Ask `git` something; raises `GitmodelError` if it fails."""
        return checked(self, self.run(*arguments, feed=feed, env=env))

    def names(self, *arguments: str, separator: str = "\0") -> list[str]:
        """Run `git` for a list of names; raises `GitmodelError` if it fails."""
        done = self.checked(*arguments)
        return [name for name in os.fsdecode(done.stdout).split(separator) if name]

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run `git` for an answer that is to be believed.

        It is in English and without traces, and no object is replaced by another.
        """
        whole = self.around.environment()
        kept = {key: value for key, value in whole.items() if not key.startswith("GIT_TRACE")}
        env = {**kept, "LC_ALL": "C", "GIT_NO_REPLACE_OBJECTS": "1"}
        return _run(self, (_QUIET, arguments), b"", env)

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
    around = NAMED if named else HERE
    done = _ask(folder, around, "--show-toplevel", *_FOLDERS)
    if done.returncode == 0:
        return _located(folder, done, around)
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
    around = NAMED if named else HERE
    done = _ask(folder, around, "--show-toplevel", *_FOLDERS)
    if done.returncode:
        done = _ask(folder, around, "--absolute-git-dir", *_FOLDERS)
    return open_git(folder, named=named) if done.returncode else _located(folder, done, around)


def _located(folder: Path, done: subprocess.CompletedProcess[bytes], around: Surroundings) -> Git:
    lines = os.fsdecode(done.stdout).split("\n")
    if len(lines) != 4:
        raise UsageError(f"{str(folder)!r} has a line break in its path", hint="rename it")
    worktree, git_dir, common_dir = (folder / line for line in lines[:3])
    whole = Path(os.path.abspath(common_dir))
    return Git(find_program(), worktree, git_dir, whole, around=around)


def has_worktree(folder: Path) -> bool:
    """Return whether a folder that was named is in the working tree of a repository."""
    try:
        return folder.is_dir() and bool(open_git(folder, named=True))
    except UsageError:
        return False


def find_top(folder: Path) -> Path:
    """Return the top of the working tree that a named folder is in, or its bare repository.

    Raises `UsageError` if it is in neither.
    """
    top = _ask(folder, NAMED, "--show-toplevel")
    if top.returncode:
        top = _ask(folder, NAMED, "--absolute-git-dir")
    if top.returncode == 0:
        return Path(os.fsdecode(top.stdout).removesuffix("\n"))
    if "dubious ownership" in said(top):
        raise _of_another(folder)
    raise UsageError(f"{str(folder)!r} is not in a Git repository", hint="git init")


def find_common_dir(folder: Path) -> Path:
    """Return where the repository that `folder` is in keeps what its worktrees share.

    Raises `UsageError` if it is in none.
    """
    done = _ask(folder, HERE, "--git-common-dir")
    if done.returncode:
        raise UsageError(f"{str(folder)!r} is not in a Git repository", hint="git init")
    return Path(os.path.abspath(folder / os.fsdecode(done.stdout).removesuffix("\n")))


def _ask(folder: Path, around: Surroundings, *questions: str) -> subprocess.CompletedProcess[bytes]:
    return Git(find_program(), folder, folder, folder, around=around).run("rev-parse", *questions)


def run_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Ask `git` something in a folder, whatever repository that is in, if any."""
    return Git(find_program(), folder, folder, folder).run(*arguments)


def nowhere() -> Git:
    """Return a Git that is in no repository: only the user's own configuration counts."""
    around = Surroundings(_OWN, {**_ENGLISH, "GIT_DIR": os.devnull})
    here = Path()
    return Git(find_program(), here, here, here, around=around)


def operand(text: str) -> str:
    """Return a name that Git could take for an option if it began with `-`: then it is refused.

    Not all verbs know `--end-of-options`, and `--` ends the revisions, not the options, of some.
    """
    if text.startswith("-"):
        raise UsageError(
            f"{text!r} begins with '-', so that Git would take it for an option",
            hint=note("git branch -m -- {} NEW, if it is a branch", text),
        )
    return text


def checked(
    git: Git, done: subprocess.CompletedProcess[bytes]
) -> subprocess.CompletedProcess[bytes]:
    """Return a run of Git that did not fail; raises `GitmodelError` for one that did."""
    if done.returncode:
        raise failure(git, done)
    return done


def find_program() -> str:
    """Look on PATH, but never in the current folder, as an empty or relative entry would."""
    for folder in os.get_exec_path():
        path = os.path.join(folder, "git")
        if os.path.isabs(folder) and os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    raise GitmodelError("git is not on PATH", hint="install Git 2.30 or newer")


def _run(
    git: Git, call: tuple[Sequence[str], Sequence[str]], feed: bytes, env: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """Run a call: options that go without saying, and the rest."""
    silent, arguments = call
    with step(lambda: _line(git, arguments)):
        return _end(_start(git, (*silent, *arguments), env), feed)


def _line(git: Git, arguments: Sequence[str]) -> str:
    """Return a call as it may be shown, in part if it is long."""
    line = without_secret(shlex.join(("git", *git.options, *arguments)))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."


def _start(git: Git, arguments: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    whole = [git.program, *git.options, *arguments]
    return subprocess.Popen(whole, cwd=git.worktree, env=env, stdin=pipe, stdout=pipe, stderr=pipe)


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


def lines_of(data: bytes) -> list[str]:
    """Return the lines of what Git printed: names in them may hold what Python parts lines at."""
    return os.fsdecode(data).removesuffix("\n").split("\n") if data else []


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return what Git said of a run in one line, without passwords, or its exit code.

    What came from a server, a hook there for example, is told apart.
    """
    lines = [without_secret(line) for line in lines_of(done.stderr)]
    plain = (line.removeprefix("fatal: ").removeprefix("error: ").strip() for line in lines)
    ours = [line for line in plain if line and not line.startswith(_SIDEBAND)]
    theirs = [line.removeprefix(_SIDEBAND) for line in lines if line.startswith(_SIDEBAND)]
    told = [cut("; ".join(ours), _LONGEST_SAID)] if ours else []
    told += [their_words(" ".join(theirs))] if any(map(str.strip, theirs)) else []
    return "; ".join(told) or f"exit code {done.returncode}"


def failure(
    git: Git, done: subprocess.CompletedProcess[bytes], kind: type[GitmodelError] = GitmodelError
) -> GitmodelError:
    """Return the error of a run of Git that failed.

    It is a `ConflictError` if a lock file is in its way, a `DiskError` if the disk refused, else
    of the given kind.
    """
    text = said(done)
    for lock in lock_files(git):
        if lock.name in text or f"{lock.name.removesuffix('.lock')}: File exists" in text:
            shown = os.path.relpath(lock)
            return ConflictError(
                f"{shown!r} is there: another Git is at work, or one was killed",
                hint=note("rm {}, if no Git runs", shown),
            )
    verb = _verb(done.args)
    message = f"git {verb}: {text}"
    if any(words in text for words in _REFUSED):
        return DiskError(message, hint=command("df {}", os.path.relpath(git.common_dir)))
    return kind(message, hint="git status")


def lock_files(git: Git) -> Iterator[Path]:
    """Yield the lock files of Git that are there: while it works, or since it was killed."""
    for folder in dict.fromkeys((git.git_dir, git.common_dir)):
        for name in ("index", "HEAD", "config", "packed-refs", "shallow"):
            if (path := folder / f"{name}.lock").exists():
                yield path
        yield from sorted((folder / "refs").rglob("*.lock"))


def _verb(arguments: Sequence[str]) -> str:
    """Return which command of Git a call is of."""
    words = iter(arguments[1:])
    for word in words:
        if word in _WITH_VALUE:
            next(words)
        elif not word.startswith("-"):
            return word
    return ""
