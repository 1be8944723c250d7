"""The first sheet of an Excel workbook (ECMA-376, .xlsx) as CSV, so that one reader judges every file.

Dates become ISO dates, numbers the shortest text that gives the same number. Nothing is calculated: a formula counts
with the value that was saved. Entities and documents that unpack to more than they should are refused.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from xml.etree import ElementTree as Xml

from trabecula.domain.errors import InputUnreadable

HEAD = b"PK\x03\x04"
_LARGEST_PART = 64 * 1024 * 1024
_MOST_ROWS, _MOST_COLUMNS = 200_000, 200
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_DATE_FORMATS = frozenset({*range(14, 18), 22, *range(27, 37), *range(50, 59)})
"""Built-in number formats of dates (ECMA-376 part 1, 18.8.30)."""
_LITERAL = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


def csv_of_workbook(content: bytes) -> bytes:
    """Return the first sheet as CSV in UTF-8, its rows in the places they have there. Raises InputUnreadable."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            written = io.StringIO()
            csv.writer(written).writerows(_rows(_Workbook(archive)))
            return written.getvalue().encode("utf-8", "replace")
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError, Xml.ParseError, NotImplementedError) as error:
        raise InputUnreadable(f"not a workbook that can be read ({type(error).__name__})") from error


class _Workbook:
    """The parts of a workbook that say what its cells mean."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        book = self.part("xl/workbook.xml")
        properties = book.find(f"{_MAIN}workbookPr")
        early = properties is not None and properties.get("date1904") in ("1", "true")
        self.epoch = date(1904, 1, 1) if early else date(1899, 12, 30)
        sheet = book.find(f"{_MAIN}sheets/{_MAIN}sheet")
        if sheet is None:
            raise ValueError("no sheet")
        relations = {item.get("Id"): item.get("Target", "") for item in self.part("xl/_rels/workbook.xml.rels")}
        target = relations[sheet.get(_RELATION)].lstrip("/")
        self.sheet = self.part(target if target.startswith("xl/") else f"xl/{target}")
        self.strings = [_words(item) for item in self.optional("xl/sharedStrings.xml")]
        self.dates = self._date_styles()

    def part(self, name: str) -> Xml.Element:
        """Return a part as XML. Raises KeyError where there is none, ValueError for one that is not taken."""
        if self._archive.getinfo(name).file_size > _LARGEST_PART:
            raise ValueError("too large")
        content = self._archive.read(name)
        if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
            raise ValueError("with a DTD")
        return Xml.fromstring(content)  # noqa: S314 - no DTD, so no entities

    def optional(self, name: str) -> Xml.Element:
        """Return a part that may be missing."""
        return self.part(name) if name in self._archive.namelist() else Xml.Element("none")

    def _date_styles(self) -> frozenset[int]:
        """Return the styles whose numbers are days."""
        styles = self.optional("xl/styles.xml")
        own = {
            int(item.get("numFmtId", "0")): _is_date(item.get("formatCode", ""))
            for item in styles.iterfind(f"{_MAIN}numFmts/{_MAIN}numFmt")
        }
        formats = [int(item.get("numFmtId", "0")) for item in styles.iterfind(f"{_MAIN}cellXfs/{_MAIN}xf")]
        return frozenset(place for place, item in enumerate(formats) if own.get(item, item in _DATE_FORMATS))


def _is_date(code: str) -> bool:
    plain = _LITERAL.sub("", code).lower()
    return "y" in plain or ("d" in plain and "m" in plain)


def _rows(book: _Workbook) -> Iterator[list[str]]:
    written = 0
    for row in book.sheet.iterfind(f"{_MAIN}sheetData/{_MAIN}row"):
        number = int(row.get("r", written + 1))
        if not written < number <= _MOST_ROWS:
            raise ValueError("rows out of order, or too many")
        yield from ([] for _ in range(written + 1, number))
        yield _cells(book, row)
        written = number


def _cells(book: _Workbook, row: Xml.Element) -> list[str]:
    found: list[str] = []
    for cell in row.iterfind(f"{_MAIN}c"):
        place = _PLACE.fullmatch(cell.get("r", ""))
        column = _column(place[1]) if place else len(found)
        if not len(found) <= column < _MOST_COLUMNS:
            raise ValueError("columns out of order, or too many")
        found += [""] * (column - len(found)) + [_value(book, cell)]
    return found


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1


def _value(book: _Workbook, cell: Xml.Element) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        inline = cell.find(f"{_MAIN}is")
        return _words(inline) if inline is not None else ""
    text = (cell.findtext(f"{_MAIN}v") or "").strip()
    if kind == "s":
        return book.strings[int(text)] if text else ""
    if kind == "b":
        return "yes" if text == "1" else "no"
    if kind == "d":
        return text[:10]
    if kind != "n" or not text:
        return text
    number = float(text)
    if int(cell.get("s", "0")) in book.dates:
        return (book.epoch + timedelta(days=int(number))).isoformat()
    return str(int(number)) if number.is_integer() else repr(number)


def _words(item: Xml.Element) -> str:
    """Return the text of a string with its runs, without phonetic hints."""
    runs = [item.find(f"{_MAIN}t"), *item.iterfind(f"{_MAIN}r/{_MAIN}t")]
    return "".join(run.text or "" for run in runs if run is not None)
