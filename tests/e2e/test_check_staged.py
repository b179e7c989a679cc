"""What the checks of staged files find; `test_pre_commit` shows them in pre-commit."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.helpers.repo import GITMODEL, Done, Repo, imported, noise

CHECKS = ("large-files", "no-raw-artifact", "pointers", "secrets", "sidecars")
KEY = "AKIA" + "IOSFODNN7EXAMPLE"
NAMES = ("params.yaml", "model.metrics.json", "model.lineage.yaml", "model.card.md")


def check(repo: Repo, name: str, *names: str, code: int = 0) -> Done:
    """Stage everything that Git does not ignore, then look at it, or at some names."""
    repo.git("add", "--all")
    wanted = names or tuple(repo.git("ls-files").splitlines())
    return repo.gitmodel("check-staged", name, "--", *wanted, code=code)


# --- large files


def test_a_large_file_is_refused_until_gitmodel_tracks_it(story: Repo) -> None:
    story.write("raw data.bin", noise("raw", 11 << 20))
    done = check(story, "large-files", code=3)
    assert "'raw data.bin' of 11,534,336 bytes" in done.err
    assert "gitmodel add 'raw data.bin'" in done.err
    story.gitmodel("add", "raw data.bin")
    check(story, "large-files")


def test_only_the_names_that_are_given_count(story: Repo) -> None:
    story.write("raw.bin", noise("raw", 11 << 20))
    check(story, "large-files", "train.py")
    check(story, "large-files", "train.py", "raw.bin", code=3)


def test_a_file_that_git_has_in_that_size_is_no_news(story: Repo) -> None:
    story.write("raw.csv", noise("raw", 11 << 20))
    story.commit("large")
    story.write("raw.csv", noise("other", 11 << 20))
    check(story, "large-files")
    story.git("add", "--all")
    done = story.gitmodel("check-staged", "large-files", "--enforce-all", "--", "raw.csv", code=3)
    assert "'raw.csv'" in done.err


def test_a_link_that_became_a_large_file_is_news(story: Repo) -> None:
    (story.path / "raw.csv").symlink_to("train.py")
    story.commit("link")
    (story.path / "raw.csv").unlink()
    story.write("raw.csv", noise("raw", 11 << 20))
    check(story, "large-files", code=3)


def test_what_a_merge_brings_is_in_history_already(story: Repo) -> None:
    story.git("checkout", "--quiet", "-b", "other")
    story.write("raw.csv", noise("raw", 11 << 20))
    story.write("train.py", "print('theirs')\n")
    story.commit("theirs")
    story.git("checkout", "--quiet", "main")
    story.write("train.py", "print('ours')\n")
    story.commit("ours")
    assert story.run("git", "merge", "other").code == 1
    story.write("train.py", "print('both')\n")
    check(story, "large-files")


def test_what_is_large_is_said_by_option_or_by_configuration(story: Repo) -> None:
    story.write("a.csv", noise("a", 2048))
    story.git("add", "--all")
    large = ("check-staged", "large-files")
    story.gitmodel(*large, "--maxkb=2", "--", "a.csv")
    story.gitmodel(*large, "--maxkb=1", "a.csv", code=3)
    story.git("config", "gitmodel.largeFile", "1k")
    story.gitmodel(*large, "a.csv", code=3)
    story.gitmodel(*large, "--maxkb=2", "a.csv")


@pytest.mark.parametrize("options", ["--maxkb=1M", "--maxkb=1 --maxkb=2", "--help", "--maxkb"])
def test_options_that_are_none_let_nothing_pass(story: Repo, options: str) -> None:
    done = story.gitmodel("check-staged", "large-files", *options.split(), "--", "x", code=2)
    assert "--maxkb=500" in done.err
    story.gitmodel("check-staged", "secrets", *options.split(), "--", "x", code=2)


def test_git_lfs_is_known(story: Repo) -> None:
    """What LFS stored is small in Git; what it was to store, but did not, is not."""
    story.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    story.write("raw.bin", noise("raw", 11 << 20))
    done = check(story, "large-files", code=3)
    assert "git lfs install && git add --renormalize raw.bin" in done.err
    story.git("config", "filter.lfs.clean", "sha256sum")
    story.git("add", "--renormalize", "raw.bin")
    check(story, "large-files")


def test_where_gitmodel_is_not_set_up(story: Repo) -> None:
    story.git("rm", "--quiet", "-r", "--cached", ".")
    (story.path / ".gitmodel.yaml").unlink()
    story.write("raw.bin", noise("raw", 11 << 20))
    done = check(story, "large-files", "raw.bin", code=3)
    assert "gitmodel init && gitmodel add raw.bin" in done.err
    for name in ("secrets", "sidecars"):
        check(story, name, "train.py")


# --- raw artifacts


def test_an_artifact_that_is_staged_itself(story: Repo) -> None:
    story.git("add", "--force", "model.pt", "data/train/a.png")
    done = check(story, "no-raw-artifact", code=3)
    assert "'data/train/a.png' is staged itself" in done.err
    assert "as part of 'data/train'" in done.err
    assert "'model.pt' is staged itself" in done.err
    for command in re.findall("next:  (.*)", done.err):
        assert story.run("sh", "-c", command).code == 0
    check(story, "no-raw-artifact")
    assert story.git("status", "--porcelain") == ""
    story.gitmodel("status", "--exit-code")


def test_names_that_only_look_like_parts(story: Repo) -> None:
    story.write("data/train.txt", "x")
    story.write("data/train2/a.png", "x")
    story.write("model.pt.txt", "x")
    check(story, "no-raw-artifact")


def test_a_link_inside_an_artifact(story: Repo) -> None:
    (story.path / "data/train/link").symlink_to("a.png")
    story.git("add", "--force", "data/train/link")
    check(story, "no-raw-artifact", code=3)


def test_a_file_that_is_not_staged_is_nobodys_business(story: Repo) -> None:
    check(story, "no-raw-artifact", "data/train/a.png", "model.pt", "nothing.txt")


# --- pointers


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (b"gitmodel: 1\n", b"gitmodel: 1\n<<<<<<< HEAD\n", "conflict markers"),
        (b"gitmodel: 1\n", b"gitmodel: 2\n", "newer gitmodel"),
        (b"gitmodel: 1\n", b"version: 1\n", "is not a gitmodel pointer"),
        (b'oid: "blake3:', b'oid: "blake3:0', "is not an oid"),
        (b'xxh3: "xxh3-128:', b'xxh3: "xxh3-128:0', "is not a fingerprint"),
        (b"size: ", b"size: 0", "not spelled as gitmodel writes it"),
        (b"size: ", b"#" * 5000 + b"\nsize: ", "longer than 4096 bytes"),
    ],
)
def test_a_broken_pointer(story: Repo, before: bytes, after: bytes, said: str) -> None:
    check(story, "pointers")
    broken = story.read("model.pt.gitmodel").replace(before, after)
    story.write("model.pt.gitmodel", broken)
    done = check(story, "pointers", code=3)
    assert said in done.err
    assert "'model.pt.gitmodel'" in done.err
    assert "next:" in done.err


def test_what_is_staged_counts_and_not_what_lies_there(story: Repo) -> None:
    good = story.read("model.pt.gitmodel")
    story.write("model.pt.gitmodel", "<<<<<<< HEAD\n")
    story.gitmodel("check-staged", "pointers", "--", "model.pt.gitmodel")
    story.git("add", "--all")
    story.write("model.pt.gitmodel", good)
    story.gitmodel("check-staged", "pointers", "--", "model.pt.gitmodel", code=3)


@pytest.mark.parametrize("name", ["CON", "a\\b", "x/Git~1 /y"])
def test_a_pointer_at_a_place_where_none_may_be(story: Repo, name: str) -> None:
    blob = story.git("hash-object", "-w", "model.pt.gitmodel")
    path = f"{name}.gitmodel"
    story.git(
        "-c",
        "core.protectNTFS=false",
        "update-index",
        "--add",
        "--cacheinfo",
        f"100644,{blob},{path}",
    )
    done = story.gitmodel("check-staged", "pointers", "--", path, code=3)
    assert "git rm --cached" in done.err


def test_an_artifact_inside_an_artifact(story: Repo) -> None:
    story.write("data/train/sub.gitmodel", story.read("model.pt.gitmodel"))
    story.git("add", "--force", "data/train/sub.gitmodel")
    done = check(story, "pointers", "data/train/sub.gitmodel", code=3)
    assert "'data/train/sub' lies inside artifact 'data/train'" in done.err


@pytest.mark.parametrize("artifact", ["model.pt", "data/train"])
def test_a_new_pointer_whose_blobs_are_nowhere(story: Repo, artifact: str) -> None:
    story.write("model.pt", noise("third", 2 << 20))
    story.write("data/train/a.png", noise("third", 300))
    story.gitmodel("add", "model.pt", "data/train")
    check(story, "pointers")
    kept = story.home.rename(story.path.parent / "kept")
    story.gitmodel("status")
    done = check(story, "pointers", f"{artifact}.gitmodel", code=3)
    assert f"blobs of '{artifact}' are neither in the cache nor" in done.err
    assert "gitmodel fetch" in done.err
    # One that was committed is no news: a clone that has none of the data may commit code.
    story.git("stash", "--quiet")
    check(story, "pointers")
    story.git("stash", "pop", "--quiet")
    assert kept.is_dir()
    assert story.run("sh", "-c", f"rm -rf .git/gitmodel && mv '{kept}' .git/gitmodel").code == 0
    check(story, "pointers")


def test_a_pointer_whose_blobs_are_on_the_remote_only(story: Repo) -> None:
    """As after `git checkout v1.0 -- model.pt.gitmodel` in a clone that has not all."""
    story.git("checkout", "--quiet", "v1.0", "--", "model.pt.gitmodel")
    for path in story.home.glob("blobs/*/*/*"):
        path.unlink()
    check(story, "pointers")


# --- sidecars


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("metrics.json", '{\n "a": 1,\n "b": NaN\n}', "'metrics.json', line 3"),
        ("model.metrics.yaml", "a: 1\nb: .inf\n", "'model.metrics.yaml', line 2"),
        ("params.yaml", "a: &x 1\nb: *x\n", "'params.yaml', line 1"),
        ("models/x.params.json", '{"a": 1,\n "a": 2}', "'models/x.params.json', line 2"),
        ("params.yml", "a: [1\n", "'params.yml', line 1, is not valid YAML"),
        ("model.lineage.yaml", "gitmodel-lineage: 1\nwhat: 2\n", "'model.lineage.yaml', line 2"),
        ("model.curves.csv", "step,loss\n1,x\n", "'model.curves.csv', line 2"),
        ("model.card.md", "---\nlicense: [\n---\n", "'model.card.md'"),
        ("model.card.md", "---\nlicense: mit\ntags: 3\n---\n", "'model.card.md', line 3"),
        (".gitmodel.yaml", "gitmodel: 1\nhash: md5\n", "'.gitmodel.yaml'"),
    ],
)
def test_a_broken_sidecar(story: Repo, path: str, text: str, said: str) -> None:
    story.write(path, text)
    done = check(story, "sidecars", code=3)
    assert said in done.err
    assert f"next:  edit {path}" in done.err


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("metrics.json", '{"accuracy": {"value": 0.9, "goal": "max"}, "auc": 0.5}'),
        ("params.yaml", "lr: 1e-3\nlayers: [1, 2]\n"),
        ("model.curves.csv", "step,loss\n1,0.5\n2,nan\n"),
        ("model.card.md", "# A card without front matter\n"),
        # These are none of gitmodel's.
        ("conf/params.yaml", "a: &x 1\nb: *x\n"),
        ("labels.json", "[NaN]"),
        ("docker-compose.yaml", "a: !x 1\n"),
        ("README.md", "---\n"),
    ],
)
def test_a_good_sidecar_and_what_is_none(story: Repo, path: str, text: str) -> None:
    story.write(path, text)
    check(story, "sidecars")
    check(story, "secrets")


def test_a_sidecar_that_only_the_configuration_names(story: Repo) -> None:
    story.write("reports/eval.json", '{"accuracy": NaN}')
    check(story, "sidecars")
    config = story.read(".gitmodel.yaml").decode()
    story.write(".gitmodel.yaml", f"{config}sidecars:\n  model:\n    metrics: reports/eval.json\n")
    assert "'reports/eval.json', line 1" in check(story, "sidecars", code=3).err


def test_a_gate_that_cannot_be_read(story: Repo) -> None:
    config = story.read(".gitmodel.yaml").decode()
    story.write(".gitmodel.yaml", f"{config}gates:\n  tag: 'accuracy >>= 1'\n")
    done = check(story, "sidecars", code=3)
    assert "'accuracy >>= 1'" in done.err


def test_all_broken_sidecars_are_told_at_once(story: Repo) -> None:
    for number in range(30):
        story.write(f"m{number}.metrics.json", "{")
    done = check(story, "sidecars", code=3)
    assert done.err.count("error:") == 20
    assert "10 more" in done.err


def test_a_broken_sidecar_with_a_secret_in_it_is_not_shown(story: Repo) -> None:
    story.write("metrics.json", f'{{\n"api_key": "{KEY}"}}')
    done = check(story, "sidecars", code=3)
    assert "'metrics.json', line 2" in done.err
    assert KEY not in done.err + done.out


# --- secrets


@pytest.mark.parametrize("name", NAMES)
def test_a_secret_is_named_by_its_line_and_never_shown(story: Repo, name: str) -> None:
    text = {"model.card.md": f"---\nlicense: mit\n---\nUse {KEY}.\n"}.get(
        name, f'{{\n"a": 1,\n\n"key": "{KEY}"}}'
    )
    story.write(name, text)
    done = check(story, "secrets", code=3)
    assert f"'{name}', line 4, holds what looks like an AWS access key" in done.err
    assert "revoke" in done.err
    assert KEY not in done.err + done.out


def test_a_url_with_a_password_in_the_configuration(story: Repo) -> None:
    """No other command would even start with it."""
    config = story.read(".gitmodel.yaml").decode()
    broken = config.replace('"../remote"', '"https://ada:hunter2@example.org/x"')
    assert broken != config
    story.write(".gitmodel.yaml", broken)
    done = check(story, "secrets", code=3)
    assert "'.gitmodel.yaml', line" in done.err
    assert "hunter2" not in done.err + done.out
    assert "hunter2" not in check(story, "sidecars", code=3).err


def test_a_key_in_a_pointer(story: Repo) -> None:
    story.write("model.pt.gitmodel", story.read("model.pt.gitmodel") + f"# {KEY}\n".encode())
    done = check(story, "secrets", code=3)
    assert "'model.pt.gitmodel', line 6" in done.err


def test_files_that_gitmodel_does_not_read_are_for_other_tools(story: Repo) -> None:
    story.write("deploy.yaml", f"key: {KEY}\n")
    story.write("train.py", f"key = '{KEY}'\n")
    check(story, "secrets")


def test_bytes_that_are_no_text(story: Repo) -> None:
    story.write("params.yaml", b"\xff\xfe\0password: hunter2\n")
    assert "line 1" in check(story, "secrets", code=3).err
    assert "'params.yaml'" in check(story, "sidecars", code=3).err


# --- all


@pytest.mark.parametrize("name", CHECKS)
def test_odd_names(story: Repo, name: str) -> None:
    for odd in ("--help", "-x", "--", "a\nb", "ü \x1b[31m", "$(touch pwned)", "'"):
        story.write(odd, "{")
        story.write(f"{odd}.params.json", "{")
    code = 3 if name == "sidecars" else 0
    done = check(story, name, *sorted(path.name for path in story.path.iterdir()), code=code)
    assert "\x1b[31m" not in done.err
    assert not (story.path / "pwned").exists()


@pytest.mark.parametrize("name", CHECKS)
def test_an_empty_repository_and_no_names(repo: Repo, name: str) -> None:
    repo.gitmodel("check-staged", name, "--")
    repo.gitmodel("check-staged", name)
    check(repo, name)


def test_a_check_that_there_is_not(repo: Repo) -> None:
    assert "large-files" in repo.gitmodel("check-staged", "all", "--", "x", code=2).err


@pytest.mark.parametrize("name", CHECKS)
def test_git_that_gitmodel_runs_is_not_checked(story: Repo, name: str) -> None:
    story.write("model.metrics.json", "{")
    story.write("params.yaml", f"x: {KEY}\n")
    story.write("model.pt.gitmodel", "<<<<<<< HEAD\n")
    story.write("raw.bin", noise("raw", 11 << 20))
    story.git("add", "--all", "--force")
    names = story.git("ls-files").splitlines()
    story.gitmodel("check-staged", name, "--", *names, code=3)
    env = {"GITMODEL_SKIP_HOOKS": "1"}
    story.gitmodel("check-staged", name, "--", *names, env=env)


@pytest.mark.parametrize("name", CHECKS)
def test_little_is_imported(story: Repo, name: str) -> None:
    """pre-commit starts each of them for every commit."""
    rows = imported(story, str(GITMODEL), "check-staged", name, "--", "params.yaml")
    foreign = {row.split(".")[0] for row in rows} - set(sys.stdlib_module_names)
    assert {"gitmodel", "click"} <= foreign
    # `copy` of the standard library looks for `org.python`, which is Jython's.
    cheap = {"blake3", "click", "gitmodel", "org", "xxhash", "yaml", "_yaml", "zstandard"}
    assert foreign <= cheap
    assert "asyncio" not in rows
    assert len(rows) < 250


def test_the_manifest_names_what_there_is() -> None:
    """Each id as it is, and once more for those who have gitmodel."""
    text = (Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text()
    entries = re.findall(r"entry: gitmodel (\S+) (\S+)", text)
    ids = re.findall(r"- id: (\S+)", text)
    assert {name for verb, name in entries if verb == "check-staged"} == set(CHECKS)
    assert ids == [
        f"gitmodel-{name}{tail}"
        for tail in ("", "-system")
        for _, name in entries[: len(entries) // 2]
    ]
    own, system = text.split("- id: gitmodel-large-files-system")
    assert own.count("language: python") == system.count("language: system") == len(ids) // 2
