"""How the commands of training speak: the table of problems, progress, and one shape for every error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from trabecula.cli.tables import print_table_to
from trabecula.domain.errors import TrabeculaError
from trabecula_training.commands.shown.progress import ShownProgress
from trabecula_training.errors import CohortInvalid
from trabecula_training.problems import Problem
from trabecula_training.reporting.plain import to_plain

EXIT_REFUSED = 2
MOST_SHOWN = 200
"""Problems in the table that people see; nobody reads more of them at a time."""

console = Console(soft_wrap=True)
error_console = Console(stderr=True, soft_wrap=True)


@contextmanager
def errors_as_exit_code(as_json: bool = False) -> Iterator[None]:
    """Turn a TrabeculaError into its code, sentence and next step on standard error, and exit code 2.

    A cohort that cannot be used shows its table first. ``as_json``: one JSON document on standard output instead.
    """
    try:
        yield
    except TrabeculaError as error:
        problems = error.problems if isinstance(error, CohortInvalid) else ()
        if as_json:
            print_json(
                {
                    "error": error.code,
                    "sentence": error.sentence,
                    "next_step": error.next_step,
                    "problems": to_plain(problems),
                }
            )
        else:
            if problems:
                print_problems(problems)
            error_console.print(f"{error.code}: {error.sentence}", style="bold red", markup=False, highlight=False)
            error_console.print(f"  {error.next_step}", markup=False, highlight=False)
        raise typer.Exit(EXIT_REFUSED) from error


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")


def print_problems(problems: Sequence[Problem]) -> None:
    """Print what is wrong with a cohort, line by line; remarks, which stop nothing, are marked as such. Of very many
    the first stand in the table, and how many more there are (``--json`` gives all)."""
    shown = problems[:MOST_SHOWN]
    rows = [
        (
            str(problem.line or "all"),
            problem.column,
            problem.found if problem.blocking else f"{problem.found} (remark)",
            problem.remedy,
        )
        for problem in shown
    ]
    if len(problems) > len(shown):
        rows.append(("...", "", f"{len(problems) - len(shown)} more", "--json lists all of them."))
    table = plain_table("What is wrong with the cohort", ("line", "column", "found", "what to do"), rows)
    print_table_to(error_console, table)


def plain_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table whose cells are shown as they are, without markup."""
    table = Table(title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    return table


def progress_bar() -> Progress:
    """Return a progress bar on standard error: what is done, how much of it, and how long it will take."""
    return ShownProgress()
