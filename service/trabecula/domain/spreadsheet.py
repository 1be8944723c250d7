"""Tables as spreadsheets write them to CSV: encodings, which character separates, ``sep=;``, empty columns."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

_SEPARATORS = ",;\t"
_HINT = re.compile(r"""^"?sep=(?P<character>[^\r\n])"?[,;\t]*\r?\n""", re.IGNORECASE)
"""Excel's hint which character separates; no column is named like that."""


_FOREIGN = (
    (b"PK\x03\x04", "a workbook (.xlsx or .ods), not CSV"),
    (b"\xd0\xcf\x11\xe0", "an old workbook (.xls), not CSV"),
    (b"%PDF", "a PDF file, not CSV"),
    (b"\x1f\x8b", "a compressed file, not CSV"),
)
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_ZEROS_OF_UTF_16 = 0.3
"""Share of zero bytes from which a text without a mark is UTF-16; western text has half."""


class NoTable(ValueError):
    """These bytes are no text; its words say what they are."""


@dataclass(frozen=True)
class TableText:
    """A file as text. ``guessed`` names the encoding where nothing in the file says it: accents may be wrong."""

    text: str
    guessed: str = ""


def decode_table(content: bytes) -> TableText:
    """Return the text of a file that a spreadsheet wrote: UTF-8 or UTF-16, with a mark or without, else Windows-1252.

    Raises NoTable for workbooks and whatever else is no text.
    """
    for head, words in _FOREIGN:
        if content.startswith(head):
            raise NoTable(words)
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), _unmarked(content[:4096]))
    try:
        return TableText(content.decode(encoding))
    except UnicodeDecodeError as error:
        if encoding.startswith("utf-16"):
            raise NoTable("damaged UTF-16") from error
    if b"\0" in content:
        raise NoTable("no text: it holds zero bytes")
    return TableText(content.decode("cp1252", errors="replace"), guessed="Windows-1252")


def _unmarked(head: bytes) -> str:
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = head[first::2].count(0), head[1 - first :: 2].count(0)
        if zeros > _ZEROS_OF_UTF_16 * max(1, len(head) / 2) and others == 0:
            return name
    return "utf-8"


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
