"""Run all subjects, or those named, and write Markdown."""

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import cast

from harness import (
    Bench,
    BenchmarkError,
    Options,
    add_options,
    environment_line,
    read_options,
    session,
)
from report import Report, markdown
from tools import versions

SUBJECTS = (
    "startup",
    "versions",
    "big_file",
    "small_files",
    "model_versions",
    "weights",
    "remote_folder",
    "remote_s3",
    "hooks",
)

Subject = Callable[[Bench], Report]


def main(*subjects: str) -> None:
    """Run the given subjects, or those that the command line names, and exit."""
    parser = argparse.ArgumentParser(description=__doc__)
    if not subjects:
        parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=", ".join(SUBJECTS))
    parser.add_argument("--out", type=Path, help="also write the Markdown to this file")
    add_options(parser)
    args = parser.parse_args()
    chosen = subjects or args.subjects or SUBJECTS
    unknown = sorted(set(chosen) - set(SUBJECTS))
    if unknown:
        parser.error(f"no such subject: {', '.join(unknown)}")
    text, failed = _run(chosen, read_options(args))
    if args.out:
        args.out.write_text(text, encoding="utf-8")
    sys.exit(1 if failed else 0)


def _run(subjects: Sequence[str], options: Options) -> tuple[str, bool]:
    """Print each report as soon as it is there; a subject that fails does not stop the others."""
    parts, failed = [_heading(options)], False
    print(parts[0], flush=True)
    for name in subjects:
        print(f"running {name} ...", file=sys.stderr, flush=True)
        subject = cast("Subject", importlib.import_module(name).run)
        try:
            with session(options) as bench:
                part = markdown(subject(bench), full_size=options.full_size)
        except (BenchmarkError, OSError) as error:
            part, failed = f"## {name}\n\nFailed: {error}\n", True
        parts.append(part)
        print(part, flush=True)
    return "\n".join(parts), failed


def _heading(options: Options) -> str:
    with session(options) as bench:
        machine, tools = environment_line(bench), versions(bench)
    scale = "" if options.full_size else f", inputs scaled by {options.scale:g}"
    return (
        f"# Benchmarks of {date.today():%Y-%m-%d}\n\n"
        f"{machine}; {tools}. Medians of {options.repeat} (range in brackets), "
        f"tools in turn{scale}.\n"
    )


if __name__ == "__main__":
    main()
