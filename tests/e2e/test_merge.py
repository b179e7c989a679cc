"""Git merges branches that changed artifacts: the driver, and what ends a conflict."""

from __future__ import annotations

import os
import random
import shutil
import sys
from pathlib import Path

import pytest

from gitmodel.git.command import open_git
from gitmodel.porcelain.drivers import set_drivers, unset_drivers
from tests.helpers.inside import runner
from tests.helpers.merging import Files, Quick, branch, change, contents, merge, set_up, write
from tests.helpers.repo import Repo, copied, new_repo, noise

BASE = {"data/a": "a", "data/b": "b", "data/deep/c": "c", "data/d": "d"}
MODEL = {"model.pt": noise("base", 900), "model.metrics.json": '{"accuracy": 0.9}'}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("merging")
    repo = new_repo(folder)
    set_up(repo, {**BASE, **MODEL}, "data", "model.pt")
    return folder


@pytest.fixture
def base(
    template: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Repo:
    """A repository with a dataset and a model; Git merges pointers by way of gitmodel."""
    return Quick(copied(template, tmp_path).path, runner(capsys, monkeypatch))


def _is_clean(repo: Repo) -> None:
    repo.gitmodel("status", "--exit-code")
    repo.gitmodel("verify")
    assert repo.git("ls-files", "--unmerged") == ""
    assert repo.leftovers() == []
    assert not (repo.path / ".git/gitmodel-resolve").exists()


def _conflicting(repo: Repo, ours: Files, theirs: Files) -> str:
    """Merge two branches that do not; return what was said."""
    branch(repo, "theirs", theirs)
    branch(repo, "ours", ours)
    done = merge(repo, "merge", "--no-edit", "theirs", conflict=True)
    return done.err


# Merges that need nobody


def test_branches_that_change_different_files_merge(base: Repo) -> None:
    branch(base, "one", {"data/a": "A", "data/new/1": "1", "data/deep/c": None})
    branch(base, "two", {"data/b": "B", "data/new/2": "2", "data/d": None})
    done = merge(base, "merge", "--no-edit", "one")
    assert "merged data: 4 files, 4 B; gitmodel checkout" in done.err
    assert base.git("status", "--porcelain") == ""
    base.gitmodel("checkout")
    assert contents(base, "data") == {"a": b"A", "b": b"B", "new/1": b"1", "new/2": b"2"}
    _is_clean(base)


def test_a_merge_is_the_same_from_either_side(base: Repo) -> None:
    branch(base, "one", {"data/a": "A"})
    branch(base, "two", {"data/b": "B"})
    merge(base, "merge", "--no-edit", "one")
    there = base.read("data.gitmodel")
    base.git("checkout", "--quiet", "one")
    merge(base, "merge", "--no-edit", "two^1")
    assert base.read("data.gitmodel") == there


def test_the_same_change_on_both_sides_is_no_conflict(base: Repo) -> None:
    same = {"data/a": "same", "data/new": "same", "data/d": None}
    branch(base, "one", {**same, "data/b": "B"})
    branch(base, "two", {**same, "data/deep/c": "C"})
    merge(base, "merge", "--no-edit", "one")
    base.gitmodel("checkout")
    assert contents(base, "data") == {"a": b"same", "new": b"same", "b": b"B", "deep/c": b"C"}


def test_a_mode_and_a_content_are_merged_apart(base: Repo) -> None:
    base.git("checkout", "--quiet", "-b", "mode")
    for path in ("data/a", "model.pt"):
        (base.path / path).chmod(0o755)
    change(base, {}, "mode")
    branch(base, "content", {"data/a": "A", "model.pt": "better"})
    merge(base, "merge", "--no-edit", "mode")
    base.gitmodel("checkout")
    for path, data in (("data/a", b"A"), ("model.pt", b"better")):
        assert base.read(path) == data
        assert os.access(base.path / path, os.X_OK)


def test_datasets_that_both_sides_added_are_united(base: Repo) -> None:
    for name in ("one", "two"):
        base.git("checkout", "--quiet", "-b", name, "main")
        write(base, {f"more/{name}": name, "more/both": "both"})
        base.gitmodel("add", "more")
        base.commit(name)
    merge(base, "merge", "--no-edit", "one")
    base.gitmodel("checkout")
    assert sorted(contents(base, "more")) == ["both", "one", "two"]


def test_folders_that_become_empty_or_full(base: Repo) -> None:
    base.git("checkout", "--quiet", "-b", "emptied")
    (base.path / "data/deep/c").unlink()
    (base.path / "data/hollow").mkdir()
    change(base, {}, "emptied")
    branch(base, "filled", {"data/deep/e": "e", "data/hollow/f": "f"})
    merge(base, "merge", "--no-edit", "emptied")
    base.gitmodel("checkout")
    assert sorted(contents(base, "data")) == ["a", "b", "d", "deep/e", "hollow/f"]


def test_criss_cross_merges(base: Repo) -> None:
    """Git merges the two bases first, and the result is nowhere but in the cache."""
    one = branch(base, "one", {"data/a": "A1", "data/b": "B1"})
    two = branch(base, "two", {"data/d": "D2", "data/new": "2"})
    merge(base, "merge", "--no-edit", one)
    base.gitmodel("checkout")
    change(base, {"data/deep/c": "C2"}, "on")
    base.git("checkout", "--quiet", "one")
    merge(base, "merge", "--no-edit", two)
    base.gitmodel("checkout")
    change(base, {"data/a": "A3", "data/new": None}, "on")
    merge(base, "merge", "--no-edit", "two")
    base.gitmodel("checkout")
    assert contents(base, "data") == {"a": b"A3", "b": b"B1", "d": b"D2", "deep/c": b"C2"}


def test_criss_cross_merges_whose_bases_are_in_conflict(base: Repo) -> None:
    one = branch(base, "one", {"data/a": "A1", "data/b": "B1"})
    two = branch(base, "two", {"data/a": "A2"})
    merge(base, "merge", "--no-edit", one, conflict=True)
    base.gitmodel("resolve", "--ours", "data")
    base.commit("two merged")
    change(base, {"data/new": "2"}, "on")
    base.git("checkout", "--quiet", "one")
    base.gitmodel("checkout")
    merge(base, "merge", "--no-edit", two, conflict=True)
    base.gitmodel("resolve", "--theirs", "data")
    base.commit("one merged")
    change(base, {"data/b": "B3"}, "on")
    merge(base, "merge", "--no-edit", "two")
    base.gitmodel("checkout")
    found = contents(base, "data")
    assert found == {"a": b"A2", "b": b"B3", "d": b"d", "deep/c": b"c", "new": b"2"}


def test_rebase_cherry_pick_and_revert(base: Repo) -> None:
    branch(base, "feature", {"data/a": "A"})
    change(base, {"data/new": "new"}, "second")
    base.git("checkout", "--quiet", "main")
    base.gitmodel("checkout")
    first = change(base, {"data/b": "B"}, "main")
    base.git("checkout", "--quiet", "feature")
    merge(base, "rebase", "--quiet", "main")
    base.gitmodel("checkout")
    now = {"a": b"A", "b": b"B", "d": b"d", "deep/c": b"c", "new": b"new"}
    assert contents(base, "data") == now
    merge(base, "revert", "--no-edit", first)
    base.gitmodel("checkout")
    assert contents(base, "data") == {**now, "b": b"b"}
    merge(base, "cherry-pick", first)
    base.gitmodel("checkout")
    assert contents(base, "data") == now
    _is_clean(base)


def test_a_stash(base: Repo) -> None:
    write(base, {"data/a": "A"})
    base.gitmodel("add", "data")
    base.git("stash")
    base.gitmodel("checkout")
    change(base, {"data/b": "B"}, "on")
    merge(base, "stash", "pop")
    base.gitmodel("checkout")
    assert contents(base, "data")["a"] == b"A"
    assert contents(base, "data")["b"] == b"B"


def test_in_another_worktree_and_from_a_folder(base: Repo, tmp_path: Path) -> None:
    branch(base, "one", {"data/a": "A"})
    branch(base, "two", {"data/b": "B"})
    base.git("worktree", "add", "--quiet", "-b", "three", "../other", "two")
    other = Repo(tmp_path / "other")
    (other.path / "src").mkdir()
    assert other.run("git", "merge", "--no-edit", "one", cwd="src").code == 0
    other.gitmodel("checkout")
    assert contents(other, "data")["a"] == b"A"
    assert contents(other, "data")["b"] == b"B"


@pytest.mark.parametrize("seed", range(6))
def test_random_changes_merge_as_dicts_do(base: Repo, seed: int) -> None:
    """Conflicts are exactly the paths that both sides changed, and differently."""
    dice = random.Random(seed)
    start = contents(base, "data")
    sides = []
    for name in ("one", "two"):
        after = dict(start)
        for _ in range(dice.randint(1, 5)):
            path = dice.choice([*start, "n1", "n2", "deep/n3"])
            after[path] = f"{dice.randint(0, 2)}".encode()
            if dice.random() < 0.4 and path in start:
                del after[path]
        changes = {
            f"data/{p}": after.get(p) for p in {**start, **after} if after.get(p) != start.get(p)
        }
        branch(base, name, changes)
        sides.append(after)
    theirs, ours = sides
    every = {**start, **ours, **theirs}
    clashes = [
        p
        for p in every
        if ours.get(p) != theirs.get(p) and start.get(p) not in (ours.get(p), theirs.get(p))
    ]
    done = merge(base, "merge", "--no-edit", "one", conflict=bool(clashes))
    if clashes:
        said = base.gitmodel("resolve", code=1).out
        assert f"changed {len(clashes)} file" in said
        assert sorted(line.split()[0] for line in said.splitlines()[1:]) == sorted(clashes), done
        base.gitmodel("resolve", "--ours", "data")
        base.commit("merged")
    base.gitmodel("checkout")
    merged = {p: theirs.get(p) if ours.get(p) == start.get(p) else ours.get(p) for p in every}
    assert contents(base, "data") == {p: data for p, data in merged.items() if data is not None}
    _is_clean(base)


# Conflicts in a dataset


def test_a_file_that_both_sides_changed_is_named_and_the_rest_merged(base: Repo) -> None:
    said = _conflicting(
        base,
        {"data/a": "ours", "data/b": "B", "data/x": "1"},
        {"data/a": "theirs!", "data/d": "D", "data/x": "22"},
    )
    assert "data is in conflict: both sides changed 2 files; the rest can be merged" in said
    assert "    a  ours 4 B  theirs 7 B" in said
    assert "next:  gitmodel resolve --ours data, or gitmodel resolve --theirs data" in said
    listed = base.gitmodel("resolve", code=1)
    assert "    x  ours 1 B  theirs 2 B" in listed.out
    assert base.read("data.gitmodel").startswith(b"<<<<<<< ")
    base.gitmodel("resolve", "--theirs", "data")
    assert contents(base, "data") == {
        "a": b"theirs!", "b": b"B", "d": b"D", "deep/c": b"c", "x": b"22"
    }  # fmt: skip
    assert base.git("status", "--porcelain") == "M  data.gitmodel"
    base.git("commit", "--no-edit", "--quiet")
    _is_clean(base)


def test_files_can_be_resolved_one_by_one(base: Repo) -> None:
    _conflicting(
        base,
        {"data/a": "ours", "data/b": "ours", "data/deep/c": "ours"},
        {"data/a": "theirs", "data/b": "theirs", "data/deep/c": None},
    )
    done = base.gitmodel("resolve", "--theirs", "data/b")
    assert "both sides changed 2 files" in done.out
    assert "    deep/c  ours 4 B  theirs removed" in done.out
    assert base.read("data/b") == b"ours"
    base.gitmodel("resolve", "--theirs", "data/b", code=2)
    base.gitmodel("resolve", "--theirs", "data/deep")
    done = base.gitmodel("resolve", "--ours", "data/a")
    assert "resolved data (3 files, 11 B); staged" in done.out
    assert contents(base, "data") == {"a": b"ours", "b": b"theirs", "d": b"d"}
    base.commit("merged")
    _is_clean(base)


def test_choices_do_not_outlive_their_conflict(base: Repo) -> None:
    _conflicting(
        base, {"data/a": "ours", "data/b": "ours"}, {"data/a": "theirs", "data/b": "theirs"}
    )
    base.gitmodel("resolve", "--theirs", "data/a")
    base.git("merge", "--abort")
    change(base, {"data/d": "D"}, "on")
    merge(base, "merge", "--no-edit", "theirs", conflict=True)
    assert "both sides changed 2 files" in base.gitmodel("resolve", code=1).out


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_names_that_cannot_live_side_by_side(base: Repo, side: str) -> None:
    ours = {"data/Readme": "ours", "data/node": "a file", "data/q": "q"}
    theirs = {"data/README": "theirs", "data/node/inner": "a folder", "data/z": "z"}
    said = _conflicting(base, ours, theirs)
    assert "README" in said
    assert "node" in said
    base.gitmodel("resolve", f"--{side}", "data")
    found = contents(base, "data")
    mine = ours if side == "ours" else theirs
    expected = {path.removeprefix("data/"): text.encode() for path, text in mine.items()}
    assert found == {p.removeprefix("data/"): t.encode() for p, t in BASE.items()} | expected | {
        "q": b"q",
        "z": b"z",
    }
    base.commit("merged")
    _is_clean(base)


def test_a_changed_file_against_a_folder_of_its_name(base: Repo) -> None:
    _conflicting(base, {"data/a": "ours"}, {"data/a": None, "data/a/inner": "theirs"})
    base.gitmodel("resolve", "--theirs", "data")
    assert contents(base, "data")["a/inner"] == b"theirs"
    base.commit("merged")
    _is_clean(base)


# Conflicts of whole artifacts


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_model_that_both_sides_changed(base: Repo, side: str) -> None:
    said = _conflicting(
        base,
        {"model.pt": noise("ours", 1000), "model.metrics.json": '{"accuracy": 0.93}'},
        {"model.pt": noise("theirs", 2000), "model.metrics.json": '{"accuracy": 0.95, "f1": 1}'},
    )
    ours, theirs = (base.git("rev-parse", name)[:12] for name in ("ours", "theirs"))
    for text in (said, base.gitmodel("resolve", code=1).out):
        assert "model.pt is in conflict: both sides changed it" in text
        assert f"    ours    1.0 kB  accuracy 0.93        {ours}" in text
        assert f"    theirs  2.0 kB  accuracy 0.95, f1 1  {theirs}" in text
    done = base.gitmodel("resolve", f"--{side}", "model.pt")
    assert "resolved model.pt" in done.out
    assert base.read("model.pt") == noise(side, 1000 if side == "ours" else 2000)
    base.git("checkout", f"--{side}", "model.metrics.json")
    base.commit("merged")
    _is_clean(base)


@pytest.mark.parametrize("side", ["ours", "theirs"])
@pytest.mark.parametrize("deleter", ["ours", "theirs"])
def test_deleted_on_one_side_and_changed_on_the_other(base: Repo, side: str, deleter: str) -> None:
    changer = "theirs" if deleter == "ours" else "ours"
    branch(base, changer, {"model.pt": "changed"})
    base.git("checkout", "--quiet", "-b", deleter, "main")
    base.gitmodel("checkout")
    base.git("rm", "--quiet", "model.pt.gitmodel")
    (base.path / "model.pt").unlink()
    base.commit(deleter)
    base.git("checkout", "--quiet", "ours")
    base.gitmodel("checkout")
    merge(base, "merge", "--no-edit", "theirs", conflict=True)
    who = "we" if deleter == "ours" else "they"
    assert f"{who} deleted it, the other side changed it" in base.gitmodel("resolve", code=1).out
    assert base.status()["model.pt"]["work"] == "conflict"
    base.gitmodel("resolve", f"--{side}", "model.pt")
    there = side == changer
    assert (base.path / "model.pt").exists() == there
    assert bool(base.git("ls-files", "model.pt.gitmodel")) == there
    assert ("/model.pt" in base.read(".gitignore").decode().split()) == there
    base.commit("merged")
    _is_clean(base)


def test_a_file_on_one_side_and_a_folder_on_the_other(base: Repo) -> None:
    said = _conflicting(
        base, {"model.pt": "a file"}, {"model.pt": None, "model.pt/w1": "1", "model.pt/w2": "2"}
    )
    assert "it is a file on one side and a folder on the other" in said
    assert "2 files, 2 B" in said
    base.gitmodel("resolve", "model.pt", code=1)
    base.gitmodel("resolve", "--theirs", "model.pt")
    assert contents(base, "model.pt") == {"w1": b"1", "w2": b"2"}
    base.commit("merged")
    _is_clean(base)


def test_sides_in_a_rebase_are_those_of_git(base: Repo) -> None:
    """What is being rebased is theirs."""
    feature = branch(base, "feature", {"model.pt": "feature", "model.metrics.json": '{"a": 1}'})
    base.git("checkout", "--quiet", "main")
    base.gitmodel("checkout")
    change(base, {"model.pt": "main"}, "main")
    base.git("checkout", "--quiet", "feature")
    base.gitmodel("checkout")
    merge(base, "rebase", "main", conflict=True)
    said = base.gitmodel("resolve", code=1).out
    assert f"theirs  7 B  a 1           {feature[:12]}" in said
    base.gitmodel("resolve", "--theirs", "model.pt")
    assert base.read("model.pt") == b"feature"
    base.git("-c", "core.editor=true", "rebase", "--continue")
    _is_clean(base)


@pytest.mark.parametrize("verb", ["cherry-pick", "revert", "stash"])
def test_both_sides_are_found_whatever_git_does(base: Repo, verb: str) -> None:
    """In a revert the other side is what was before the commit."""
    write(base, {"model.pt": "changed", "model.metrics.json": '{"a": 1}'})
    base.gitmodel("add", "model.pt")
    if verb == "stash":
        base.git("stash")
    else:
        base.git("checkout", "--quiet", "-b", "other")
        base.commit("other")
        if verb == "cherry-pick":
            base.git("checkout", "--quiet", "main")
    base.gitmodel("checkout")
    change(base, {"model.pt": "changed again"}, "on")
    what = ["pop"] if verb == "stash" else ["other^" if verb == "revert" else "other"]
    if verb == "revert":
        what = ["--no-edit", "HEAD^"]
    merge(base, verb, *what, conflict=True)
    said = base.gitmodel("resolve", code=1).out
    expected = "accuracy 0.9" if verb == "revert" else "a 1"
    assert f"theirs  {'900 B' if verb == 'revert' else '7 B'}" in said
    assert expected in said
    base.gitmodel("resolve", "--theirs", "model.pt")
    assert base.read("model.pt") == (MODEL["model.pt"] if verb == "revert" else b"changed")


def test_what_a_conflict_does_to_other_commands(base: Repo) -> None:
    _conflicting(base, {"model.pt": "ours", "data/a": "A"}, {"model.pt": "theirs"})
    (base.path / "data/a").unlink()
    found = base.status()
    assert found["model.pt"]["work"] == "conflict"
    assert found["data"]["work"] == "modified"
    assert "in conflict  (gitmodel resolve --ours model.pt" in base.gitmodel("status").out
    base.gitmodel("status", "--exit-code", code=1)
    for command in (
        ["add", "model.pt"],
        ["add", "model.pt.gitmodel"],
        ["checkout"],
        ["checkout", "--", "model.pt"],
        ["pull"],
    ):
        done = base.gitmodel(*command, code=4)
        assert "'model.pt' is in conflict" in done.err, command
        assert "gitmodel resolve --ours model.pt" in done.err, command
    assert base.git("ls-files", "--unmerged") != ""
    base.gitmodel("checkout", "--", "data")
    assert base.read("data/a") == b"A"
    base.gitmodel("add", "data")
    base.gitmodel("checkout", "theirs", "--", "model.pt")
    assert base.read("model.pt") == b"theirs"
    base.commit("merged")
    _is_clean(base)


def test_no_unsaved_work_is_overwritten(base: Repo) -> None:
    _conflicting(base, {"model.pt": "ours"}, {"model.pt": "theirs"})
    base.write("model.pt", "never saved")
    done = base.gitmodel("resolve", "--theirs", "model.pt", code=4)
    assert "'model.pt' would be overwritten" in done.err
    first, second, third = done.err.splitlines()[-1].removeprefix("next:  ").split(", then ")
    assert (first, second) == (
        "gitmodel resolve --theirs --no-restore model.pt",
        "gitmodel add model.pt",
    )
    assert third == "gitmodel checkout -- model.pt"
    assert base.read("model.pt") == b"never saved"
    assert base.status()["model.pt"]["work"] == "conflict"
    base.gitmodel("resolve", "--theirs", "--no-restore", "model.pt")
    assert base.read("model.pt") == b"never saved"
    assert base.status()["model.pt"]["work"] == "modified"
    base.git("checkout", "--merge", "--", "model.pt.gitmodel")
    base.gitmodel("resolve", "--ours", "--force", "model.pt")
    assert base.read("model.pt") == b"ours"


def test_an_edit_and_what_the_other_side_added_are_kept_as_the_hint_says(base: Repo) -> None:
    _conflicting(base, {"data/1": "ours"}, {"data/1": "theirs", "data/new": "theirs too"})
    base.write("data/1", "mine, never saved")
    done = base.gitmodel("resolve", "--ours", "data", code=4)
    for step in done.err.splitlines()[-1].removeprefix("next:  ").split(", then "):
        base.run(*step.split())
    assert base.read("data/1") == b"mine, never saved"
    assert base.read("data/new") == b"theirs too"
    assert base.status()["data"]["work"] == "clean"


def test_nothing_to_resolve(base: Repo) -> None:
    assert base.gitmodel("resolve").out == "nothing is in conflict\n"
    assert "'data' is not in conflict" in base.gitmodel("resolve", "--ours", "data", code=2).err
    assert "which artifact" in base.gitmodel("resolve", "--ours", code=2).err


# Without the driver, without a manifest, with odd input


def test_without_the_driver_resolve_does_its_work(base: Repo) -> None:
    unset_drivers(open_git(base.path))
    _conflicting(base, {"data/a": "A", "data/b": "1"}, {"data/d": "D", "data/b": "2"})
    assert "both sides changed 1 file" in base.gitmodel("resolve", "data", code=1).out
    base.gitmodel("resolve", "--theirs", "data/b")
    assert contents(base, "data") == {"a": b"A", "b": b"2", "d": b"D", "deep/c": b"c"}
    base.commit("merged")
    _is_clean(base)


def test_without_a_conflict_in_it_a_side_is_not_needed(base: Repo) -> None:
    unset_drivers(open_git(base.path))
    _conflicting(base, {"data/a": "A"}, {"data/d": "D"})
    assert "resolved data" in base.gitmodel("resolve", "data").out
    assert contents(base, "data") == {"a": b"A", "b": b"b", "d": b"D", "deep/c": b"c"}


def test_markers_that_were_staged_or_committed(base: Repo) -> None:
    _conflicting(base, {"data/a": "A", "data/b": "1"}, {"data/d": "D", "data/b": "2"})
    base.commit("by mistake")
    for command in ("status", "verify", "checkout"):
        done = base.gitmodel(command, code=7)
        assert "'data.gitmodel' is a broken pointer: it holds conflict markers" in done.err
        assert "gitmodel resolve data" in done.err
    base.gitmodel("resolve", "--theirs", "data")
    assert contents(base, "data") == {"a": b"A", "b": b"2", "d": b"D", "deep/c": b"c"}
    base.commit("mended")
    _is_clean(base)


def test_a_manifest_that_is_missing_is_fetched(base: Repo) -> None:
    theirs = branch(base, "theirs", {"data/a": "theirs"})
    branch(base, "ours", {"data/b": "ours"})
    for name in ("ours", "theirs", "main"):
        base.git("checkout", "--quiet", name)
        base.gitmodel("checkout")
        base.gitmodel("push")
        base.git("push", "--quiet", "origin", name)
    clone = base.clone("clone")
    set_drivers(open_git(clone.path))
    clone.git("checkout", "--quiet", "ours")
    merge(clone, "merge", "--no-edit", theirs)
    clone.gitmodel("pull")
    assert contents(clone, "data") == {"a": b"theirs", "b": b"ours", "d": b"d", "deep/c": b"c"}


def test_a_manifest_that_is_nowhere_is_a_conflict_that_says_so(base: Repo) -> None:
    branch(base, "theirs", {"data/a": "theirs"})
    branch(base, "ours", {"data/b": "ours"})
    shutil.move(base.home / "packs", base.home / "elsewhere")
    said = merge(base, "merge", "--no-edit", "theirs", conflict=True).err
    assert "a manifest of 'data' is not in the cache and cannot be fetched" in said
    assert "gitmodel resolve data, when the remote can be read" in said
    assert base.status()["data"]["work"] == "conflict"
    assert "cannot be fetched" in base.gitmodel("resolve", "--ours", "data", code=5).err
    assert base.status()["data"]["work"] == "conflict"
    shutil.rmtree(base.home / "packs", ignore_errors=True)
    shutil.move(base.home / "elsewhere", base.home / "packs")
    base.gitmodel("resolve", "data")
    assert contents(base, "data") == {"a": b"theirs", "b": b"ours", "d": b"d", "deep/c": b"c"}


def test_a_side_that_is_no_pointer(base: Repo) -> None:
    branch(base, "theirs", {"data/a": "theirs"})
    branch(base, "ours", {})
    base.write("data.gitmodel", "import os\n")
    base.commit("broken")
    said = merge(base, "merge", "--no-edit", "theirs", conflict=True).err
    assert "'data.gitmodel' is not a gitmodel pointer" in said
    base.gitmodel("status", code=7)
    base.gitmodel("resolve", "--theirs", "data", code=7)


def test_a_large_side_is_left_to_the_user(base: Repo) -> None:
    branch(base, "theirs", {"data/a": "theirs"})
    branch(base, "ours", {})
    base.write("data.gitmodel", "#" * (1 << 20))
    base.commit("broken")
    assert "not a pointer" in merge(base, "merge", "--no-edit", "theirs", conflict=True).err
    assert "longer than a pointer" in base.gitmodel("status", code=7).err


def test_names_of_branches_and_files_run_nothing(base: Repo) -> None:
    name = "$(touch${IFS}pwned)'\"`touch${IFS}pwned`"
    odd = "--help $(touch pwned) 'q'"
    base.write(odd, "base")
    base.gitmodel("add", "--", odd)
    base.commit("odd")
    branch(base, name, {odd: "theirs"})
    branch(base, "ours", {odd: "ours"})
    merge(base, "merge", "--no-edit", name, conflict=True)
    assert not (base.path / "pwned").exists()
    base.gitmodel("resolve", "--theirs", "--", odd)
    assert base.read(odd) == b"theirs"


def test_rules_that_are_in_conflict_too_are_not_touched(base: Repo) -> None:
    base.write(".gitattributes", "*.gitmodel -text merge=gitmodel diff=gitmodel\n")
    base.commit("without union")
    for name in ("theirs", "ours"):
        branch(base, name, {"model.pt": name})
        base.write(f"{name}.bin", name)
        base.gitmodel("add", f"{name}.bin")
        base.commit(name)
    merge(base, "merge", "--no-edit", "theirs", conflict=True)
    assert (
        "'.gitignore' is in conflict too"
        in base.gitmodel("resolve", "--ours", "model.pt", code=4).err
    )
    base.write(".gitignore", "/data\n/model.pt\n/ours.bin\n/theirs.bin\n")
    base.git("add", ".gitignore")
    base.gitmodel("resolve", "--ours", "model.pt")


def test_files_that_nobody_asked_for_are_not_brought(base: Repo) -> None:
    base.gitmodel("push")
    branch(base, "theirs", {"data/a": "theirs"})
    branch(base, "ours", {"data/a": "ours"})
    shutil.rmtree(base.path / "data")
    merge(base, "merge", "--no-edit", "theirs", conflict=True)
    base.gitmodel("resolve", "--theirs", "data")
    assert not (base.path / "data").exists()
    base.gitmodel("checkout")
    assert base.read("data/a") == b"theirs"


def test_where_gitmodel_is_not_on_the_path(base: Repo) -> None:
    """Git takes a missing driver for a conflict, and leaves our side."""
    base.git("config", "merge.gitmodel.driver", "gitmodel-is-not-here %O %A %B")
    _conflicting(base, {"data/a": "A"}, {"data/d": "D"})
    assert base.read("data.gitmodel").startswith(b"gitmodel: 1\n")
    assert base.status()["data"]["work"] == "conflict"
    base.gitmodel("add", "data", code=4)
    base.gitmodel("resolve", "data")
    assert contents(base, "data") == {"a": b"A", "b": b"b", "d": b"D", "deep/c": b"c"}
    base.commit("merged")
    _is_clean(base)


def test_git_remembers_a_resolution(base: Repo) -> None:
    base.git("config", "rerere.enabled", "true")
    _conflicting(base, {"model.pt": "ours"}, {"model.pt": "theirs"})
    base.gitmodel("resolve", "--theirs", "model.pt")
    resolved = base.read("model.pt.gitmodel")
    base.commit("merged")
    base.git("reset", "--quiet", "--hard", "HEAD^")
    merge(base, "merge", "--no-edit", "theirs", conflict=True)
    assert base.read("model.pt.gitmodel") == resolved
    base.git("add", "model.pt.gitmodel")
    base.git("commit", "--quiet", "--no-edit")
    base.gitmodel("checkout")
    assert base.read("model.pt") == b"theirs"


def test_both_sides_can_be_had(base: Repo) -> None:
    _conflicting(base, {"model.pt": "ours", "data/a": "A"}, {"model.pt": "theirs", "data/a": "B"})
    script = "import gitmodel; print(*(gitmodel.read(*each) for each in {}))"
    wanted = [("model.pt", "theirs"), ("model.pt", "ours"), ("data/a", "theirs")]
    done = base.run(sys.executable, "-c", script.format(wanted))
    assert done.out == "b'theirs' b'ours' b'B'\n"


def test_a_merge_without_a_working_tree(base: Repo) -> None:
    """As forges and `git merge-tree` do it."""
    branch(base, "one", {"data/a": "A"})
    branch(base, "two", {"data/b": "B"})
    tree = base.git("merge-tree", "--write-tree", "one", "two").splitlines()[0]
    base.git("read-tree", "--reset", "-u", tree)
    base.gitmodel("checkout")
    assert contents(base, "data")["a"] == b"A"
    assert contents(base, "data")["b"] == b"B"


def test_a_pointer_that_one_side_moved(base: Repo) -> None:
    base.git("checkout", "--quiet", "-b", "moved")
    base.gitmodel("mv", "data", "sets/data")
    base.commit("moved")
    branch(base, "changed", {"data/a": "A"})
    base.git("checkout", "--quiet", "moved")
    base.gitmodel("checkout")
    done = base.run("git", "merge", "--no-edit", "changed")
    if done.code == 0:
        base.gitmodel("checkout")
    else:
        # Git sees no rename where little of a small file stayed.
        base.gitmodel("resolve", "--theirs", "data")
        base.gitmodel("rm", "--force", "sets/data")
        base.gitmodel("mv", "data", "sets/data")
    assert contents(base, "sets/data")["a"] == b"A"
    base.gitmodel("status")
