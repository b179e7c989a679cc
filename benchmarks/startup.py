"""Start-up: the commands that do next to nothing, beside a bare interpreter."""

import sys
from collections.abc import Mapping
from pathlib import Path

import data
from harness import Bench, Command, Samples
from report import Report, Table, Target
from run import main
from tools import GIT, Field, Tool, commit, find_tools, new_repository

LEAST_RUNS = 15
ARTIFACTS = ("model.bin", "tokenizer.bin", "data")


def run(bench: Bench) -> Report:
    """Take turns through all commands, after one run of each that warms caches up."""
    field, samples = find_tools(bench), Samples()
    runs = max(LEAST_RUNS, bench.options.repeat)
    commands = _commands(bench, field)
    for folder, command in commands.values():
        bench.call(folder, command)
    bench.settle()
    for _ in range(runs):
        for label, (folder, command) in commands.items():
            samples.add(label, "run", bench.measure(folder, command))
    rows = tuple((label, samples.cell(label, "run")) for label in commands)
    return Report(
        f"Start-up, medians of {runs}; status with {len(ARTIFACTS)} artifacts",
        (Table(("", "time"), rows),),
        _targets(field, samples),
        field.notes,
    )


def _commands(bench: Bench, field: Field) -> Mapping[str, tuple[Path, Command]]:
    here = bench.folder()
    commands: dict[str, tuple[Path, Command]] = {
        "python -c pass": (here, [sys.executable, "-c", "pass"]),
        "git --version": (here, [GIT, "--version"]),
    }
    for tool in field.remotes():
        repository = _repository(bench, tool)
        (status,) = tool.status()
        commands[f"{tool.name} --version"] = (here, [tool.program, "--version"])
        commands[f"{tool.name} status"] = (repository, status)
    return commands


def _repository(bench: Bench, tool: Tool) -> Path:
    repository = bench.folder() / "repo"
    new_repository(bench, tool, repository)
    *files, folder = ARTIFACTS
    for name in files:
        bench.generate(data.random_file, repository / name, 1 << 20)
    bench.generate(data.small_files, repository / folder, 30, 3)
    for name in ARTIFACTS:
        bench.call(repository, *tool.add(name))
    commit(bench, repository, "three artifacts")
    return repository


def _targets(field: Field, samples: Samples) -> tuple[Target, ...]:
    if field.gitmodel is None:
        return ()
    return (
        Target("gitmodel --version", samples.seconds("gitmodel --version", "run") * 1e3, 80, "ms"),
        Target("gitmodel status", samples.seconds("gitmodel status", "run") * 1e3, 200, "ms"),
    )


if __name__ == "__main__":
    main("startup")
