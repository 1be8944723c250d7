"""Tables from files: text as spreadsheets write it, and the first sheet of an Excel workbook (.xlsx), typed by cell.

What is neither is told in one line.
"""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]
from openpyxl.utils.exceptions import InvalidFileException  # type: ignore[import-untyped]

from trabecula.domain.spreadsheet import NoTable, TableRow, decode_table, read_table

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_XLSX_PART, _MIMETYPE = "xl/workbook.xml", "mimetype"
_MOST_BYTES = 1 << 30
"""Unpacked size from which a workbook is no table of patients."""
_UNREADABLE = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    ArithmeticError,
    SyntaxError,
    RuntimeError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
)
"""What zipfile, openpyxl and its XML parser raise for damaged workbooks, and for those with a password."""


@dataclass(frozen=True)
class TableFile:
    """The rows of a file, the heading first. ``guessed`` names an encoding that nothing in the file says, ``sheet``
    tells which sheet of a workbook was read; both empty else."""

    rows: Sequence[TableRow]
    guessed: str = ""
    sheet: str = ""


def read_table_file(path: Path) -> TableFile:
    """Return the table of a CSV, text or .xlsx file. Raises OSError, csv.Error, and NoTable for anything else."""
    content = path.read_bytes()
    if content.startswith(_ZIP):
        return _workbook(content)
    if content.startswith(_OLE):
        raise NoTable("an old workbook (.xls) or a locked one; save it as .xlsx without a password, or as CSV")
    found = decode_table(content)
    return TableFile(read_table(found.text), found.guessed)


def _workbook(content: bytes) -> TableFile:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            names = set(packed.namelist())
            size = sum(item.file_size for item in packed.infolist())
            kind = packed.read(_MIMETYPE).decode("ascii", "replace") if _MIMETYPE in names else ""
    except (zipfile.BadZipFile, *_UNREADABLE) as error:
        raise NoTable("a damaged workbook or zip file") from error
    if "opendocument" in kind:
        raise NoTable("an OpenDocument workbook (.ods); save it as .xlsx or CSV")
    if _XLSX_PART not in names:
        raise NoTable("a zip file, no table")
    if size > _MOST_BYTES:
        raise NoTable("a workbook of more than 1 GiB unpacked")
    try:
        return _first_sheet(content)
    except (zipfile.BadZipFile, InvalidFileException, *_UNREADABLE) as error:
        if isinstance(error, NoTable):
            raise
        raise NoTable("a damaged workbook (.xlsx)") from error


def _first_sheet(content: bytes) -> TableFile:
    values = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    formulas = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=False)
    try:
        sheets = values.worksheets
        if not sheets:
            raise NoTable("a workbook without a sheet of cells")
        read, asked = sheets[0], formulas.worksheets[0]
        for sheet in (read, asked):
            sheet.reset_dimensions()
        rows = _rows(read.iter_rows(values_only=True), asked.iter_rows(values_only=True))
        told = f"sheet {read.title}" + (f", the first of {len(sheets)}" if len(sheets) > 1 else "")
    finally:
        values.close()
        formulas.close()
    width = max((len(row.cells) for row in rows), default=0)
    return TableFile([TableRow(row.line, (*row.cells, *[""] * (width - len(row.cells)))) for row in rows], sheet=told)


def _rows(values: Iterable[tuple[object, ...]], formulas: Iterable[tuple[object, ...]]) -> list[TableRow]:
    """Every row in which anything stands, cut behind its last cell. Raises NoTable for a formula that nobody computed:
    its cell would count as empty."""
    rows: list[TableRow] = []
    for line, (given, asked) in enumerate(zip(values, formulas, strict=True), start=1):
        for place, (value, formula) in enumerate(zip(given, asked, strict=True), start=1):
            if value is None and isinstance(formula, str) and formula.startswith("="):
                raise NoTable(f"a workbook whose line {line}, column {place} holds a formula without its result")
        cells = [_text(value) for value in given]
        while cells and not cells[-1].strip():
            cells.pop()
        if cells:
            rows.append(TableRow(line, tuple(cells)))
    return rows


def _text(value: object) -> str:
    """A cell as the readers of text expect it: days as YYYY-MM-DD, whole numbers without a point, yes and no."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return repr(value) if isinstance(value, float) else str(value)
