"""What commands print of one repository that is always the same, down to its commits.

`python -m tests.helpers.outputs` writes tests/outputs anew: look at the difference before it is
committed.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from gitmodel.digest import oid_of
from gitmodel.lineage import Code, Environment, Input, Lineage, Named, format_lineage
from tests.helpers.repo import Repo, new_repo, noise

OUTPUTS = Path(__file__).parents[1] / "outputs"

_GATES = [
    *("--gate", "accuracy >= 0.93", "--gate", "accuracy >= v1.0 - 0.005 and params.lr < 1"),
    *("--gate", "loss <= v1.0", "--gate", "auc > 0.5"),
]

COMMANDS = {
    "show.txt": ["show", "model-v1.1"],
    "show.md": ["show", "model-v1.1", "--md"],
    "show.json": ["show", "model-v1.1", "--json"],
    "show-lightweight.txt": ["show", "v1.0"],
    "compare.txt": ["compare", "v1.0", "model-v1.1"],
    "compare.md": ["compare", "v1.0", "model-v1.1", "--md"],
    "compare.json": ["compare", "v1.0", "model-v1.1", "--json", *_GATES[:4]],
    "compare-gates.txt": ["compare", "v1.0", "model-v1.1", *_GATES],
    "compare-gates.md": ["compare", "v1.0", "model-v1.1", "--md", *_GATES],
    "compare-three.txt": ["compare", "v1.0", "model-v1.1", "HEAD", "--all"],
    "ci-event.txt": ["ci", "event", "--ref", "refs/tags/model-v1.1"],
    "ci-push.txt": ["ci", "event", "--before", "v1.0", "--after", "model-v1.1", "--env"],
    "ci-event.json": ["ci", "event", "--before", "v1.0", "--after", "model-v1.1", "--json"],
    "ci-report.txt": ["ci", "report", "--before", "v1.0", "--after", "model-v1.1", *_GATES],
    "ci-report.md": ["ci", "report", "--before", "v1.0", "--after", "model-v1.1", "--md", *_GATES],
    "ci-first.md": ["ci", "report", "--ref", "refs/tags/model-v1.1", "--md"],
    "card.md": ["card", "model-v1.1"],
    "card-check.txt": ["card", "HEAD", "--check"],
    "card.json": ["card", "HEAD", "--json"],
}
"""The name of a file, and the command that prints it."""


def build(folder: Path) -> Repo:
    """Make a repository with v1.0, model-v1.1 and one commit more."""
    repo = new_repo(folder, remote=False)
    repo.write(".gitmodel.yaml", 'gitmodel: 1\nid: "00112233445566778899aabbccddeeff"\n')
    _first(repo)
    _save(repo, 1, "first ranker")
    repo.git("tag", "v1.0")
    _second(repo)
    _save(repo, 2, "more data")
    repo.git("tag", "-a", "model-v1.1", "-m", "better on all languages\n\nTrained twice as long.")
    repo.write("params.yaml", "lr: 0.01\noptimizer: sgd\n")
    repo.write("model.card.md", "---\nlicense: my-own\ntags: ranker\n---\n")
    _save(repo, 3, "work")
    return repo


def _first(repo: Repo) -> None:
    repo.write("train.py", "print(1)\n")
    repo.write("model.pt", noise("model 1", 2000))
    for name in ("a.png", "b.png", "deep/c.png"):
        repo.write(f"data/train/{name}", noise(name, 4000))
    accuracy = {"value": 0.91, "goal": "max", "split": "test", "n": 10000, "ci": [0.9, 0.92]}
    metrics = {"accuracy": accuracy, "loss": 0.31, "latency": {"value": 12, "goal": "min"}}
    repo.write("model.metrics.json", json.dumps(metrics, indent=1))
    repo.write("params.yaml", "lr: 0.1\noptimizer: adam\nlayers: [64, 32]\nseed: 7\n")


def _second(repo: Repo) -> None:
    repo.write("train.py", "print(2)\n")
    repo.write("model.pt", noise("model 2", 2500))
    repo.write("data/train/b.png", noise("b again", 4100))
    repo.write("data/train/new.png", noise("new", 500))
    (repo.path / "data/train/deep/c.png").unlink()
    (repo.path / "data/train/deep").rmdir()
    accuracy = {"value": 0.94, "goal": "max", "split": "test", "n": 10000, "ci": [0.93, 0.95]}
    metrics = {"accuracy": accuracy, "loss": 0.33, "latency": {"value": 9, "goal": "min"}, "f1": 1}
    repo.write("model.metrics.json", json.dumps(metrics, indent=1))
    repo.write("params.yaml", "lr: 0.01\noptimizer: adam\nlayers: [64, 64]\nseed: 7\nwarm: true\n")
    repo.write("model.card.md", _CARD)
    repo.write("model.lineage.yaml", format_lineage(_LINEAGE))


def _save(repo: Repo, number: int, message: str) -> None:
    when = f"2026-03-0{number}T12:00:00Z"
    repo.env.update(GIT_AUTHOR_DATE=when, GIT_COMMITTER_DATE=when)
    repo.gitmodel("add", "model.pt", "data/train")
    repo.commit(message)


_CARD = """\
---
license: apache-2.0
language:
  - en  # and no other
  - no
pipeline_tag: text-ranking
tags: [ranker]
model-index:
  - name: Ranker
    results:
      - task: {type: text-ranking, name: Ranking}
        dataset: {type: example/queries, name: Queries, split: test}
        metrics:
          - {type: accuracy, value: 0.5, name: Accuracy}
---
# Ranker

Ranks what people search for.
"""

_LINEAGE = Lineage(
    outputs=(Named("model.pt", oid_of(noise("model 2", 2500))),),
    inputs=(
        Input("data/train", f"blake3:{'2' * 64}", role="train", version="v1.0"),
        Input("base.pt", f"blake3:{'3' * 64}", declared=False),
    ),
    steps=("lower case", "no stop words"),
    params=Named("params.yaml", f"blake3:{'4' * 64}"),
    code=Code("5" * 40, dirty=True, diff=f"blake3:{'6' * 64}"),
    environment=Environment("3.11.2", "Linux-x86_64", Named("uv.lock", f"blake3:{'7' * 64}")),
    command=("python", "train.py", "--name", "two words"),
    started="2026-03-02T10:00:00Z",
    ended="2026-03-02T11:30:00Z",
)


def main() -> None:
    """Write what the commands print now."""
    OUTPUTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        repo = build(Path(folder))
        for name, arguments in COMMANDS.items():
            OUTPUTS.joinpath(name).write_text(repo.run("gitmodel", *arguments).out)


if __name__ == "__main__":
    main()
