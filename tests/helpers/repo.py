"""A real Git repository, and the installed command on it, away from the user's own set-up."""

from __future__ import annotations

import atexit
import functools
import hashlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.helpers.forked import can_fork, forking_program, run_forked

BIN = Path(sys.executable).parent
GITMODEL = BIN / "gitmodel"
_PATIENCE = 120


class Done(NamedTuple):
    """What a command said."""

    code: int
    out: str
    err: str


class Repo:
    """A repository, its working tree at `path`; commands run as in a shell of a new user."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.env = isolated(path.parent / "home")

    @property
    def home(self) -> Path:
        """Where gitmodel keeps its things in this clone."""
        return self.path / ".git" / "gitmodel"

    @property
    def remote(self) -> Path:
        """The folder beside the repository that is its remote."""
        return self.path.parent / "remote"

    @property
    def blobs(self) -> list[Path]:
        """What is in the cache of this clone: blobs with a file of their own, and packs."""
        return [*self.home.glob("blobs/*/*/*"), *self.home.glob("packs/*")]

    def git(self, *arguments: str) -> str:
        """Run git, which must succeed; return what it printed."""
        done = self.run("git", *arguments)
        assert done.code == 0, done.err
        return done.out.strip()

    def gitmodel(
        self,
        *arguments: str,
        code: int = 0,
        cwd: str = "",
        env: Mapping[str, str] | None = None,
    ) -> Done:
        """Run gitmodel, which must exit with `code`, and never by accident."""
        done = self.run(str(GITMODEL), *arguments, cwd=cwd, env=env)
        said = f"gitmodel {' '.join(arguments)}: exit {done.code}\n{done.out}\n{done.err}"
        assert done.code == code, said
        assert "Traceback" not in done.err, said
        assert "bug in gitmodel" not in done.err, said
        return done

    def run(
        self,
        *command: str,
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        patience: float = _PATIENCE,
    ) -> Done:
        """Run a command in the working tree, or in a folder of it, for so many seconds at most."""
        folder = self.path / cwd
        whole = {**self.env, **(env or {})}
        ours = command[0] == str(GITMODEL)
        if command[0] == "gitmodel":
            ours = whole["PATH"] == self.env["PATH"]
        if ours and can_fork(command, whole, folder):
            done = run_forked(command, whole, folder, patience)
        else:
            done = subprocess.run(
                command,
                cwd=folder,
                env=whole,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=patience,
                check=False,
            )
        return Done(
            done.returncode,
            done.stdout.decode(errors="backslashreplace"),
            done.stderr.decode(errors="backslashreplace"),
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start gitmodel and do not wait for it."""
        return subprocess.Popen(
            [str(GITMODEL), *arguments],
            cwd=self.path,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            # What a shell starts in the background is born deaf to it, and its children are.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def fork_hooks(self, *, by_path: bool = False) -> None:
        """Have hooks and drivers that are set up fork their commands, as `gitmodel` here does.

        `by_path`: also where they look for it on PATH.
        """
        if sys.platform != "linux":
            return
        program = forking_program()
        self.git("config", "gitmodel.program", str(program))
        if by_path:
            self.env["PATH"] = os.pathsep.join((str(program.parent), self.env["PATH"]))

    def write(self, path: str, data: bytes | str) -> Path:
        """Write a file, and the folders above it."""
        target = self.path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)
        return target

    def read(self, path: str) -> bytes:
        """Return the bytes of a work file."""
        return (self.path / path).read_bytes()

    def tree(self, folder: str = "") -> dict[str, str]:
        """Return what is in the working tree, or in a folder of it: path to type and digest."""
        return tree(self.path / folder)

    def status(self, *arguments: str) -> dict[str, dict[str, Any]]:
        """Return what `status --json` says, by artifact."""
        found = json.loads(self.gitmodel("status", "--json", *arguments).out)
        return {each["path"]: each for each in found["artifacts"]}

    def commit(self, message: str = "work") -> str:
        """Commit all that Git sees; return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def clone(self, name: str) -> Repo:
        """Clone this repository's origin beside it."""
        self.git("clone", "--quiet", "../origin.git", f"../{name}")
        return Repo(self.path.parent / name)

    def leftovers(self) -> list[str]:
        """Return the temporary files that lie about, in the cache and in the working tree."""
        found = [path for own in self.home.glob("scratch-*") for path in own.rglob("*")]
        found += self.path.rglob("*.gitmodel-tmp")
        return sorted(str(path.relative_to(self.path)) for path in found)


def imported(repo: Repo, *program: str) -> set[str]:
    """Return the modules that a program in Python imports, which must succeed."""
    names = []
    for call in (program, ("-c", "pass")):
        done = repo.run(sys.executable, "-X", "importtime", *call)
        assert done.code == 0, done.err
        rows = re.findall(r"^import time: +\d+ \| +\d+ \| +(\S+)$", done.err, re.MULTILINE)
        names.append(set(rows))
    return names[0] - names[1]


def isolated(home: Path) -> dict[str, str]:
    """Return an environment without the user's terminal and configuration of Git and gitmodel."""
    home.mkdir(exist_ok=True)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIT_", "GITMODEL_", "XDG_", "AWS_", "COLUMNS", "LINES"))
    }
    people = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _WHO}
    return {
        **kept,
        **people,
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TEMPLATE_DIR": str(_git_template()),
        "PATH": os.pathsep.join((str(BIN), os.environ["PATH"])),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
    }


@functools.cache
def _git_template() -> Path:
    """Make what Git's own template has, but for samples of hooks: half of a small repository."""
    folder = Path(tempfile.mkdtemp(prefix="gitmodel-tests-"))
    atexit.register(shutil.rmtree, folder)
    (folder / "hooks").mkdir()
    (folder / "info").mkdir()
    (folder / "info/exclude").write_text("# Only for this clone.\n")
    return folder


_WHO = (("NAME", "Ada Example"), ("EMAIL", "ada@example.org"))


def new_repo(folder: Path, *init: str, remote: bool = True) -> Repo:
    """Make a Git repository with an origin, set up for gitmodel with a folder as remote."""
    repo = Repo(folder / "work")
    repo.path.mkdir()
    repo.git("init", "--quiet", "--bare", "-b", "main", "../origin.git")
    repo.git("init", "--quiet", "-b", "main")
    repo.git("remote", "add", "origin", "../origin.git")
    repo.gitmodel("init", *init)
    if remote:
        repo.gitmodel("remote", "add", "origin", "../remote")
    return repo


def copied(template: Path, folder: Path, name: str = "work") -> Repo:
    """Copy a folder with repositories; return one of them."""
    shutil.copytree(template, folder, symlinks=True, dirs_exist_ok=True)
    return Repo(folder / name)


def tree(folder: Path) -> dict[str, str]:
    """Return what is in a folder, but for Git's own: path to type and digest."""
    found: dict[str, str] = {}
    for here, folders, files in os.walk(folder):
        if ".git" in folders:
            folders.remove(".git")
        links = [name for name in folders if os.path.islink(os.path.join(here, name))]
        for name in sorted((*files, *links)):
            path = os.path.join(here, name)
            found[os.path.relpath(path, folder)] = _describe(path)
        if not files and not folders and here != str(folder):
            found[os.path.relpath(here, folder)] = "d"
    return found


def _describe(path: str) -> str:
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        return f"l {os.readlink(path)}"
    if not stat.S_ISREG(mode):
        return f"special {stat.S_IFMT(mode):o}"
    kind = "x" if mode & stat.S_IXUSR else "f"
    return f"{kind} {hashlib.sha256(Path(path).read_bytes()).hexdigest()}"


def noise(seed: object, size: int) -> bytes:
    """Return bytes that do not compress, the same for the same seed."""
    return hashlib.shake_256(repr(seed).encode()).digest(size)


def flip(path: Path, at: int = -1, bit: int = 1) -> None:
    """Turn one bit of a file, in the middle or at an offset, and keep its mode."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at < 0 else at] ^= bit
    replace(path, bytes(data))


def replace(path: Path, data: bytes) -> None:
    """Give a file, even a read-only one, other content."""
    mode = path.stat().st_mode
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(mode)
