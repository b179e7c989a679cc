"""Listing versions with their metrics: 300 beside DVC, and 5,000 that nobody read before."""

import json
import subprocess
from pathlib import Path

import data
from harness import Bench, BenchmarkError, Command, Samples
from report import Report, Table, Target
from run import main
from tools import GIT, Field, Gitmodel, find_tools

FEW, MANY = 300, 5000
COLD, WARM = "cold", "warm"
ALL_REFS: Command = [GIT, "for-each-ref", "--format=%(refname) %(*objectname)", "refs/tags"]


def run(bench: Bench) -> Report:
    """Take turns on one repository of each size; both tools read the same files of it."""
    field, samples = find_tools(bench), Samples()
    few, many = (_repository(bench, bench.count(full, least=3)) for full in (FEW, MANY))
    if field.gitmodel:
        _check(bench, field.gitmodel, few, bench.count(FEW, least=3))
    for turn in bench.turns([GIT, *(tool.name for tool in field.remotes())]):
        for name in turn:
            _measure(bench, field, samples, name, (few, many))
    rows = tuple(
        (name, *(samples.cell(name, step) for step in ("few", COLD, WARM)))
        for name in ("git for-each-ref", "gitmodel versions", "dvc metrics show --all-tags")
    )
    counts = f"{bench.count(FEW, least=3):,} tags", f"{bench.count(MANY, least=3):,} tags"
    headers = ("", counts[0], f"{counts[1]}, cold", f"{counts[1]}, warm")
    return Report(
        "Versions with their metrics",
        (Table(headers, rows),),
        _targets(field, samples),
        field.notes,
    )


def _repository(bench: Bench, count: int) -> Path:
    repository = bench.folder() / "repo"
    bench.generate(data.tagged_versions, repository, count)
    return repository


def _check(bench: Bench, tool: Gitmodel, repository: Path, count: int) -> None:
    """Compare what is listed with what was written."""
    done = subprocess.run(
        [tool.program, "versions", "--json"],
        cwd=repository,
        env=bench.env,
        capture_output=True,
        check=True,
    )
    found = [each["metrics"]["accuracy"]["value"] for each in json.loads(done.stdout)["versions"]]
    if found != [number / 10_000 for number in reversed(range(count))]:
        raise BenchmarkError("the versions are not those that were made")


def _measure(
    bench: Bench, field: Field, samples: Samples, name: str, repositories: tuple[Path, Path]
) -> None:
    few, many = repositories
    if field.gitmodel and name == field.gitmodel.name:
        label, command = "gitmodel versions", [field.gitmodel.program, "versions"]
    elif field.dvc and name == field.dvc.name:
        # DVC takes minutes for thousands, and nobody waits for that twice.
        show = [field.dvc.program, "metrics", "show", "--all-tags"]
        samples.add("dvc metrics show --all-tags", "few", bench.timed(few, show))
        return
    else:
        label, command = "git for-each-ref", list(ALL_REFS)
    for repository, step in ((few, "few"), (many, COLD), (many, WARM)):
        if step != WARM:
            (repository / ".git" / "gitmodel" / "versions.cache").unlink(missing_ok=True)
        samples.add(label, step, bench.timed(repository, command))


def _targets(field: Field, samples: Samples) -> tuple[Target, ...]:
    if field.gitmodel is None:
        return ()
    limits = {"few": 0.5, COLD: 3.0, WARM: 0.5}
    words = {"few": f"{FEW} tags, cold", COLD: f"{MANY:,} tags, cold", WARM: f"{MANY:,} tags, warm"}
    return tuple(
        Target(words[step], samples.seconds("gitmodel versions", step), limit, "s")
        for step, limit in limits.items()
    )


if __name__ == "__main__":
    main("versions")
