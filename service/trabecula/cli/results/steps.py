"""Long work told step by step on standard error: what is going on now with its seconds, and a line for each step done.

In a terminal the running step turns and counts; in a file or a pipe each step is one line when it begins.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from trabecula.cli.output import error_console


class Steps:
    """Tells the steps of one command; ``quiet`` says nothing (for programs that read the output)."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Show ``text`` while the body runs; a step that fails leaves no line that says it was done."""
        if self._quiet:
            yield
            return
        if not error_console.is_terminal:
            error_console.print(f"{text} ...", markup=False, highlight=False)
            yield
            return
        began = time.monotonic()
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with Progress(*columns, console=error_console, transient=True) as progress:
            progress.add_task(text, total=None)
            yield
        seconds = time.monotonic() - began
        error_console.print(f"  {text}  {seconds:.0f} s", style="dim", markup=False, highlight=False)
