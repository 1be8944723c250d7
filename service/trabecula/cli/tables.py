"""Tables for people: as wide as the terminal that shows them, and whole where no terminal does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console

if TYPE_CHECKING:
    from rich.table import Table

_NO_LIMIT = 1_000_000
"""Columns that no row needs."""
_BETWEEN = "   "


def print_cells(console: Console, title: str, columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """Print a table of plain texts; the library lays it out only where cells must be folded to fit.

    Its layout of a hundred rows takes as long as everything else that a list does.
    """
    widths = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
    room = console.width if _has_width(console) else _NO_LIMIT
    inner = sum(widths) + len(_BETWEEN) * (len(widths) - 1)
    if 2 + inner > room or any("\n" in cell for row in cells for cell in row):
        print_table_to(console, _folding(title, columns, cells))
        return
    blank = " " * (2 + inner)
    if title:
        console.out(title, style="bold", highlight=False)
    console.out(blank, highlight=False)
    console.out(_line(columns, widths), style="bold", highlight=False)
    console.out("\n".join([f" {'─' * inner} ", *(_line(row, widths) for row in cells), blank]), highlight=False)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return f" {_BETWEEN.join(text + ' ' * (width - cell_len(text)) for text, width in zip(row, widths, strict=True))} "


def _folding(title: str, columns: Sequence[str], cells: Sequence[Sequence[str]]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column.endswith("uid"))
    for row in cells:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    return table


def _has_width(console: Console) -> bool:
    return console.is_terminal or os.environ.get("COLUMNS", "").isdigit()


def print_table_to(console: Console, table: Table) -> None:
    """Print a table; into a file or a pipe every cell stands in one line, so that ``grep`` finds its sentence.

    The library takes 80 columns where it sees no terminal, as under cron, and breaks cells to fit. Whoever sets COLUMNS
    asks for that width and gets it, wherever the table goes.
    """
    if not _has_width(console):
        table.width = console.measure(table, options=console.options.update(width=_NO_LIMIT)).maximum
    console.print(table, crop=False)
