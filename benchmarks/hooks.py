"""What the ids of pre-commit cost in a repository with a dataset of many files.

The commands are those of `.pre-commit-hooks.yaml`; what pre-commit takes itself comes on top.
"""

from collections.abc import Mapping
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
CODE, DATA = "other code", "1 % changed, 1 % added"
MOVES = {CODE: ("second", "third"), DATA: ("first", "second")}
LEAST_RUNS = 7
SHARE = 0.01
LIMIT = 0.5
MOVED = 1.0


def run(bench: Bench) -> Report:
    """Look at what is staged for the second version; then go back and forth between versions."""
    field, samples = find_tools(bench), Samples()
    if field.gitmodel is None:
        return Report("Hooks", (), (), field.notes)
    count = bench.count(FILES, least=200)
    repository = bench.folder() / "repo"
    _prepare(bench, field.gitmodel, repository, count)
    runs = max(LEAST_RUNS, bench.options.repeat)
    checks = _checks(field.gitmodel)
    _measure(bench, samples, repository, checks, runs)
    commit(bench, repository, "second", "second")
    (repository / "train.py").write_text("print(2)\n")
    commit(bench, repository, "third", "third")
    for label, (before, after) in MOVES.items():
        for _ in range(runs):
            _move(bench, field.gitmodel, samples, repository, (label, before, after))
    return Report(
        f"Hooks, beside a folder of {count:,} files; medians of {runs}",
        (
            Table(
                ("id", "staged: a pointer, params, metrics, code"),
                tuple((label, samples.cell(label, "run")) for label in checks),
            ),
            Table(
                ("gitmodel-post-checkout", "time"),
                tuple((label, samples.cell(label, "run")) for label in MOVES),
            ),
        ),
        tuple(
            Target(label, samples.seconds(label, "run"), MOVED if label == DATA else LIMIT, "s")
            for label in (*checks, *MOVES)
        ),
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


def _checks(tool: Gitmodel) -> Mapping[str, Command]:
    names = ("data.gitmodel", *STAGED)
    return {
        f"gitmodel-{check}": [tool.program, "check-staged", check, "--", *names] for check in CHECKS
    }


def _measure(
    bench: Bench, samples: Samples, folder: Path, commands: Mapping[str, Command], runs: int
) -> None:
    """Take turns through the commands, after one run of each that warms caches up."""
    bench.call(folder, *commands.values())
    bench.settle()
    for _ in range(runs):
        for label, command in commands.items():
            samples.add(label, "run", bench.measure(folder, command))


def _move(
    bench: Bench, tool: Gitmodel, samples: Samples, folder: Path, move: tuple[str, str, str]
) -> None:
    """Have Git move, which has no hooks here, and measure what the hook does afterwards."""
    label, before, after = move
    bench.call(folder, *tool.switch(before), [GIT, "checkout", "-q", after])
    told = {"FROM_REF": before, "TO_REF": after, "CHECKOUT_TYPE": "1"}
    env = [f"PRE_COMMIT_{name}={value}" for name, value in told.items()]
    hook: Command = ["env", *env, tool.program, "framework", "post-checkout"]
    samples.add(label, "run", bench.timed(folder, hook))


if __name__ == "__main__":
    main("hooks")
