"""Weights on a folder remote: what compression saves, and the rates of push and fetch."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import data
from harness import MIB, Bench, Samples, remove, tree_bytes
from report import Report, Table, Target
from run import main
from tools import GIT, Gitmodel, commit, find_tools, new_repository

SIZE = 256 * MIB
NAME = "weights.bin"
RANDOM = "random bytes"
NEEDS_NUMPY: dict[str, Callable[[Path, int], None]] = {
    "bf16": data.bf16_weights,
    "fp32": data.fp32_weights,
}
SHARE_TARGETS = {"bf16": 0.72, "fp32": 0.88, RANDOM: 1.01}


def run(bench: Bench) -> Report:
    """Push each kind to an empty remote and fetch it into an empty clone."""
    field, samples = find_tools(bench), Samples()
    size = bench.count(SIZE, least=MIB) // 4 * 4
    title = f"{size / MIB:,.0f} MiB of weights"
    if field.gitmodel is None:
        return Report(title, (), notes=field.notes)
    has_numpy = importlib.util.find_spec("numpy") is not None
    makers = (NEEDS_NUMPY if has_numpy else {}) | {RANDOM: data.random_file}
    source = bench.folder()
    for number, maker in enumerate(makers.values()):
        bench.generate(maker, source / str(number), size)
    stored: dict[str, list[int]] = {kind: [] for kind in makers}
    for turn in bench.turns(list(enumerate(makers))):
        for number, kind in turn:
            trial = _Trial(field.gitmodel, kind, source / str(number))
            stored[kind].append(trial.run(bench, samples))
    shares = {kind: median(sizes) / size for kind, sizes in stored.items()}
    notes = () if has_numpy else ("bf16 and fp32: left out, numpy is not installed",)
    table, targets = _table(samples, shares, size), _targets(samples, shares, size)
    return Report(title, (table,), targets, notes)


@dataclass(frozen=True, slots=True)
class _Trial:
    tool: Gitmodel
    kind: str
    source: Path

    def run(self, bench: Bench, samples: Samples) -> int:
        """Measure one push and one fetch; return the bytes that the remote took."""
        trial = bench.folder()
        repository, clone = trial / "repo", trial / "clone"
        new_repository(bench, self.tool, repository)
        bench.call(repository, *self.tool.remote_add("../remote"), ["cp", self.source, NAME])
        bench.call(repository, *self.tool.add(NAME))
        commit(bench, repository, self.kind)
        samples.add(self.kind, "push", bench.timed(repository, *self.tool.push()))
        bench.call(trial, [GIT, "clone", "-q", repository, clone])
        samples.add(self.kind, "fetch", bench.timed(clone, *self.tool.fetch()))
        bench.call(clone, *self.tool.restore(NAME))
        bench.call(clone, ["cmp", NAME, self.source])
        size = tree_bytes(trial / "remote")
        remove(trial)
        return size


def _table(samples: Samples, shares: dict[str, float], size: int) -> Table:
    rows = tuple(
        (
            kind,
            f"{share:.4f}",
            samples.cell(kind, "push"),
            _rate(size / samples.seconds(kind, "push")),
            _rate(size / samples.cpu_seconds(kind, "push")),
            samples.cell(kind, "fetch"),
            _rate(size / samples.seconds(kind, "fetch")),
            f"{samples.peak_bytes(kind) / 1e6:,.0f} MB",
        )
        for kind, share in shares.items()
    )
    return Table(
        (
            "",
            "share on the remote",
            "push",
            "rate",
            "rate per core",
            "fetch",
            "rate",
            "peak memory",
        ),
        rows,
    )


def _targets(samples: Samples, shares: dict[str, float], size: int) -> tuple[Target, ...]:
    targets = []
    for kind, share in shares.items():
        push = size / samples.cpu_seconds(kind, "push") / 1e6
        fetch = size / samples.seconds(kind, "fetch") / 1e6
        targets += [
            Target(f"{kind}: share on the remote", share, SHARE_TARGETS[kind], ""),
            Target(f"{kind}: push, per core", push, 100, "MB/s", at_least=True),
            Target(f"{kind}: fetch", fetch, 250, "MB/s", at_least=True),
        ]
    if "bf16" in shares:
        limit = samples.seconds("bf16", "push")
        took = samples.seconds(RANDOM, "push")
        targets.append(Target(f"{RANDOM}: push no slower than bf16's", took, limit, "s"))
    return tuple(targets)


def _rate(bytes_per_second: float) -> str:
    return f"{bytes_per_second / 1e6:,.0f} MB/s"


if __name__ == "__main__":
    main("weights")
