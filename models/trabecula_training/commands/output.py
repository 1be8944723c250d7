"""How the commands of training speak: the table of problems, and one shape for every error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.table import Table

from trabecula.domain.errors import TrabeculaError
from trabecula_training.cohort_csv import Problem

EXIT_REFUSED = 2

error_console = Console(stderr=True, soft_wrap=True)


@contextmanager
def errors_as_exit_code() -> Iterator[None]:
    """Turn a TrabeculaError into its code, sentence and next step on standard error, and exit code 2."""
    try:
        yield
    except TrabeculaError as error:
        error_console.print(f"{error.code}: {error.sentence}", style="bold red", markup=False, highlight=False)
        error_console.print(f"  {error.next_step}", markup=False, highlight=False)
        raise typer.Exit(EXIT_REFUSED) from error


def print_problems(problems: Sequence[Problem]) -> None:
    """Print what is wrong with a cohort, line by line."""
    table = Table(title="What is wrong with the cohort", title_justify="left")
    for column in ("line", "column", "found", "what to do"):
        table.add_column(column, overflow="fold")
    for problem in problems:
        cells = (str(problem.line or "all"), problem.column, problem.found, problem.remedy)
        table.add_row(*(cell.replace("[", r"\[") for cell in cells))
    error_console.print(table)
