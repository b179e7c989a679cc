"""What was made from what, as a user asks it."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitmodel.digest import oid_of
from gitmodel.lineage import Input, Lineage, Named, format_lineage
from gitmodel.pointer import Pointer, format_pointer, parse_pointer
from tests.helpers.formats import FINGERPRINT
from tests.helpers.repo import Repo, copied, new_repo, noise


def make(repo: Repo, path: str, *uses: str) -> None:
    """Make an artifact of all that is used, by a command that is recorded."""
    options = [option for use in uses for option in ("--use", use)]
    line = f"cat /dev/null {' '.join(_files(uses))} > {path}; echo {path} >> {path}"
    repo.gitmodel("run", *options, "--save", path, "--", "sh", "-c", line)


def _files(uses: tuple[str, ...]) -> Iterator[str]:
    for use in uses:
        path = use.partition("=")[0]
        yield f"{path}/*.png" if path == "data/train" else path


def tag(repo: Repo, *names: str) -> None:
    repo.commit(names[0])
    for name in names:
        repo.git("tag", name)


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, a teacher made from it and a base, and a student of the teacher; then other data."""
    folder = tmp_path_factory.mktemp("chain")
    repo = new_repo(folder)
    for name in ("a.png", "b.png"):
        repo.write(f"data/train/{name}", noise(name, 3000))
    repo.write("base.pt", noise("base", 2000))
    repo.write("labels.txt", "x\n")
    repo.gitmodel("add", "data/train", "base.pt", "labels.txt")
    tag(repo, "train-v1.0", "base-v1.0")
    make(repo, "teacher.pt", "data/train=train", "base.pt=base")
    tag(repo, "teacher-v1.0")
    repo.git("checkout", "--quiet", "-b", "distil")
    make(repo, "student.pt", "teacher.pt=base", "data/train/b.png=probe")
    tag(repo, "student-v0.1")
    repo.git("checkout", "--quiet", "main")
    repo.write("data/train/b.png", noise("other b", 3100))
    repo.gitmodel("add", "data/train")
    make(repo, "teacher.pt", "data/train=train", "base.pt=base")
    tag(repo, "train-v2.0", "teacher-v2.0")
    return folder


@pytest.fixture
def repo(chain: Path, tmp_path: Path) -> Repo:
    return copied(chain, tmp_path)


def asked(repo: Repo, *arguments: str) -> Any:
    return json.loads(repo.gitmodel(*arguments, "--format", "json").out)


def edges(said: Any) -> set[tuple[str, str, str, str]]:
    """The edges, with a path and a version for each end."""
    nodes = {node["oid"]: node for node in said["nodes"]}

    def name(oid: str) -> str:
        tags = [place["tag"] for place in nodes[oid]["places"] if place["tag"]]
        own = [tag for tag in tags if tag.startswith(Path(nodes[oid]["path"]).stem)]
        return (own or [nodes[oid]["path"]])[-1]

    return {
        (name(edge["source"]), name(edge["target"]), edge["relation"], edge["role"])
        for edge in said["edges"]
    }


STUDENT = {
    ("teacher-v1.0", "student-v0.1", "input", "base"),
    ("data/train/b.png", "student-v0.1", "input", "probe"),
    ("train-v1.0", "data/train/b.png", "part", ""),
    ("train-v1.0", "teacher-v1.0", "input", "train"),
    ("base-v1.0", "teacher-v1.0", "input", "base"),
}


def test_lineage_goes_up_through_versions_and_branches(repo: Repo) -> None:
    said = asked(repo, "lineage", "student@v0.1")
    assert said["schema"] == "gitmodel/lineage/1"
    assert said["label"] == "student-v0.1"
    together = {("labels.txt", "student-v0.1", "co-committed", "")}
    assert edges(said) == STUDENT | together
    [root] = said["roots"]
    made = next(node for node in said["nodes"] if node["oid"] == root)["made"][0]
    assert made["command"][0] == "sh"
    assert made["code"]["commit"] == repo.git("rev-parse", "teacher-v1.0")


def test_the_fields_of_json_are_documented(repo: Repo) -> None:
    pages = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
    for command, argument in (("lineage", "student"), ("impact", "data/train")):
        section = pages.split(f"## `gitmodel/{command}/1`\n")[1].split("\n## ")[0]
        documented = set(re.findall(r"^\| `([a-z\[\].]+)` \|", section, re.M))
        said = asked(repo, command, argument)
        assert {name for name in documented if "." not in name} == said.keys()
        if command == "lineage":
            places = {
                field for node in said["nodes"] for place in node["places"] for field in place
            }
            nodes = {field for node in said["nodes"] for field in node}
            fields = {field for edge in said["edges"] for field in edge}
            assert {name for name in documented if "." in name} == {
                *(f"nodes[].{field}" for field in nodes),
                *(f"nodes[].places[].{field}" for field in places),
                *(f"edges[].{field}" for field in fields),
            }


def test_the_tree_is_read_from_the_top(repo: Repo) -> None:
    out = repo.gitmodel("lineage", "student").out
    lines = [line.rpartition("blake3:")[0].rstrip() for line in out.splitlines()]
    assert lines[:7] == [
        "student.pt  student-v0.1",
        "├─ teacher.pt  teacher-v1.0",
        "│  ├─ data/train  train-v1.0",
        "│  └─ base.pt  base-v1.0",
        "├─ data/train/b.png",
        "│  └─ data/train  train-v1.0",
        "└┄ labels.txt  teacher-v2.0 train-v2.0 base-v1.0 +3",
    ]
    assert "(of which that is a part)" in out
    assert "(co-committed)" in out
    # As it could be typed again.
    assert "command   sh -c '" in out


def test_a_version_of_the_repository_is_all_its_artifacts(repo: Repo) -> None:
    repo.git("tag", "v9.0", "student-v0.1")
    said = asked(repo, "lineage", "v9.0")
    assert edges(said) == STUDENT
    paths = {node["oid"]: node["path"] for node in said["nodes"]}
    assert [paths[root] for root in said["roots"]] == ["labels.txt", "student.pt"]


def test_an_artifact_without_a_version_is_that_of_head(repo: Repo) -> None:
    make(repo, "new.pt", "labels.txt")
    repo.commit()
    assert ("labels.txt", "new.pt", "input", "") in edges(asked(repo, "lineage", "new"))


def test_the_same_bytes_made_twice_are_one_node_but_a_version_says_how_it_was_made(
    repo: Repo,
) -> None:
    make(repo, "same.pt", "labels.txt=first")
    tag(repo, "same-v1.0")
    repo.write("extra.txt", "y\n")
    repo.gitmodel(
        *("run", "--use", "extra.txt=second", "--save", "same.pt"),
        *("--", "sh", "-c", "cat labels.txt > same.pt; echo same.pt >> same.pt"),
    )
    tag(repo, "same-v2.0")
    for version, role in (("v1.0", "first"), ("v2.0", "second")):
        said = asked(repo, "lineage", f"same@{version}")
        assert [edge["role"] for edge in said["edges"] if edge["relation"] == "input"] == [role]
    assert "same.pt" in {node["path"] for node in asked(repo, "impact", "labels.txt")["nodes"]}


def test_an_oid_will_do(repo: Repo) -> None:
    oid = parse_pointer(repo.read("teacher.pt.gitmodel"), "x").oid
    assert ("train-v2.0", "teacher-v2.0", "input", "train") in edges(asked(repo, "lineage", oid))


def test_what_nothing_is_known_of_says_so(repo: Repo) -> None:
    assert "nothing is recorded" in repo.gitmodel("lineage", "train@v1.0").out
    assert "'nothing'" in repo.gitmodel("lineage", "nothing", code=2).err
    assert "no version" in repo.gitmodel("lineage", oid_of(b"?"), code=2).err
    assert "nothing was named" in repo.gitmodel("impact", code=2).err
    assert "'nothing'" in repo.gitmodel("impact", "nothing", code=2).err
    assert "no version" in repo.gitmodel("impact", oid_of(b"?"), code=2).err
    assert "no version" in repo.gitmodel("impact", "data/train/zzz.png", code=2).err


def test_it_needs_neither_a_work_tree_nor_blobs(repo: Repo) -> None:
    expected = repo.gitmodel("lineage", "student").out
    repo.git("clone", "--quiet", "--bare", ".", "../bare.git")
    bare = Repo(repo.path.parent / "bare.git")
    assert bare.gitmodel("lineage", "student").out == expected
    assert not (bare.path / "gitmodel").exists()


def test_a_partial_clone_fetches_what_it_lacks_at_once(repo: Repo) -> None:
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    repo.git("clone", "-q", "--bare", "--filter=blob:none", f"file://{repo.path}", "../part.git")
    partial = Repo(repo.path.parent / "part.git")
    assert partial.gitmodel("lineage", "student").out == repo.gitmodel("lineage", "student").out
    # That of the clone, that of the configuration of HEAD, and one with all that was read.
    assert len(list(partial.path.glob("objects/pack/*.pack"))) <= 3


# Downwards


def test_impact_of_a_version_goes_down(repo: Repo) -> None:
    said = asked(repo, "impact", "train@v1.0")
    assert said["schema"] == "gitmodel/impact/1"
    found = edges(said)
    declared = {edge for edge in found if edge[2] != "co-committed"}
    assert declared == {edge for edge in STUDENT if edge[0] != "base-v1.0"}
    assert found - declared == {
        ("train-v1.0", "labels.txt", "co-committed", ""),
        ("train-v1.0", "base-v1.0", "co-committed", ""),
    }


def test_impact_of_a_path_or_name_is_that_of_all_its_versions(repo: Repo) -> None:
    said = asked(repo, "impact", "data/train")
    assert len(said["roots"]) == 2
    assert {edge[:2] for edge in edges(said) if edge[2] == "input"} == {
        ("train-v1.0", "teacher-v1.0"),
        ("train-v2.0", "teacher-v2.0"),
        ("teacher-v1.0", "student-v0.1"),
        ("data/train/b.png", "student-v0.1"),
    }
    assert edges(asked(repo, "impact", "train")) == edges(said)


def test_impact_of_one_file_in_a_dataset(repo: Repo) -> None:
    a, b = oid_of(noise("a.png", 3000)), oid_of(noise("b.png", 3000))
    both = {("train-v1.0", "teacher-v1.0"), ("train-v2.0", "teacher-v2.0")}
    for arguments in (["data/train/a.png"], [a], ["--file", a], ["data/train", "--file", a]):
        found = edges(asked(repo, "impact", *arguments))
        assert both < {edge[:2] for edge in found}, arguments
        whole = {edge[:2] for edge in found if edge[2] == "whole"}
        assert whole == {("data/train/a.png", "train-v1.0"), ("data/train/a.png", "train-v2.0")}
        # The other file was used by itself; this one was not.
        assert not any("b.png" in edge[0] for edge in found)
    found = {edge[:2] for edge in edges(asked(repo, "impact", "--file", b))}
    assert ("data/train/b.png", "student-v0.1") in found
    assert ("train-v1.0", "teacher-v1.0") in found
    assert ("train-v2.0", "teacher-v2.0") not in found


def test_impact_of_a_file_that_git_itself_tracks(repo: Repo) -> None:
    repo.write("plain.csv", "1\n")
    make(repo, "new.pt", "plain.csv=table")
    repo.commit()
    found = edges(asked(repo, "impact", "plain.csv"))
    assert found == {("plain.csv", "new.pt", "input", "table")}


def test_a_manifest_that_is_not_at_hand_is_named(repo: Repo) -> None:
    shutil.rmtree(repo.home)
    repo.gitmodel("add", "data/train")
    done = repo.gitmodel("impact", "data/train/a.png")
    assert "1 manifest not in the cache" in done.err
    assert "data/train at train-v1.0" in done.err
    assert "teacher-v2.0" in done.out
    said = asked(repo, "impact", "data/train/a.png")
    assert [place["tag"] for place in said["unread"]] == ["train-v1.0"]


# Drawings, and what comes from others


def test_a_broken_lineage_is_named_and_the_rest_is_read(repo: Repo) -> None:
    repo.write("student.lineage.yaml", "gitmodel-lineage: 1\noutputs: 7\n")
    repo.commit()
    done = repo.gitmodel("lineage", "teacher")
    assert "warning:" in done.err
    assert "'student.lineage.yaml', line 2" in done.err
    assert "data/train" in done.out


NASTY = 'x"]; click n0 "javascript:1" <b>\\N\\'
"""A path that would be more than a label where it is not escaped."""


def commit_lineage(repo: Repo, *lineages: Lineage) -> None:
    """Commit artifacts with lineages, as a clone may bring them."""
    for number, each in enumerate(lineages):
        for output in each.outputs:
            pointer = Pointer("file", output.oid, FINGERPRINT, 1)
            repo.write(f"{output.path}.gitmodel", format_pointer(pointer))
        repo.write(f"l{number}.lineage.yaml", format_lineage(each))
    repo.commit()


@pytest.fixture
def nasty(repo: Repo) -> Repo:
    role = 'r"|--> n9'
    inputs = (Input("in.pt", oid_of(b"in"), role), Input('"--> n1', oid_of(b"2"), "\x1b[31m"))
    made = Lineage((Named("out.pt", oid_of(b"out")),), (*inputs, Input("1. é\x07", oid_of(b"3"))))
    commit_lineage(repo, made)
    return repo


def test_a_drawing_for_mermaid_has_no_way_out_of_a_label(nasty: Repo) -> None:
    out = nasty.gitmodel("lineage", "HEAD", "--format", "mermaid").out
    lines = out.splitlines()
    assert lines[0] == "flowchart TD"
    assert '["#34;#45;#45;#62; n1<br/>' not in out
    for line in lines[1:]:
        assert line.count('"') in (0, 2), line
        inside = line.split('"')[1].replace("<br/>", "") if '"' in line else ""
        assert not set(inside) & set("<>|[]{}()`\\\x1b\x07"), line


def test_a_drawing_for_graphviz_has_no_way_out_of_a_label(nasty: Repo) -> None:
    out = nasty.gitmodel("lineage", "HEAD", "--format", "dot").out
    assert 'label="r\\"|--> n9"' in out
    assert "\x1b" not in out


def test_the_tree_shows_what_a_terminal_would_act_on(nasty: Repo) -> None:
    out = nasty.gitmodel("lineage", "HEAD").out
    assert "\x1b" not in out
    assert "\x07" not in out


def test_a_cycle_ends(repo: Repo) -> None:
    one, two = Named("one.pt", oid_of(b"1")), Named("two.pt", oid_of(b"2"))
    commit_lineage(
        repo,
        Lineage((one,), (Input(two.path, two.oid), Input(one.path, one.oid))),
        Lineage((two,), (Input(one.path, one.oid),)),
    )
    for command in ("lineage", "impact"):
        for form in ("tree", "json", "mermaid", "dot"):
            assert "one.pt" in repo.gitmodel(command, one.oid, "--format", form).out
    assert repo.gitmodel("lineage", one.oid).out.splitlines()[2].endswith("…")


def test_a_long_chain_is_drawn_whole(repo: Repo) -> None:
    made = [Named(f"m{number}.pt", oid_of(b"%d" % number)) for number in range(1000)]
    commit_lineage(
        repo,
        *(Lineage((new,), (Input(old.path, old.oid),)) for old, new in itertools.pairwise(made)),
    )
    for form in ("tree", "json", "mermaid", "dot"):
        up = repo.gitmodel("lineage", made[-1].oid, "--format", form).out
        down = repo.gitmodel("impact", made[0].oid, "--format", form).out
        last = 100 if form == "tree" else 999
        assert f"m{999 - last}.pt" in up
        assert f"m{last}.pt" in down
        assert ("--format json shows all" in up) == (form == "tree")
