from dataclasses import replace

import pytest

from gitmodel.config import Config
from gitmodel.record import Reader

OID = "blake3:" + "a" * 64
POINTER = f'gitmodel: 1\nkind: file\noid: "{OID}"\nxxh3: "xxh3-128:{"b" * 32}"\nsize: 3\n'.encode()
CONFIG = b'gitmodel: 1\nid: "00112233445566778899aabbccddeeff"\n'


class Commits:
    """Commits as dictionaries; the content of a blob is its own name."""

    def __init__(self, **commits):
        self.commits = commits
        self.read = []

    def companions(self, commit):
        return {path: data.decode() for path, data in self.commits[commit].items()}

    written = companions

    def find(self, commit, path):
        return self.companions(commit).get(path)

    def blob(self, oid, path):
        self.read.append(oid)
        return oid.encode()


def read(files, name="", current=None):
    return Reader(Commits(c=files), current).read("c", name)


def test_an_artifact_has_the_sidecars_beside_it():
    record = read(
        {
            "m/model.pt.gitmodel": POINTER,
            "m/model.metrics.json": b'{"accuracy": 0.9}',
            "m/model.params.yaml": b"lr: 1",
            "metrics.json": b'{"accuracy": 0.1}',
            "other.metrics.json": b'{"accuracy": 0.2}',
        },
        "model",
    )
    assert list(record.artifacts) == ["m/model.pt"]
    assert record.metrics["accuracy"].value == 0.9
    assert record.params == {"lr": 1}
    assert set(record.sidecars) == {"m/model.metrics.json", "m/model.params.yaml"}


def test_an_artifact_without_its_own_has_those_of_the_root():
    files = {"m/model.pt.gitmodel": POINTER, "metrics.yaml": b"f1: 0.5", "params.json": b"{}"}
    assert read(files, "model").metrics["f1"].value == 0.5


def test_a_repository_without_pointers_has_its_metrics():
    assert read({"metrics.json": b'{"f1": 1}'}, "model").metrics["f1"].value == 1


def test_the_repository_has_the_metrics_of_all_artifacts():
    files = {
        "a.pt.gitmodel": POINTER,
        "a.metrics.json": b'{"f1": 0.1, "only": 1}',
        "b.pt.gitmodel": POINTER,
        "b.metrics.json": b'{"f1": 0.2, "top": 5}',
        "metrics.json": b'{"top": 3}',
    }
    found = {name: metric.value for name, metric in read(files).metrics.items()}
    assert found == {"top": 3, "a.f1": 0.1, "b.f1": 0.2, "only": 1, "b.top": 5}


def test_artifacts_of_one_name_in_two_folders_keep_their_metrics_apart():
    files = {
        "x/same.pt.gitmodel": POINTER,
        "y/same.pt.gitmodel": POINTER,
        "x/same.metrics.json": b'{"q": 1, "x": 3}',
        "y/same.metrics.json": b'{"q": 2}',
    }
    for name in ("same", ""):
        metrics = read(files, name).metrics
        values = {key: metric.value for key, metric in metrics.items()}
        assert values == {"x/same.pt.q": 1, "y/same.pt.q": 2, "x": 3}


def test_one_file_may_hold_metrics_and_params():
    both = b'sidecars: {"*": {metrics: both.yaml, params: both.yaml}}\n'
    record = read({".gitmodel.yaml": CONFIG + both, "both.yaml": b"lr: 0.1"})
    assert record.metrics["lr"].value == 0.1
    assert record.params == {"lr": 0.1}


def test_artifacts_that_share_a_stem_share_their_metrics():
    files = {
        "same.pt.gitmodel": POINTER,
        "same.onnx.gitmodel": POINTER,
        "same.metrics.json": b'{"q": 1}',
    }
    for name in ("same", ""):
        assert list(read(files, name).metrics) == ["q"]


def test_the_configuration_of_the_commit_names_artifacts_and_sidecars():
    config = CONFIG + (
        b"artifacts: {ranker: m/model.pt}\n"
        b'sidecars: {ranker: {metrics: [a.json, b.json]}, "*": {params: conf/p.yaml}}\n'
    )
    files = {
        ".gitmodel.yaml": config,
        "m/model.pt.gitmodel": POINTER,
        "a.json": b'{"x": 1}',
        "b.json": b'{"y": 2}',
        "conf/p.yaml": b"lr: 3",
    }
    record = read(files, "ranker")
    assert ({n: m.value for n, m in record.metrics.items()}, record.params) == (
        {"x": 1, "y": 2},
        {"lr": 3},
    )
    assert read(files, "model").artifacts == {}


def test_goals_of_today_count_for_old_versions():
    files = {".gitmodel.yaml": CONFIG, "metrics.json": b'{"wer": 1}'}
    today = replace(Config("0" * 32), goals={"wer": "min"})
    assert read(files, current=today).metrics["wer"].goal == "min"


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("metrics.json", b'{"a": NaN}'),
        ("model.pt.gitmodel", b"gitmodel: 1\n"),
        ("model.pt.gitmodel", b"something else\n"),
        (".gitmodel.yaml", b"no: config\n"),
    ],
)
def test_a_broken_file_is_a_problem_and_the_rest_is_read(path, data):
    files = {"params.yaml": b"lr: 1", "model.pt.gitmodel": POINTER, path: data}
    record = read(files)
    assert record.params == {"lr": 1}
    assert len(record.problems) == 1
    assert path in record.problems[0]


def test_a_name_that_two_files_of_one_kind_give_is_a_problem():
    config = CONFIG + b'sidecars: {"*": {metrics: [a.json, b.json]}}\n'
    files = {".gitmodel.yaml": config, "a.json": b'{"x": 1}', "b.json": b'{"x": 2}'}
    assert "'x' again" in read(files).problems[0]


def test_a_file_that_is_the_same_in_many_commits_is_read_once():
    files = {"metrics.json": b'{"a": 1}'}
    commits = Commits(one=files, two=files)
    reader = Reader(commits, None)
    assert reader.read("one").metrics == reader.read("two").metrics
    assert len(commits.read) == 1
