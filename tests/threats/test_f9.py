"""F9: a Git that was killed left its lock file, or the disk refuses while Git writes."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from gitmodel.errors import ConflictError, DiskError
from gitmodel.git.command import failure, lock_files, open_git
from tests.helpers.faults import needs_strace
from tests.helpers.repo import GITMODEL, Repo, noise

_COMMANDS = {
    "add": ("add", "model.pt"),
    "checkout": ("checkout", "v1.0"),
    "rm": ("rm", "model.pt"),
    "mv": ("mv", "model.pt", "m.pt"),
    "pull": ("checkout", "--", "model.pt"),
}


@pytest.mark.parametrize("name", ["add", "checkout", "rm", "mv"])
def test_f9_a_lock_of_gits_index_is_named_and_the_command_that_helps_does(
    story: Repo, name: str
) -> None:
    if name == "add":
        story.write("model.pt", noise("3", 1000))
    lock = story.write(".git/index.lock", b"")
    done = story.gitmodel(*_COMMANDS[name], code=4)
    assert "another Git is at work, or one was killed" in done.err
    assert f"next:  rm {_shown(lock, story)}, if no Git runs\n" in done.err
    lock.unlink()
    story.gitmodel(*_COMMANDS[name])


def test_f9_in_a_linked_worktree_and_a_subfolder_it_is_the_right_file(story: Repo) -> None:
    story.git("worktree", "add", "--quiet", "../linked dir", "-b", "other", "v1.0")
    linked = Repo(story.path.parent / "linked dir")
    lock = Path(linked.git("rev-parse", "--absolute-git-dir")) / "index.lock"
    lock.touch()
    done = linked.gitmodel("checkout", "main~0", cwd="data", code=4)
    hint = next(line for line in done.err.splitlines() if line.startswith("next:"))
    command = hint.removeprefix("next:  ").removesuffix(", if no Git runs")
    assert linked.run(*shlex.split(command), cwd="data").code == 0
    assert not lock.exists()
    linked.gitmodel("checkout", "main~0")


@pytest.mark.parametrize(
    ("lock", "arguments"),
    [
        ("HEAD.lock", ("symbolic-ref", "HEAD", "refs/heads/x")),
        ("refs/heads/x.lock", ("update-ref", "refs/heads/x", "HEAD")),
        ("packed-refs.lock", ("pack-refs", "--all")),
        ("config.lock", ("config", "a.b", "c")),
    ],
)
def test_f9_other_locks_are_named_too(
    story: Repo, lock: str, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(story.path)
    story.write(f".git/{lock}", b"")
    git = open_git(story.path)
    assert list(lock_files(git)) == [story.path / ".git" / lock]
    # Packing waits for a second.
    git.act("config", "--global", "core.packedRefsTimeout", "0")
    found = failure(git, git.act("-c", "core.filesRefLockTimeout=0", *arguments))
    assert isinstance(found, ConflictError)
    assert found.hint == f"rm .git/{lock}, if no Git runs"


def test_f9_doctor_sees_a_lock(story: Repo) -> None:
    assert "no lock file" in story.gitmodel("doctor").out
    story.write(".git/index.lock", b"")
    done = story.gitmodel("doctor", code=1)
    assert "rm .git/index.lock" in done.out + done.err


@needs_strace
@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EDQUOT"])
def test_f9_a_disk_that_refuses_while_git_writes_is_told_as_such(
    repo: Repo, tmp_path: Path, error: str
) -> None:
    repo.write("m", b"1")
    # Git writes the new pointer as an object; Python's own writes are no children of that.
    git = tmp_path / "bin/git"
    git.parent.mkdir()
    real = repo.run("which", "git").out.strip()
    fault = f"strace -f -q -o {tmp_path}/log -e trace=write -e inject=write:error={error}:when=1"
    git.write_text(
        "#!/bin/sh\ncase \" $* \" in *' add '*)\n"
        f'exec {fault} {real} "$@";;\nesac\nexec {real} "$@"\n'
    )
    git.chmod(0o755)
    path = f"{git.parent}:{repo.env['PATH']}"
    done = repo.gitmodel("add", "m", env={"PATH": path, "LC_ALL": "de_DE.UTF-8"}, code=8)
    assert "next:  df .git" in done.err
    assert Path(GITMODEL).exists()
    repo.gitmodel("add", "m")


def test_f9_a_refusal_is_no_disk_error(story: Repo) -> None:
    git = open_git(story.path)
    found = failure(git, git.run("cat-file", "-t", "nothing"))
    assert not isinstance(found, DiskError)
    assert found.message.startswith("git cat-file: ")


def _shown(path: Path, repo: Repo) -> str:
    return str(path.relative_to(repo.path))
