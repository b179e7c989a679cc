"""Many small files: add, check, change a few, add again, switch between the two versions."""

from pathlib import Path

import data
from harness import Bench, BenchmarkError, Command, Samples, remove
from report import Report, Table, Target
from run import main
from tools import Plain, Tool, commit, find_tools, new_repository

COUNT = 20_000
LARGE_COUNT = 100_000
CHANGED = 0.01
NAME = "data"
FIRST_STEPS = {
    "add": "add",
    "clean": "status, clean",
    "restore": "restore all",
}
SECOND_STEPS = {
    "second add": "add, 1 % changed, 1 % added",
    "second clean": "status",
    "switch": "switch versions",
}


def run(bench: Bench) -> Report:
    """Measure 20,000 files and, if asked, 100,000."""
    field = find_tools(bench)
    tools: list[Tool] = [field.plain, *field.all()]
    counts = [COUNT, LARGE_COUNT] if bench.options.large else [COUNT]
    tables: list[Table] = []
    targets: list[Target] = []
    for full in counts:
        samples = _measure(bench, tools, bench.count(full, least=100))
        tables += _tables(tools, samples, bench.count(full, least=100))
        if field.gitmodel is not None:
            targets += _targets(samples, full)
    notes = (*field.notes, *([] if bench.options.large else ["100,000 files: with --large"]))
    return Report("Many small files (2-20 KB, 100 folders)", tuple(tables), tuple(targets), notes)


def _measure(bench: Bench, tools: list[Tool], count: int) -> Samples:
    samples = Samples()
    source = bench.folder()
    bench.generate(data.small_files, source / "first", count)
    bench.call(source, ["cp", "-a", "first", "second"])
    bench.generate(data.change_small_files, source / "second", CHANGED)
    for turn in bench.turns(tools):
        for tool in turn:
            trial = bench.folder()
            _trial(bench, samples, tool, trial / "repo", source)
            remove(trial)
    remove(source)
    return samples


def _trial(bench: Bench, samples: Samples, tool: Tool, repository: Path, source: Path) -> None:
    def step(name: str, commands: list[Command]) -> None:
        samples.add(tool.name, name, bench.timed(repository, *commands))

    new_repository(bench, tool, repository)
    bench.call(repository, ["cp", "-a", source / "first", NAME])
    step("add", tool.add(NAME))
    if isinstance(tool, Plain):
        return
    commit(bench, repository, "first", "v1")
    step("clean", tool.status())
    _change(bench, repository, source)
    step("second add", tool.add(NAME))
    commit(bench, repository, "second", "v2")
    step("second clean", tool.status())
    for version, folder in (("v1", "first"), ("v2", "second")):
        step("switch", tool.switch(version))
        _same(bench, source / folder, repository / NAME)
    remove(repository / NAME)
    step("restore", tool.restore(NAME))
    _same(bench, source / "second", repository / NAME)


def _change(bench: Bench, repository: Path, source: Path) -> None:
    """Copy only what differs, so that unchanged files keep their inodes and times."""
    bench.call(repository, ["cp", "-a", "-u", f"{source / 'second'}/.", NAME])


def _same(bench: Bench, expected: Path, found: Path) -> None:
    """Compare two folders byte by byte: a fast wrong checkout is no result."""
    try:
        bench.call(expected, ["diff", "-r", "-q", expected, found])
    except BenchmarkError as error:
        raise BenchmarkError(f"the checked-out files are wrong: {error}") from error


def _tables(tools: list[Tool], samples: Samples, count: int) -> list[Table]:
    tables = []
    for steps in (FIRST_STEPS, SECOND_STEPS):
        rows = tuple(
            (tool.name, *(samples.cell(tool.name, step) for step in steps))
            for tool in tools
            if any(samples.has(tool.name, step) for step in steps)
        )
        tables.append(Table((f"{count:,} files", *steps.values()), rows))
    rows = tuple((tool.name, f"{samples.peak_bytes(tool.name) / 1e6:,.0f} MB") for tool in tools)
    return [*tables, Table(("", "peak memory"), rows)]


def _targets(samples: Samples, count: int) -> list[Target]:
    def seconds(step: str) -> float:
        return samples.seconds("gitmodel", step)

    size = f"{count:,} files"
    if count == LARGE_COUNT:
        return [
            Target(f"add {size}", seconds("add"), 5, "s"),
            Target(f"status, {size}", seconds("clean"), 1.5, "s"),
        ]
    targets = [
        Target(f"status, {size}", seconds("clean"), 0.4, "s"),
        Target("add, 1 % changed and 1 % added", seconds("second add"), 0.8, "s"),
        Target("switch versions", seconds("switch"), 0.8, "s"),
    ]
    if samples.has("dvc", "add"):
        limit = samples.seconds("dvc", "add") / 6
        targets.insert(0, Target(f"add {size}, DVC / 6", seconds("add"), limit, "s"))
    return targets


if __name__ == "__main__":
    main("small_files")
