"""B2: a folder remote is entered by descriptors: no symlink leads out of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gitmodel.errors import GitmodelError, IntegrityError, MissingError
from gitmodel.remote.folder import FolderStore
from gitmodel.remote.store import open_store
from tests.helpers.foreign import seen, victim
from tests.helpers.formats import sizes_in
from tests.helpers.repo import Repo, noise

ACTS: dict[str, Callable[[FolderStore, str], object]] = {
    "read": lambda store, key: store.read(key),
    "size": lambda store, key: store.size(key),
    "put": lambda store, key: store.put(key, b"new"),
    "put_new": lambda store, key: store.put_new(key, b"new"),
    "delete": lambda store, key: store.delete(key),
    "move": lambda store, key: store.move(key, "quarantine/x"),
    "move to": lambda store, key: store.move("index/whole", key),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return victim(tmp_path / "home")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    store = FolderStore("remote", tmp_path / "remote")
    store.put("index/whole", b"whole")
    return store


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize("link", ["packs", "packs/ab", "packs/ab/name"])
def test_b2_a_symlink_in_a_folder_remote_is_refused(
    store: FolderStore, home: Path, act: Callable[[FolderStore, str], object], link: str
) -> None:
    top = home.with_name("remote")
    (top / link).parent.mkdir(parents=True, exist_ok=True)
    target = home / "docs/w" if link.endswith("name") else home
    (home / "ab").mkdir(exist_ok=True)
    (home / "ab" / "name").write_text("precious")
    (home / "name").write_text("precious")
    (top / link).symlink_to(target)
    before = seen(home)
    if act is ACTS["move to"] and link.endswith("name"):
        # What is taken is taken: nobody asks what it is.
        assert act(store, "packs/ab/name") is False
    else:
        with pytest.raises(IntegrityError, match="is a symlink"):
            act(store, "packs/ab/name")
    assert seen(home) == before
    assert os.readlink(top / link) == str(target)
    assert store.read("index/whole") == b"whole"


@pytest.mark.parametrize("make", ["symlink", "fifo"])
def test_b2_what_is_no_file_is_not_listed(store: FolderStore, home: Path, make: str) -> None:
    odd = home.with_name("remote") / "index" / "odd"
    if make == "symlink":
        odd.symlink_to(home / "docs")
    else:
        os.mkfifo(odd)
    assert sizes_in(store, "index") == {"whole": 5}
    for act in ("read", "size", "delete"):
        with pytest.raises(IntegrityError, match=r"'odd', of 'index/odd', is a .* should be"):
            ACTS[act](store, "index/odd")
    assert os.path.lexists(odd)


def test_b2_a_folder_that_is_a_symlink_is_not_listed(store: FolderStore, home: Path) -> None:
    (home.with_name("remote") / "roots").symlink_to(home)
    with pytest.raises(IntegrityError, match="symlink"):
        sizes_in(store, "roots")


@pytest.mark.parametrize("key", ["../home/docs/w", "/etc/passwd", "packs//x", "a/./b"])
def test_b2_a_key_leads_nowhere_else(store: FolderStore, home: Path, key: str) -> None:
    before = seen(home)
    for act in ACTS.values():
        with pytest.raises(IntegrityError):
            act(store, key)
    assert seen(home) == before


def test_b2_a_store_is_opened_once(store: FolderStore, home: Path) -> None:
    top = home.with_name("remote")
    top.rename(home.with_name("moved"))
    top.symlink_to(home)
    store.put("index/new", b"new")
    assert (home.with_name("moved") / "index" / "new").read_bytes() == b"new"
    assert not (home / "index").exists()


@pytest.mark.parametrize("spelled", ["store", "sub/../store", "{tree}/store", "{link}/store"])
def test_b2_a_remote_in_the_working_tree_is_no_symlink(
    tmp_path: Path, home: Path, spelled: str
) -> None:
    tree, link = tmp_path / "tree", tmp_path / "link"
    tree.mkdir()
    link.symlink_to(tree)
    url = spelled.format(tree=tree, link=link)
    open_store(url, tree).put("index/x", b"x")
    (tree / "store").rename(tree / "kept")
    (tree / "store").symlink_to(home)
    before = seen(home)
    for act in ACTS.values():
        with pytest.raises(GitmodelError) as failed:
            act(open_store(url, tree), "index/x")
        assert not isinstance(failed.value, MissingError)
    assert seen(home) == before


def test_b2_a_remote_elsewhere_may_be_behind_a_symlink(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tmp_path / "disk").mkdir()
    (tmp_path / "remote").symlink_to("disk")
    open_store("../remote", tree).put("index/x", b"x")
    assert (tmp_path / "disk/index/x").read_bytes() == b"x"


@pytest.mark.parametrize("name", ["packs", "index", "roots", "quarantine"])
def test_b2_a_symlink_in_a_shared_folder_leads_no_command_out(story: Repo, name: str) -> None:
    home = victim(story.path.parent / "victim")
    there = story.remote / name
    if there.exists():
        there.rename(there.with_name(f".{name}"))
    there.symlink_to(home)
    before = seen(home)
    story.write("model.pt", noise("third", 3000))
    story.gitmodel("add", "-u")
    story.commit()
    for command in (("push",), ("fetch",), ("remote", "check"), ("remote", "repair", "--read")):
        done = story.run("gitmodel", *command)
        refused = name != "quarantine" and command != ("fetch",)
        assert done.code in ((7,) if refused else (0, 7)), (command, done)
    assert seen(home) == before
