"""Tables as spreadsheets write them to CSV: which character separates, a first line ``sep=;``, empty columns."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

_SEPARATORS = ",;\t"
_HINT = re.compile(r"""^"?sep=(?P<character>[^\r\n])"?[,;\t]*\r?\n""", re.IGNORECASE)
"""Excel's hint which character separates; no column is named like that."""


@dataclass(frozen=True)
class TableRow:
    """One row: its number as the file counts rows (the first is 1), and its cells."""

    line: int
    cells: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """True where every cell is blank."""
        return not any(cell.strip() for cell in self.cells)


def read_table(text: str) -> list[TableRow]:
    """Return the rows of a CSV text, the heading first; columns at the right in which nothing stands are left out.

    The separator is the one of a hint ``sep=;`` in the first line, else whichever of comma, semicolon and tab the
    heading holds most. Raises csv.Error.
    """
    hint = _HINT.match(text)
    if hint is not None:
        text = text[hint.end() :]
    separator = hint["character"] if hint is not None else max(_SEPARATORS, key=text.split("\n", 1)[0].count)
    rows = list(csv.reader(io.StringIO(text), delimiter=separator, strict=True))
    width = max((_filled(row) for row in rows), default=0)
    first = 1 if hint is None else 2
    return [TableRow(line, tuple(row[:width])) for line, row in enumerate(rows, start=first)]


def _filled(row: list[str]) -> int:
    """How many columns of a row count: up to its last cell with anything in it."""
    return max((place for place, cell in enumerate(row, start=1) if cell.strip()), default=0)
