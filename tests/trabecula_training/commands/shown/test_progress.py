"""Tests of progress in a log file: few plain lines, the last one when the work is done."""

from __future__ import annotations

import io

from rich.console import Console

from trabecula_training.commands.shown.progress import ShownProgress


def _lines(line_s: float) -> list[str]:
    log = io.StringIO()
    with ShownProgress(Console(file=log, force_terminal=False, width=120), line_s) as bar:
        task = bar.add_task("spines", total=4)
        for done in range(5):
            bar.update(task, completed=done, note=f"loss {done}")
    return [line for line in log.getvalue().splitlines() if line.startswith("spines") and "━" not in line]


def test_a_log_gets_a_line_now_and_then_with_how_far_it_is_and_what_is_left() -> None:
    lines = _lines(0.0)

    assert len(lines) == 5
    assert lines[2].startswith("spines 2/4  loss 2  0 min left")


def test_a_log_is_not_flooded_and_tells_the_end() -> None:
    assert _lines(3600.0) == ["spines 4/4  loss 4"]
