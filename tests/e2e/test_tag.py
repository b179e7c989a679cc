"""tag: the version that is made, and those that are not."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.helpers.repo import Repo, noise
from tests.helpers.schemas import fields, promised


@pytest.fixture
def model(repo: Repo) -> Repo:
    """A repository with one model, its metrics and a dataset, and no version."""
    repo.write("model.pt", noise("model 1", 3000))
    repo.write("model.metrics.json", '{"accuracy": 0.94, "loss": 0.1}')
    repo.write("data/train/a.png", noise("a", 400))
    repo.gitmodel("add", "model.pt", "data/train")
    repo.commit("first")
    return repo


def retrain(repo: Repo, seed: object, accuracy: float = 0.95) -> str:
    repo.write("model.pt", noise(seed, 3000))
    repo.write("model.metrics.json", json.dumps({"accuracy": accuracy}))
    repo.gitmodel("add", "model.pt")
    return repo.commit(str(seed))


def message(repo: Repo, tag: str) -> list[str]:
    return repo.git("for-each-ref", "--format=%(contents)", f"refs/tags/{tag}").splitlines()


def versions(repo: Repo) -> list[str]:
    return repo.git("tag", "--list").split()


def test_the_first_version(model: Repo) -> None:
    done = model.gitmodel("tag", "model", "--bump", "auto", "-m", "The first that works.")
    assert "model-v0.1.0" in done.out
    assert "gitmodel push" in done.err
    assert model.git("cat-file", "-t", "refs/tags/model-v0.1.0") == "tag"
    assert model.git("rev-parse", "model-v0.1.0^{commit}") == model.git("rev-parse", "HEAD")
    oid = model.status()["model.pt"]
    lines = message(model, "model-v0.1.0")
    assert lines[:4] == [
        "The first that works.",
        "",
        "Gitmodel-Artifact: model.pt",
        f"Gitmodel-Oid: {pointer_oid(model, 'model.pt')}",
    ]
    assert lines[4] == f"Gitmodel-Data: {pointer_oid(model, 'data/train')} data/train"
    assert lines[5:7] == ["Gitmodel-Metric: accuracy=0.94", "Gitmodel-Metric: loss=0.1"]
    assert lines[7].startswith("Gitmodel-Root: blake3:")
    assert oid["cached"]
    assert len(lines) == 8


def pointer_oid(repo: Repo, artifact: str) -> str:
    return repo.read(f"{artifact}.gitmodel").decode().split('"')[1]


@pytest.mark.parametrize(
    ("bump", "tag"), [("major", "v1.0.0"), ("minor", "v0.1.0"), ("patch", "v0.0.1")]
)
def test_the_first_version_of_the_repository(model: Repo, bump: str, tag: str) -> None:
    model.gitmodel("tag", "--bump", bump)
    assert versions(model) == [tag]
    assert message(model, tag)[0] == f"{tag}: the first version"


def test_an_artifact_by_its_path(model: Repo) -> None:
    assert "model-v0.1.0" in model.gitmodel("tag", "model.pt", "--bump", "auto").out
    assert "train-v0.1.0" in model.gitmodel("tag", "train", "--bump", "auto", cwd="data").out
    assert "already" in model.gitmodel("tag", "train-v0.1.0", code=4).err


def test_a_version_that_is_given(model: Repo) -> None:
    model.gitmodel("tag", "model-v2.0")
    retrain(model, 2)
    model.gitmodel("tag", "model-v2.0", code=4)
    model.gitmodel("tag", "model-v2.0.0", code=4)
    model.gitmodel("tag", "model-v2.0-rc.1")
    assert versions(model) == ["model-v2.0", "model-v2.0-rc.1"]


@pytest.mark.parametrize(
    "arguments",
    [["model"], [], ["model-v1.0", "--bump", "auto"], ["nothing", "--bump", "auto"], ["x-v1.0"]],
)
def test_what_makes_no_sense(model: Repo, arguments: list[str]) -> None:
    assert "next:" in model.gitmodel("tag", *arguments, code=2).err
    assert versions(model) == []


def test_new_weights_are_minor(model: Repo) -> None:
    model.git("tag", "model-v1.1")
    retrain(model, 2)
    done = model.gitmodel("tag", "model", "--bump", "auto")
    # As the version before was written: without a patch.
    assert "tagged model-v1.2 " in done.out
    assert "minor: 'model.pt' has new bytes, after model-v1.1" in done.out


def test_sidecars_alone_are_a_patch(model: Repo) -> None:
    model.gitmodel("tag", "model-v1.1.0")
    model.write("model.metrics.json", '{"accuracy": 0.93}')
    model.commit("measured again")
    done = model.gitmodel("tag", "model", "--bump", "auto")
    assert "tagged model-v1.1.1 " in done.out
    assert "patch: the same artifacts, other metrics or params" in done.out


def test_another_kind_is_major(model: Repo) -> None:
    model.git("tag", "model-v1.1")
    model.git("rm", "--quiet", "model.pt.gitmodel", ".gitignore")
    model.write("model.onnx", noise("onnx", 2000))
    (model.path / "model.pt").unlink()
    model.gitmodel("add", "model.onnx")
    model.commit("onnx")
    done = model.gitmodel("tag", "model", "--bump", "auto")
    assert "tagged model-v2.0 " in done.out
    assert "another kind" in done.out


def test_another_signature_is_major(model: Repo) -> None:
    model.write("model.params.yaml", "lr: 0.1\nsignature:\n  inputs: [age, income]\n")
    model.commit()
    model.git("tag", "model-v1.1")
    model.write("model.params.yaml", "lr: 0.2\nsignature:\n  inputs: [age]\n")
    retrain(model, 2)
    assert "tagged model-v2.0 " in model.gitmodel("tag", "model", "--bump", "auto").out


def test_a_bump_that_is_asked_for_counts(model: Repo) -> None:
    model.git("tag", "model-v1.1")
    retrain(model, 2)
    assert "tagged model-v1.1.1 " in model.gitmodel("tag", "model", "--bump", "patch").out


def test_a_number_of_another_branch_is_passed_over(model: Repo) -> None:
    model.git("tag", "model-v1.0.0")
    model.git("checkout", "--quiet", "-b", "other")
    retrain(model, "other")
    model.gitmodel("tag", "model", "--bump", "auto")
    model.gitmodel("checkout", "main")
    retrain(model, "main")
    assert "tagged model-v1.2.0 " in model.gitmodel("tag", "model", "--bump", "auto").out
    model.git("checkout", "--quiet", "model-v1.0.0")
    model.gitmodel("checkout")
    retrain(model, "mended")
    assert "tagged model-v1.0.1 " in model.gitmodel("tag", "model", "--bump", "patch").out


def test_a_release_may_be_its_pre_release(model: Repo) -> None:
    model.gitmodel("tag", "model-v2.0.0-rc.1")
    model.gitmodel("tag", "model-v2.0.0-rc.2", code=3)
    assert "tagged model-v2.0.0 " in model.gitmodel("tag", "model", "--bump", "auto").out


def test_code_alone_is_a_patch_of_the_repository_and_none_of_the_model(model: Repo) -> None:
    model.gitmodel("tag", "v1.0.0")
    model.gitmodel("tag", "model-v1.0.0")
    model.write("train.py", "print(2)\n")
    model.commit("code")
    assert "'model-v1.0.0'" in model.gitmodel("tag", "model", "--bump", "auto", code=3).err
    assert "tagged v1.0.1 " in model.gitmodel("tag", ".", "--bump", "auto").out
    assert "'v1.0.1'" in model.gitmodel("tag", ".", "--bump", "minor", code=3).err


def test_versions_as_gto_writes_them(model: Repo) -> None:
    text = model.read(".gitmodel.yaml").decode()
    model.write(".gitmodel.yaml", text + "tag_formats: [gto]\n")
    model.commit()
    model.git("tag", "model@v1.0.0")
    retrain(model, 2)
    assert "tagged model@v1.1.0 " in model.gitmodel("tag", "model", "--bump", "auto").out
    assert "model@v1.1.0" in model.gitmodel("push").out


# What is refused


def test_a_pointer_that_is_not_committed(model: Repo) -> None:
    model.write("model.pt", noise("new", 3000))
    model.gitmodel("add", "model.pt")
    done = model.gitmodel("tag", "model", "--bump", "auto", code=3)
    assert "'model.pt.gitmodel' is not committed" in done.err
    assert "git add model.pt.gitmodel && git commit" in done.err
    assert versions(model) == []


def test_a_pointer_that_git_does_not_know(model: Repo) -> None:
    model.write("other.pt", noise("other", 3000))
    model.gitmodel("add", "other.pt")
    model.git("rm", "--cached", "--quiet", "other.pt.gitmodel")
    assert "'other.pt.gitmodel'" in model.gitmodel("tag", "v1.0", code=3).err


@pytest.mark.parametrize(
    "name", ["model.metrics.json", "params.yaml", "model.card.md", "model.curves.csv"]
)
def test_a_sidecar_that_is_not_committed(model: Repo, name: str) -> None:
    model.write(name, "{}")
    assert repr(name) in model.gitmodel("tag", "model-v1.0", code=3).err
    # The metrics of somebody else's experiment are not ours.
    (model.path / name).unlink()
    model.git("checkout", "--", ".")
    model.write("runs/17/metrics.json", "{}")
    model.gitmodel("tag", "model-v1.0")


def test_a_sidecar_that_the_configuration_names(model: Repo) -> None:
    text = model.read(".gitmodel.yaml").decode()
    model.write(".gitmodel.yaml", f"{text}sidecars: {{model: {{metrics: 'out/[1].json'}}}}\n")
    assert "'.gitmodel.yaml' is not committed" in model.gitmodel("tag", "v1.0", code=3).err
    model.commit()
    model.write("out/[1].json", '{"f1": 0.5}')
    done = model.gitmodel("tag", "model-v1.0", code=3)
    assert "git add 'out/[1].json' && git commit" in done.err
    model.commit()
    model.gitmodel("tag", "model-v1.0")
    assert "Gitmodel-Metric: f1=0.5" in message(model, "model-v1.0")


def test_an_artifact_that_was_changed(model: Repo) -> None:
    model.write("data/train/b.png", noise("b", 400))
    done = model.gitmodel("tag", "model", "--bump", "auto", code=3)
    assert "'data/train' was changed" in done.err
    assert "gitmodel add data/train && git commit" in done.err
    assert "refused" not in done.err


def test_all_that_is_wrong_is_told(model: Repo) -> None:
    model.gitmodel("tag", "model-v1.0")
    model.write("data/train/b.png", noise("b", 400))
    model.write("model.card.md", "# Model")
    done = model.gitmodel("tag", "model", "--bump", "auto", code=3)
    assert "refused  'model.card.md' is not committed" in done.err
    assert "refused  'data/train' was changed" in done.err
    assert "(and 1 more)" in done.err
    # What is new is not committed, so it is not said to be as before.
    assert "exactly" not in done.err


def test_an_artifact_that_is_not_here_is_fine(model: Repo) -> None:
    (model.path / "model.pt").unlink()
    model.gitmodel("tag", "model", "--bump", "auto")


@pytest.mark.parametrize("artifact", ["model.pt", "data/train"])
def test_blobs_that_are_nowhere(model: Repo, artifact: str) -> None:
    shutil.rmtree(model.home)
    shutil.rmtree(model.path / artifact, ignore_errors=True)
    done = model.gitmodel("tag", "model", "--bump", "auto", code=3)
    assert "neither in the cache" in done.err
    assert "--remote" in done.err
    model.gitmodel("tag", "model", "--bump", "auto", "--remote", code=3)


def test_blobs_that_are_on_the_remote_only(model: Repo) -> None:
    model.git("push", "--quiet", "origin", "main")
    model.gitmodel("push")
    clone = model.clone("clone")
    clone.gitmodel("tag", "model", "--bump", "auto", code=3)
    clone.gitmodel("tag", "model", "--bump", "auto", "--remote")
    assert versions(clone) == ["model-v0.1.0"]
    # What was learnt of the remote then counts as known.
    clone.gitmodel("tag", "train", "--bump", "auto")


def test_blobs_that_the_remote_lacks(model: Repo) -> None:
    model.gitmodel("push")
    retrain(model, 2)
    model.git("push", "--quiet", "origin", "main")
    clone = model.clone("clone")
    done = clone.gitmodel("tag", "model", "--bump", "auto", "--remote", code=3)
    assert "blobs of 'model.pt' are neither" in done.err


def test_a_sidecar_that_cannot_be_read(model: Repo) -> None:
    model.write("model.metrics.json", '{\n"accuracy": NaN\n}')
    model.commit()
    done = model.gitmodel("tag", "model", "--bump", "auto", code=3)
    assert "'model.metrics.json', line 2" in done.err
    assert "edit model.metrics.json" in done.err


def gate(repo: Repo, *conditions: str) -> None:
    text = repo.read(".gitmodel.yaml").decode()
    repo.write(".gitmodel.yaml", f"{text}gates:\n  tag: {json.dumps(conditions)}\n")
    repo.commit("gates")


def test_a_gate_that_is_met(model: Repo) -> None:
    model.gitmodel("tag", "model", "--bump", "auto")
    gate(model, "accuracy >= 0.9 and loss < 1", "accuracy >= model@v0.1.0 - 0.02")
    model.write("model.metrics.json", '{"accuracy": 0.93, "loss": 0.2}')
    model.commit()
    done = model.gitmodel("tag", "model", "--bump", "auto", "--dry-run")
    assert "gates are met: accuracy >= 0.9 and loss < 1, accuracy >= model@v0.1.0" in done.out


def test_a_gate_for_some_artifacts(model: Repo) -> None:
    gate(model, "name != 'model' or accuracy > 0.99")
    model.gitmodel("tag", "train", "--bump", "auto")
    assert "accuracy is 0.94" in model.gitmodel("tag", "model", "--bump", "auto", code=3).err


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("accuracy >= 0.95", "accuracy is 0.94"),
        ("f1 > 0", "f1 is missing"),
        ("accuracy >= nothing@v9.9", "nothing@v9.9 is missing"),
        ("accuracy >", "cut short"),
    ],
)
def test_a_gate_that_is_not_met(model: Repo, condition: str, said: str) -> None:
    gate(model, "accuracy > 0", condition)
    done = model.gitmodel("tag", "model", "--bump", "auto", code=3)
    assert repr(condition) in done.err
    assert said in done.err
    assert versions(model) == []


def test_a_commit_that_git_shows_differently(model: Repo) -> None:
    first = model.git("rev-parse", "HEAD")
    second = retrain(model, 2)
    model.git("replace", second, first)
    done = model.gitmodel("tag", "v1.0", code=3)
    assert f"git replace -d {second}" in done.err


def test_the_same_bytes_again(model: Repo) -> None:
    model.gitmodel("tag", "model-v1.0")
    done = model.gitmodel("tag", "model", "--bump", "auto", code=3)
    assert "'model-v1.0'" in done.err
    retrain(model, 2)
    model.gitmodel("tag", "model", "--bump", "auto")
    # Back to what it was: it names the twin, not the version before.
    model.git("checkout", "model-v1.0", "--", ".")
    model.gitmodel("checkout")
    model.commit("back")
    done = model.gitmodel("tag", "model", "--bump", "auto", code=3)
    assert "exactly what 'model-v1.0' is" in done.err


def test_nobody_to_sign_as(model: Repo) -> None:
    for name in ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        model.env.pop(name, None)
    model.git("config", "user.useConfigOnly", "true")
    done = model.gitmodel("tag", "v1.0", code=1)
    assert "git config user.email" in done.err
    assert versions(model) == []


def test_a_message_cannot_pretend_to_be_signed(model: Repo) -> None:
    text = "good\n-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----"
    model.gitmodel("tag", "v1.0", "-m", text, code=2)


def test_before_the_first_commit(repo: Repo) -> None:
    assert "git commit" in repo.gitmodel("tag", "v1.0", code=2).err


def test_a_dry_run_makes_nothing(model: Repo) -> None:
    done = model.gitmodel("tag", "model", "--bump", "auto", "--dry-run")
    assert "would tag model-v0.1.0" in done.out
    assert done.out.count("ok ") == 8
    model.write("data/train/b.png", noise("b", 400))
    done = model.gitmodel("tag", "model", "--bump", "auto", "--dry-run", code=3)
    assert "refused  'data/train' was changed" in done.out
    assert "would not tag model-v0.1.0" in done.out
    assert versions(model) == []


def test_json(model: Repo) -> None:
    done = json.loads(model.gitmodel("tag", "model", "--bump", "auto", "--json").out)
    assert done["schema"] == "gitmodel/tag/1"
    assert done["made"]
    assert set(fields(done)) == promised("tag")
    assert (done["tag"], done["before"], done["bump"]) == ("model-v0.1.0", "", "minor")
    assert done["commit"] == model.git("rev-parse", "HEAD")
    assert message(model, "model-v0.1.0")[-1] == f"Gitmodel-Root: {done['root']}"
    again = json.loads(model.gitmodel("tag", "model", "--bump", "auto", "--json", code=3).out)
    assert not again["made"]
    assert [check["problem"] for check in again["checks"] if check["problem"]] == [
        "the artifact and its sidecars are exactly what 'model-v0.1.0' is"
    ]


def test_a_tag_is_pushed_as_it_is(model: Repo) -> None:
    model.gitmodel("tag", "model", "--bump", "auto")
    done = model.gitmodel("push")
    assert "model-v0.1.0" in done.out
    there = model.git("ls-remote", "origin", "refs/tags/model-v0.1.0").split()[0]
    assert there == model.git("rev-parse", "refs/tags/model-v0.1.0")


def test_a_plain_tag_is_as_good(model: Repo) -> None:
    model.git("tag", "model-v1.1")
    assert "'model-v1.1'" in model.gitmodel("tag", "model", "--bump", "auto", code=3).err
    assert "'model-v1.1'" in model.gitmodel("tag", "model-v1.1.0", code=4).err
    model.gitmodel("verify", "--tag", "model-v1.1")
    model.gitmodel("push")
    listed = json.loads(model.gitmodel("versions", "--json").out)["versions"]
    assert [each["tag"] for each in listed] == ["model-v1.1"]
    model.gitmodel("get", "../origin.git", "model@v1.1", "-o", "../got.pt")
    assert (model.path.parent / "got.pt").read_bytes() == model.read("model.pt")
    retrain(model, 2)
    assert "tagged model-v1.2 " in model.gitmodel("tag", "model", "--bump", "auto").out
    model.gitmodel("checkout", "model-v1.1")
    assert model.read("model.pt") == noise("model 1", 3000)


def test_two_at_once(model: Repo) -> None:
    started = [model.start("tag", "model-v1.0", "-m", text) for text in ("one", "two", "three")]
    codes = sorted(process.wait(60) for process in started)
    for process in started:
        process.communicate()
    assert codes[0] == 0
    assert set(codes[1:]) <= {3, 4}
    assert versions(model) == ["model-v1.0"]
