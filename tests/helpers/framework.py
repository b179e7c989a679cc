"""The real pre-commit (https://pre-commit.com), with gitmodel as a repository of ids for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.helpers.repo import BIN, Done, Repo

PRE_COMMIT = BIN / "pre-commit"
SOURCE = Path(__file__).parents[2]
PIP_SECONDS = 900
CONFIG = ".pre-commit-config.yaml"
TYPES = ("pre-commit", "pre-push", "post-checkout", "post-merge", "post-rewrite", "post-commit")
_PARTS = (".pre-commit-hooks.yaml", "pyproject.toml", "README.md", "LICENSE", "gitmodel", "hooks")


class Framework:
    """pre-commit with a store of its own, and a clone of gitmodel as it is now."""

    def __init__(self, folder: Path) -> None:
        self.clone = folder / "clone"
        self.env = {"PRE_COMMIT_HOME": str(folder / "store"), "PRE_COMMIT_COLOR": "never"}
        self.clone.mkdir()
        for part in _PARTS:
            if (SOURCE / part).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(SOURCE / part, self.clone / part, ignore=ignored)
            else:
                shutil.copy(SOURCE / part, self.clone)
        repo = Repo(self.clone)
        repo.git("init", "--quiet", "-b", "main")
        self.rev = repo.commit("gitmodel")

    def run(self, repo: Repo, *arguments: str, env: Mapping[str, str] | None = None) -> Done:
        """Run pre-commit in a repository."""
        return repo.run(str(PRE_COMMIT), *arguments, env={**self.env, **(env or {})})

    def try_id(self, repo: Repo, name: str, *arguments: str) -> Done:
        """Run one id once, as `pre-commit try-repo` does."""
        return self.run(repo, "try-repo", str(self.clone), name, *arguments)

    def configure(self, repo: Repo, *hooks: Mapping[str, Any] | str) -> None:
        """Write and commit the file that people paste into their repository."""
        chosen = [{"id": hook} if isinstance(hook, str) else dict(hook) for hook in hooks]
        ours = {"repo": str(self.clone), "rev": self.rev, "hooks": chosen}
        # YAML has JSON in it.
        repo.write(CONFIG, json.dumps({"repos": [ours]}))
        repo.git("add", CONFIG)
        repo.git("commit", "--quiet", "--no-verify", "-m", "pre-commit")

    def install_environments(self, repo: Repo) -> None:
        """Have pre-commit make the environments of all ids, by way of pip."""
        done = repo.run(str(PRE_COMMIT), "install-hooks", env=self.env, patience=PIP_SECONDS)
        assert done.code == 0, done.out + done.err

    def install(self, repo: Repo, types: Sequence[str] = TYPES) -> None:
        """Set up the Git hooks of pre-commit."""
        options = [word for name in types for word in ("--hook-type", name)]
        done = self.run(repo, "install", *options)
        assert done.code == 0, done.out + done.err
