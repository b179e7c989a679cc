"""A bucket of a real S3 server on loopback: many small files, and one large one beside boto3."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import data
from harness import MIB, Bench, Command, Samples, remove
from report import Report, Table, Target
from run import main
from tools import GIT, RemoteTool, commit, find_tools, new_repository

COUNT = 20_000
CHANGED = 0.01
LARGE = 1024 * MIB
NAME = "data"
HERE = Path(__file__).resolve().parent
FIRST = {
    "push": "push",
    "again": "push again",
    "pull": "pull into an empty clone",
}
SECOND = {
    "second push": "push, 1 % changed, 1 % added",
    "second pull": "pull that in the other clone",
}


def run(bench: Bench) -> Report:
    """Start a server for the whole subject; every trial has a bucket of its own."""
    with _server(bench) as endpoint:
        field = find_tools(bench)
        many, large = Samples(), Samples()
        _many(bench, many, field.remotes(), endpoint)
        _large(bench, large, field.remotes()[:1])
    targets: list[Target] = []
    if field.gitmodel is not None:
        targets = [*_many_targets(many), *_large_targets(large)]
    notes = tuple(note for note in field.notes if not note.startswith("git-lfs"))
    tables = (*_many_tables(many, field.remotes()), _large_table(large))
    return Report("A bucket (SeaweedFS on loopback)", tables, tuple(targets), notes)


@contextmanager
def _server(bench: Bench) -> Iterator[str]:
    """The server is that of the tests."""
    sys.path.insert(0, str(HERE.parent))
    seaweed = importlib.import_module("tests.helpers.seaweed")
    folder = bench.folder()
    with seaweed.s3_server(folder) as server:
        bench.env.update(server.env)
        yield server.endpoint
    remove(folder)


def _boto(*arguments: str | Path) -> Command:
    return [Path(sys.executable), HERE / "boto_copy.py", *arguments]


def _many(bench: Bench, samples: Samples, tools: list[RemoteTool], endpoint: str) -> None:
    count = bench.count(COUNT, least=100)
    source = bench.folder()
    bench.generate(data.small_files, source / "first", count)
    bench.call(source, ["cp", "-a", "first", "second"])
    bench.generate(data.change_small_files, source / "second", CHANGED)
    for number, turn in enumerate(bench.turns(tools)):
        for tool in turn:
            trial = bench.folder()
            bucket = f"{tool.name}-{number}"
            bench.call(trial, _boto("bucket", "-", bucket, "-"))
            new_repository(bench, tool, trial / "repo")
            bench.call(trial / "repo", *tool.bucket_add(bucket, endpoint))
            _trial(bench, samples, tool, trial, source)
            remove(trial)
    remove(source)


def _trial(bench: Bench, samples: Samples, tool: RemoteTool, trial: Path, source: Path) -> None:
    repository, clone = trial / "repo", trial / "clone"

    def put(folder: str) -> None:
        # Only what differs is copied, so that unchanged files keep their inodes and times.
        bench.call(repository, ["cp", "-a", "-u", f"{source / folder}/.", f"{NAME}/"])
        bench.call(repository, *tool.add(NAME))
        commit(bench, repository, folder)

    put("first")
    samples.add(tool.name, "push", bench.timed(repository, *tool.push()))
    samples.add(tool.name, "again", bench.timed(repository, *tool.push()))
    bench.call(trial, [GIT, "clone", "-q", repository, clone])
    bench.call(clone, *tool.confirm())
    samples.add(tool.name, "pull", bench.timed(clone, *tool.pull()))
    bench.call(clone, ["diff", "-r", "-q", source / "first", NAME])
    put("second")
    samples.add(tool.name, "second push", bench.timed(repository, *tool.push()))
    bench.call(clone, [GIT, "pull", "-q"])
    samples.add(tool.name, "second pull", bench.timed(clone, *tool.pull()))
    bench.call(clone, ["diff", "-r", "-q", source / "second", NAME])


def _large(bench: Bench, samples: Samples, tools: list[RemoteTool]) -> None:
    source = bench.folder()
    size = bench.count(LARGE, least=4 * MIB)
    bench.generate(data.random_file, source / "model.bin", size)
    for number in range(bench.options.repeat):
        boto_bucket = f"boto3-{number}"
        bench.call(source, _boto("bucket", "-", boto_bucket, "-"))
        up, down = (
            _boto(way, name, boto_bucket, "model")
            for way, name in (("up", "model.bin"), ("down", "copy.bin"))
        )
        samples.add("boto3", "push", bench.timed(source, up))
        samples.add("boto3", "pull", bench.timed(source, down))
        (source / "copy.bin").unlink()
        for tool in tools:
            _large_trial(bench, samples, tool, source, f"large-{number}")
    remove(source)


def _large_trial(
    bench: Bench, samples: Samples, tool: RemoteTool, source: Path, bucket: str
) -> None:
    trial = bench.folder()
    repository, clone = trial / "repo", trial / "clone"
    bench.call(trial, _boto("bucket", "-", bucket, "-"))
    new_repository(bench, tool, repository)
    bench.call(repository, *tool.bucket_add(bucket, bench.env["AWS_ENDPOINT_URL_S3"]))
    bench.call(repository, ["cp", source / "model.bin", "model.bin"], *tool.add("model.bin"))
    commit(bench, repository, "large")
    samples.add(tool.name, "push", bench.timed(repository, *tool.push()))
    bench.call(trial, [GIT, "clone", "-q", repository, clone])
    bench.call(clone, *tool.confirm())
    # boto3 writes a file; what a fetch writes is a file too, in the cache.
    samples.add(tool.name, "pull", bench.timed(clone, *tool.fetch()))
    bench.call(clone, *tool.restore("model.bin"))
    bench.call(clone, ["cmp", source / "model.bin", "model.bin"])
    remove(trial)


def _many_tables(samples: Samples, tools: list[RemoteTool]) -> list[Table]:
    return [
        Table(
            ("20,000 small files", *steps.values()),
            tuple((t.name, *(samples.cell(t.name, step) for step in steps)) for t in tools),
        )
        for steps in (FIRST, SECOND)
    ]


def _large_table(samples: Samples) -> Table:
    rows = []
    for name in ("boto3", "gitmodel"):
        if samples.has(name, "push"):
            cells = (samples.cell(name, step) for step in ("push", "pull"))
            cpu = (f"{samples.cpu_seconds(name, step):.1f} s" for step in ("push", "pull"))
            rows.append((name, *cells, *cpu, f"{samples.peak_bytes(name) / 1e6:,.0f} MB"))
    headers = ("one random file of 1 GiB", "push", "fetch", "CPU push", "CPU fetch", "peak memory")
    return Table(headers, tuple(rows))


def _many_targets(samples: Samples) -> list[Target]:
    def mine(step: str) -> float:
        return samples.seconds("gitmodel", step)

    targets = [
        Target("push again, nothing new", mine("again"), 1.0, "s"),
        Target("push, 1 % changed and 1 % added", mine("second push"), 1.2, "s"),
        Target("pull of that", mine("second pull"), 1.5, "s"),
        Target("peak memory", samples.peak_bytes("gitmodel") / 1e6, 500, "MB"),
    ]
    if samples.has("dvc", "push"):
        for step, share in (("push", 15), ("pull", 5)):
            limit = samples.seconds("dvc", step) / share
            targets.append(Target(f"{step} 20,000 files, DVC / {share}", mine(step), limit, "s"))
    return targets


def _large_targets(samples: Samples) -> list[Target]:
    targets = []
    for step in ("push", "pull"):
        limit = 1.3 * samples.seconds("boto3", step)
        mine = samples.seconds("gitmodel", step)
        targets.append(Target(f"{step} 1 GiB, 1.3 x boto3", mine, limit, "s"))
        cpu = samples.cpu_seconds("gitmodel", step)
        targets.append(Target(f"{step} 1 GiB, processor time", cpu, 6.0, "s"))
    return [*targets, Target("peak memory", samples.peak_bytes("gitmodel") / 1e6, 500, "MB")]


if __name__ == "__main__":
    main("remote_s3")
