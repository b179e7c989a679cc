"""Whatever command runs, and whatever lies in the places that it looks at: what is not gitmodel's
stays as it was, and so does what symlinks there lead to.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitmodel.scratch import BESIDE, OWN
from tests.helpers.foreign import seen, victim
from tests.helpers.repo import Repo, copied, flip
from tests.helpers.story import tell
from tests.property.strategies import examples

_USER = os.geteuid()
_HEX = "0123456789abcdef" * 4
_FEW = ("push", "pull", "fetch", "verify", "remote check", "remote repair --read", "get --force")
COMMANDS = {
    " ".join(words): words
    for words in (
        ("add", "-u"),
        ("add", "data/train", "model.pt"),
        ("bisect", "--metric", "accuracy"),
        ("card", "v1.0"),
        ("checkout", "v1.0"),
        ("checkout", "v1.0", "--code", "main", "--data", "main"),
        ("checkout", "--", "model.pt"),
        ("checkout", "--force", "--", "model.pt"),
        ("compare", "v1.0", "HEAD"),
        ("diff", "v1.0", "--fetch"),
        ("doctor",),
        ("export", "hf-folder", "v1.0", "-o", "out/hf"),
        ("fetch",),
        ("impact", "model.pt"),
        ("import", "dvc"),
        ("import", "lfs"),
        ("init",),
        ("install",),
        ("lineage", "v1.0"),
        ("mv", "model.pt", "moved.pt"),
        ("pull",),
        ("pull", "--force"),
        ("push",),
        ("remote", "check"),
        ("remote", "list"),
        ("remote", "repair", "--read"),
        ("remote", "add", "other", "../other"),
        ("resolve", "--ours", "model.pt"),
        ("rm", "model.pt"),
        ("run", "--output", "model.pt", "--", "true"),
        ("show", "v1.0"),
        ("status",),
        ("tag", "v2.0"),
        ("uninstall",),
        ("verify",),
        ("verify", "--quick"),
        ("verify", "--remote"),
        ("verify", "--tag", "model-v1.1"),
        ("versions", "--all"),
    )
}
COMMANDS["get --force"] = (
    *("get", "../origin.git", "data/train", "-o", "out/train"),
    *("--force", "--cache", "../mirrors"),
)
ALL = examples(1) > 1
"""Everything is tried by `make fuzz`, a few commands and places otherwise."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, templates: Path) -> Path:
    """A repository of two versions, with a mirror, of which blobs here and there are damaged."""
    folder = tmp_path_factory.mktemp("foreign")
    repo = copied(templates / "empty", folder)
    tell(repo)
    repo.gitmodel(*COMMANDS["get --force"])
    shutil.rmtree(repo.path / "out")
    for place in (repo.home / "packs", repo.remote / "packs"):
        flip(next(path for path in sorted(place.rglob("*")) if path.is_file()))
    repo.write("model.pt", "changed")
    return folder


@pytest.fixture
def repo(template: Path, tmp_path: Path) -> Repo:
    return copied(template, tmp_path)


def _places(repo: Repo) -> Iterator[Path]:
    """The folders that gitmodel lists, sweeps, repairs, moves or puts things into."""
    own = ["partial", "quarantine", "copies", "hooks", "replaced", "tmp"]
    cache = ("", "blobs", "blobs/blake3", "packs", *own, f"scratch-{_USER}")
    (mirror,) = (repo.path.parent / "mirrors").iterdir()
    for home in (repo.home, mirror):
        yield from (home / each for each in cache)
    yield mirror / "commits"
    (roots,) = (repo.remote / "roots").iterdir()
    remote = ("", "packs", "index", "roots", roots, "quarantine", "scratch", "tmp")
    yield from (repo.remote / each for each in (*remote, f".gitmodel-scratch-{_USER}"))
    yield from (repo.path / each for each in ("", "models", "out"))
    for packs in (repo.home / "blobs" / "blake3", repo.remote / "packs"):
        yield from sorted(path for path in packs.iterdir() if path.is_dir())


def _plant(place: Path, home: Path) -> list[Path]:
    """Put things into a folder that gitmodel did not make there; return them."""
    place.mkdir(parents=True, exist_ok=True)
    bare = OWN.new_name()
    folders = ["colleague", ".model.pt.gitmodel-tmp", "123-0123456789abcdef", bare]
    folders += [f"elsewhere{bare[bare.index('-') :]}", BESIDE.new_name(), ".gitmodel-scratch-9"]
    files = ["notes", "notes.pack", _HEX[:-1], f"{_HEX}.bak", f"{_HEX}.pack.old", "blake3-x"]
    planted = []
    for name in folders:
        planted.append(victim(place / name))
    for name in files:
        (place / name).write_text(f"precious: {name}")
        os.utime(place / name, (0, 0))
        planted.append(place / name)
    for name, target in (("to-folder", home), ("to-file", home / "docs" / "w"), ("x.pack", home)):
        (place / name).symlink_to(target)
        planted.append(place / name)
    os.mkfifo(place / "fifo")
    return [*planted, place / "fifo"]


def _run(repo: Repo, words: tuple[str, ...]) -> None:
    done = repo.run("gitmodel", *words)
    assert "bug in gitmodel" not in done.err, (words, done.err)
    assert "Traceback" not in done.err, (words, done.err)


@pytest.mark.parametrize("name", COMMANDS if ALL else _FEW)
def test_what_is_not_ours_is_never_touched(repo: Repo, name: str) -> None:
    home = victim(repo.path.parent / "victim")
    planted = [each for place in list(_places(repo)) for each in _plant(place, home)]
    before = seen(home, *planted)
    _run(repo, COMMANDS[name])
    _run(repo, COMMANDS[name])
    assert seen(home, *planted) == before


def _ends(place: Path) -> str:
    return place.name or "top"


@pytest.mark.parametrize("number", range(39) if ALL else (1, 3, 5, 9, 17, 25))
def test_no_symlink_in_the_place_of_a_folder_is_followed(repo: Repo, number: int) -> None:
    home = victim(repo.path.parent / "victim")
    places = [place for place in _places(repo) if place != repo.path]
    if number >= len(places):
        pytest.skip("there are fewer places")
    place = places[number]
    if place.exists():
        place.rename(place.parent / "away")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(home)
    before = seen(home)
    for name in COMMANDS if ALL else _FEW:
        _run(repo, COMMANDS[name])
    allowed = place in (repo.home, repo.remote, repo.path / "models", repo.path / "out")
    after = seen(home)
    assert allowed or after == before, place
    assert {path: after.get(path) for path in before if path != str(home)} == {
        path: what for path, what in before.items() if path != str(home)
    }
