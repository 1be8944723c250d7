"""Progress of long work on standard error: a bar on a terminal, a plain line now and then in a log file."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

LINE_S = 30.0
"""Seconds between two lines where there is no terminal."""


class ShownProgress(Progress):
    """A progress bar with what is done, how much of it, a note and the time left; lines where no bar can be shown."""

    def __init__(self, console: Console | None = None, line_s: float = LINE_S) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
        )
        super().__init__(*columns, console=console or Console(stderr=True))
        self._line_s = line_s
        self._begun: dict[TaskID, tuple[float, float]] = {}
        self._last = time.monotonic()

    def add_task(
        self,
        description: str,
        start: bool = True,
        total: float | None = 100.0,
        completed: int = 0,
        visible: bool = True,
        **fields: Any,
    ) -> TaskID:
        """Add a piece of work; a note is optional."""
        return super().add_task(description, start, total, completed, visible, **{"note": "", **fields})

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """Say how far a piece of work is; without a terminal at most one line every ``line_s`` seconds."""
        super().update(task_id, **changes)
        now = time.monotonic()
        task = self.tasks[self.task_ids.index(task_id)]
        first, begun = self._begun.setdefault(task_id, (task.completed, now))
        finished = task.total is not None and task.completed >= task.total
        if self.console.is_terminal or not (finished or now - self._last >= self._line_s):
            return
        self._last = now
        done = task.completed - first
        left = (task.total or 0) - task.completed
        ahead = f"{(now - begun) / done * left / 60:.0f} min left" if done > 0 and left > 0 else ""
        parts = [f"{task.description} {task.completed:.0f}/{task.total or 0:.0f}", str(task.fields["note"]), ahead]
        self.console.print("  ".join(part for part in parts if part), markup=False, highlight=False)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Say that so much more is done."""
        self.update(task_id, advance=advance)
