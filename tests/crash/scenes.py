"""The commands that are stopped midway: from which state to which, and what must hold between."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gitmodel.root import root_name
from tests.helpers.repo import Repo, copied, new_repo, noise

LARGE = (1 << 20) + 4096
EMPTY = f"f {hashlib.sha256().hexdigest()}"


@dataclass(frozen=True, slots=True)
class Scene:
    """A command, the folder it starts from, and the working tree before and after it.

    `passing` has Git's files as they may be on the way.
    `lacking`: before the command, blobs are missing here, so `verify` may say so.
    """

    name: str
    template: Path
    command: tuple[str, ...]
    before: dict[str, str]
    after: dict[str, str]
    passing: dict[str, str]
    staged: str
    lacking: bool

    def copy(self, folder: Path) -> Repo:
        """Return a fresh repository in the state before."""
        return copied(self.template, folder)

    def check_between(self, repo: Repo, *, git_died: bool = False) -> None:
        """Every work file is the old or the new one; nothing is damaged; no tag without data."""
        here = repo.tree()
        trees = (self.before, self.passing, self.after)
        for path in here.keys() | self.before.keys() | self.after.keys():
            allowed = {tree.get(path) for tree in trees}
            if any(other.startswith(f"{path}/") for tree in trees for other in tree):
                # A folder is made before its first file, and removed after its last one.
                allowed.add("d")
            if git_died and path.endswith((".gitmodel", ".gitignore", ".yaml", ".py")):
                # Git itself removes a file before it writes the new one, and makes it before it
                # fills it.
                allowed |= {None, EMPTY}
            assert here.get(path) in allowed, f"{path!r} is neither the old nor the new one: {here}"
        check_order(repo)
        if git_died:
            self._tidy_after_git(repo)
        done = repo.run("gitmodel", "verify")
        assert done.code in ((0, 5) if self.lacking else (0,)), done.out + done.err

    def _tidy_after_git(self, repo: Repo) -> None:
        """Do what Git asks its user to do after it was killed itself."""
        for lock in repo.path.glob(".git/**/*.lock"):
            if lock.name != "gitmodel.lock":
                lock.unlink()
                if self.name in ("checkout", "mix"):
                    # Its files were written, its index was not: local changes to Git.
                    repo.git("reset", "--quiet", "--hard")
                    repo.git("clean", "--quiet", "--force", "--", "*.gitmodel")

    def check_again(self, repo: Repo) -> None:
        """The same command, run again, does all that is left, and cleans up."""
        repo.gitmodel(*self.command)
        assert repo.tree() == self.after
        assert repo.git("write-tree") == self.staged
        assert repo.leftovers() == []
        check_order(repo)
        for artifact in repo.status().values():
            assert artifact["work"] == "clean"
            assert artifact["cached"]
        if self.command[0] == "push":
            assert repo.gitmodel("verify", "--remote").code == 0
            assert repo.git("ls-remote", "--tags", "origin") != ""
            assert not list((repo.path.parent / "remote").glob(".gitmodel-scratch-*/*"))


def check_order(repo: Repo) -> None:
    """A tag is on Git's remote only when its root is on ours, and a root only after an index."""
    remote = repo.path.parent / "remote"
    for tag in (repo.path.parent / "origin.git" / "refs" / "tags").glob("*"):
        name = root_name(f"refs/tags/{tag.name}")
        assert list(remote.glob(f"roots/*/{name}")), f"tag {tag.name} has no root"
    if list(remote.glob("roots/*/*")):
        assert list(remote.glob("index/*"))


class Scenes:
    """The scenes by name; each is made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: Scenes = {}

    def __getitem__(self, name: str) -> Scene:
        if name not in self._made:
            self._made[name] = _scene(name, self._folder / name)
        return self._made[name]


def _scene(name: str, folder: Path) -> Scene:
    makers: dict[str, tuple[Callable[[Path], Repo], tuple[str, ...]]] = {
        "add": (_changed, ("add", "model.pt", "data/train")),
        "add-raw": (_tracked_by_git, ("add", "model.pt", "data/train")),
        "push": (_tagged, ("push",)),
        "pull": (_cloned, ("pull",)),
        "checkout": (_at_second, ("checkout", "v1.0")),
        "mix": (_at_second, ("checkout", "v1.0", "--code", "main", "--data", "main")),
    }
    make, command = makers[name]
    template = folder / "before"
    template.mkdir(parents=True)
    before = make(template).tree()
    done = copied(template, folder / "after")
    done.gitmodel(*command)
    staged = done.git("write-tree")
    passing = before
    if name == "mix":
        # Git goes to the version, and from there to the mix.
        between = copied(template, folder / "passing")
        between.git("checkout", "--quiet", "v1.0")
        passing = between.tree()
    return Scene(name, template, command, before, done.tree(), passing, staged, name == "pull")


def _first(folder: Path) -> Repo:
    repo = new_repo(folder)
    repo.write("train.py", "print(1)\n")
    repo.write("model.pt", noise("model 1", LARGE))
    repo.write("old.pt", noise("only in the first", 5000))
    for name in ("a", "b", "c/d"):
        repo.write(f"data/train/{name}", noise(name, 3000))
    return repo


def _second(repo: Repo) -> None:
    repo.write("train.py", "print(2)\n")
    repo.write("model.pt", noise("model 2", LARGE))
    repo.write("data/train/b", noise("b changed", 3100))
    shutil.rmtree(repo.path / "data/train/c")
    repo.write("data/train/c", noise("a file now", 100))
    repo.write("data/train/e/f", noise("new", 200))


def _changed(folder: Path) -> Repo:
    repo = _first(folder)
    repo.gitmodel("add", "model.pt", "data/train")
    repo.commit()
    _second(repo)
    return repo


def _tracked_by_git(folder: Path) -> Repo:
    repo = _first(folder)
    repo.commit()
    return repo


def _tagged(folder: Path) -> Repo:
    repo = _first(folder)
    repo.gitmodel("add", "model.pt", "data/train", "old.pt")
    repo.commit()
    repo.git("tag", "v1.0")
    return repo


def _cloned(folder: Path) -> Repo:
    repo = _tagged(folder)
    repo.gitmodel("push")
    repo.git("push", "--quiet", "origin", "main")
    shutil.rmtree(repo.path)
    repo.path.mkdir()
    repo.git("clone", "--quiet", "../origin.git", ".")
    return repo


def _at_second(folder: Path) -> Repo:
    repo = _tagged(folder)
    _second(repo)
    repo.git("rm", "--quiet", "old.pt.gitmodel")
    (repo.path / "old.pt").unlink()
    repo.write("new.pt", noise("only in the second", LARGE))
    repo.gitmodel("add", "model.pt", "data/train", "new.pt")
    repo.commit()
    return repo
