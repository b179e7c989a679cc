"""gitmodel versions: what a user sees of the versions, read from Git alone."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from blake3 import blake3

import gitmodel
from gitmodel.errors import UsageError
from tests.helpers import dvc
from tests.helpers.rendered import rendered
from tests.helpers.repo import Repo, copied

GOLDEN = Path(__file__).parent / "versions"
POINTER = 'gitmodel: 1\nkind: file\noid: "blake3:{0:064x}"\nxxh3: "xxh3-128:{0:032x}"\nsize: {0}\n'
CONFIG = 'gitmodel: 1\nid: "00112233445566778899aabbccddeeff"\ngoals: {accuracy: max}\n'
EVIL = '=HYPERLINK("https://x")|`*@ada*`'


def commit(repo: Repo, day: str, files: Mapping[str, str], *tags: str) -> None:
    for path, text in files.items():
        repo.write(path, text)
    moment = f"{day}T12:00:00Z"
    repo.env |= {"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment}
    repo.commit(day)
    for tag in tags:
        repo.git("tag", tag)


def metrics(**values: object) -> dict[str, str]:
    return {"models/ranker.metrics.json": json.dumps(values)}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("versions") / "here"
    folder.mkdir()
    repo = Repo(folder / "work")
    repo.path.mkdir()
    repo.git("init", "-q", "-b", "main")
    first = {
        ".gitmodel.yaml": CONFIG,
        "models/ranker.onnx.gitmodel": POINTER.format(1),
        "data/clicks.gitmodel": POINTER.format(2),
        "models/ranker.params.yaml": "lr: 0.1\noptimizer: {name: adam}\nlimit: .inf\n",
        "metrics.json": '{"rows": 1000}',
        "notes.txt": "x\n",
    }
    commit(repo, "2026-01-05", first | metrics(accuracy=0.9, loss=0.5), "v1.0", "ranker-v1.0")
    second = metrics(accuracy=0.9312345678, loss=-0.4, ndcg={"10": 0.5, "20": 0.25})
    commit(repo, "2026-02-05", {**second, "metrics.json": '{"rows": 2000}'}, "ranker-v1.1")
    long = {"value": 0.95, "goal": "max", "split": "test", "n": 10000, "ci": [0.94, 0.96]}
    params = {"models/ranker.params.yaml": "lr: 0.01\noptimizer: {name: sgd}\n"}
    commit(repo, "2026-03-05", metrics(accuracy=long, loss=0.3) | params)
    repo.env["GIT_COMMITTER_NAME"] = EVIL
    repo.git("tag", "-a", "-m", "best", "ranker-v1.2")
    repo.env["GIT_COMMITTER_NAME"] = "Ada Example"
    commit(repo, "2026-04-05", {"metrics.json": '{"rows": 3000}'}, "clicks-v1.0", "no-version")
    commit(repo, "2026-05-05", metrics(accuracy=0.85))
    return folder


@pytest.fixture
def repo(built: Path, tmp_path: Path) -> Repo:
    return copied(built, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ([], "table.txt"),
        (["ranker", "--all"], "all.txt"),
        (["ranker", "--md"], "table.md"),
        (["--csv"], "table.csv"),
        (["ranker", "--json"], "table.json"),
    ],
)
def test_each_format_to_the_byte(repo: Repo, arguments: list[str], name: str) -> None:
    done = repo.gitmodel("versions", *arguments)
    assert done.err == ""
    assert done.out == (GOLDEN / name).read_text()


def test_the_fields_of_json_are_documented() -> None:
    pages = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
    section = pages.split("## `gitmodel/versions/1`\n")[1].split("\n## ")[0]
    documented = re.findall(r"^\| `versions\[\]\.(?:metrics\{\}\.)?([a-z]+)` \|", section, re.M)
    versions = json.loads((GOLDEN / "table.json").read_text())["versions"]
    metrics = [metric for each in versions for metric in each["metrics"].values()]
    assert {*documented} == {name for value in (*versions, *metrics) for name in value}


def listed(repo: Repo, *arguments: str) -> list[str]:
    found = json.loads(repo.gitmodel("versions", "--json", *arguments).out)
    return [each["tag"] or each["branch"] for each in found["versions"]]


@pytest.mark.parametrize(
    ("key", "order"),
    [
        ("version", "1.2 1.1 1.0"),
        ("-version", "1.0 1.1 1.2"),
        ("date", "1.2 1.1 1.0"),
        ("-date", "1.0 1.1 1.2"),
        ("accuracy", "1.2 1.1 1.0"),
        ("-accuracy", "1.0 1.1 1.2"),
        ("loss", "1.1 1.2 1.0"),
        ("-loss", "1.0 1.2 1.1"),
        ("ndcg.10", "1.1 1.2 1.0"),
        ("-ndcg.10", "1.1 1.2 1.0"),
        ("params.lr", "1.2 1.1 1.0"),
    ],
)
def test_the_best_comes_first(repo: Repo, key: str, order: str) -> None:
    expected = [f"ranker-v{number}" for number in order.split()]
    assert listed(repo, "ranker", "--sort", key) == expected


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ("accuracy > 0.92", "1.2 1.1"),
        ("accuracy > 0.92 and params.lr < 0.1", "1.2"),
        ("params.optimizer.name == 'adam' or tag == 'ranker-v1.2'", "1.2 1.1 1.0"),
        ("`ndcg.10` >= 0.5", "1.1"),
        ("ndcg.10 >= 0.5", "1.1"),
        ("not ndcg.10 >= 0.5", ""),
        ("metrics.loss < 0", "1.1"),
        ("date >= '2026-02' and author == 'Ada Example'", "1.1"),
        ("accuracy > ranker@v1.0", "1.2 1.1"),
        ("accuracy > `ranker-v1.0` + 0.04", "1.2"),
        ("loss <= ranker@best:loss", "1.1"),
        ("accuracy < main", ""),
        ("name == 'ranker'", "1.2 1.1 1.0"),
    ],
)
def test_filters(repo: Repo, condition: str, numbers: str) -> None:
    expected = [f"ranker-v{number}" for number in numbers.split()]
    assert listed(repo, "ranker", "--filter", condition) == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rankr"], "near it: 'ranker'"),
        (["--filter", "accuraccy > 0.9"], "near it: 'accuracy'"),
        (["--filter", "accuracy > > 0.9"], "\n             ^\n"),
        (["--filter", "accuracy > ranker@production"], "no version has"),
        (["--sort", "acuracy"], "near it: 'accuracy'"),
        (["--metric", "acuracy"], "near it: 'accuracy'"),
        (["--json", "--md"], "one format"),
    ],
)
def test_what_makes_no_sense_is_explained(repo: Repo, arguments: list[str], said: str) -> None:
    done = repo.gitmodel("versions", *arguments, code=2)
    assert said in done.err
    assert "next:" in done.err
    assert done.out == ""


def test_columns_are_chosen_or_those_that_fit(repo: Repo) -> None:
    done = repo.gitmodel("versions", "--metric", "loss", "--metric", "rows")
    assert done.out.splitlines()[0].split() == [
        "version",
        "date",
        "author",
        "loss",
        "▼?",
        "rows",
        "▲?",
    ]
    narrow = repo.gitmodel("versions", "clicks", "--all", env={"COLUMNS": "50"})
    assert max(map(len, narrow.out.splitlines())) <= 50
    narrow = repo.gitmodel(
        "versions", "ranker", "--filter", "tag != 'ranker-v1.2'", env={"COLUMNS": "60"}
    )
    assert "accuracy ▲" in narrow.out
    assert "ndcg" not in narrow.out
    assert narrow.err == "2 more metrics: --metric NAME shows one, --json all of them\n"
    found = json.loads(repo.gitmodel("versions", "ranker", "--json", "-m", "loss").out)
    assert [set(each["metrics"]) for each in found["versions"]] == [{"loss"}] * 3


def test_an_artifact_is_named_by_name_or_path(repo: Repo) -> None:
    for name in ("ranker", "models/ranker.onnx", "./models/ranker.onnx.gitmodel"):
        assert listed(repo, name) == ["ranker-v1.2", "ranker-v1.1", "ranker-v1.0"]
    assert listed(repo, "data/clicks") == ["clicks-v1.0"]


def test_nothing_to_show_is_no_error(repo: Repo) -> None:
    none = repo.gitmodel("versions", "--filter", "accuracy > 1")
    assert (none.out, none.err) == ("", "none of 5 versions meets the condition\n")
    repo.git("tag", "-d", "clicks-v1.0")
    assert "git tag clicks-v0.1" in repo.gitmodel("versions", "clicks").err
    assert json.loads(repo.gitmodel("versions", "clicks", "--json").out)["versions"] == []
    assert repo.gitmodel("versions", "clicks", "--csv").out.count("\n") == 1


def test_what_cannot_be_read_is_a_warning(repo: Repo) -> None:
    commit(repo, "2026-06-05", metrics(accuracy="high"), "ranker-v1.3")
    commit(repo, "2026-06-06", {"models/ranker.params.yaml": "a: [", ".gitmodel.yaml": "x"}, "v1.1")
    repo.git("checkout", "-q", "main~2")
    done = repo.gitmodel("versions")
    assert len(done.out.splitlines()) == 1 + 7
    for said in ("ranker-v1.3: 'models/ranker.metrics.json', line 1", "v1.1: '.gitmodel.yaml'"):
        assert f"warning: {said}" in done.err
    found = json.loads(repo.gitmodel("versions", "ranker", "--json").out)["versions"]
    assert "high" in found[0]["problems"][0]
    assert found[1]["problems"] == []


@pytest.mark.parametrize("tagger", ["tagger A <a@b> 99999999999999999 +0000\n", ""])
def test_a_tag_of_no_possible_day(repo: Repo, tagger: str) -> None:
    text = f"object {repo.git('rev-parse', 'HEAD')}\ntype commit\ntag v9.0\n{tagger}\nx\n"
    repo.write("tag", text)
    repo.git("tag", "v9.0", repo.git("hash-object", "-t", "tag", "-w", "--literally", "tag"))
    assert repo.gitmodel("versions").out.splitlines()[1].startswith("v9.0 ")
    assert repo.gitmodel("versions", "--csv").out.splitlines()[1].startswith('"v9.0",')
    assert len(listed(repo, "--sort", "date", "--filter", "date > '2026-02'")) == 3


@pytest.fixture
def partial(repo: Repo) -> Repo:
    """A bare clone without the content of files."""
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    repo.git("clone", "-q", "--bare", "--filter=blob:none", f"file://{repo.path}", "../part.git")
    return Repo(repo.path.parent / "part.git")


def test_a_partial_clone_fetches_what_is_listed_at_once(repo: Repo, partial: Repo) -> None:
    done = partial.gitmodel("versions")
    assert done.out == repo.gitmodel("versions").out
    assert list(partial.path.glob("objects/pack/*.promisor")) != []
    packs = len(list(partial.path.glob("objects/pack/*.pack")))
    # That of the clone, that of the configuration of HEAD, and one with all sidecars.
    assert packs <= 3
    partial.git("remote", "set-url", "origin", "/nowhere")
    assert partial.gitmodel("versions").out == done.out


def test_a_partial_clone_away_from_its_origin_lists_what_is_there(partial: Repo) -> None:
    partial.git("remote", "set-url", "origin", "/nowhere")
    done = partial.gitmodel("versions")
    assert len(done.out.splitlines()) == 1 + 5
    assert "is not here" in done.err


def test_bare_repositories_worktrees_and_folders(repo: Repo) -> None:
    expected = repo.gitmodel("versions").out
    assert repo.gitmodel("versions", cwd="models").out == expected
    assert repo.gitmodel("versions", cwd=".git").out == expected
    repo.git("clone", "-q", "--bare", ".", "../bare.git")
    assert Repo(repo.path.parent / "bare.git").gitmodel("versions").out == expected
    repo.git("worktree", "add", "-q", "../linked", "v1.0")
    assert Repo(repo.path.parent / "linked").gitmodel("versions").out == expected
    repo.git("clone", "-q", "--no-checkout", ".", "../empty")
    assert Repo(repo.path.parent / "empty").gitmodel("versions").out == expected


def test_nothing_in_the_repository_is_changed(repo: Repo) -> None:
    before = repo.tree(), repo.git("show-ref"), repo.git("status", "--porcelain")
    repo.gitmodel("versions", "--all")
    assert (repo.tree(), repo.git("show-ref"), repo.git("status", "--porcelain")) == before
    assert not repo.home.exists()


def test_text_from_a_repository_is_inert(repo: Repo) -> None:
    commit(repo, "2026-06-05", {"metrics.json": json.dumps({"=1+1": 1, "\x1b[31m|a": -2})}, "v1.3")
    table = repo.gitmodel("versions").out
    assert "\x1b" not in table
    rows = list(csv.DictReader(io.StringIO(repo.gitmodel("versions", "--csv").out)))
    assert rows[0]["'=1+1"] == "1"
    assert "-2" in rows[0].values()
    assert {row["author"] for row in rows} == {"Ada Example", f"'{EVIL}"}
    markdown = repo.gitmodel("versions", "--md").out
    page = rendered(markdown)
    [[head, *rows]] = page.tables
    assert {len(row) for row in rows} == {len(head)}
    assert EVIL in {row[2] for row in rows}
    assert page.tags <= {"table", "thead", "tbody", "tr", "th", "td", "code"}


# from Python


def test_versions_from_python(repo: Repo) -> None:
    found = gitmodel.versions("ranker", repo.path)
    assert [each.tag for each in found] == ["ranker-v1.2", "ranker-v1.1", "ranker-v1.0"]
    best = max(found, key=lambda each: each.metrics["accuracy"].value)
    assert (best.date, best.metrics["accuracy"].ci, best.params["lr"]) == (
        "2026-03-05",
        (0.94, 0.96),
        0.01,
    )
    assert best.commit == gitmodel.resolve(best.tag, repo.path).commit
    assert len(gitmodel.versions(repo=repo.path / "data")) == 5
    with pytest.raises(UsageError):
        gitmodel.versions("nothing", repo.path)


# what is remembered


@pytest.fixture
def many(repo: Repo) -> Repo:
    for number in range(60):
        commit(repo, "2026-07-01", metrics(accuracy=number / 100), f"ranker-v2.{number}")
    return repo


def _file(repo: Repo) -> Path:
    return repo.home / "versions.cache"


def test_what_was_read_is_remembered_and_never_believed_when_damaged(many: Repo) -> None:
    first = many.gitmodel("versions", "--all", "--json").out
    data = _file(many).read_bytes()
    assert many.gitmodel("versions", "--all", "--json").out == first
    assert _file(many).read_bytes() == data
    for damaged in (data[:-10], data.replace(b"0.59", b"0.99"), b"", b"\n", b"\xff" * 99, data * 2):
        _file(many).write_bytes(damaged)
        assert many.gitmodel("versions", "--all", "--json").out == first
        assert _file(many).read_bytes() == data
    _file(many).unlink()
    _file(many).mkdir()
    assert many.gitmodel("versions", "--all", "--json").out == first
    assert many.leftovers() == []


def test_what_is_remembered_is_what_is_shown(many: Repo) -> None:
    """A cache is of use only if it is asked: one with another number and its digest shows it."""
    many.gitmodel("versions")
    head, body = _file(many).read_bytes().split(b"\n", 1)
    body = body.replace(b"0.59", b"0.99")
    head = head.rpartition(b" ")[0] + b" " + blake3(body).hexdigest().encode()
    _file(many).write_bytes(head + b"\n" + body)
    assert gitmodel.versions("ranker", many.path)[0].metrics["accuracy"].value == 0.99


def test_what_changed_since_is_seen(many: Repo) -> None:
    many.gitmodel("versions")
    commit(many, "2026-08-01", metrics(accuracy=0.99), "ranker-v3.0")
    many.git("tag", "-f", "ranker-v1.0", "ranker-v1.1")
    many.git("tag", "-d", "ranker-v2.59")
    found = {each.tag: each for each in gitmodel.versions("ranker", many.path)}
    assert found["ranker-v3.0"].metrics["accuracy"].value == 0.99
    assert found["ranker-v1.0"].metrics["accuracy"].value == 0.9312345678
    assert "ranker-v2.59" not in found
    many.write(".gitmodel.yaml", CONFIG.replace("max", "min"))
    assert gitmodel.versions("ranker", many.path)[0].metrics["accuracy"].goal == "min"
    many.write(".gitmodel.yaml", CONFIG + "artifacts: {best: models/ranker.onnx}\n")
    assert gitmodel.versions("ranker", many.path)[0].metrics["accuracy"].goal == "max"


def test_a_folder_that_cannot_be_written_is_no_obstacle(many: Repo) -> None:
    many.home.parent.joinpath("gitmodel").write_text("in the way")
    assert len(many.gitmodel("versions").out.splitlines()) == 1 + 65


# repositories of others


def test_tags_of_gto_are_versions_where_the_configuration_says_so(repo: Repo) -> None:
    repo.git("tag", "-a", "-m", "x", "ranker@v1.3.0", "main~1")
    repo.git("tag", "ranker#production#1", "main~1")
    assert listed(repo, "ranker")[0] == "ranker-v1.2"
    repo.write(".gitmodel.yaml", CONFIG + "tag_formats: [gto]\n")
    assert listed(repo, "ranker") == ["ranker@v1.3.0", "ranker-v1.2", "ranker-v1.1", "ranker-v1.0"]


def test_a_configuration_that_was_written_by_hand(tmp_path: Path) -> None:
    """It is enough to list versions; what needs the rest of it says how to get that."""
    repo = _empty(tmp_path)
    written = "# ours\ngitmodel: 1\n\ntag_formats: [gto]  # and no more\n"
    commit(repo, "2026-01-01", {".gitmodel.yaml": written, "metrics.json": '{"f1": 0.5}'})
    repo.git("tag", "churn@v1.0.0")
    assert listed(repo, "churn") == ["churn@v1.0.0"]
    assert "f1" in repo.gitmodel("show", "churn@v1.0.0").out
    repo.write("model.pt", "model")
    assert "next:  gitmodel init" in repo.gitmodel("add", "model.pt", code=2).err
    repo.gitmodel("init")
    kept = repo.read(".gitmodel.yaml").decode().splitlines()
    assert kept.pop(2).startswith('id: "')
    assert kept == written.splitlines()
    repo.gitmodel("add", "model.pt")
    assert "nothing to do" in repo.gitmodel("init").out


@pytest.mark.parametrize(
    ("filter_", "said"),
    [("accuracy > params.lrr", "the param 'lrr'; near it"), ("acuracy > 0", "metric 'acuracy'")],
)
def test_what_no_version_has_is_called_what_it_is(repo: Repo, filter_: str, said: str) -> None:
    assert said in repo.gitmodel("versions", "--filter", filter_, code=2).err


def _expect_dvc(repo: Repo) -> None:
    done = repo.gitmodel("versions", "--csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert done.err == ""
    assert [(row["tag"], row["accuracy"], row["eval.loss"]) for row in rows] == [
        ("v1.1", "0.95", "0.1"),
        ("v1.0", "0.9", "0.2"),
    ]
    assert listed(repo, "--filter", "params.train.lr < 0.1 and params.seed == 42") == ["v1.1"]
    assert listed(repo, "--sort", "eval.loss") == ["v1.1", "v1.0"]
    repo.git("tag", "-a", "-m", "x", "churn@v1.0.0", "v1.0")
    repo.write(".gitmodel.yaml", 'gitmodel: 1\nid: "' + "0" * 32 + '"\ntag_formats: [gto]\n')
    [found] = gitmodel.versions("churn", repo.path)
    assert (found.tag, found.metrics["accuracy"].value) == ("churn@v1.0.0", 0.9)
    assert found.params == {"train.lr": 0.1, "train.epochs": 5, "seed": 42}


def _empty(folder: Path) -> Repo:
    repo = Repo(folder / "work")
    repo.path.mkdir()
    repo.git("init", "-q", "-b", "main")
    return repo


def test_a_repository_of_dvc(tmp_path: Path) -> None:
    """With the files that DVC itself left in Git; see tests/helpers/dvc.py."""
    repo = _empty(tmp_path)
    commit(repo, "2026-01-01", dvc.FIRST, "v1.0")
    commit(repo, "2026-01-02", dvc.SECOND, "v1.1")
    _expect_dvc(repo)


@pytest.mark.skipif(shutil.which("dvc") is None, reason="DVC is not here")
def test_a_repository_made_by_dvc_now(tmp_path: Path) -> None:
    repo = _empty(tmp_path)
    repo.env["DVC_NO_ANALYTICS"] = "1"

    def run(*arguments: str) -> None:
        done = repo.run("dvc", *arguments)
        assert done.code == 0, done.err

    run("init", "-q")
    for path in ("train.py", "params.yaml"):
        repo.write(path, dvc.FIRST[path])
    repo.write("data/train.csv", "1,2\n3,4\n")
    run("add", "-q", "data/train.csv")
    stage = ("-d", "train.py", "-d", "data/train.csv", "-p", "train.lr,train.epochs")
    outputs = ("-o", "model.pkl", "-M", "metrics.json", "python3 train.py")
    run("stage", "add", "-q", "-n", "train", *stage, *outputs)
    run("repro", "-q")
    commit(repo, "2026-01-01", {}, "v1.0")
    repo.write("params.yaml", dvc.SECOND["params.yaml"])
    run("repro", "-q")
    commit(repo, "2026-01-02", {}, "v1.1")
    _expect_dvc(repo)
