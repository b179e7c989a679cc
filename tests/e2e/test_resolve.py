"""References: the same spelling means the same version in every command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gitmodel
from gitmodel.errors import UsageError
from gitmodel.porcelain.resolve import Resolved
from tests.helpers.repo import Repo, copied, isolated, noise


def _commit(repo: Repo, accuracy: float, *tags: str) -> None:
    repo.write("model.metrics.json", json.dumps({"accuracy": accuracy, "loss": 1 - accuracy}))
    repo.commit(f"accuracy {accuracy}")
    for tag in tags:
        repo.git("tag", tag)


@pytest.fixture(scope="module")
def built(templates: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """v1.0, model-v1.1 (0.9), model-v1.2.0 (0.95), model-v1.3 (0.95), model-v2.0-rc.1, more."""
    folder = tmp_path_factory.mktemp("references") / "here"
    repo = copied(templates / "story", folder)
    _commit(repo, 0.9, "model-v1.2.0")
    _commit(repo, 0.95, "model-v1.3", "golden")
    _commit(repo, 0.95, "model-v1.10")
    _commit(repo, 0.8, "model-v2.0-rc.1")
    repo.git("branch", "train", "v1.0")
    repo.git("branch", "odd@model", "v1.0")
    repo.git("branch", "production", "v1.0")
    repo.git("tag", "blob", repo.git("rev-parse", "HEAD:train.py"))
    return folder


@pytest.fixture
def refs(built: Path, tmp_path: Path) -> Repo:
    return copied(built, tmp_path)


@pytest.mark.parametrize(
    ("reference", "revision", "name", "tag", "label"),
    [
        ("v1.0", "v1.0", "", "v1.0", "v1.0"),
        ("v1.0.0", "v1.0", "", "v1.0", "v1.0"),
        ("model-v1.1", "model-v1.1", "model", "model-v1.1", "model-v1.1"),
        ("model-v1.1.0", "model-v1.1", "model", "model-v1.1", "model-v1.1"),
        ("model-v1.2", "model-v1.2.0", "model", "model-v1.2.0", "model-v1.2.0"),
        ("refs/tags/model-v1.1", "model-v1.1", "model", "model-v1.1", "model-v1.1"),
        ("golden", "golden", "", "golden", "golden"),
        ("model", "model-v1.10", "model", "model-v1.10", "model-v1.10"),
        ("model.pt", "model-v1.10", "model", "model-v1.10", "model-v1.10"),
        ("./model.pt", "model-v1.10", "model", "model-v1.10", "model-v1.10"),
        ("model@", "model-v1.10", "model", "model-v1.10", "model-v1.10"),
        ("data/train", "v1.0", "train", "v1.0", "train@v1.0"),
        ("data/train/b.png", "v1.0", "train", "v1.0", "train@v1.0"),
        ("model@v1.1", "model-v1.1", "model", "model-v1.1", "model-v1.1"),
        ("model.pt@v1.1", "model-v1.1", "model", "model-v1.1", "model-v1.1"),
        ("model@v1.0", "v1.0", "model", "v1.0", "model@v1.0"),
        ("model@v2.0-rc.1", "model-v2.0-rc.1", "model", "model-v2.0-rc.1", "model-v2.0-rc.1"),
        ("model@golden", "golden", "model", "golden", "model@golden"),
        ("model@model-v1.1", "model-v1.1", "model", "model-v1.1", "model-v1.1"),
        ("train@model-v1.1", "model-v1.1", "train", "model-v1.1", "train@model-v1.1"),
        ("model@best:accuracy", "model-v1.10", "model", "model-v1.10", "model-v1.10"),
        ("model@best:loss", "model-v1.10", "model", "model-v1.10", "model-v1.10"),
        ("model@HEAD~1", "HEAD~1", "model", "", "model@HEAD~1"),
        ("model@main", "main", "model", "", "model@main"),
        ("train", "train", "", "", "train"),
        ("odd@model", "odd@model", "", "", "odd@model"),
        ("main", "main", "", "", "main"),
        ("production", "production", "", "", "production"),
        ("HEAD~2", "HEAD~2", "", "", "HEAD~2"),
        ("@", "HEAD", "", "", "@"),
        ("@~2", "HEAD~2", "", "", "@~2"),
        ("main@{0}", "main", "", "", "main@{0}"),
        ("origin/main", "origin/main", "", "", "origin/main"),
    ],
)
def test_what_a_reference_means(
    built: Path, reference: str, revision: str, name: str, tag: str, label: str
) -> None:
    repo = Repo(built / "work")
    commit = repo.git("rev-parse", f"{revision}^{{commit}}")
    found = gitmodel.resolve(reference, repo.path)
    assert found == Resolved(commit, name, tag, label)
    again = gitmodel.resolve(found.label, repo.path)
    assert (again.commit, again.tag) == (found.commit, found.tag)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("model-v1.4", "'model-v1.1'"),
        ("modle@v1.1", "'model'"),
        ("modle", "'model'"),
        ("model@v1.11", "near it"),
        ("model@v9.9", "'v9.9' is not a version of 'model'"),
        ("model@best:acuracy", "'accuracy'"),
        ("model@best:", "names no metric"),
        ("train@best:nothing", "no version of 'train' has the metric 'nothing'"),
        ("model@production", "is a stage"),
        ("model@production~1", "is a stage"),
        ("model@production:2026-03-01", "is a stage"),
        ("model@canary:2026-03-01", "is a stage"),
        ("", "is not a version"),
        ("-x", "is not a version"),
        ("blob", "is not a version"),
        ("a b", "is not a version"),
        ("v1.0\0", "NUL"),
    ],
)
def test_a_reference_that_means_nothing(built: Path, reference: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        gitmodel.resolve(reference, built / "work")
    assert caught.value.hint or "NUL" in said


def test_more_stages_are_those_with_gates(refs: Repo) -> None:
    refs.write(".gitmodel.yaml", refs.read(".gitmodel.yaml") + b"gates: {canary: [], tag: []}\n")
    with pytest.raises(UsageError, match="is a stage"):
        gitmodel.resolve("model@canary", refs.path)
    with pytest.raises(UsageError, match="not a version of 'model'"):
        gitmodel.resolve("model@tag", refs.path)


def test_the_configuration_says_whether_less_is_better(refs: Repo) -> None:
    refs.write(".gitmodel.yaml", refs.read(".gitmodel.yaml") + b"goals: {accuracy: min}\n")
    assert gitmodel.resolve("model@best:accuracy", refs.path).tag == "model-v2.0-rc.1"


def test_tags_of_gto_are_versions_if_the_configuration_says_so(refs: Repo) -> None:
    refs.git("tag", "model@v3.0.0", "v1.0")
    assert gitmodel.resolve("model@v3.0.0", refs.path).name == ""
    assert gitmodel.resolve("model", refs.path).tag == "model-v1.10"
    refs.write(".gitmodel.yaml", refs.read(".gitmodel.yaml") + b"tag_formats: [gto]\n")
    for reference in ("model@v3.0.0", "model@v3.0", "model"):
        found = gitmodel.resolve(reference, refs.path)
        assert (found.name, found.tag, found.label) == ("model", "model@v3.0.0", "model@v3.0.0")


def test_an_artifact_that_only_an_old_commit_has(refs: Repo) -> None:
    refs.git("rm", "-q", "data/train.gitmodel")
    refs.commit("no more data")
    assert gitmodel.resolve("train@HEAD~1", refs.path).name == "train"
    assert gitmodel.resolve("data/train@v1.0", refs.path).label == "train@v1.0"


def test_without_configuration_and_without_a_working_tree(refs: Repo) -> None:
    bare = refs.path.parent / "origin.git"
    assert gitmodel.resolve("model", bare).tag == "model-v1.1"
    assert gitmodel.resolve("model", refs.path / "data").tag == "model-v1.10"
    plain = Repo(refs.path.parent / "plain")
    plain.path.mkdir()
    plain.env = isolated(refs.path.parent / "home")
    plain.git("init", "-q")
    with pytest.raises(UsageError, match="there is no commit yet"):
        gitmodel.resolve("v1.0", plain.path)
    plain.commit()
    plain.git("tag", "v1.0")
    assert gitmodel.resolve("v1.0.0", plain.path).tag == "v1.0"
    with pytest.raises(UsageError, match="not in a Git repository"):
        gitmodel.resolve("v1.0", refs.path.parent)


# in other commands


def test_checkout_takes_references(refs: Repo) -> None:
    for reference, label, tag in (
        ("model@v1.1", "model-v1.1", "model-v1.1"),
        ("model@v1.0", "model@v1.0", "v1.0"),
        ("model", "model-v1.10", "model-v1.10"),
        ("model@best:accuracy", "model-v1.10", "model-v1.10"),
    ):
        assert refs.gitmodel("checkout", reference).out.startswith(f"at {label} (")
        assert refs.git("rev-parse", "HEAD") == refs.git("rev-parse", f"{tag}^{{commit}}")
        refs.gitmodel("status", "--exit-code")
    refs.gitmodel("checkout", "main")
    assert refs.git("symbolic-ref", "HEAD") == "refs/heads/main"
    refs.gitmodel("checkout", "model@HEAD~1")
    assert refs.git("rev-parse", "HEAD") == refs.git("rev-parse", "main~1")


def test_checkout_prefers_a_tag_to_a_branch_of_the_same_name(refs: Repo) -> None:
    refs.git("branch", "v1.0", "main")
    refs.gitmodel("checkout", "v1.0")
    assert refs.git("rev-parse", "HEAD") == refs.git("rev-parse", "refs/tags/v1.0")


def test_checkout_restores_paths_of_a_reference(refs: Repo) -> None:
    refs.gitmodel("checkout", "model@v1.0", "--", "model.pt")
    assert refs.read("model.pt") == noise("model 1", (1 << 20) + 100)
    assert refs.git("symbolic-ref", "HEAD") == "refs/heads/main"


def test_checkout_in_a_clone_where_nothing_is_checked_out(refs: Repo) -> None:
    refs.git("clone", "--quiet", "--no-checkout", "../origin.git", "../empty")
    clone = Repo(refs.path.parent / "empty")
    clone.gitmodel("checkout", "model@v1.0")
    assert clone.read("model.pt") == noise("model 1", (1 << 20) + 100)


def test_push_takes_references(refs: Repo) -> None:
    done = refs.gitmodel("push", "model@v1.2", "v1.0.0")
    assert "pushed to Git remote origin: model-v1.2.0" in done.out
    assert "'HEAD' is not a tag" in refs.gitmodel("push", "HEAD", code=2).err


def test_read_takes_references(refs: Repo) -> None:
    for rev, number in (("v1.0", 1), ("model@v1.0", 1), ("best:accuracy", 2), ("HEAD~1", 2)):
        data = gitmodel.read("model.pt", rev, refs.path)
        assert data == noise(f"model {number}", (1 << 20) + 100 * number)


def test_get_knows_what_only_a_clone_can_answer(refs: Repo) -> None:
    for version, said in (("best:accuracy", "only a clone"), ("production", "is a stage")):
        done = refs.gitmodel("get", "../origin.git", f"model@{version}", "-o", "../m.pt", code=2)
        assert said in done.err


def test_get_names_what_is_near(refs: Repo) -> None:
    done = refs.gitmodel("get", "../origin.git", "model@model-v1.2", "-o", "../m.pt", code=2)
    assert "near it: 'model-v1.1'" in done.err


def test_get_knows_tags_of_gto(refs: Repo) -> None:
    refs.write(".gitmodel.yaml", refs.read(".gitmodel.yaml") + b"tag_formats: [gto]\n")
    refs.commit()
    refs.git("tag", "model@v3.0.0", "v1.0")
    for wanted in ("model@v3.0", "model@v3.0.0", "model"):
        done = refs.gitmodel("get", ".", wanted, "-o", "../m.pt")
        assert "model@v3.0.0" in done.out
    refs.gitmodel("push")
    assert "refs/tags/model@v3.0.0" in refs.git("ls-remote", "origin")
