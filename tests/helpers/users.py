"""Commands that real users run, with numbers that nobody here has."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.repo import GITMODEL, isolated

GROUP = 54343

needs_users = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can be two users"
)


@dataclass(frozen=True, slots=True)
class User:
    """A user who is in `GROUP` too; `folder` is where commands run."""

    number: int
    folder: Path
    umask: int = 0o022

    def run(self, *command: str) -> str:
        """Run a command, which must succeed; return what it printed.

        Python may lie where only root may look, so everything can be read.
        """
        privileges = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
        who = (f"--reuid={self.number}", f"--regid={self.number}", f"--groups={GROUP}")
        home = self.folder.parent / f"home-{self.number}"
        env = {**isolated(home), "GIT_CONFIG_GLOBAL": str(home / "gitconfig")}
        (home / "gitconfig").write_text("[safe]\n\tdirectory = *\n")
        done = subprocess.run(
            ["setpriv", *who, *privileges, *command],
            cwd=self.folder,
            env=env,
            umask=self.umask,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def gitmodel(self, *arguments: str) -> str:
        """Run gitmodel, which must succeed."""
        return self.run(str(GITMODEL), *arguments)

    def save(self, name: str, data: bytes) -> None:
        """Write a file, track it and commit that."""
        path = self.folder / name
        path.write_bytes(data)
        os.chown(path, self.number, self.number)
        self.gitmodel("add", name)
        self.run("git", "add", "--all")
        # Git itself leaves this one to whom it belongs.
        (self.folder / ".git" / "COMMIT_EDITMSG").unlink(missing_ok=True)
        self.run("git", "commit", "--quiet", "-m", name)
