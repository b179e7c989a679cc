"""Two builds of gitmodel, in turn: what became slower, what faster.

``python benchmarks/two_builds.py --before /path/to/old/.venv/bin/gitmodel``; the other build is
the one beside this interpreter, or ``--after``.  Each has repositories of its own with the same
files.  Times are compared pair by pair, so that it matters little what else the machine does.
"""

import argparse
import math
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

import data
from harness import (
    GIB,
    Bench,
    Run,
    add_options,
    environment_line,
    find_command,
    read_options,
    remove,
    session,
)
from tools import Gitmodel, commit, new_repository

SIZE = 2 * GIB
COUNT = 20_000
PAIRS = 11
BIG, MANY = "big.bin", "data"
CONFIDENCE = 0.95


def main() -> None:
    """Measure the steps that the command line names, or all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=", ".join(STEPS))
    parser.add_argument("--before", type=Path, required=True, help="the gitmodel to compare with")
    parser.add_argument("--after", type=Path, default=find_command("gitmodel"))
    add_options(parser)
    parser.set_defaults(repeat=PAIRS)
    args = parser.parse_args()
    if unknown := sorted(set(args.steps) - STEPS.keys()):
        parser.error(f"no such step: {', '.join(unknown)}")
    builds = [Gitmodel(name, getattr(args, name).absolute()) for name in ("before", "after")]
    with session(read_options(args)) as bench:
        print(f"{environment_line(bench)}; medians of {bench.options.repeat} pairs\n")
        print("|  | before | after | ratio | 95 % interval | processor time, ratio |")
        print("| --- | ---: | ---: | ---: | ---: | ---: |", flush=True)
        for step in args.steps or STEPS:
            print(_row(step, _measure(bench, builds, step)), flush=True)


def _measure(bench: Bench, builds: Sequence[Gitmodel], step: str) -> list[list[Run]]:
    """Return the runs of each build; the first of both, which warms caches up, is left out."""
    prepare, take = STEPS[step]
    source = bench.folder()
    if prepare is _big:
        bench.generate(data.random_file, source / BIG, bench.count(SIZE))
    else:
        bench.generate(data.small_files, source / MANY, bench.count(COUNT, least=100))
    folders = []
    for build in builds:
        folders.append(bench.folder() / "repo")
        prepare(bench, build, folders[-1], source)
    runs: list[list[Run]] = [[], []]
    for turn in range(bench.options.repeat + 1):
        for number in (0, 1) if turn % 2 else (1, 0):
            run = take(bench, builds[number], folders[number])
            if turn:
                runs[number].append(run)
    for folder in (source, *(folder.parent for folder in folders)):
        remove(folder)
    return runs


def _big(bench: Bench, build: Gitmodel, repository: Path, source: Path) -> None:
    _prepare(bench, build, repository, source / BIG)


def _many(bench: Bench, build: Gitmodel, repository: Path, source: Path) -> None:
    _prepare(bench, build, repository, source / MANY)


def _prepare(bench: Bench, build: Gitmodel, repository: Path, source: Path) -> None:
    new_repository(bench, build, repository)
    bench.call(repository, ["cp", "-a", source, source.name], *build.add(source.name))
    commit(bench, repository, "first", "v1.0")


def _restore(name: str) -> Callable[[Bench, Gitmodel, Path], Run]:
    def take(bench: Bench, build: Gitmodel, repository: Path) -> Run:
        bench.call(repository, ["rm", "-rf", name])
        return bench.timed(repository, *build.restore(name))

    return take


def _touched(name: str) -> Callable[[Bench, Gitmodel, Path], Run]:
    def take(bench: Bench, build: Gitmodel, repository: Path) -> Run:
        bench.call(repository, ["find", name, "-type", "f", "-exec", "touch", "{}", "+"])
        return bench.timed(repository, *build.status())

    return take


def _clean(bench: Bench, build: Gitmodel, repository: Path) -> Run:
    return bench.timed(repository, *build.status())


def _add(name: str) -> Callable[[Bench, Gitmodel, Path], Run]:
    def take(bench: Bench, build: Gitmodel, repository: Path) -> Run:
        bench.call(repository, ["rm", "-rf", ".git/gitmodel"])
        return bench.timed(repository, *build.add(name))

    return take


def _push(bench: Bench, build: Gitmodel, repository: Path) -> Run:
    bench.call(repository, ["rm", "-rf", "../remote"], *build.remote_add("../remote"))
    bench.settle()
    run = bench.measure(repository, *build.push())
    bench.call(repository, [build.program, "remote", "remove", "origin"])
    return run


STEPS = {
    "checkout of one large file": (_big, _restore(BIG)),
    "status, the large file touched": (_big, _touched(BIG)),
    "push of the large file": (_big, _push),
    "checkout of many files": (_many, _restore(MANY)),
    "status, many files": (_many, _clean),
    "status, many files touched": (_many, _touched(MANY)),
    "add of many files": (_many, _add(MANY)),
    "push of many files": (_many, _push),
}


def _row(step: str, runs: list[list[Run]]) -> str:
    before, after = runs
    seconds = [[run.seconds for run in build] for build in runs]
    ratios = sorted(new / old for old, new in zip(*seconds, strict=True))
    processor = [new.cpu_seconds / old.cpu_seconds for old, new in zip(before, after, strict=True)]
    low, high = _interval(ratios)
    return (
        f"| {step} | {statistics.median(seconds[0]):.3f} s | {statistics.median(seconds[1]):.3f} s"
        f" | {statistics.median(ratios):.2f} | {low:.2f}–{high:.2f}"
        f" | {statistics.median(processor):.2f} |"
    )


def _interval(ordered: Sequence[float]) -> tuple[float, float]:
    """Return the interval of the median: the values that so many pairs leave on either side.

    Of pairs, each is as likely above the median as below: no other assumption is made.
    """
    count = len(ordered)
    outside, cut = 0.0, 0
    while cut < (count - 1) // 2:
        outside += 2 * math.comb(count, cut) / 2**count
        if outside > 1 - CONFIDENCE:
            break
        cut += 1
    cut = max(cut - 1, 0)
    return ordered[cut], ordered[-1 - cut]


if __name__ == "__main__":
    main()
