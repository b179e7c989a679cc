"""Many small files on a folder remote: push, and fetch into an empty clone."""

from pathlib import Path

import data
from harness import Bench, Samples, remove, tree_bytes
from report import Report, Table
from run import main
from tools import GIT, RemoteTool, commit, find_tools, new_repository

COUNT = 20_000
CHANGED = 0.01
NAME = "data"
STEPS = {
    "push": "push",
    "second push": "push, 1 % changed, 1 % added",
    "fetch": "fetch into an empty clone",
}


def run(bench: Bench) -> Report:
    """Push two versions of a folder, then fetch the second one."""
    field, samples = find_tools(bench), Samples()
    count = bench.count(COUNT, least=100)
    source = bench.folder()
    bench.generate(data.small_files, source / "first", count)
    bench.call(source, ["cp", "-a", "first", "second"])
    bench.generate(data.change_small_files, source / "second", CHANGED)
    stored: dict[str, tuple[int, int]] = {}
    for turn in bench.turns(field.remotes()):
        for tool in turn:
            trial = bench.folder()
            _trial(bench, samples, tool, trial, source)
            stored[tool.name] = _size(trial / "remote")
            remove(trial)
    rows = tuple(
        (
            name,
            *(samples.cell(name, step) for step in STEPS),
            f"{files:,}",
            f"{size / 1e6:,.1f} MB",
            f"{samples.peak_bytes(name) / 1e6:,.0f} MB",
        )
        for name, (files, size) in stored.items()
    )
    headers = ("", *STEPS.values(), "files on the remote", "bytes", "peak memory")
    notes = tuple(note for note in field.notes if not note.startswith("git-lfs"))
    return Report(f"{count:,} small files on a folder remote", (Table(headers, rows),), (), notes)


def _trial(bench: Bench, samples: Samples, tool: RemoteTool, trial: Path, source: Path) -> None:
    repository, clone = trial / "repo", trial / "clone"
    new_repository(bench, tool, repository)
    bench.call(repository, *tool.remote_add("../remote"))
    for folder, step in (("first", "push"), ("second", "second push")):
        # Only what differs is copied, so that unchanged files keep their inodes and times.
        bench.call(repository, ["cp", "-a", "-u", f"{source / folder}/.", f"{NAME}/"])
        bench.call(repository, *tool.add(NAME))
        commit(bench, repository, folder)
        samples.add(tool.name, step, bench.timed(repository, *tool.push()))
    bench.call(trial, [GIT, "clone", "-q", repository, clone])
    samples.add(tool.name, "fetch", bench.timed(clone, *tool.fetch()))
    bench.call(clone, *tool.restore(NAME))
    bench.call(clone, ["diff", "-r", "-q", source / "second", NAME])


def _size(folder: Path) -> tuple[int, int]:
    return sum(path.is_file() for path in folder.rglob("*")), tree_bytes(folder)


if __name__ == "__main__":
    main("remote_folder")
