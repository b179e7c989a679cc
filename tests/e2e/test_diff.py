from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.repo import Repo, flip, noise
from tests.helpers.tables import parquet
from tests.helpers.tensors import EXPECTED, evil_pickle, fixture, torch_zip, with_pickle


def diff(repo: Repo, *arguments: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    """Return what `diff --json` says, by artifact."""
    found = json.loads(repo.gitmodel("diff", "--json", *arguments, env=env).out)
    assert found["schema"] == "gitmodel/diff/1"
    return {each["path"]: each for each in found["artifacts"]}


def files(artifact: dict[str, Any]) -> dict[str, str]:
    return {each["path"]: each["change"] for each in artifact["files"]}


def versions(repo: Repo, path: str, one: bytes, other: bytes) -> None:
    """Commit two versions of a file."""
    for tag, data in (("one", one), ("two", other)):
        repo.write(path, data)
        repo.gitmodel("add", path)
        repo.commit()
        repo.git("tag", "--force", tag)


def test_nothing_differs(story: Repo) -> None:
    done = story.gitmodel("diff", "--exit-code")
    assert (done.out, done.err) == ("", "")
    assert diff(story) == {}
    assert diff(story, "HEAD", "model-v1.1") == {}


def test_two_versions(story: Repo) -> None:
    found = diff(story, "v1.0", "model-v1.1")
    assert found.keys() == {"data/train", "model.pt"}
    model, train = found["model.pt"], found["data/train"]
    assert model["change"] == "changed"
    assert (model["before"]["size"], model["after"]["size"]) == (1048676, 1048776)
    assert files(train) == {
        "b.png": "changed",
        "deep/c.png": "removed",
        "new.png": "added",
    }
    backwards = diff(story, "model-v1.1", "v1.0")["data/train"]
    assert files(backwards)["new.png"] == "removed"
    done = story.gitmodel("diff", "v1.0", "model-v1.1", "--exit-code", code=1)
    assert "(1 changed, 1 added, 1 removed)" in done.out


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            ["v1.0..model-v1.1"],
            ["v1.0.."],
            ["v1.0.0"],
            ["v1.0", "model@v1.1"],
            ["model@v1.0", "HEAD"],
        ),
        *(["HEAD~1"], ["HEAD~1", "--", "."], ["v1.0", "model.pt", "data"]),
    ],
    ids=" ".join,
)
def test_ways_to_say_it(story: Repo, arguments: list[str]) -> None:
    expected = diff(story, "v1.0", "model-v1.1")
    assert diff(story, *arguments) == expected


def test_only_some_paths(story: Repo) -> None:
    assert diff(story, "v1.0", "--", "model.pt").keys() == {"model.pt"}
    assert diff(story, "v1.0", "data/train").keys() == {"data/train"}
    assert files(diff(story, "v1.0", "--", "data/train/b.png")["data/train"]).keys() == {"b.png"}
    assert diff(story, "v1.0", "--", "data/train/a.png") == {}
    assert "'nothing'" in story.gitmodel("diff", "--", "nothing", code=2).err
    done = story.gitmodel("diff", "v1.0", "HEAD", "HEAD", code=2)
    assert "gitmodel diff v1.0 HEAD -- HEAD" in done.err
    assert "gitmodel versions" in story.gitmodel("diff", "v9.9", code=2).err


def test_the_working_tree(story: Repo) -> None:
    story.write("model.pt", noise("changed", 2000))
    story.write("data/train/a.png", noise("changed", 4000))
    (story.path / "data/train/b.png").rename(story.path / "data/train/bb.png")
    (story.path / "data/train/new.png").unlink()
    found = diff(story)
    assert found["model.pt"]["after"]["size"] == 2000
    train = found["data/train"]
    assert files(train) == {"a.png": "changed", "bb.png": "renamed", "new.png": "removed"}
    assert next(each for each in train["files"] if each["change"] == "renamed")["source"] == "b.png"
    assert train["after"] == {"kind": "tree", "oid": None, "size": 8100, "files": 2}
    # The same again when it is added, though no pointer is committed yet.
    story.gitmodel("add", "model.pt", "data/train")
    assert files(diff(story)["data/train"]) == files(train)
    assert diff(story)["data/train"]["after"]["oid"].startswith("blake3:")


def test_artifacts_come_go_and_move(story: Repo) -> None:
    story.write("other.bin", noise("other", 2000))
    story.gitmodel("add", "other.bin")
    for name in ("model.pt", "model.pt.gitmodel"):
        os.rename(story.path / name, story.path / f"moved-{name}")
    (story.path / "data/train.gitmodel").unlink()
    story.commit()
    found = diff(story, "HEAD~1", "HEAD")
    assert {path: each["change"] for path, each in found.items()} == {
        "data/train": "removed",
        "moved-model.pt": "renamed",
        "other.bin": "added",
    }
    assert found["moved-model.pt"]["source"] == "model.pt"
    out = story.gitmodel("diff", "HEAD~1", "HEAD").out
    assert "(was model.pt)" in out


def test_a_file_becomes_a_folder_or_executable(repo: Repo) -> None:
    repo.write("tool", "#!/bin/sh\n")
    repo.write("thing", "a file")
    repo.gitmodel("add", "tool", "thing")
    repo.commit()
    (repo.path / "tool").chmod(0o755)
    (repo.path / "thing").unlink()
    repo.write("thing/inside", "a folder")
    repo.gitmodel("add", "tool", "thing")
    found = diff(repo)
    assert found["tool"]["note"] == "now executable"
    assert [found["thing"][end]["kind"] for end in ("before", "after")] == ["file", "tree"]


def test_before_the_first_commit_all_is_new(repo: Repo) -> None:
    repo.write("model.pt", noise("model", 2000))
    repo.gitmodel("add", "model.pt")
    assert diff(repo)["model.pt"]["change"] == "added"


@pytest.mark.parametrize("kind", ["pt", "safetensors"])
def test_tensors(repo: Repo, kind: str) -> None:
    name = f"state-1.{kind}"
    versions(repo, f"model.{kind}", fixture(name), fixture(f"state-2.{kind}"))
    found = diff(repo, "one", "two")[f"model.{kind}"]["content"]["tensors"]
    assert found["measured"]
    by_name = {each["name"]: each for each in found["tensors"]}
    assert by_name["head.bias"]["change"] == "removed"
    assert by_name["extra.scale"]["after"] == {"dtype": "float32", "shape": []}
    for tensor, expected in EXPECTED["changes"][name].items():
        assert (by_name[tensor]["change"] == "same") == expected["same"]
        if not expected["same"]:
            # From zeros, as one counter was, nothing is relative.
            if expected["relative"] is None:
                assert by_name[tensor]["relative"] is None
            else:
                assert by_name[tensor]["relative"] == pytest.approx(expected["relative"], 1e-5)
            assert by_name[tensor]["largest"] == pytest.approx(expected["largest"])
            assert by_name[tensor]["left_out"] == expected["left_out"]
    out = repo.gitmodel("diff", "one", "two").out
    assert "tensors: 3 changed, 1 added, 1 removed, 5 same" in out
    assert "float32[3, 8]  relative 0.0416, largest 0.0178" in out


def test_tensors_of_the_working_tree_and_of_another_format(repo: Repo) -> None:
    versions(repo, "model.pt", fixture("state-1.pt"), fixture("state-2.pt"))
    repo.write("model.pt", fixture("state-2.safetensors"))
    found = diff(repo)["model.pt"]["content"]["tensors"]
    assert found["formats"] == ["torch", "safetensors"]
    assert {each["change"] for each in found["tensors"]} == {"same"}
    repo.write("model.pt", fixture("state-1.safetensors"))
    assert {each["change"] for each in diff(repo)["model.pt"]["content"]["tensors"]["tensors"]} == {
        *("same", "changed", "added", "removed")
    }


def test_without_numpy_only_what_changed_is_said(repo: Repo, tmp_path: Path) -> None:
    versions(repo, "model.pt", fixture("views-1.pt"), fixture("views-2.pt"))
    env = without("numpy", tmp_path)
    found = diff(repo, "one", "two", env=env)["model.pt"]["content"]["tensors"]
    assert not found["measured"]
    changes = {each["name"]: each["change"] for each in found["tensors"]}
    assert (changes["whole"], changes["empty"]) == ("changed", "same")
    # Its bytes are in another order, or apart.
    assert (changes["permuted"], changes["block"]) == ("unknown", "unknown")
    assert all(each["largest"] is None for each in found["tensors"])
    out = repo.gitmodel("diff", "one", "two", env=env).out
    assert "pip install 'gitmodel[tensors]'" in out


def test_tables(repo: Repo) -> None:
    def write(table: dict[str, list[object]], rows: list[str]) -> None:
        repo.write("data/p.parquet", parquet(table))
        repo.write("data/c.csv", "\n".join(rows))
        repo.write("t.jsonl", "".join(f'{{"{row[0]}": 1}}\n' for row in rows))
        repo.gitmodel("add", "data", "t.jsonl")

    write({"a": [1, 2], "s": ["x", "y"]}, ["id,name", '1,"two\nlines"', "2,x"])
    repo.commit()
    write({"a": [1.5], "t": ["x"]}, ["id,label", "1,x"])
    found = diff(repo)
    inside = {each["path"]: each["content"]["table"] for each in found["data"]["files"]}
    assert inside["c.csv"] == {
        "format": "csv",
        "rows": [2, 1],
        "added": ["label"],
        "removed": ["name"],
        "retyped": [],
    }
    assert inside["p.parquet"] == {
        "format": "parquet",
        "rows": [2, 1],
        "added": ["t"],
        "removed": ["s"],
        "retyped": [{"name": "a", "before": "int64", "after": "double"}],
    }
    table = found["t.jsonl"]["content"]["table"]
    assert (table["rows"], table["removed"]) == ([3, 2], ["2"])


def test_without_pyarrow_parquet_names_its_extra(repo: Repo, tmp_path: Path) -> None:
    versions(repo, "t.parquet", b"PAR1" + bytes(8) + b"PAR1", b"PAR1" + bytes(9) + b"PAR1")
    done = repo.gitmodel("diff", "one", "two", env=without("pyarrow", tmp_path))
    assert "pip install 'gitmodel[parquet]'" in done.out


def without(package: str, folder: Path) -> dict[str, str]:
    """Return an environment in which a package cannot be imported."""
    (folder / "sitecustomize.py").write_text(f"import sys\nsys.modules[{package!r}] = None\n")
    paths = (str(folder), *filter(None, [os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": os.pathsep.join(paths)}


def test_a_fresh_clone_knows_sizes_and_fetches_the_rest(story: Repo) -> None:
    for tag, table in (("one", "a,b\n1,2\n"), ("two", "a\n1\n")):
        story.write("data/train/t.csv", table)
        story.gitmodel("add", "data/train")
        story.commit()
        story.git("tag", tag)
        story.gitmodel("push")
    story.git("push", "--quiet", "--tags", "origin", "main")
    clone = story.clone("clone")
    assert diff(clone) == {}
    found = diff(clone, "one")
    assert found["data/train"]["note"] == "list of files not here; --fetch"
    assert found["data/train"]["before"]["size"] == 8608
    assert found["data/train"]["files"] == []
    fetched = diff(clone, "one", "--fetch")
    assert files(fetched["data/train"]) == {"t.csv": "changed"}
    assert fetched["data/train"]["files"][0]["content"]["table"]["removed"] == ["b"]
    # What was looked into is here now, and nothing else.
    assert diff(clone, "one") == fetched
    assert not clone.status()["data/train"]["cached"]


def test_many_columns_are_counted(repo: Repo) -> None:
    versions(repo, "t.csv", b"a,b\n1,2\n", f"a,{','.join(f'c{n}' for n in range(20))}\n".encode())
    out = repo.gitmodel("diff", "one", "two").out
    assert "columns: 20 added, 1 removed\n" in out
    assert "… and 11 more columns" in out


def test_of_a_long_parquet_only_the_footer_is_fetched(repo: Repo) -> None:
    for tag, names in (("one", ("a", "b")), ("two", ("a", "c"))):
        columns = {name: [noise((name, n), 1000) for n in range(2000)] for name in names}
        repo.write("t.parquet", parquet(columns))
        repo.gitmodel("add", "t.parquet")
        repo.commit()
        repo.git("tag", tag)
        repo.gitmodel("push")
    repo.git("push", "--quiet", "--tags", "origin", "main")
    clone = repo.clone("clone")
    table = diff(clone, "one", "two", "--fetch")["t.parquet"]["content"]["table"]
    assert (table["added"], table["removed"], table["rows"]) == (["c"], ["b"], [2000, 2000])
    assert diff(clone, "one", "two")["t.parquet"]["content"]["note"] == "bytes not here; --fetch"
    shutil.rmtree(repo.path.parent / "remote" / "packs")
    clone.gitmodel("diff", "one", "two", "--fetch", code=5)


def test_bytes_that_are_not_here_are_named(story: Repo) -> None:
    versions(story, "m.pt", fixture("state-1.pt"), fixture("state-2.pt"))
    shutil.rmtree(story.home)
    found = diff(story, "one", "two")["m.pt"]
    assert found["content"]["note"] == "bytes not here; --fetch"
    assert (found["before"]["size"], found["after"]["size"]) == (4361, 4361)
    assert "bytes not here; --fetch" in story.gitmodel("diff", "one", "two").out
    # They were never pushed.
    story.gitmodel("diff", "one", "two", "--fetch", code=5)


def test_one_line_for_each_artifact(story: Repo) -> None:
    versions(story, "m.pt", fixture("state-1.pt"), fixture("state-2.pt"))
    done = story.gitmodel("diff", "v1.0", "--stat")
    assert len(done.out.splitlines()) == 3
    assert diff(story, "one", "--stat")["m.pt"]["content"] is None


def test_the_list_is_bounded_on_the_terminal_only(repo: Repo) -> None:
    for number in range(50):
        repo.write(f"data/{number:02}.bin", noise(number, 100))
    repo.gitmodel("add", "data")
    repo.commit()
    for number in range(50):
        repo.write(f"data/{number:02}.bin", noise(-number - 1, 100))
    done = repo.gitmodel("diff")
    assert len(done.out.splitlines()) == 12
    assert "… and 40 more files (--json shows all)" in done.out
    assert len(files(diff(repo)["data"])) == 50


def test_a_folder_is_looked_into_up_to_a_bound(repo: Repo) -> None:
    for rows in (1, 2):
        for number in range(25):
            repo.write(f"data/{number:02}.csv", "a\n" + "x\n" * rows)
        repo.gitmodel("add", "data")
        repo.commit()
    found = diff(repo, "HEAD~1")["data"]
    inside = [each["path"] for each in found["files"] if each["content"]]
    assert inside == [f"{number:02}.csv" for number in range(20)]
    assert found["note"].startswith("looked into 20 of 25 models and tables")
    [other] = diff(repo, "HEAD~1", "--", "data/24.csv")["data"]["files"]
    assert other["content"]["table"]["rows"] == [1, 2]


def test_many_files_with_the_same_bytes_move(repo: Repo) -> None:
    for number in range(3):
        repo.write(f"data/old/{number}", "same")
    repo.gitmodel("add", "data")
    repo.commit()
    (repo.path / "data/old").rename(repo.path / "data/new")
    moved = {each["path"]: each["source"] for each in diff(repo)["data"]["files"]}
    assert moved == {f"new/{number}": f"old/{number}" for number in range(3)}


def test_names_are_shown_as_they_may_be(repo: Repo) -> None:
    evil = "\x1b]0;owned\x07"
    header = {
        f"{evil}{n}": {"dtype": "U8", "shape": [1], "data_offsets": [n, n + 1]} for n in (0, 1)
    }
    text = json.dumps({**header, "__metadata__": {evil: evil}}).encode()
    model = len(text).to_bytes(8, "little") + text
    versions(repo, "m.safetensors", model + b"ab", model.replace(b"owned", b"pawns") + b"cd")
    repo.write("d/t.csv", f"{evil},b\n1,2\n")
    repo.write("d/plain", "1")
    repo.gitmodel("add", "d")
    repo.commit()
    repo.write("d/t.csv", "a,b\n1,2\n")
    repo.write(f"d/{evil[:-1]}", "2")
    for arguments in (["one"], ["one", "two"], []):
        assert "\x1b" not in repo.gitmodel("diff", *arguments).out
    assert "owned" in repo.gitmodel("diff").out


def test_a_pickle_is_never_run(repo: Repo, tmp_path: Path) -> None:
    trap = tmp_path / "made"
    evil = evil_pickle(trap)
    zipped = torch_zip(evil)
    # Whoever runs it falls into the trap.
    repo.run(sys.executable, "-c", f"import pickle; pickle.loads({evil!r})")
    trap.rmdir()
    for name, data in {
        "zip.pt": zipped,
        "real.pt": with_pickle("state-1.pt", evil),
        "bare.pt": evil,
        "bare.pkl": evil,
    }.items():
        versions(repo, name, fixture("state-1.pt"), data)
        repo.gitmodel("diff", "one", "two")
        repo.gitmodel("diff", "two", "one", "--json")
        repo.write(name, data + b"\n")
        repo.gitmodel("diff")
        repo.gitmodel("checkout", "--force", "one")
        repo.gitmodel("checkout", "main")
    assert not trap.exists()


def test_what_cannot_be_read_by_tensor_says_why(repo: Repo) -> None:
    versions(repo, "m.pt", fixture("legacy.pt"), fixture("legacy.pt") + b" ")
    note = diff(repo, "one", "two")["m.pt"]["content"]["note"]
    assert note == "not readable by tensor: it is of torch.save before PyTorch 1.6"
    repo.write("m.pt", fixture("state-1.pt")[:-30])
    assert "not readable by tensor" in repo.gitmodel("diff").out


def test_a_damaged_blob_is_told_not_compared(repo: Repo) -> None:
    big = b"a,b\n" + b"1,2\n" * 400_000
    versions(repo, "t.csv", big, big + b"3,4\n")
    blob = next((repo.home / "blobs").rglob("*/??/*"))
    flip(blob)
    assert "damaged" in repo.gitmodel("diff", "one", "two", code=7).err
