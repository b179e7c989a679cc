"""What the ids of pre-commit cost in a repository with a dataset of many files.

The commands are those of `.pre-commit-hooks.yaml`; what pre-commit takes itself comes on top.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import data
from harness import Bench, Command, Samples
from report import Report, Table, Target
from run import main
from tools import GIT, Gitmodel, commit, find_tools, new_repository

FILES = 20_000
CHECKS = ("large-files", "no-raw-artifact", "pointers", "secrets", "sidecars")
STAGED = {
    "params.yaml": "lr: 0.1\nlayers: [1, 2, 3]\n",
    "metrics.json": '{"accuracy": 0.93, "loss": 0.06}\n',
    "train.py": "print(1)\n" * 1000,
}
IDLE = {
    "pre-push": ("LOCAL_BRANCH=refs/heads/main", "REMOTE_BRANCH=refs/heads/main"),
    "post-checkout": ("FROM_REF=second", "TO_REF=third", "CHECKOUT_TYPE=1"),
    "post-merge": ("IS_SQUASH_MERGE=0",),
    "post-rewrite": ("REWRITE_COMMAND=rebase",),
    "post-commit": (),
}
BACK = ("FROM_REF=second", "TO_REF=first", "CHECKOUT_TYPE=1")
MOVED = "post-checkout, 1 % of the files is other, 1 % is gone"
LEAST_RUNS = 7
SHARE = 0.01
LIMIT, MOVED_LIMIT = 0.5, 1.0


def run(bench: Bench) -> Report:
    """Look at what is staged; then tell each hook of a move of code, and one of a move of data."""
    field, samples = find_tools(bench), Samples()
    if field.gitmodel is None:
        return Report("Hooks", (), (), field.notes)
    count = bench.count(FILES, least=200)
    repository = bench.folder() / "repo"
    _prepare(bench, field.gitmodel, repository, count)
    runs = max(LEAST_RUNS, bench.options.repeat)
    checks, idle = _checks(field.gitmodel), _idle(field.gitmodel)
    _measure(bench, samples, repository, checks, runs)
    _publish(bench, field.gitmodel, repository)
    _measure(bench, samples, repository, idle, runs)
    for _ in range(runs):
        bench.call(repository, *field.gitmodel.switch("second"), [GIT, "checkout", "-q", "first"])
        hook = _hook(field.gitmodel, "post-checkout", BACK)
        samples.add(MOVED, "run", bench.timed(repository, hook))
    return Report(
        f"Hooks, beside a folder of {count:,} files; medians of {runs}",
        (
            _table("staged: a pointer, params, metrics, code", checks, samples),
            _table("no pointer changed", idle, samples),
            _table("pointers changed", (MOVED,), samples),
        ),
        tuple(_target(samples, label) for label in (*checks, *idle, MOVED)),
        field.notes,
    )


def _prepare(bench: Bench, tool: Gitmodel, repository: Path, count: int) -> None:
    """Make a version of the dataset, and stage the next with its code, params and metrics."""
    new_repository(bench, tool, repository)
    bench.generate(data.small_files, repository / "data", count)
    bench.call(repository, *tool.add("data"))
    commit(bench, repository, "first", "first")
    bench.generate(data.change_small_files, repository / "data", SHARE)
    bench.call(repository, *tool.add("data"))
    for name, text in STAGED.items():
        (repository / name).write_text(text)
    bench.call(repository, [GIT, "add", "-A"])


def _publish(bench: Bench, tool: Gitmodel, repository: Path) -> None:
    """Commit that, then a version with other code alone; push it."""
    bench.call(repository, *tool.remote_add("../remote"))
    commit(bench, repository, "second", "second")
    (repository / "train.py").write_text("print(2)\n")
    commit(bench, repository, "third", "third")
    bench.call(repository, *tool.push(), [GIT, "update-ref", "ORIG_HEAD", "second"])


def _checks(tool: Gitmodel) -> Mapping[str, Command]:
    names = ("data.gitmodel", *STAGED)
    return {check: [tool.program, "check-staged", check, "--", *names] for check in CHECKS}


def _idle(tool: Gitmodel) -> Mapping[str, Command]:
    return {name: _hook(tool, name, told) for name, told in IDLE.items()}


def _hook(tool: Gitmodel, name: str, told: Sequence[str]) -> Command:
    env = (f"PRE_COMMIT_{each}" for each in told)
    return ["env", *env, tool.program, "framework", name]


def _measure(
    bench: Bench, samples: Samples, folder: Path, commands: Mapping[str, Command], runs: int
) -> None:
    """Take turns through the commands, after one run of each that warms caches up."""
    bench.call(folder, *commands.values())
    bench.settle()
    for _ in range(runs):
        for label, command in commands.items():
            samples.add(label, "run", bench.measure(folder, command))


def _table(title: str, labels: Sequence[str] | Mapping[str, Command], samples: Samples) -> Table:
    return Table((title, "time"), tuple((label, samples.cell(label, "run")) for label in labels))


def _target(samples: Samples, label: str) -> Target:
    limit = MOVED_LIMIT if label == MOVED else LIMIT
    return Target(label, samples.seconds(label, "run"), limit, "s")


if __name__ == "__main__":
    main("hooks")
