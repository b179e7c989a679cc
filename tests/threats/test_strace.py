"""What runs, is contacted and is written, on a repository that has every trick at once."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.helpers.faults import needs_strace
from tests.helpers.repo import GITMODEL, Repo, tree
from tests.helpers.traps import Trap

pytestmark = needs_strace

_DASK = 'remotes:\n  "origin": "dask://127.0.0.1:8786/x::file:///none"\n'
_SUBMODULE = """\
[submodule "sub"]
\tpath = sub
\turl = ext::sh -c evil
\tupdate = !evil
"""
_NAMES = ("gitmodel", "git", "sh", "cat", "ssh", "python3", "git-upload-pack", "git-lfs")
_LINKS = {
    "link": "../outside",
    "models": "../outside",
    ".gitmodel-tmp": "../outside",
    ".gitmodel-scratch": "../outside",
    ".model.pt.gitmodel-tmp": "../outside",
    ".husky/pre-commit": "../../outside/tool",
    ".husky/pre-push": "../../outside/.config/x",
    "notes.lineage.yaml": "../outside/secret",
    "card.card.md": "/etc/passwd",
}
_CALLS = (
    "execve,execveat,connect,openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,"
    "unlinkat,rmdir,link,linkat,symlink,symlinkat,chmod,fchmodat,chown,fchownat,truncate"
)
_LINE = re.compile(r"^\d+ +(?P<call>\w+)\((?P<rest>.*)\) += (?P<result>-?\d+)")
_PATH = re.compile(
    r'(?:AT_FDCWD<(?P<cwd>[^>]*)>|\d+<(?P<at>[^>]*)>)?(?:, )?"(?P<path>(?:[^"\\]|\\.)*)"'
)
_COMMANDS = {
    "clone": ("git", "clone", "--quiet", "../origin.git", "."),
    "status": ("gitmodel", "status"),
    "pull": ("gitmodel", "pull"),
    "checkout": ("gitmodel", "checkout", "v1.0"),
    "show": ("gitmodel", "show", "v1.0"),
    "diff": ("gitmodel", "diff", "v1.0", "main"),
    "versions": ("gitmodel", "versions"),
    "get": ("gitmodel", "get", "../origin.git", "model.pt", "-o", "../got/model.pt"),
}
_PROGRAMS = {
    **{name: {"gitmodel", "git"} for name in _COMMANDS},
    # Git starts the other side of a local fetch by a shell, and itself as its helpers.
    "clone": {"git", "sh", "git-upload-pack"},
    "pull": {"gitmodel", "git", "sh", "git-upload-pack"},
    "get": {"gitmodel", "git", "sh", "git-upload-pack"},
}


class Traced(NamedTuple):
    """What a command ran, contacted and wrote."""

    code: int
    err: str
    programs: set[Path]
    contacts: set[str]
    written: set[Path]


@pytest.fixture
def hostile(story: Repo) -> Repo:
    """The working tree of somebody who clones a repository with every trick; it is empty yet."""
    return _made_hostile(story)


@pytest.fixture
def dask(story: Repo) -> Repo:
    """The same, with a remote that would have Python load what it answers."""
    text = story.read(".gitmodel.yaml").decode()
    story.write(".gitmodel.yaml", text[: text.index("remotes:")] + _DASK)
    return _made_hostile(story)


def _made_hostile(story: Repo) -> Repo:
    home = story.path.parent
    trap = Trap(home / "trap")
    outside = home / "outside"
    outside.mkdir()
    (outside / "tool").write_text("#!/bin/sh\n")
    (outside / "secret").write_text("secret\n")
    (home / "got").mkdir()
    for name in _NAMES:
        trap.at(story.path / name)
    for path, target in _LINKS.items():
        (story.path / path).parent.mkdir(exist_ok=True)
        (story.path / path).symlink_to(target)
    with (story.path / ".gitattributes").open("a") as file:
        file.write("* filter=evil diff=evil merge=evil\n")
    story.write(".gitmodules", _SUBMODULE)
    # As it is when one stands in it, a folder that is a bare repository counts as one for Git.
    shutil.copytree(home / "origin.git", story.path / "embedded")
    trap.set(story.path / "embedded")
    story.write(".lfsconfig", "[lfs]\n\tcustomtransfer.evil.path = ./evil\n")
    story.git("add", "--force", "--all")
    story.git("commit", "--quiet", "-m", "tricks")
    story.git("push", "--quiet", "origin", "main")
    trap.set(home / "origin.git")
    clone = Repo(home / "clone")
    clone.path.mkdir()
    clone.env["PATH"] = f".:{clone.env['PATH']}:"
    return clone


def _traced(repo: Repo, *command: str) -> Traced:
    log = repo.path.parent / "trap" / "strace.log"
    program = shutil.which(command[0], path=os.environ["PATH"])
    assert program
    call = (GITMODEL if command[0] == "gitmodel" else program, *command[1:])
    options = (
        "-f",
        "-y",
        "-q",
        "-s",
        "4096",
        "--seccomp-bpf",
        "-o",
        str(log),
        "-e",
        f"trace={_CALLS}",
    )
    done = repo.run("/usr/bin/strace", *options, *map(str, call))
    lines = [
        found
        for line in log.read_text(errors="replace").splitlines()
        if (found := _LINE.match(line))
    ]
    good = [line for line in lines if int(line["result"]) >= 0]
    programs = {Path(_paths(line["rest"], repo.path)[0]) for line in good if "exec" in line["call"]}
    contacts = {line["rest"] for line in lines if line["call"] == "connect"}
    return Traced(done.code, done.err, programs, contacts, set(_written(good, repo.path)))


def _paths(rest: str, cwd: Path) -> list[Path]:
    found = (
        (match["cwd"] or match["at"] or str(cwd), match["path"]) for match in _PATH.finditer(rest)
    )
    return [Path(os.path.normpath(os.path.join(folder, path))) for folder, path in found]


def _written(lines: Iterable[re.Match[str]], cwd: Path) -> Iterable[Path]:
    for line in lines:
        call, rest = line["call"], line["rest"]
        if call in ("execve", "execveat", "connect"):
            continue
        if call in ("open", "openat") and not re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", rest):
            continue
        paths = _paths(rest, cwd)
        # The first path of a link is only read.
        yield from paths[-1:] if "link" in call and call != "unlink" else paths


def _allowed(repo: Repo) -> tuple[Path, ...]:
    home = repo.path.parent
    cache = Path(repo.env["HOME"]) / ".cache"
    return (repo.path, home / "got", cache, Path("/dev"), Path("/proc"), Path("/tmp/gitmodel-"))


def _surroundings(repo: Repo) -> dict[str, str]:
    mine = (f"{repo.path.name}/", "got/", "home/.cache/", "trap/strace.log")
    found = {path: what for path, what in tree(repo.path.parent).items() if what != "d"}
    return {path: what for path, what in found.items() if not path.startswith(mine)}


def _own(repo: Repo) -> dict[str, str]:
    """What is in the working tree, but for the artifacts, with symlinks as such."""
    return {
        path: what
        for path, what in repo.tree().items()
        if not path.startswith(("model.pt", "data/train")) or path.endswith(".gitmodel")
    }


def _contacts(found: Traced) -> list[str]:
    """Return what was contacted, but for the daemon that knows users and hosts."""
    return [each for each in found.contacts if "nscd" not in each]


def _check(repo: Repo, name: str, found: Traced) -> None:
    programs = {path.name for path in found.programs}
    assert programs == _PROGRAMS[name] | {GITMODEL.name} & programs, (name, found.programs)
    for path in found.programs:
        assert path == GITMODEL or path.is_relative_to("/usr") or path.is_relative_to("/bin"), path
    assert _contacts(found) == []
    outside = [
        path
        for path in found.written
        if not path.is_relative_to("/dev")
        and not any(path == each or path.is_relative_to(each) for each in _allowed(repo))
    ]
    assert outside == [], (name, outside)


def test_strace_nothing_foreign_runs_or_is_contacted_or_is_written_outside(hostile: Repo) -> None:
    before = _surroundings(hostile)
    for name, command in _COMMANDS.items():
        found = _traced(hostile, *command)
        assert found.code == 0, (name, found.err)
        _check(hostile, name, found)
        if name == "clone":
            cloned = _own(hostile)
        if name == "pull":
            assert _own(hostile) == cloned
    assert _surroundings(hostile) == before
    assert not (hostile.path.parent / "trap/sprung").exists()


def test_strace_in_a_folder_that_is_a_repository_nothing_of_that_runs(hostile: Repo) -> None:
    hostile.git("clone", "--quiet", "../origin.git", ".")
    for command in ("show v1.0", "versions", "status", "diff v1.0 main"):
        hostile.run(str(GITMODEL), *command.split(), cwd="embedded")
    assert not (hostile.path.parent / "trap/sprung").exists()


@pytest.mark.parametrize("name", ["status", "pull", "checkout", "show", "diff", "versions", "get"])
def test_strace_a_remote_of_another_kind_is_never_contacted(dask: Repo, name: str) -> None:
    dask.git("clone", "--quiet", "../origin.git", ".")
    found = _traced(dask, *_COMMANDS[name])
    assert {path.name for path in found.programs} <= _PROGRAMS[name]
    assert _contacts(found) == []
    assert not (dask.path.parent / "trap/sprung").exists()
