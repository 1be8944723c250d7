"""How commands speak: tables and pictures for people, JSON for programs, one shape for every error."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console

from trabecula.cli.edge import as_ours, foreseen_errors
from trabecula.cli.tables import print_cells
from trabecula.domain.errors import ConfigurationInvalid, TrabeculaError

EXIT_FAILURE = 1
EXIT_USAGE = 2

console = Console(soft_wrap=True)
error_console = Console(stderr=True, soft_wrap=True)


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write("\n")


def print_line(text: str) -> None:
    """Print one plain line at once (no markup): for readiness lines that programs wait for."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def print_text(text: str, indent: int = 0, style: str | None = None) -> None:
    """Print plain words; a terminal gets them broken between words, with a hanging indent, a file in one line."""
    lines = textwrap.wrap(
        text,
        max(console.width - 1, 40),
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2 * (indent > 0)),
    )
    shown = "\n".join(lines) if console.is_terminal else " " * indent + text
    console.print(shown, style=style, markup=False, highlight=False)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; every cell is shown as plain text."""
    print_cells(console, title, columns, [["" if cell is None else str(cell) for cell in row] for row in rows])


def print_hint(text: str) -> None:
    """Print a quiet line on standard error where a person reads it; programs and files do not get it."""
    if error_console.is_terminal:
        error_console.print(text, style="dim", markup=False, highlight=False)


def print_error(error: TrabeculaError) -> None:
    """Print code, sentence and next step on standard error."""
    error_console.print(f"{error.code}: {error.sentence}", style="bold red", markup=False, highlight=False)
    error_console.print(f"  {error.next_step}", markup=False, highlight=False)


@contextmanager
def errors_as_exit_code(
    on_error: Callable[[TrabeculaError], None] = print_error, *, configuration: int = EXIT_USAGE
) -> Iterator[None]:
    """Turn a TrabeculaError, and what the system or the database refused, into its message and exit code 2.

    ``configuration`` is the exit code where the settings are at fault.
    """
    try:
        yield
    except BrokenPipeError:  # the reader of our output has gone; typer ends quietly
        raise
    except foreseen_errors() as error:
        told = as_ours(error)
        on_error(told)
        raise typer.Exit(configuration if isinstance(told, ConfigurationInvalid) else EXIT_USAGE) from error
