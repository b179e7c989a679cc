"""The progress bar; loaded only when it is shown."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from gitmodel.printable import escaped


class Bar:
    """Bytes done and total, rate, time left; one line for each phase of the work."""

    def __init__(self, terminal: TextIO) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=Console(file=terminal),
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._progress.start()

    def update(self, phase: str, done: int, total: int, note: str) -> None:
        """Show how far a phase is."""
        phase = escaped(phase)
        if phase not in self._tasks:
            self._tasks[phase] = self._progress.add_task(phase, total=total or None, note="")
        self._progress.update(
            self._tasks[phase], completed=done, total=total or None, note=escaped(note)
        )

    def close(self) -> None:
        """Take the bar away."""
        self._progress.stop()
