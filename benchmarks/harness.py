"""Run commands in turn, measure them, and take medians.

This module and the subjects import the standard library only, and inputs are generated in child
processes: on Linux ``ru_maxrss`` of a child starts at the resident size of the process that
started it, so a small parent is what makes the reported memory peaks true.
"""

import argparse
import contextlib
import multiprocessing
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

Command = Sequence[str | Path]

MIB = 1 << 20
GIB = 1 << 30
QUIET_SYNC_SECONDS = 0.05


class BenchmarkError(Exception):
    """A command failed or left a wrong result; its timing must not be used."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line chose."""

    workdir: Path | None
    repeat: int
    scale: float
    settle: float
    skip: frozenset[str]
    large: bool

    @property
    def full_size(self) -> bool:
        """Whether the targets, which are stated for full-sized inputs, apply."""
        return self.scale == 1.0


@dataclass(frozen=True, slots=True)
class Run:
    """One measured step: wall and processor time in seconds, peak resident memory in bytes."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


class Samples:
    """Measured runs by tool and step."""

    def __init__(self) -> None:
        self._runs: defaultdict[tuple[str, str], list[Run]] = defaultdict(list)

    def add(self, tool: str, step: str, run: Run) -> None:
        """Remember one run of a step."""
        self._runs[tool, step].append(run)

    def has(self, tool: str, step: str) -> bool:
        """Whether the step was measured for this tool."""
        return (tool, step) in self._runs

    def seconds(self, tool: str, step: str) -> float:
        """Median wall time."""
        return statistics.median(run.seconds for run in self._runs[tool, step])

    def cpu_seconds(self, tool: str, step: str) -> float:
        """Median processor time, user and system, all threads."""
        return statistics.median(run.cpu_seconds for run in self._runs[tool, step])

    def peak_bytes(self, tool: str) -> int:
        """Highest resident memory of any step of this tool."""
        return max(
            run.peak_bytes for (t, _), runs in self._runs.items() if t == tool for run in runs
        )

    def cell(self, tool: str, step: str) -> str:
        """Median with the range, as shown in a table."""
        if not self.has(tool, step):
            return "–"
        values = [run.seconds for run in self._runs[tool, step]]
        median = f"{statistics.median(values):.3f} s"
        return median if len(values) == 1 else f"{median} ({min(values):.3f}–{max(values):.3f})"


class Bench:
    """One benchmark session: a scratch folder, a clean environment, measured commands."""

    def __init__(self, options: Options, scratch: Path) -> None:
        self.options = options
        self.scratch = scratch
        self.env = _environment(scratch)
        self._folders = 0

    def folder(self) -> Path:
        """Return a new empty folder under a name never used before: peers cache facts by path."""
        self._folders += 1
        path = self.scratch / f"trial-{self._folders}"
        path.mkdir()
        return path

    def turns(self, tools: Sequence[T]) -> Iterator[tuple[T, ...]]:
        """Yield the tools once per repetition, each time beginning with the next of them."""
        for turn in range(self.options.repeat):
            start = turn % len(tools) if tools else 0
            yield (*tools[start:], *tools[:start])

    def count(self, full: int, least: int = 1) -> int:
        """Scale a number of bytes or files."""
        return max(least, round(full * self.options.scale))

    def settle(self) -> None:
        """Wait until a sync is quick, at most ten times, so that no earlier write is paid for."""
        for _ in range(10):
            start = time.perf_counter()
            os.sync()
            synced = time.perf_counter() - start
            time.sleep(self.options.settle)
            if synced < QUIET_SYNC_SECONDS:
                return

    def timed(self, cwd: Path, *commands: Command) -> Run:
        """Settle, then run the commands one after the other and measure them as one step."""
        self.settle()
        return self.measure(cwd, *commands)

    def measure(self, cwd: Path, *commands: Command) -> Run:
        """Measure without settling, for steps that write nothing.

        Raises BenchmarkError when a command fails.
        """
        runs = [self._run(command, cwd) for command in commands]
        return Run(
            sum(run.seconds for run in runs),
            sum(run.cpu_seconds for run in runs),
            max(run.peak_bytes for run in runs),
        )

    def call(self, cwd: Path, *commands: Command) -> None:
        """Run commands that prepare something; nobody looks at the time."""
        for command in commands:
            self._run(command, cwd)

    def generate(self, target: Callable[..., None], *args: object) -> None:
        """Call a module-level function in a process of its own, so that this one stays small."""
        process = multiprocessing.get_context("spawn").Process(target=target, args=args)
        process.start()
        process.join()
        if process.exitcode != 0:
            raise BenchmarkError(f"{target.__name__} failed to make its input")

    def _run(self, command: Command, cwd: Path) -> Run:
        with tempfile.TemporaryFile() as output:
            start = time.perf_counter()
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                output.seek(0)
                words = " ".join(str(word) for word in command[1:])
                text = output.read().decode(errors="replace")[-2000:].strip()
                raise BenchmarkError(
                    f'"{Path(command[0]).name} {words}" ended with {process.returncode}: {text}'
                )
        return Run(seconds, usage.ru_utime + usage.ru_stime, _peak_bytes(usage.ru_maxrss))


@contextlib.contextmanager
def session(options: Options) -> Iterator[Bench]:
    """Open a bench in a new folder below the working directory and remove it afterwards."""
    if options.workdir is not None:
        options.workdir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gitmodel-bench-", dir=options.workdir) as name:
        yield Bench(options, Path(name).resolve())


def find_command(name: str) -> Path | None:
    """Find a command beside this interpreter, else on PATH."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    return Path(found) if found else None


def tree_bytes(folder: Path) -> int:
    """Sum of the sizes of all files below a folder; 0 if there is none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def remove(folder: Path) -> None:
    """Remove a folder between trials, so that the disk holds one trial at a time."""
    shutil.rmtree(folder)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that every subject understands."""
    parser.add_argument("--workdir", type=Path, help="where to make the scratch folder")
    parser.add_argument("--repeat", type=int, default=3, help="runs per step (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on file sizes and counts")
    parser.add_argument("--settle", type=float, default=0.5, help="seconds to wait before a step")
    parser.add_argument(
        "--skip",
        type=lambda text: frozenset(text.split(",")),
        default=frozenset(),
        help="tools to leave out, with commas: dvc,git-lfs,hf-xet",
    )
    parser.add_argument("--large", action="store_true", help="also 100,000 small files")


def read_options(args: argparse.Namespace) -> Options:
    """Turn parsed arguments into options."""
    return Options(
        args.workdir, max(1, args.repeat), args.scale, args.settle, args.skip, args.large
    )


def environment_line(bench: Bench) -> str:
    """Name the machine: processors, kernel, file system, Python."""
    return (
        f"{os.cpu_count()} CPUs, {platform.system()} {platform.release()} {platform.machine()}, "
        f"{_file_system(bench.scratch)}, Python {platform.python_version()}"
    )


def _environment(scratch: Path) -> dict[str, str]:
    home = scratch / "home"
    home.mkdir()
    return os.environ | {
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Bench",
        "GIT_AUTHOR_EMAIL": "bench@example.com",
        "GIT_COMMITTER_NAME": "Bench",
        "GIT_COMMITTER_EMAIL": "bench@example.com",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(home / "dvc-site"),
        "DVC_GLOBAL_CONFIG_DIR": str(home / "dvc-global"),
        "DVC_SYSTEM_CONFIG_DIR": str(home / "dvc-system"),
        "HF_HOME": str(home / "hf"),
        "HF_XET_TELEMETRY_ENABLED": "false",
        "NO_COLOR": "1",
    }


def _peak_bytes(maxrss: int) -> int:
    # getrusage counts kibibytes everywhere but on macOS, where it counts bytes.
    return maxrss if sys.platform == "darwin" else maxrss * 1024


def _file_system(folder: Path) -> str:
    mounts = Path("/proc/mounts")
    if not mounts.is_file():
        return "file system unknown"
    entries = [line.split()[1:3] for line in mounts.read_text().splitlines()]
    fitting = [(len(point), kind) for point, kind in entries if folder.is_relative_to(point)]
    return max(fitting)[1] if fitting else "file system unknown"
