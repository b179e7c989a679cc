"""F5: what `push` and `verify --remote` say of a remote is so now."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.helpers import proxy as network
from tests.helpers.inside import Run, runner
from tests.helpers.proxy import Exchange, Proxy
from tests.helpers.repo import Done, Repo, flip, noise


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return runner(capsys, monkeypatch)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


HARMS: dict[str, Callable[[Path], object]] = {
    "lost": Path.unlink,
    "flipped": flip,
    "cut": _cut,
    "emptied": lambda path: path.write_bytes(b""),
    "a folder": _make_folder,
}
FILES = {
    "index files": "index/*",
    "description": "gitmodel-remote.json",
    "packs": "packs/*/*",
    "root": "roots/*/tags_2fv1.0",
}


def _harm(repo: Repo, files: str, harm: str) -> None:
    for path in repo.remote.glob(files):
        path.chmod(0o644)
        HARMS[harm](path)


def _check_clone(repo: Repo, run: Run, *versions: str) -> None:
    """A fresh clone gets versions whole, of which the last one is that of the working tree."""
    repo.git("push", "--quiet", "--tags", "origin", "main")
    clone = repo.clone("after")
    for version in versions:
        done = run(clone, "checkout", version)
        assert done.code == 0, done
    assert clone.tree("data") == repo.tree("data")


def _is_well(done: Done, code: int = 0) -> None:
    assert done.code == code, done


def _cases() -> list[ParameterSet]:
    """Of packs and roots, what a listing shows is alike."""
    rare = {(what, harm) for what in ("packs", "root") for harm in ("cut", "emptied")}
    return [
        pytest.param(*case, marks=[pytest.mark.torture] if case in rare else [])
        for case in itertools.product(FILES, HARMS)
    ]


@pytest.mark.parametrize(("what", "harm"), _cases())
def test_f5_what_became_of_a_remote_is_seen_and_healed(
    story: Repo, run: Run, what: str, harm: str
) -> None:
    _harm(story, FILES[what], harm)
    told = run(story, "verify", "--remote")
    # A version without a root is one that was never pushed; no list shows what is in a pack.
    assert told.code in ((0,) if (what, harm) == ("root", "lost") else (7,)), told
    again = run(story, "push")
    if again.code or (what, harm) == ("packs", "flipped"):
        assert again.code == 0 or "next:  gitmodel remote" in again.err, again
        read = ("--read",) if harm == "flipped" else ()
        repaired = run(story, "remote", "repair", *read)
        assert repaired.code == 0, repaired
        assert "nothing to repair" not in repaired.out
        _is_well(run(story, "push"))
    _check_clone(story, run, "v1.0", "model-v1.1")
    run(story, "remote", "repair")
    assert "nothing to repair" in run(story, "remote", "repair").out
    _is_well(run(story, "remote", "check"))
    _is_well(run(story, "verify", "--remote"))


def test_f5_a_tag_is_not_published_over_packs_that_are_lost(story: Repo, run: Run) -> None:
    for pack in story.remote.glob("packs/*/*"):
        pack.unlink()
    story.write("data/train/more.png", noise("more", 4000))
    _is_well(run(story, "add", "data/train"))
    story.commit("third")
    story.git("tag", "v2.0")
    done = run(story, "push")
    assert done.code == 5, done
    assert "gitmodel remote repair origin" in done.err
    assert "v2.0" not in story.git("ls-remote", "--tags", "origin")
    repaired = run(story, "remote", "repair")
    assert repaired.out.count("withdrew the root") == 3
    _is_well(run(story, "push"))
    assert "v2.0" in story.git("ls-remote", "--tags", "origin")
    _check_clone(story, run, "v1.0", "v2.0")


def test_f5_what_is_lost_for_good_is_said(story: Repo, run: Run) -> None:
    for pack in story.remote.glob("packs/*/*"):
        pack.unlink()
    _is_well(run(story, "remote", "repair"))
    shutil.rmtree(story.home / "packs")
    shutil.rmtree(story.home / "blobs")
    done = run(story, "push")
    assert done.code == 5, done
    assert "data/train" in done.out + done.err


def test_f5_a_manifest_whose_files_are_lost_is_no_complete_version(story: Repo, run: Run) -> None:
    story.write("big/a", noise("a", 3_000_000))
    story.write("big/b", noise("b", 10_000))
    _is_well(run(story, "add", "big"))
    story.commit("third")
    story.git("tag", "v2.0")
    before = {*story.remote.glob("packs/*/*")}
    _is_well(run(story, "push"))
    new = sorted({*story.remote.glob("packs/*/*")} - before, key=lambda path: path.stat().st_size)
    new[-1].unlink()
    _is_well(run(story, "verify", "--remote"), 7)
    _is_well(run(story, "push"), 5)
    assert "v2.0" in run(story, "remote", "repair").out
    _is_well(run(story, "push"))
    _is_well(run(story, "verify", "--remote"))


KINDS = {"packs": "/packs/", "index": "/index/", "roots": "/roots/", "description": "remote.json"}


def _accepted(exchange: Exchange) -> None:
    """Answer as if the bytes were stored."""
    exchange.receive()
    exchange.reply(network.Answer(200, (("ETag", '"0123456789abcdef0123456789abcdef"'),), b""))


@pytest.mark.parametrize("kind", KINDS)
def test_f5_an_upload_that_was_answered_and_not_stored(
    bucketed: Repo, proxy: Proxy, run: Run, kind: str
) -> None:
    repo = bucketed
    repo.write("model.pt", noise(1, 3000))
    repo.gitmodel("add", "model.pt")
    repo.commit()
    repo.git("tag", "v1.0")
    proxy.rule(_accepted, "PUT", KINDS[kind])
    done = run(repo, "push")
    assert done.code == 6, done
    assert "is not there, though the server said" in done.err
    assert repo.git("ls-remote", "--tags", "origin") == ""
    proxy.heal()
    _is_well(run(repo, "push"))
    _is_well(run(repo, "verify", "--remote"))


def test_f5_how_much_a_push_with_nothing_new_asks(bucketed: Repo, proxy: Proxy, run: Run) -> None:
    repo = bucketed
    for number in range(3):
        repo.write("model.pt", noise(number, 3000))
        _is_well(run(repo, "add", "model.pt"))
        repo.commit()
        repo.git("tag", f"v1.{number}")
        _is_well(run(repo, "push"))
    proxy.heal()
    assert "already" in run(repo, "push").out
    # The lists of index files, roots and packs, and the description.
    assert len(proxy.requests) == 4
