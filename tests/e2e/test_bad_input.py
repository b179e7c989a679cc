"""A repository from elsewhere: its pointers, manifests and configuration are not believed."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

import pytest

from gitmodel.digest import digest_bytes
from gitmodel.pointer import Pointer, format_pointer
from tests.helpers.repo import Repo, noise, tree

OID = "blake3:" + "ab" * 32
XXH3 = "xxh3-128:" + "cd" * 16
_SOON = 5.0
"""Seconds of a processor."""


def _pointer(oid: str = OID, xxh3: str = XXH3, size: object = 5, more: str = "") -> str:
    return f'gitmodel: 1\nkind: file\noid: "{oid}"\nxxh3: "{xxh3}"\nsize: {size}\n{more}'


BROKEN_POINTERS = {
    "oid-with-path": _pointer(oid="blake3:../../x"),
    "oid-all-digits": _pointer().replace(f'"{OID}"', "1" * 64),
    "oid-in-capitals": _pointer(oid="blake3:" + "AB" * 32),
    "oid-too-short": _pointer(oid="blake3:abcd"),
    "oid-of-md5": _pointer(oid="md5:" + "ab" * 16),
    "size-of-2^63": _pointer(size=2**63),
    "size-negative": _pointer(size=-1),
    "size-huge": _pointer(size="9" * 400),
    "size-in-quotes": _pointer(size='"5"'),
    "size-float": _pointer(size="5.0"),
    "size-octal": _pointer(size="0o17"),
    "key-twice": _pointer(more="size: 6\n"),
    "key-unknown": _pointer(more="path: ../../.bashrc\n"),
    "anchor": "gitmodel: &a 1\nkind: file\n" + _pointer()[22:],
    "alias": _pointer(more="mode: *a\n"),
    "tag": _pointer(more='mode: !!python/object/apply:os.system ["touch x"]\n'),
    "nested": "gitmodel: 1\nkind: " + "[" * 1000 + "]" * 1000 + "\n",
    "large": _pointer() + "#" * (1 << 20),
    "conflict": "<<<<<<< HEAD\n" + _pointer() + "=======\n" + _pointer() + ">>>>>>> other\n",
    "crlf": _pointer().replace("\n", "\r\n"),
    "bom": "\ufeff" + _pointer(),
    "nul": _pointer() + "\0",
    "empty": "",
    "cut": _pointer()[:40],
    "comment": _pointer() + "# harmless\n",
    "tree-without-files": _pointer().replace("kind: file", "kind: tree"),
    "file-with-files": _pointer(more="files: 3\n"),
    "newer": _pointer().replace("gitmodel: 1", "gitmodel: 2"),
    "something-else": "import os\n",
}


# Which texts are broken is shown beside the parser; here, that each command asks it.
_SOME_POINTERS = {"oid-with-path", "nested", "large", "conflict", "something-else", "newer"}


def _some(kinds: Iterable[str], some: Set[str]) -> list[object]:
    """Leave the others to `make torture`."""
    rare = [pytest.mark.torture]
    return [pytest.param(kind, marks=() if kind in some else rare) for kind in kinds]


# In one process: these are many, and most of a command's time is Python's start.
_RUN_ALL = """
import contextlib, io, json, sys, time
from gitmodel.cli.main import run
done = []
for command in json.loads(sys.argv[1]):
    began, err = time.process_time(), io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        code = run(command)
    done.append([command, code, err.getvalue(), time.process_time() - began])
print(json.dumps(done))
"""
_ALL = [["status"], ["checkout"], ["pull"], ["add", "-u"], ["fetch"], ["verify"]]


def _everything_refuses(
    repo: Repo, *, names: str = "", commands: Sequence[Sequence[str]] = _ALL
) -> None:
    """No command works with it, hangs, or writes anything anywhere."""
    outside = tree(repo.path.parent)
    hooks = sorted((repo.path / ".git/hooks").iterdir())
    done = repo.run(sys.executable, "-c", _RUN_ALL, json.dumps(commands))
    assert done.code == 0, done.err
    for command, code, err, seconds in json.loads(done.out):
        assert code == 7, (command, code, err)
        assert names in err, command
        assert "next:" in err, (command, err)
        assert "bug in gitmodel" not in err
        assert seconds < _SOON, command
    assert tree(repo.path.parent) == outside
    assert sorted((repo.path / ".git/hooks").iterdir()) == hooks
    assert repo.leftovers() == []


@pytest.mark.parametrize("kind", _some(BROKEN_POINTERS, _SOME_POINTERS))
def test_a_broken_pointer(clone: Repo, kind: str) -> None:
    clone.write("model.pt.gitmodel", BROKEN_POINTERS[kind])
    clone.commit()
    _everything_refuses(clone, names="model.pt.gitmodel")


@pytest.mark.parametrize("kind", ["oid-with-path", "large", "nested", "conflict", "newer"])
def test_a_broken_pointer_in_another_commit(clone: Repo, kind: str) -> None:
    clone.write("model.pt.gitmodel", BROKEN_POINTERS[kind])
    bad = clone.commit()
    clone.git("reset", "--quiet", "--hard", "HEAD~1")
    before = clone.tree()
    assert "model.pt.gitmodel" in clone.gitmodel("checkout", bad, code=7).err
    assert clone.tree() == before


@pytest.mark.parametrize("wrong", ["size", "xxh3"])
@pytest.mark.parametrize("size", [200, (1 << 20) + 200])
def test_a_pointer_that_lies_about_its_blob(clone: Repo, size: int, wrong: str) -> None:
    """The oid is right, what else it says is not: nothing is delivered, and the blob stays."""
    clone.write("model.pt", noise("model", size))
    clone.gitmodel("add", "model.pt")
    (clone.path / "model.pt").unlink()
    text = clone.read("model.pt.gitmodel").decode()
    if wrong == "size":
        text = text.replace(f"size: {size}", f"size: {size + 1}")
    else:
        text = text.replace("xxh3-128:", "xxh3-128:0")[: -len("\n")] + "\n"
        start = text.index("xxh3-128:") + 9
        text = text[: start + 32] + text[start + 33 :]
    clone.write("model.pt.gitmodel", text)
    clone.commit()
    before = clone.tree()
    assert "git log -p -- model.pt.gitmodel" in clone.gitmodel("pull", code=7).err
    assert {p: d for p, d in clone.tree().items() if p in before} == before
    assert not (clone.path / "model.pt").exists()
    assert clone.leftovers() == []
    clone.gitmodel("fetch")
    assert "not true: model.pt.gitmodel" in clone.gitmodel("verify", "--quick", code=7).out
    assert not (clone.home / "quarantine").exists()


def test_a_fingerprint_that_fits_another_content(clone: Repo) -> None:
    """The fingerprint alone never says what bytes are."""
    clone.gitmodel("pull")
    lie = format_pointer(
        Pointer("file", OID, digest_bytes(clone.read("model.pt"), "blake3").fingerprint, 5)
    )
    clone.write("model.pt.gitmodel", lie)
    clone.commit()
    assert clone.run("gitmodel", "pull").code in (4, 5, 7)
    assert clone.read("model.pt") == noise("model 2", (1 << 20) + 200)


@pytest.mark.parametrize("name", [".git/x", ".GIT/x", "git~1/x", "aux"])
def test_a_pointer_in_a_place_that_is_none(clone: Repo, name: str) -> None:
    """Git itself refuses most of these names; others only some systems would take for .git."""
    oid = clone.git("hash-object", "-w", "model.pt.gitmodel")
    path = f"{name}.gitmodel"
    if clone.run("git", "update-index", "--add", "--cacheinfo", f"100644,{oid},{path}").code:
        listing = clone.git("ls-tree", "HEAD")
        first, _, rest = path.partition("/")
        line = f"100644 blob {oid}\t{rest or first}"
        tree_oid = _mktree(clone, line) if rest else oid
        kind = f"040000 tree {tree_oid}" if rest else f"100644 blob {oid}"
        top = _mktree(clone, f"{listing}\n{kind}\t{first}")
        bad = clone.git("commit-tree", "-m", "bad", "-p", "HEAD", top)
        before = tree(clone.path.parent)
        assert clone.run("gitmodel", "checkout", bad).code in (4, 7)
        assert tree(clone.path.parent) == before
    else:
        clone.write(path, clone.read("model.pt.gitmodel"))
        _everything_refuses(clone, names=name)
    assert not (clone.path / ".git/x").exists()
    assert not (clone.path / ".git/hooks/x").exists()


def _mktree(repo: Repo, lines: str) -> str:
    path = repo.path.parent / "lines"
    path.write_text(lines + "\n")
    done = repo.run("bash", "-c", "git mktree < ../lines")
    path.unlink()
    assert done.code == 0, done.err
    return done.out.strip()


def _entry(path: str, data: bytes = b"x", kind: str = "f") -> str:
    digests = digest_bytes(data, "blake3")
    text = json.dumps(path)
    return f"{digests.oid} {digests.fingerprint} {len(data)} {kind} {text}\n"


MANIFESTS = {
    "up": _entry("../../.bashrc"),
    "absolute": _entry("/tmp/x"),
    "hooks": _entry(".git/hooks/x"),
    "GIT": _entry(".GIT/hooks/x"),
    "dot": _entry("./x"),
    "git-on-ntfs": _entry("git~1/x"),
    "git-on-hfs": _entry(".g\u200cit/x"),
    "device": _entry("aux.txt"),
    "backslash": _entry("..\\..\\x"),
    "unsorted": _entry("b") + _entry("a"),
    "twice": _entry("a") + _entry("a"),
    "case-twins": _entry("A") + _entry("a"),
    "file-and-folder": _entry("a") + _entry("a/b"),
    "link-and-folder": _entry("a", b"/tmp", "l") + _entry("a/b"),
    "cut": _entry("a")[:-10],
    "no-newline": _entry("a")[:-1],
    "oid-with-path": _entry("a").replace("blake3:", "blake3:../../", 1),
    "size-negative": _entry("a").replace(" 1 f", " -1 f"),
    "size-huge": _entry("a").replace(" 1 f", " 99999999999999999999 f"),
    "type": _entry("a", kind="p"),
    "empty-path": _entry(""),
    "nul": _entry("a\0b"),
    "spelling": _entry("a").replace('"a"', '"\\u0061"'),
    "not-json": _entry("a").replace('"a"', "'a'"),
    "link-without-target": _entry("a", b"", "l"),
}


_SOME_MANIFESTS = {"up", "hooks", "cut", "link-and-folder", "oid-with-path", "header", "newer"}
_NEED_MANIFEST = [["status"], ["checkout"], ["pull"], ["add", "data/train/inside"], ["verify"]]


@pytest.mark.parametrize("kind", _some([*MANIFESTS, "header", "newer"], _SOME_MANIFESTS))
def test_a_broken_manifest(clone: Repo, kind: str) -> None:
    clone.gitmodel("pull", "model.pt")
    head = {"header": "manifest\n", "newer": "gitmodel-manifest 2\n"}
    body = MANIFESTS.get(kind, _entry("a"))
    files = body.count("\n") or 1
    _plant(clone, (head.get(kind, "gitmodel-manifest 1\n") + body).encode(), files, files)
    _everything_refuses(clone, names="data/train.gitmodel", commands=_NEED_MANIFEST)


def test_a_manifest_that_is_not_what_its_pointer_counts(clone: Repo) -> None:
    clone.gitmodel("pull", "model.pt")
    _plant(clone, ("gitmodel-manifest 1\n" + _entry("a")).encode(), 2, 1)
    _everything_refuses(clone, names="data/train.gitmodel", commands=_NEED_MANIFEST)


@pytest.mark.parametrize("target", ["/tmp/x", "../../x", "a/../../../x", "../x"])
def test_a_link_in_a_manifest_that_leads_out(clone: Repo, target: str) -> None:
    """What it says is known only when its blob is read, so that only the checkout refuses."""
    data = target.encode()
    body = _entry("a", data, "l") + _entry("z")
    _plant(clone, f"gitmodel-manifest 1\n{body}".encode(), 2, len(data) + 1, [data, b"x"])
    before = tree(clone.path.parent)
    clone.gitmodel("checkout", "--", "data/train", code=7)
    assert tree(clone.path.parent) == before
    assert clone.leftovers() == []


def _plant(
    repo: Repo, manifest: bytes, files: int, size: int, blobs: list[bytes] | None = None
) -> None:
    """Put a manifest into the cache by adding it as a file, and a pointer to it into Git."""
    for number, data in enumerate([manifest, *(blobs or [])]):
        repo.write(f"planted/{number}", data)
    repo.gitmodel("add", "planted")
    shutil.rmtree(repo.path / "planted")
    repo.git("rm", "--quiet", "--force", "planted.gitmodel")
    digests = digest_bytes(manifest, "blake3")
    pointer = Pointer("tree", digests.oid, digests.fingerprint, size, files)
    repo.write("data/train.gitmodel", format_pointer(pointer))
    repo.commit()
    repo.write("data/train/inside", "new")


def test_a_symlinked_folder_in_the_way_is_not_followed(clone: Repo) -> None:
    outside = clone.path.parent / "outside"
    outside.mkdir()
    (clone.path / "data/train").symlink_to(outside)
    for command in (["pull"], ["checkout", "v1.0"], ["pull", "--force"]):
        done = clone.run("gitmodel", *command)
        assert "Traceback" not in done.err
        assert list(outside.iterdir()) == []
    assert not (clone.path / "data/train").is_symlink()
    shutil.rmtree(clone.path / "data/train")
    (clone.path / "data/train.gitmodel").rename(outside / "train.gitmodel")
    (clone.path / "data").rmdir() if not any((clone.path / "data").iterdir()) else None
    before = sorted(outside.iterdir())
    if not (clone.path / "data").exists():
        (clone.path / "data").symlink_to(outside)
        for command in (["pull", "--force"], ["checkout", "--force", "v1.0"], ["add", "-u"]):
            assert "Traceback" not in clone.run("gitmodel", *command).err
            assert [path.name for path in outside.iterdir() if path.name == "train"] == []
        assert sorted(path.name for path in before) == ["train.gitmodel"]


def test_a_symlink_in_the_place_of_an_artifact_is_not_written_through(clone: Repo) -> None:
    victim = clone.path.parent / "victim"
    victim.write_bytes(b"mine")
    (clone.path / "model.pt").symlink_to(victim)
    clone.gitmodel("pull", code=4)
    clone.gitmodel("pull", "--force")
    assert not (clone.path / "model.pt").is_symlink()
    assert victim.read_bytes() == b"mine"


def test_a_pointer_that_is_a_symlink(clone: Repo) -> None:
    (clone.path / "model.pt.gitmodel").unlink()
    (clone.path / "model.pt.gitmodel").symlink_to("/etc/hostname")
    clone.git("add", "model.pt.gitmodel")
    clone.git("commit", "--quiet", "-m", "link")
    for command in ("status", "pull"):
        done = clone.run("gitmodel", command)
        assert done.code in (0, 7), done.err
        assert "Traceback" not in done.err
        assert "bug in gitmodel" not in done.err


def test_names_that_a_shell_or_an_option_parser_would_act_on(story: Repo) -> None:
    story.git("branch", "$(touch", "v1.0")
    story.git("update-ref", "refs/heads/`touch-x`;touch${IFS}x", "v1.0")
    story.git("update-ref", "refs/tags/--upload-pack=x", "v1.0")
    story.git("update-ref", "refs/tags/--exec=touch-x-v1.0", "v1.0")
    story.write("--help", noise("help", 300))
    story.gitmodel("add", "--", "--help")
    story.commit()
    story.gitmodel("checkout", "$(touch")
    story.gitmodel("checkout", "`touch-x`;touch${IFS}x")
    story.gitmodel("checkout", "refs/tags/--upload-pack=x")
    story.run("gitmodel", "checkout", "--", "--upload-pack=x")
    story.gitmodel("checkout", "main")
    story.gitmodel("checkout", "--", "--help")
    assert story.read("--help") == noise("help", 300)
    story.gitmodel("versions")
    done = story.run("gitmodel", "push")
    assert "Traceback" not in done.err
    assert "bug in gitmodel" not in done.err
    assert not (story.path / "x").exists()
    assert story.gitmodel("status", "--", "--help").out.startswith("--help")


CONFIGS = {
    "key-unknown": b"surprise: 1\n",
    "credentials": b'remotes:\n  "x": "s3://user:secret@host/bucket"\n',
    "tag": b"artifacts: !!python/object/apply:os.system ['touch x']\n",
    "anchor": b"artifacts: &a {}\n",
    "twice": b"gitmodel: 1\n",
    "not-utf8": b"\xff\xfe\n",
    "list": b"remotes: [1, 2]\n",
    "remote-name": b'remotes:\n  "../x": "../remote2"\n',
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_broken_configuration(clone: Repo, kind: str) -> None:
    text = clone.read(".gitmodel.yaml")
    if kind in ("credentials", "remote-name", "list"):
        text = text.split(b"remotes:")[0]
    clone.write(".gitmodel.yaml", text + CONFIGS[kind])
    clone.commit()
    for command in ("status", "pull", "push", "verify"):
        done = clone.gitmodel(command, code=7)
        assert ".gitmodel.yaml" in done.err
        assert "secret" not in done.err
    assert not (clone.path / "x").exists()


def test_a_configuration_that_is_a_symlink(clone: Repo) -> None:
    (clone.path / ".gitmodel.yaml").unlink()
    (clone.path / ".gitmodel.yaml").symlink_to("/etc/hostname")
    clone.gitmodel("status", code=7)


def test_a_repository_of_another_owner(clone: Repo) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a repository away")
    for path in (clone.path, clone.path / ".git"):
        os.chown(path, 12345, 12345)
    done = clone.gitmodel("status", code=7)
    assert "safe.directory" in done.err


def test_a_pickle_is_never_loaded(story: Repo, tmp_path: Path) -> None:
    mark = tmp_path / "loaded"
    story.write("evil.pkl", f"cposix\nsystem\n(S'touch {mark}'\ntR.".encode())
    for command in (["add", "evil.pkl"], ["status"], ["verify"]):
        story.gitmodel(*command)
    assert not mark.exists()
