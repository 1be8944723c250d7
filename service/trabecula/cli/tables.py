"""Tables for people: as wide as the terminal that shows them, and whole where no terminal does."""

from __future__ import annotations

import os

from rich.console import Console
from rich.table import Table

_NO_LIMIT = 1_000_000
"""Columns that no row needs."""


def print_table_to(console: Console, table: Table) -> None:
    """Print a table; into a file or a pipe every cell stands in one line, so that ``grep`` finds its sentence.

    The library takes 80 columns where it sees no terminal, as under cron, and breaks cells to fit. Whoever sets COLUMNS
    asks for that width and gets it, wherever the table goes.
    """
    if not console.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        table.width = console.measure(table, options=console.options.update(width=_NO_LIMIT)).maximum
    console.print(table, crop=False)
