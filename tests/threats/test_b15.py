"""B15: names of a repository that Git would take for options."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import gitmodel
from gitmodel.errors import UsageError
from gitmodel.git.command import operand
from tests.helpers.repo import Repo

_GIT = Path(gitmodel.__file__).parent / "git"
_CALLS = {"run", "act", "finish", "checked", "names", "ask"}
_ENDS = {"--", "--end-of-options"}
_WITH_VALUE = {"-m"}
# Made up of constants, or of what `operand` let through.
_OPTIONS = {"options", "form", "kind", "limit", "patterns", "questions", "people", "arguments"}


@pytest.mark.parametrize("branch", ["-f", "--help", "--detach", "-b"])
def test_b15_bisect_on_a_branch_like_an_option_refuses_before_it_moves(
    story: Repo, branch: str
) -> None:
    story.git("update-ref", f"refs/heads/{branch}", "HEAD")
    story.git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    story.git("tag", "v1.1")
    before = story.tree()
    done = story.gitmodel("bisect", "--good", "v1.0", "--bad", "v1.1", "--", "true", code=2)
    assert "git branch -m --" in done.err
    assert story.git("symbolic-ref", "HEAD") == f"refs/heads/{branch}"
    assert story.tree() == before
    story.git("branch", "-m", "--", branch, "good")
    assert story.git("symbolic-ref", "HEAD") == "refs/heads/good"


@pytest.mark.parametrize("branch", ["-f", "--help"])
def test_b15_commands_work_on_a_branch_like_an_option(story: Repo, branch: str) -> None:
    story.git("update-ref", f"refs/heads/{branch}", "HEAD")
    story.git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    for command in ("status", "versions", "push", "pull", "checkout v1.0"):
        story.gitmodel(*command.split())
    assert story.gitmodel("checkout", "--", branch, code=2)
    assert "detached" in story.git("status") or not story.git("branch", "--show-current")


def test_b15_a_tag_like_an_option_is_read_as_a_tag(story: Repo) -> None:
    story.git("update-ref", "refs/tags/--help", "HEAD")
    story.git("update-ref", "refs/tags/-v2.0", "HEAD")
    story.gitmodel("versions")
    story.gitmodel("push")
    story.gitmodel("get", "../origin.git", "model.pt@--help", "-o", "x", code=2)


def test_b15_a_remote_like_an_option_is_a_remote(story: Repo) -> None:
    with (story.path / ".git/config").open("a") as file:
        file.write(
            '[remote "--upload-pack=touch sprung;"]\n\turl = ../origin.git\n\tpromisor = true\n'
        )
    story.git("config", "remote.pushDefault", "--upload-pack=touch sprung;")
    story.gitmodel("push")
    story.gitmodel("versions")
    assert not (story.path / "sprung").exists()


def test_b15_one_function_lets_no_option_pass() -> None:
    assert operand("main") == "main"
    with pytest.raises(UsageError):
        operand("-f")


def test_b15_every_argument_of_git_is_a_constant_or_behind_a_separator_or_an_operand() -> None:
    loose = [
        f"{path.name}:{argument.lineno}: {ast.unparse(argument)}"
        for path in sorted(_GIT.glob("*.py"))
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and _is_git(call.func)
        for argument in _loose(call)
    ]
    assert loose == []


def _is_git(called: ast.expr) -> bool:
    return (
        isinstance(called, ast.Attribute)
        and called.attr in _CALLS
        and isinstance(called.value, (ast.Name, ast.Call))
        and ast.unparse(called.value) in ("git", "nowhere()")
    )


def _loose(call: ast.Call) -> Iterator[ast.expr]:
    """Yield the arguments that could begin with a dash although nobody wrote that here."""
    before = ""
    for argument in _spread(call.args):
        if isinstance(argument, ast.Constant):
            if argument.value in _ENDS:
                return
            before = argument.value
        elif not _is_harmless(argument) and before not in _WITH_VALUE:
            yield argument


def _spread(arguments: list[ast.expr]) -> Iterator[ast.expr]:
    for argument in arguments:
        if isinstance(argument, ast.Starred) and isinstance(argument.value, (ast.Tuple, ast.List)):
            yield from _spread(argument.value.elts)
        else:
            yield argument


def _is_harmless(argument: ast.expr) -> bool:
    if isinstance(argument, ast.Starred):
        names = {node.id for node in ast.walk(argument) if isinstance(node, ast.Name)}
        return all(each in _OPTIONS or each.isupper() for each in names - {"staged"})
    if isinstance(argument, ast.JoinedStr):
        first = argument.values[0]
        if isinstance(first, ast.Constant):
            return True
        return isinstance(first, ast.FormattedValue) and _is_operand(first.value)
    if isinstance(argument, ast.Name):
        return argument.id in _OPTIONS or argument.id.isupper()
    return _is_operand(argument)


def _is_operand(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func) == "operand"
