"""One big file: ``add`` against ``cp`` of the same bytes, then ``status``, clean and touched."""

from pathlib import Path

import data
from harness import GIB, MIB, Bench, Samples, remove
from report import Report, Table, Target
from run import main
from tools import Field, Plain, Tool, commit, find_tools, new_repository

SIZE = 2 * GIB
NAME = "big.bin"


def run(bench: Bench) -> Report:
    """Measure every tool in a repository of its own, prepared anew for each repetition."""
    field, samples = find_tools(bench), Samples()
    tools: list[Tool] = [field.plain, *field.all()]
    source = bench.folder() / NAME
    size = bench.count(SIZE)
    bench.generate(data.random_file, source, size)
    for turn in bench.turns(tools):
        for tool in turn:
            trial = bench.folder()
            repository = trial / "repo"
            new_repository(bench, tool, repository)
            # Even cp gets its own fresh copy, so that every tool starts from the same disk state.
            bench.call(trial, ["cp", source, repository / NAME])
            samples.add(tool.name, "add", bench.timed(repository, *tool.add(NAME)))
            if not isinstance(tool, Plain):
                _status(bench, samples, tool, repository)
            remove(trial)
    return Report(
        f"One file of {size / MIB:,.0f} MiB",
        (_table(tools, samples),),
        _targets(field, samples),
        field.notes,
    )


def _status(bench: Bench, samples: Samples, tool: Tool, repository: Path) -> None:
    commit(bench, repository, "big file")
    samples.add(tool.name, "clean", bench.timed(repository, *tool.status()))
    (repository / NAME).touch()
    samples.add(tool.name, "touched", bench.timed(repository, *tool.status()))


def _table(tools: list[Tool], samples: Samples) -> Table:
    rows = tuple(
        (
            tool.name,
            *(samples.cell(tool.name, step) for step in ("add", "clean", "touched")),
            f"{samples.peak_bytes(tool.name) / 1e6:,.0f} MB",
        )
        for tool in tools
    )
    return Table(("", "add", "status, clean", "status, touched", "peak memory"), rows)


def _targets(field: Field, samples: Samples) -> tuple[Target, ...]:
    if field.gitmodel is None:
        return ()
    name = field.gitmodel.name
    limit = 1.3 * samples.seconds(field.plain.name, "add") + 0.5
    return (
        Target("add, 1.3 x cp + 0.5 s", samples.seconds(name, "add"), limit, "s"),
        Target("status, clean", samples.seconds(name, "clean"), 0.2, "s"),
        Target("status, touched", samples.seconds(name, "touched"), 0.6, "s"),
        Target("peak memory", samples.peak_bytes(name) / 1e6, 300, "MB"),
    )


if __name__ == "__main__":
    main("big_file")
