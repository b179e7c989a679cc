import ast
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import gitmodel
from gitmodel.hints import command, either, note, shell_word, then
from gitmodel.printable import is_plain

PACKAGE = Path(gitmodel.__file__).parent
MAKERS = {"also", "command", "either", "note", "python", "then"}
TEMPLATED = {"command", "note", "python"}
ADVICE = (
    "a hint is a text as it stands, or made by `command` or `note` of gitmodel.hints from such a"
    ' text and names: hint=command("git log -p -- {}", path)'
)


def test_a_plain_name_stands_in_a_command_as_it_is():
    assert command("git log -p -- {}", "data/a b.gitmodel") == "git log -p -- 'data/a b.gitmodel'"
    assert command("gitmodel add {}", "model.pt") == "gitmodel add model.pt"
    assert command("gitmodel card {}@{}", "model.pt", "v1.0") == "gitmodel card model.pt@v1.0"
    assert command("gitmodel add {}", ["a", "b c"]) == "gitmodel add a 'b c'"


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("gitmodel add {}", "gitmodel add -- -x"),
        ("git checkout HEAD -- {}", "git checkout HEAD -- -x"),
        ("gitmodel tag {} --bump auto", "gitmodel tag --bump auto -- -x"),
        ("ls -l {}", "ls -l -- -x"),
        ("gitmodel bisect --bad {} ...", "gitmodel bisect --bad -x ..."),
        ("mv {} ANOTHER_NAME", "mv -- -x ANOTHER_NAME"),
    ],
)
def test_a_name_is_no_option(template: str, wanted: str):
    assert command(template, "-x") == wanted


@pytest.mark.parametrize("name", ["", "a", "a b", "it's", "'", "$x", "a=b", "é", "a;b", "~", "*"])
def test_a_word_is_quoted_as_python_does(name: str):
    assert shell_word(name) == shlex.quote(name)


def test_notes_quote_names_too():
    assert note("name one of: {}", ["a", "b;c"]) == "name one of: a, 'b;c'"
    assert note("edit {} and {}", "x", "$(id)") == "edit x and '$(id)'"
    assert either(command("gitmodel add {}", "x"), "gitmodel rm x") == (
        "gitmodel add x, or gitmodel rm x"
    )
    assert then("git commit", command("gitmodel tag {}", "x")) == "git commit, then gitmodel tag x"


@pytest.mark.parametrize(
    "name",
    [
        "a\x1b]0;PWN\x07$(touch X);b",
        "'\\'\n\r\t!! `id` \"",
        "\u202ev1.0\u2066\u200b\ue000\u3164",
        "\udcff\udc80raw",
        "##[set-output name=x]y",
        "::set-output name=x::y",
        "é\x7fü ##vso[x]",
        "=ls",
        "~root",
        "\x1b1\x1b77",
    ],
)
def test_a_shell_reads_back_any_name(name: str):
    word = shell_word(name)
    assert is_plain(word)
    program = f"printf %s {word}"
    done = subprocess.run(["bash", "-c", program], capture_output=True, check=True)
    assert os.fsdecode(done.stdout) == name


def test_hints_are_never_composed_by_hand():
    found = [
        f"{path.relative_to(PACKAGE.parent)}:{line}: {text}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name != "hints.py"
        for line, text in composed(path.read_text())
    ]
    assert not found, "\n".join((ADVICE, *found))


@pytest.mark.parametrize(
    "text",
    [
        "command(f'gitmodel add {path}')",
        "hints.note('edit ' + path)",
        "fail(hint=f'gitmodel add {path}')",
        "fail(hint='gitmodel add ' + path)",
        "fail(hint='gitmodel add %s' % path)",
        "fail(hint='gitmodel add {}'.format(path))",
        "fail(hint=' '.join(names))",
        "fail(hint=path)",
        "hint = f'gitmodel add {path}'",
        "_HINT = f'gitmodel add {path}'",
        "fail(hint=command(f'gitmodel add {path}'))",
        "fail(hint='' if good else f'edit {path}')",
        "say_hint(f'edit {path}')",
        "def _hint(path): return f'edit {path}'",
        "fail(hint=advice(path))",
    ],
)
def test_the_lint_finds(text: str):
    assert list(composed(text))


@pytest.mark.parametrize(
    "text",
    [
        "fail(hint='gitmodel add')",
        "fail(hint=command('gitmodel add {}', path))",
        "fail(hint=hints.note('edit {}', path))",
        "fail(hint=either(command('edit {}', path), 'git status'))",
        "fail(hint=error.hint or hint)",
        "_BY_HAND = 'edit'\nfail(hint=_BY_HAND)",
        "def _hint(path): return 'edit'\nfail(hint=_hint(path))",
    ],
)
def test_the_lint_lets_pass(text: str):
    assert not list(composed(text))


def composed(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and text of each hint that is not a literal, nor made by `gitmodel.hints`."""
    module = ast.parse(source)
    constants = {
        target.id: each.value
        for each in module.body
        if isinstance(each, ast.Assign)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    for value in _hints(module):
        if not _is_sound(value, constants):
            yield value.lineno, ast.get_source_segment(source, value) or ""


def _hints(module: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(module):
        match node:
            case ast.Call(func=func, args=args, keywords=keywords):
                yield from (each.value for each in keywords if each.arg == "hint")
                name = _name(func)
                if name == "say_hint":
                    yield args[0]
                if name in MAKERS and _is_ours(func):
                    yield node
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_hint(name):
                yield value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if _is_hint(
                name
            ) and not _is_call_of(value, "field"):
                yield value
            case ast.FunctionDef(name=name) if _is_hint(name) and name != "say_hint":
                yield from (
                    each.value
                    for each in ast.walk(node)
                    if isinstance(each, ast.Return) and each.value
                )


def _is_sound(value: ast.expr, constants: dict[str, ast.expr]) -> bool:
    match value:
        case ast.Constant():
            return True
        case ast.IfExp(body=one, orelse=other):
            return _is_sound(one, constants) and _is_sound(other, constants)
        case ast.BoolOp(values=values):
            return all(_is_sound(each, constants) for each in values)
        case ast.Dict(values=values):
            return all(_is_sound(each, constants) for each in values)
        case ast.Attribute(attr=name):
            return name == "hint"
        case ast.Name(id=name):
            known = constants.get(name)
            return _is_hint(name) or (known is not None and _is_sound(known, constants))
        case ast.Call(func=func, args=args):
            name = _name(func)
            if name in TEMPLATED:
                # A command of click's has this name too, and is called with its own arguments.
                return not args or _is_sound(args[0], constants)
            if name == "get" and isinstance(func, ast.Attribute):
                return _is_sound(func.value, constants) and _is_sound(args[1], constants)
            if name in MAKERS:
                return all(_is_sound(each, constants) for each in args)
            return _is_hint(name)
        case _:
            return False


def _is_call_of(value: ast.expr, name: str) -> bool:
    return isinstance(value, ast.Call) and _name(value.func) == name


def _is_ours(func: ast.expr) -> bool:
    """Return whether a function is called as one of `gitmodel.hints`, not as a method."""
    match func:
        case ast.Attribute(value=ast.Name(id=module)):
            return module == "hints"
        case _:
            return isinstance(func, ast.Name)


def _name(func: ast.expr) -> str:
    match func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _is_hint(name: str) -> bool:
    return "hint" in name.lower()
