"""The tools under comparison, each as the commands that a user would type."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import Bench, BenchmarkError, Command, find_command

GIT = "git"


@dataclass(frozen=True, slots=True)
class Tool:
    """One installed tool; every method returns the commands of one step, run in a repository."""

    name: str
    program: Path

    def setup(self) -> list[Command]:
        """Prepare a repository that ``git init`` has just made."""
        raise NotImplementedError

    def add(self, path: str) -> list[Command]:
        """Track a file or folder, or update it."""
        raise NotImplementedError

    def status(self) -> list[Command]:
        """Tell what changed."""
        raise NotImplementedError

    def switch(self, revision: str) -> list[Command]:
        """Go to another version, from the local cache."""
        raise NotImplementedError

    def restore(self, path: str) -> list[Command]:
        """Bring a deleted file or folder back from the local cache."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class RemoteTool(Tool):
    """A tool that also keeps a folder as its remote."""

    def remote_add(self, url: str) -> list[Command]:
        """Name a folder, relative to the repository, as the default remote."""
        raise NotImplementedError

    def push(self) -> list[Command]:
        """Send what the current commit needs."""
        raise NotImplementedError

    def fetch(self) -> list[Command]:
        """Get it into the cache of a clone."""
        raise NotImplementedError

    def bucket_add(self, bucket: str, endpoint: str) -> list[Command]:
        """Name a bucket as the default remote."""
        raise NotImplementedError

    def confirm(self) -> list[Command]:
        """Do what a clone needs before its remote is used."""
        return []

    def pull(self) -> list[Command]:
        """Get what the current commit needs into the working tree."""
        raise NotImplementedError


class Gitmodel(RemoteTool):
    """The tool of this project."""

    def setup(self) -> list[Command]:
        return [[self.program, "init"]]

    def add(self, path: str) -> list[Command]:
        return [[self.program, "add", path]]

    def status(self) -> list[Command]:
        return [[self.program, "status"]]

    def switch(self, revision: str) -> list[Command]:
        return [[self.program, "checkout", revision]]

    def restore(self, path: str) -> list[Command]:
        return [[self.program, "checkout", "HEAD", "--", path]]

    def remote_add(self, url: str) -> list[Command]:
        return [[self.program, "remote", "add", "origin", url]]

    def push(self) -> list[Command]:
        return [[self.program, "push", "--no-git"]]

    def fetch(self) -> list[Command]:
        return [[self.program, "fetch"]]

    def bucket_add(self, bucket: str, endpoint: str) -> list[Command]:
        url = f"s3://{bucket}/gitmodel"
        return [[self.program, "remote", "add", "origin", url]]

    def pull(self) -> list[Command]:
        return [[self.program, "pull"]]


class Dvc(RemoteTool):
    """DVC with its defaults, analytics off."""

    def setup(self) -> list[Command]:
        return [
            [self.program, "init", "-q"],
            [self.program, "config", "core.analytics", "false"],
        ]

    def add(self, path: str) -> list[Command]:
        return [[self.program, "add", "-q", path]]

    def status(self) -> list[Command]:
        return [[self.program, "status"]]

    def switch(self, revision: str) -> list[Command]:
        return [[GIT, "checkout", "-q", revision], [self.program, "checkout", "-q"]]

    def restore(self, path: str) -> list[Command]:
        return [[self.program, "checkout", "-q", f"{path}.dvc"]]

    def remote_add(self, url: str) -> list[Command]:
        # DVC reads a relative folder as relative to where the command is run.
        return [[self.program, "remote", "add", "-q", "-d", "origin", url]]

    def push(self) -> list[Command]:
        return [[self.program, "push", "-q"]]

    def fetch(self) -> list[Command]:
        return [[self.program, "fetch", "-q"]]

    def bucket_add(self, bucket: str, endpoint: str) -> list[Command]:
        return [
            [self.program, "remote", "add", "-q", "-d", "origin", f"s3://{bucket}/dvc"],
            [self.program, "remote", "modify", "-q", "origin", "endpointurl", endpoint],
        ]

    def pull(self) -> list[Command]:
        return [[self.program, "pull", "-q"]]


class GitLfs(Tool):
    """Git LFS: everything happens in filters of Git's own commands."""

    def setup(self) -> list[Command]:
        return [
            [GIT, "lfs", "install", "--local"],
            [GIT, "lfs", "track", "data/**", "*.bin"],
            [GIT, "add", ".gitattributes"],
        ]

    def add(self, path: str) -> list[Command]:
        return [[GIT, "add", path]]

    def status(self) -> list[Command]:
        return [[GIT, "status", "--short"]]

    def switch(self, revision: str) -> list[Command]:
        return [[GIT, "checkout", "-q", revision]]

    def restore(self, path: str) -> list[Command]:
        return [[GIT, "checkout", "-q", "HEAD", "--", path]]


class Plain(Tool):
    """``cp``: the raw limit of the disk. It has nothing to set up, check or switch."""

    def setup(self) -> list[Command]:
        return []

    def add(self, path: str) -> list[Command]:
        return [[self.program, "-r", path, ".git/copy"]]


@dataclass(frozen=True, slots=True)
class Field:
    """The tools found on this machine, and a line for each that was not."""

    gitmodel: Gitmodel | None
    dvc: Dvc | None
    git_lfs: GitLfs | None
    plain: Plain
    notes: tuple[str, ...]

    def remotes(self) -> list[RemoteTool]:
        """Tools that push to a folder."""
        return [tool for tool in (self.gitmodel, self.dvc) if tool is not None]

    def all(self) -> list[Tool]:
        """Every tool that tracks files."""
        return [tool for tool in (self.gitmodel, self.dvc, self.git_lfs) if tool is not None]


def find_tools(bench: Bench) -> Field:
    """Look the tools up once per subject."""
    names = ("gitmodel", "dvc", "git-lfs")
    found = {n: find_command(n) for n in names if n not in bench.options.skip}
    gitmodel, dvc, lfs = (found.get(name) for name in names)
    plain = find_command("cp")
    if plain is None:
        raise BenchmarkError("cp is not on PATH")
    return Field(
        Gitmodel("gitmodel", gitmodel) if gitmodel else None,
        Dvc("dvc", dvc) if dvc else None,
        GitLfs("git-lfs", lfs) if lfs else None,
        Plain("cp", plain),
        tuple(f"{name}: left out, {_reason(name, bench)}" for name in names if not found.get(name)),
    )


def new_repository(bench: Bench, tool: Tool, folder: Path) -> None:
    """Make ``folder`` a repository with one commit, set up for the tool."""
    folder.mkdir()
    bench.call(folder, [GIT, "init", "-q", "-b", "main"], *tool.setup())
    commit(bench, folder, "start")


def commit(bench: Bench, folder: Path, message: str, tag: str | None = None) -> None:
    """Commit everything that Git does not ignore, and tag it if asked."""
    bench.call(
        folder,
        [GIT, "add", "-A"],
        [GIT, "commit", "-q", "--allow-empty", "-m", message],
        *([[GIT, "tag", tag]] if tag else []),
    )


def versions(bench: Bench) -> str:
    """Name the versions of the tools that take part."""
    commands: Sequence[tuple[str, Path | None]] = [
        (name, find_command(name)) for name in ("git", "gitmodel", "dvc", "git-lfs")
    ]
    return ", ".join(
        f"{name} {_version(program, bench)}"
        for name, program in commands
        if program and name not in bench.options.skip
    )


def _version(program: Path, bench: Bench) -> str:
    done = subprocess.run(
        [program, "--version"], env=bench.env, capture_output=True, text=True, check=False
    )
    words = done.stdout.replace("/", " ").split()
    return next((word for word in words if word[0].isdigit()), "of unknown version")


def _reason(name: str, bench: Bench) -> str:
    return "as asked" if name in bench.options.skip else "not installed"
